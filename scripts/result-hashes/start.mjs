/**
 * SHA-256 of what every trainer leaves, on small models and with one seed, so that two checkouts
 * can be compared: a change of structure must change no byte. Some minutes on two cores.
 *
 *   node scripts/result-hashes/start.mjs --json before.json
 *   node scripts/result-hashes/start.mjs --checkout ../other --compare before.json
 *   node scripts/result-hashes/start.mjs --only dpo     runs whose names begin so, and what they need
 *
 * It drives the built command line (`node FOLDER/dist/cli/main.js`) and imports nothing of the
 * checkout. Models and data are made here by a fixed generator; of the checkout, the models of
 * tests/golden are used; all inputs are hashed too. A line for each run: name, hash of the weights,
 * of metrics.jsonl, of all files; with --compare a table instead, and exit code 1 where anything
 * differs. What depends on the clock or the folder is left out (IGNORED, UNCOMPARED); of what a
 * command prints, the numbers count. Compare on one machine: another processor may round otherwise.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { makeInputs } from "./inputs.mjs";
import { DEFAULTS, RUNS, SEED } from "./runs.mjs";

const AT_ONCE = 2;
/** A run that never ends has failed; milliseconds. */
const LIMIT = 120_000;
/** Files about the clock and the options, and pages for people. */
const IGNORED =
  /(^|\/)checkpoints\/|(^|\/)(run|pipeline|timing|report|config\.given|config\.resolved)\.\w+$/;
/** Of events.jsonl; the others repeat options. */
const EVENTS = ["start", "sample", "warning", "checkpoint", "end"];
/** Parts of events and of an evaluation that depend on clock or folder, or are words. */
const UNCOMPARED = ["time", "seconds", "key", "message"];
/** Commands whose result is what they print. */
const PRINTING = /^(generate|constitution report) /;
const WEIGHTS = /^(?!.*checkpoints\/).*\.(safetensors|gguf|onnx)$/;

const { values: options } = parseArgs({
  options: {
    checkout: { type: "string", default: join(import.meta.dirname, "..", "..") },
    json: { type: "string" },
    only: { type: "string", default: "" },
    compare: { type: "string" },
  },
});
const program = join(resolve(options.checkout), "dist", "cli", "main.js");
const folder = realpathSync(mkdtempSync(join(tmpdir(), "attune-hashes-")));
process.exitCode = await main();

async function main() {
  try {
    if (!existsSync(program)) throw new Error("the checkout has no dist/: node scripts/set-up.mjs");
    const before = options.compare && JSON.parse(readFileSync(options.compare, "utf8"));
    makeInputs(folder, options.checkout);
    const inputs = hashFolder(".");
    tell("inputs", inputs);
    const results = { inputs, ...(await runAll(chooseRuns())) };
    if (options.json) writeFileSync(options.json, `${JSON.stringify(results, null, 1)}\n`);
    const same = before === undefined || compare(before, results);
    return same && Object.values(results).every(({ failed }) => failed === undefined) ? 0 : 1;
  } catch (error) {
    console.error(`error: ${error.message}`);
    return 2;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Names of the runs that were asked for, in order. */
function chooseRuns() {
  const names = Object.keys(RUNS).filter((name) => name.startsWith(options.only));
  if (names.length === 0) throw new Error(`no run's name begins with ${options.only}`);
  return names;
}

/** Numbers of a text, a line each: words are free to change. */
function numbersOf(text) {
  return (text.replaceAll(folder, ".").match(/[-−]?\d[\d.,]*/g) ?? []).join("\n");
}

/** Other runs that a run takes results of. One that is done again takes the cache of the first. */
function needsOf(name) {
  const first = name.endsWith("-again") ? [cacheOf(name)] : [];
  return [...first, ...[...RUNS[name].matchAll(/\bruns\/([\w+-]+)/g)].map(([, need]) => need)];
}

function cacheOf(name) {
  return name.replace(/-again$/, "");
}

/** Runs them and what they need, some at once; results by name, in order. */
async function runAll(names) {
  const withNeeds = (name) => [...needsOf(name).flatMap(withNeeds), name];
  const queue = [...new Set(names.flatMap(withNeeds))];
  const begun = new Map();
  const results = new Map();
  let told = 0;
  const work = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      begun.set(name, execute(name, begun));
      results.set(name, await begun.get(name));
      for (; results.has(names[told]); told++) tell(names[told], results.get(names[told]));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return Object.fromEntries(names.map((name) => [name, results.get(name)]));
}

/** @param begun promises of runs by name; those that this one needs have begun */
async function execute(name, begun) {
  const needed = await Promise.all(needsOf(name).map((need) => begun.get(need)));
  if (needed.some(({ failed }) => failed)) return { failed: "a run that it needs failed" };
  const { status, out, err } = await attune(name);
  if (status !== 0) return { failed: firstError(err) ?? `it ended with ${status}` };
  const printed = PRINTING.test(RUNS[name]) ? out : numbersOf(out);
  mkdirSync(join(folder, "runs", name), { recursive: true });
  writeFileSync(join(folder, "runs", name, "printed.txt"), printed);
  return hashFolder(`runs/${name}`);
}

/** The command line of a run, with what it does not say itself. */
function commandOf(name) {
  const line = RUNS[name];
  const words = line.split(" ").filter(Boolean);
  const command = Object.keys(DEFAULTS).find((key) => `${line} `.startsWith(`${key} `));
  const common = command ? pairsOf(DEFAULTS[command]) : {};
  if (!PRINTING.test(line) && words[0] !== "align") common["--out"] = `runs/${name}`;
  if (command || line.includes("--samples")) common["--seed"] = `${SEED}`;
  const missing = Object.entries(common).filter(([option]) => !words.includes(option));
  return [...words, ...missing.flat(), "--quiet"];
}

/** `--a 1 --b 2` by name. */
function pairsOf(text) {
  return Object.fromEntries(
    [...text.matchAll(/(--\S+) (\S+)/g)].map(([, name, value]) => [name, value]),
  );
}

/** Runs the checkout's program; with a cache of its own, lest it depend on what ran before. */
function attune(name) {
  const env = { ...process.env, ATTUNE_CACHE: join(folder, "cache", cacheOf(name)) };
  const child = spawn(process.execPath, [program, ...commandOf(name)], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: LIMIT,
    killSignal: "SIGKILL",
  });
  const texts = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text) => (texts.out += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (texts.err += text));
  return new Promise((done, fail) => {
    child.on("error", fail);
    child.on("close", (code, signal) => done({ status: code ?? signal, ...texts }));
  });
}

function firstError(text) {
  const line = text.split("\n").find((each) => each.startsWith("error"));
  return line?.replaceAll(folder, ".").replaceAll(resolve(options.checkout), "CHECKOUT");
}

function hash(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Hashes of a folder's files, and of all weights and all files together. */
function hashFolder(path) {
  const files = {};
  for (const entry of readdirSync(join(folder, path), { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    const name = relative(join(folder, path), file);
    if (entry.isFile() && !IGNORED.test(name)) files[name] = hash(comparable(file));
  }
  const names = Object.keys(files).toSorted();
  const together = (wanted) => hash(wanted.map((name) => `${files[name]}  ${name}\n`).join(""));
  return {
    weights: together(names.filter((name) => WEIGHTS.test(name))),
    metrics: files["metrics.jsonl"] ?? null,
    all: together(names),
    files: Object.fromEntries(names.map((name) => [name, files[name]])),
  };
}

/** What is compared of a file: no name of the temporary folder, no clock, no words. */
function comparable(file) {
  const bytes = readFileSync(file);
  const text = () => bytes.toString().replaceAll(folder, ".");
  if (file.endsWith("metrics.jsonl"))
    return (text().match(/.+/g) ?? []).map((line) => sorted(JSON.parse(line))).join("\n");
  if (file.endsWith("events.jsonl")) return eventsOf(text());
  if (file.endsWith("evaluation.json")) return withoutClock(JSON.parse(text()));
  if (!bytes.includes(folder)) return bytes;
  return Buffer.from(bytes.toString("latin1").replaceAll(folder, "."), "latin1");
}

/** What happened, and the answers that were shown. */
function eventsOf(text) {
  const events = text.match(/.+/g).map((line) => JSON.parse(line));
  const kept = events.filter(({ type }) => EVENTS.includes(type));
  return kept.map(withoutClock).join("\n");
}

function withoutClock(value) {
  return sorted(value, UNCOMPARED);
}

/** JSON whose names are in order: the order in which metrics are written is no number. */
function sorted(value, without = []) {
  return JSON.stringify(value, (key, part) => {
    if (without.includes(key)) return undefined;
    if (part === null || typeof part !== "object" || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** A line for a run; in a comparison, where it failed only. */
function tell(name, { failed, weights, metrics, all }) {
  if (failed) console.log(`${name}  failed: ${failed}`);
  else if (!options.compare) console.log([name, weights, metrics ?? "-", all].join("  "));
}

/** Prints a table of what was and what is. @returns whether all is the same */
function compare(before, after) {
  const short = (result) => result?.all?.slice(0, 12) ?? (result ? "failed" : "missing");
  const chosen = (name) => name === "inputs" || name.startsWith(options.only);
  const names = Object.keys({ ...before, ...after }).filter(chosen);
  const same = (name) => after[name]?.all !== undefined && before[name]?.all === after[name].all;
  const differing = names.filter((name) => !same(name));
  console.log("\n| run | before | after | same? |\n| --- | --- | --- | --- |");
  for (const name of names) {
    const changed = differing.includes(name) ? changedFiles(before[name], after[name]) : "yes";
    console.log(`| ${name} | ${short(before[name])} | ${short(after[name])} | ${changed} |`);
  }
  console.log(`\n${names.length - differing.length} of ${names.length} the same`);
  return differing.length === 0;
}

function changedFiles(before, after) {
  const [old, now] = [before?.files ?? {}, after?.files ?? {}];
  const names = Object.keys({ ...old, ...now }).filter((name) => old[name] !== now[name]);
  const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
  return `**no**: ${names.slice(0, 3).join(", ")}${more}`;
}
