/**
 * The promise of `attune resume`, held with real trainers in processes of their own: killed or
 * interrupted at random moments and resumed, a run ends with the same bytes as one that nobody
 * disturbed. `ATTUNE_KILLS` says how often (npm run test:heavy).
 * @module-tag dear
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { readJsonLines } from "../../src/runs/json-lines.ts";
import { worldTokenizer } from "../../src/world/tokenizer.ts";
import { type Compiled, compileSources } from "../support/compiled.ts";
import { watched } from "../support/progress.ts";
import { saveTinyModel, snapshot } from "./support.ts";

const KILLS = Number(process.env["ATTUNE_KILLS"] ?? 3);

let compiled: Compiled;
let parent: string;
const expected: Record<string, Record<string, string>> = {};

/** Options of each trainer; both choose a best checkpoint by held-out data. */
const SHARED = [
  "--learning-rate",
  "3e-3",
  "--batch-size",
  "3",
  "--checkpoint-steps",
  "4",
  "--evaluation-steps",
  "8",
  "--max-length",
  "64",
  "--held-out",
  "6",
  "--seed",
  "5",
];
const TRAINERS: Readonly<Record<string, readonly string[]>> = {
  "dpo with an adapter": ["dpo", ...SHARED, "--lora-rank", "4", "--epochs", "4"],
  "sft of all weights": ["sft", ...SHARED, "--adapter", "none", "--epochs", "3"],
};

beforeAll(async () => {
  compiled = compileSources();
  parent = mkdtempSync(join(tmpdir(), "attune-kill-"));
  const words = (
    "the mill stands by river bridge and old baker sells warm bread every morning where is who " +
    "keeps bees smith"
  ).split(" ");
  const random = Random.for(3, "sentences");
  const sentence = (length: number): string =>
    Array.from({ length }, () => random.pick(words)).join(" ");
  const pairs = Array.from({ length: 42 }, (_, index) => ({
    prompt: `${sentence(4)} ${index}?`,
    chosen: sentence(3 + random.integer(5)),
    rejected: sentence(3 + random.integer(5)),
  }));
  writeFileSync(
    join(parent, "pairs.jsonl"),
    pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(""),
  );
  await saveTinyModel(
    join(parent, "model"),
    worldTokenizer(pairs.flatMap((pair) => Object.values(pair))),
  );
  for (const [name, options] of Object.entries(TRAINERS)) {
    const run = name.replaceAll(" ", "-");
    const { status, stderr } = await begin(run, options);
    expect([status, stderr]).toEqual(["0", expect.stringContaining("done")]);
    expected[name] = comparedFiles(run);
  }
});
afterAll(() => {
  rmSync(parent, { recursive: true, force: true });
  compiled.remove();
});

/**
 * Steps that the run has done since it was begun or resumed, and milliseconds behind them: a loaded
 * machine changes neither.
 */
interface Signal {
  name: NodeJS.Signals;
  steps: number;
  delay: number;
  /** Sent again, once the process has answered the first. */
  twice?: boolean;
}

async function attune(
  argv: readonly string[],
  run: string,
  signal?: Signal,
): Promise<{ status: string; stderr: string }> {
  const before = beginnings(run);
  const child = spawn(process.execPath, [compiled.module("cli/main"), ...argv], {
    cwd: parent,
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ATTUNE_CACHE: join(parent, "cache") },
  });
  const running = watched(child);
  if (signal) {
    // resuming drops the steps behind the checkpoint before it says that it goes on
    await running.until(() => signal.steps === 0 || beginnings(run) > before);
    const from = stepsOf(run);
    await running.until(() => stepsOf(run) - from >= signal.steps);
    await sleep(signal.delay);
    child.kill(signal.name);
    if (signal.twice && (await running.until(() => running.said.includes("Ctrl-C again"))))
      child.kill(signal.name);
  }
  const { status, said } = await running.end();
  return { status, stderr: said };
}

/** Lines of metrics that a run has written. */
const stepsOf = (run: string): number => written(run, "metrics.jsonl").split("\n").length - 1;

/** How often a run was begun or resumed. */
const beginnings = (run: string): number =>
  written(run, "events.jsonl").match(/"type":"(?:created|resumed)"/g)?.length ?? 0;

function written(run: string, name: string): string {
  const file = join(parent, run, name);
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/**
 * A run that was killed between its last write and the end of its process has nothing left to do.
 */
const isComplete = (run: string): boolean => /"status": "completed"/.test(written(run, "run.json"));

const begin = (run: string, options: readonly string[], signal?: Signal) =>
  attune([...options, "--model", "model", "--data", "pairs.jsonl", "--out", run], run, signal);

const resume = (run: string, signal?: Signal) => attune(["resume", run], run, signal);

/** What equal runs share: history, timing and run.json depend on the clock. */
function comparedFiles(run: string): Record<string, string> {
  const clocked = ["events.jsonl", "timing.jsonl", "run.json", "lock"];
  return Object.fromEntries(
    Object.entries(snapshot(join(parent, run))).filter(([name]) => !clocked.includes(name)),
  );
}

describe.each(Object.entries(TRAINERS))("%s", (name, options) => {
  test("there is something to compare", () => {
    const names = Object.keys(expected[name]!);
    expect(names).toEqual(
      expect.arrayContaining([
        "metrics.jsonl",
        "model/tokenizer.json",
        name.startsWith("dpo") ? "model/adapter_model.safetensors" : "model/model.safetensors",
      ]),
    );
    expect(
      names.filter((file) => /^checkpoints\/step-\d+\/state\.safetensors$/.test(file)).length,
    ).toBeGreaterThan(1);
    expect(
      readJsonLines(join(parent, name.replaceAll(" ", "-"), "metrics.jsonl")).length,
    ).toBeGreaterThan(36);
  });

  test(`${KILLS} kills at random moments change no byte`, async () => {
    const random = Random.for(17, name);
    const resumed = new Set<unknown>();
    for (let [kills, number] = [0, 0]; kills < KILLS; number++) {
      const run = `killed-${name.replaceAll(" ", "-")}-${number}`;
      // every other kill comes behind a new checkpoint, so that few kills also meet several
      const moment = (): Signal => ({
        name: "SIGKILL",
        steps: (kills % 2 === 0 ? 5 : 0) + random.integer(9),
        delay: random.integer(random.chance(0.3) ? 500 : 12),
      });
      let outcome = await begin(run, options, moment());
      while (outcome.status !== "0" && !isComplete(run)) {
        expect(outcome.status).toBe("SIGKILL");
        kills++;
        // killed before the run folder was made: begin again
        const more = kills < KILLS ? moment() : undefined;
        outcome = existsSync(join(parent, run, "run.json"))
          ? await resume(run, more)
          : await begin(run, options, more);
      }
      expect(comparedFiles(run)).toEqual(expected[name]);
      for (const { type, step } of readJsonLines(join(parent, run, "events.jsonl")))
        if (type === "resumed") resumed.add(step);
    }
    expect(resumed.size).toBeGreaterThan(1);
  });
});

describe("interrupted", () => {
  const name = "dpo with an adapter";
  const options = TRAINERS[name]!;

  test("Ctrl-C saves a checkpoint and says how to go on; resume changes no byte", async () => {
    const run = "interrupted";
    const stopped = await begin(run, options, { name: "SIGINT", steps: 6, delay: 0 });
    expect(stopped.status).toBe("1");
    expect(stopped.stderr).toMatch(
      new RegExp(
        "stopping: what is done is kept; Ctrl-C again ends at once" +
          String.raw`\n[^]*stopped at step \d+ of \d+` +
          "\\n {2}try: `attune resume .*` goes on from there",
      ),
    );
    expect(JSON.parse(readFileSync(join(parent, run, "run.json"), "utf8"))).toMatchObject({
      status: "interrupted",
    });
    const saved = readJsonLines(join(parent, run, "events.jsonl")).findLast(
      ({ type }) => type === "checkpoint",
    );
    expect(saved?.["step"]).toBe(readJsonLines(join(parent, run, "metrics.jsonl")).at(-1)!["step"]);
    expect((await resume(run)).status).toBe("0");
    expect(comparedFiles(run)).toEqual(expected[name]);
  });

  test("a reader that leaves is a request to stop too: a checkpoint, no lock, a status that is not 0; resume changes no byte", async () => {
    const run = "left";
    const child = spawn(
      process.execPath,
      [
        compiled.module("cli/main"),
        ...options,
        "--model",
        "model",
        "--data",
        "pairs.jsonl",
        "--out",
        run,
        "--json",
      ],
      {
        cwd: parent,
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, ATTUNE_CACHE: join(parent, "cache") },
      },
    );
    child.stdout.on("data", (chunk: Buffer) => {
      if (chunk.toString().includes('"type":"step"')) child.stdout.destroy();
    });
    const { status, said } = await watched(child).end();
    expect(status).toBe("1");
    expect(said).toMatch(
      /stopped at step \d+ of \d+\n {2}try: `attune resume .*` goes on from there/,
    );
    expect(JSON.parse(written(run, "run.json"))).toMatchObject({ status: "interrupted" });
    expect(existsSync(join(parent, run, "lock"))).toBe(false);
    expect(
      readJsonLines(join(parent, run, "events.jsonl")).findLast(
        ({ type }) => type === "checkpoint",
      )?.["step"],
    ).toBe(stepsOf(run));
    expect((await resume(run)).status).toBe("0");
    expect(comparedFiles(run)).toEqual(expected[name]);
  });

  test("a second Ctrl-C leaves at once; resume changes no byte", async () => {
    const run = "twice";
    const stopped = await begin(run, options, { name: "SIGINT", steps: 6, delay: 0, twice: true });
    // the trainer may be done with its checkpoint before the second signal comes, or even the
    // process with its listeners
    expect(["130", "1", "SIGINT"]).toContain(stopped.status);
    expect((await resume(run)).status).toBe("0");
    expect(comparedFiles(run)).toEqual(expected[name]);
  });
});

/**
 * A disk of its own takes a user namespace, which not every machine permits; bad-input.test.ts
 * holds the same by injected faults.
 */
const canMount =
  spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "tmpfs", "/tmp"]).status === 0;
if (!canMount) console.log("skipped: a run on a full disk; this machine permits no mounts");

test.skipIf(!canMount)(
  "a full disk stops a run at its last checkpoint; with more room, resume changes no byte",
  () => {
    const name = "sft of all weights";
    mkdirSync(join(parent, "disk"));
    const attune = `${process.execPath} ${compiled.module("cli/main")}`;
    const script = `
    mount -t tmpfs -o size=800k tmpfs disk
    ${attune} ${TRAINERS[name]!.join(" ")} --quiet --model model --data pairs.jsonl --out disk/run; echo "status $?" >&2
    mount -o remount,size=16m disk
    ${attune} resume --quiet disk/run; echo "status $?" >&2
    cp -r disk/run kept`;
    const { stderr } = spawnSync("unshare", ["-rm", "sh", "-c", script], {
      cwd: parent,
      encoding: "utf8",
    });
    expect(stderr).toMatch(
      new RegExp(
        String.raw`^error: .*step-\d+: the checkpoint of step \d+ cannot be saved: the disk ` +
          String.raw`is full\n[^]*the last good checkpoint is step \d+; free some ` +
          String.raw`space[^]*status 1\nstatus 0` +
          String.raw`\n$`,
      ),
    );
    expect(comparedFiles("kept")).toEqual(expected[name]);
  },
);
