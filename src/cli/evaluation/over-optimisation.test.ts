import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { saveTinyModel } from "../../../tests/cli/support.ts";
import { Random } from "../../core/random.ts";
import { float32 } from "../../core/tensor.ts";
import type { Findings } from "../../evaluation/findings.ts";
import { measuresOf } from "../../evaluation/findings.ts";
import { BUILT_IN, builtInWorld } from "../../quickstart/optimisation-run.ts";
import { readPath } from "../../quickstart/policy-path.ts";
import { hackingOf, stopFinding } from "../../quickstart/report-hacking.ts";
import type { Interval } from "../../stats/intervals.ts";
import { openModel } from "../../models/open.ts";
import { saveTrained } from "../../models/save.ts";
import { Run } from "../../runs/run.ts";
import { byteTokenizer } from "../../text/testing.ts";
import { runProgram } from "../program.ts";
import { fakeIo } from "../testing.ts";
import { unansweredWarnings } from "./scoring-warnings.ts";

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "attune-hacked-"));
  const config = { model: "base", guardWindow: 4, guardShare: 0.5 };
  const run = Run.create(at("ppo"), {
    command: "ppo",
    seed: 1,
    dataHash: "d",
    modelFingerprint: "m",
    config: { given: config, effective: config },
  });
  const random = Random.for(1, "run");
  for (let step = 1; step <= 40; step++)
    run.metrics(step, {
      "objective/kl": 0.02 * step,
      "objective/scores": 0.03 * step + 0.05 * random.normal(),
      "objective/held_out_scores": 0.1 * random.normal(),
      "guard/unconfirmed": -6 + random.normal(),
    });
  run.finish("completed");
  const levels = [0.5, 0.7, 0.6, 0.4];
  const own = Array.from({ length: 60 }, () => 0.05 * random.normal());
  writeFileSync(
    at("gold.jsonl"),
    levels
      .map((level, i) => {
        const values = own.map((value) => level + value + 0.02 * random.normal());
        return `${JSON.stringify({ step: Math.round((40 * i) / 3), values })}\n`;
      })
      .join(""),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

async function evaluate(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
  const io = fakeIo();
  const status = await runProgram(["eval", "over-optimisation", ...argv], io);
  return { status, out: io.stdout.text, err: io.stderr.text };
}

test("a run with gold is called hacked, with its peak, and --fail-on hacked ends with 1", async () => {
  const given = ["--run", at("ppo"), "--gold", at("gold.jsonl"), "--data", "none"];
  const { status, out } = await evaluate(...given, "--fail-on", "hacked", "--out", at("eval"));
  expect(status).toBe(1);
  expect(out).toContain("Verdict: hacked");
  const found = JSON.parse(readFileSync(join(at("eval"), "findings.json"), "utf8")) as Findings;
  expect(found.findings.map(({ id }) => id)).toEqual([
    "over-optimisation-hacked",
    "over-optimisation-stop",
    "over-optimisation-law",
  ]);
  expect(found.warnings.join(" ")).toContain("taken as independent");
  expect(existsSync(join(at("eval"), "findings.html"))).toBe(true);
});

test("without gold the held-out reward is asked", async () => {
  const { status, out } = await evaluate("--run", at("ppo"), "--data", "none", "--out", at("bare"));
  expect(status).toBe(0);
  expect(out).toContain("Verdict: hacked");
  expect(out).not.toContain("gold fell");
});

/** A run of the quickstart whose gold hardly falls, while the held-out reward turns away. */
function recordQuickstart(name: string, requests: number): string {
  const config = { model: BUILT_IN, guardWindow: 4, guardShare: 0.8 };
  const run = Run.create(at(name), {
    command: "quickstart",
    seed: 5,
    dataHash: "d",
    modelFingerprint: "m",
    config: { given: config, effective: config },
  });
  const random = Random.for(2, "quickstart");
  for (let step = 1; step <= 40; step++)
    run.metrics(step, {
      "objective/kl": 0.02 * step,
      "objective/scores": 0.03 * step + 0.05 * random.normal(),
      "objective/scores_std": 1,
      "objective/held_out_scores": 0.1 * random.normal(),
      "guard/unconfirmed": -4 + random.normal(),
    });
  run.finish("completed");
  const looks = [0.5, 0.62, 0.6, 0.6].map((level, i) => ({
    step: Math.round((40 * i) / 3),
    totals: Array.from({ length: requests }, () => (random.chance(level) ? 1 : 0)),
  }));
  writeFileSync(
    join(at(name), "gold.jsonl"),
    looks.map((look) => `${JSON.stringify(look)}\n`).join(""),
  );
  return at(name);
}

// dear, since the command makes the world again
test(
  "the quickstart's report says of a run what the command says of its folder",
  { tags: ["dear"] },
  async () => {
    const world = builtInWorld(5);
    const run = recordQuickstart("ppo-without-kl", world.requests.length);
    await evaluate("--run", run, "--data", "none", "--out", at("beside"));
    const found = JSON.parse(readFileSync(join(at("beside"), "findings.json"), "utf8")) as Findings;
    const path = readPath("PPO without KL", run, world);
    const said = hackingOf(path);
    const [hacked, stop] = found.findings;
    expect(said.conclusion).toBe("hacked");
    expect(said.conclusion).toBe(found.verdict.conclusion);
    expect(said.answer).toBe(hacked!.answer);
    expect(said.answer).toContain("gold is not clearly below its peak");
    expect(said.measures).toHaveLength(hacked!.measures.length);
    const ends = ({ estimate, low, high, n }: Interval): number[] => [estimate, low, high, n];
    const told = (name: string): number[] =>
      ends(measuresOf(found).find(({ id }) => id === `over-optimisation/${name}`)!.value);
    for (const { id, value } of said.measures)
      expect(ends(value), id).toEqual(told(id.split("/").at(-1)!));
    const stopped = stopFinding({ paths: [path] });
    expect(stopped.answer).toContain(stop!.answer);
    const measured = (name: string): number[] =>
      ends(stopped.measures.find(({ id }) => id === `stop/ppo-without-kl/${name}`)!.value);
    expect(measured("peak-step")).toEqual(told("peak-step"));
    expect(measured("after-peak")).toEqual(told("gold-since-peak"));
    expect(measured("at-end")).toEqual(told("gold-gain"));
    // the dots of the chart are of the same looks
    expect(ends(path.points.at(-1)!.change)).toEqual(told("gold-gain"));
  },
);

test("says what is wrong with the run and with gold", async () => {
  expect((await evaluate("--run", at("none"))).status).toBe(2);
  writeFileSync(at("bad.jsonl"), '{"step": 1, "values": [1, null]}\n');
  const bad = await evaluate("--run", at("ppo"), "--gold", at("bad.jsonl"), "--data", "none");
  expect(bad.err).toContain("bad.jsonl:1: this is no look of gold");
  writeFileSync(at("odd.jsonl"), '{"step": 1, "values": [1, 0]}\n{"step": 2, "values": [1]}\n');
  const odd = await evaluate("--run", at("ppo"), "--gold", at("odd.jsonl"), "--data", "none");
  expect(odd.err).toContain("2 values at step 1, 1 at step 2");
  const refused = async (name: string, ...lines: object[]): Promise<string> => {
    writeFileSync(at(name), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const argv = ["--run", at("ppo"), "--gold", at(name), "--data", "none"];
    const { status, err } = await evaluate(...argv);
    expect(status, name).not.toBe(0);
    return err;
  };
  const look = (step: number, ...clusters: string[]): object => ({
    step,
    values: [1, 0],
    ...(clusters.length > 0 ? { clusters } : {}),
  });
  expect(await refused("empty.jsonl")).toContain("the file holds no look of gold");
  expect(await refused("twice.jsonl", look(1), look(9), look(9))).toContain(
    "two looks of gold are at step 9",
  );
  expect(await refused("beyond.jsonl", look(0), look(41))).toMatch(
    /gold looks beyond the end of the run[^]*step 41[^]*to 40, the run's last/,
  );
  expect(await refused("half.jsonl", look(0.5))).toContain("half.jsonl:1: this is no look of gold");
  expect(await refused("mixed.jsonl", look(0, "a", "b"), look(1, "b", "a"))).toContain(
    "two lines name other clusters",
  );
});

/** A tiny PPO run with all its checkpoints, and judges of it. */
async function trainWithCheckpoints(): Promise<void> {
  await saveTinyModel(at("tiny"), byteTokenizer().files as never);
  const prompts = Array.from({ length: 16 }, (_, i) => ({ prompt: `ask ${i}`, grade: i % 2 }));
  writeFileSync(at("ask.jsonl"), prompts.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const rewardOf = (body: string): string =>
    `export default ({ prompt, completion, extra }) => ${body};\n`;
  writeFileSync(
    at("reward.mjs"),
    rewardOf("new Set(completion).size / 8 + (prompt.charCodeAt(4) % 5)"),
  );
  writeFileSync(at("held-out.mjs"), rewardOf("(completion.length + prompt.charCodeAt(4)) % 5"));
  writeFileSync(at("judge.mjs"), rewardOf("(completion.length % 7) / 7 + (extra.grade ?? 0)"));
  writeFileSync(
    at("compares.mjs"),
    "export const compare = (prompt, first, second) => (first > second ? 1 : 0);\n",
  );
  const argv = ["--model", at("tiny"), "--data", at("ask.jsonl"), "--reward", at("reward.mjs")];
  argv.push("--out", at("policy"), "--template", "none", "--batch-size", "8", "--max-steps", "4");
  argv.push("--max-new-tokens", "6", "--epochs", "9", "--checkpoint-steps", "1");
  argv.push("--keep-checkpoints", "0", "--learning-rate", "0.003");
  const io = fakeIo();
  const status = await runProgram(["ppo", ...argv], io);
  expect(status, io.stderr.text).toBe(0);
}

describe("a judge of a run", () => {
  beforeAll(trainWithCheckpoints);

  test("a judge says what was meant, of all kept checkpoints, and nothing is asked twice", async () => {
    const given = ["--run", at("policy"), "--held-out-reward", at("held-out.mjs")];
    const judged = async (judge: string, out: string, ...more: string[]) => {
      const argv = [...given, "--judge", judge, "--out", at(out), "--max-new-tokens", "6", ...more];
      const result = await evaluate(...argv);
      expect(result.status, result.err).toBe(0);
      return JSON.parse(readFileSync(join(at(out), "findings.json"), "utf8")) as Findings;
    };
    const found = await judged(at("judge.mjs"), "judged");
    const [hacked, stop] = found.findings;
    expect(hacked!.answer).toContain("the judge judge.mjs");
    expect(stop!.measures[0]!.value.n).toBe(16);
    const table = hacked!.details.flatMap((part) =>
      part.kind === "table" ? [part.table] : [],
    )[0]!;
    expect(table.columns.map(({ name }) => name)).toEqual([
      "step",
      "√KL, √nats",
      "The judge judge.mjs",
      "Reward",
      "Held-out reward",
    ]);
    expect(table.rows.map(([step]) => step)).toEqual(["0", "1", "2", "3", "4"]);
    expect(found.findings.map(({ id }) => id)).toContain("over-optimisation-overrated");
    expect(JSON.stringify(found)).not.toContain("NaN");
    expect(found.warnings.join("\n")).toContain("the 16 prompts that were judged are taken as");

    const wins = await judged(
      at("compares.mjs"),
      "wins",
      "--checkpoints",
      "1",
      "--reuse",
      at("judged"),
    );
    const rates = wins.findings[0]!.details.flatMap((part) =>
      part.kind === "table" ? part.table.rows : [],
    );
    expect(rates.map(([step, , rate]) => `${String(step)} ${String(rate)}`)[0]).toMatch(/^0 50/);
    expect(rates).toHaveLength(3);
    expect(wins.warnings.join("\n")).toContain(
      "the judge looked at 3 steps of the run: 4 checkpoints of it are kept, and --checkpoints 1 " +
        "looks at no more",
    );
  });

  test("prompts, template and length are the run's own, and of several rewards none is it", async () => {
    writeFileSync(at("other.jsonl"), '{"kuestion": "zzz 1"}\n{"kuestion": "zzz 2"}\n');
    writeFileSync(at("asked.jsonl"), '{"kuestion": "ask 1"}\n{"kuestion": "ask 2"}\n');
    const argv = ["--model", at("tiny"), "--data", at("asked.jsonl"), "--data", at("other.jsonl")];
    argv.push("--columns", "prompt=kuestion", "--reward", at("reward.mjs"));
    argv.push("--reward", at("held-out.mjs"), "--template", "none", "--max-new-tokens", "3");
    argv.push("--batch-size", "4", "--max-steps", "2", "--checkpoint-steps", "1");
    argv.push("--epochs", "9", "--critic-warmup-steps", "0", "--out", at("several"));
    const trained = fakeIo();
    expect(await runProgram(["ppo", ...argv], trained), trained.stderr.text).toBe(0);
    writeFileSync(
      at("seen.mjs"),
      'import { appendFileSync } from "node:fs";\n' +
        "export const score = ({ prompt, completion }) => {\n" +
        `  appendFileSync(${JSON.stringify(at("seen.jsonl"))}, ` +
        'JSON.stringify([prompt, completion]) + "\\n");\n' +
        "  return completion.length;\n};\n",
    );
    const given = ["--run", at("several"), "--judge", at("seen.mjs"), "--out", at("of-several")];
    const { status, err } = await evaluate(...given);
    expect(status, err).toBe(0);
    expect(err).not.toContain("plain (User");
    expect(err.match(/chat template: none/g)).toHaveLength(3);
    const [, ...seen] = readFileSync(at("seen.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as [string, string]);
    expect(new Set(seen.map(([prompt]) => prompt))).toEqual(
      new Set(["ask 1", "ask 2", "zzz 1", "zzz 2"]),
    );
    // bytes are tokens here
    expect(seen.every(([, text]) => Buffer.from(text).length <= 9)).toBe(true);
    const found = JSON.parse(
      readFileSync(join(at("of-several"), "findings.json"), "utf8"),
    ) as Findings;
    expect(found.warnings.join("\n")).toContain("the run was trained on 2 rewards together");
  });

  test("a judge that says the same of everything is told to tell nothing", async () => {
    writeFileSync(at("flat.mjs"), "export const score = () => 1;\n");
    const argv = ["--run", at("policy"), "--judge", at("flat.mjs"), "--out", at("of-flat")];
    expect((await evaluate(...argv, "--checkpoints", "0")).status).toBe(0);
    const found = JSON.parse(
      readFileSync(join(at("of-flat"), "findings.json"), "utf8"),
    ) as Findings;
    expect(found.warnings).toContain(
      "flat.mjs says the same of every answer at every step (1.00): it tells nothing of how the " +
        "run went",
    );
  });

  test("damaged checkpoints are left out, and told", async () => {
    cpSync(at("policy"), at("damaged"), { recursive: true });
    const [first, second] = ["step-000001", "step-000002"].map((name) =>
      join(at("damaged"), "checkpoints", name),
    );
    rmSync(join(first!, "manifest.json"));
    const state = join(second!, "state.safetensors");
    const bytes = readFileSync(state);
    bytes[bytes.length - 9]! ^= 1;
    writeFileSync(state, bytes);
    const { status, err } = await evaluate(
      "--run",
      at("damaged"),
      "--judge",
      at("judge.mjs"),
      "--out",
      at("of-damaged"),
    );
    expect(status, err).toBe(0);
    const found = JSON.parse(
      readFileSync(join(at("of-damaged"), "findings.json"), "utf8"),
    ) as Findings;
    const told = found.warnings.join("\n");
    expect(told).toContain("step-000001 is left out of checkpoints: it has no manifest.json");
    expect(told).toContain(
      "the checkpoint of step 2 is damaged and left out: the content of state.safetensors",
    );
    const rows = found.findings[0]!.details.flatMap((part) =>
      part.kind === "table" ? part.table.rows : [],
    );
    expect(rows.map(([step]) => step)).toEqual(["0", "3", "4"]);
  });

  test("prompts that cannot be read close the judge, so that the program ends", async () => {
    const { status, err } = await evaluate(
      "--run",
      at("policy"),
      "--judge",
      at("judge.mjs"),
      "--data",
      at("nowhere.jsonl"),
    );
    expect(status).toBe(2);
    expect(err).toContain("nowhere.jsonl");
  });

  test("a judge that cannot tell is refused, before anything is asked", async () => {
    const refused = async (...more: string[]): Promise<string> => {
      const { status, err } = await evaluate(
        "--run",
        at("policy"),
        "--out",
        at("refused"),
        ...more,
      );
      expect(status).toBe(2);
      expect(existsSync(at("refused"))).toBe(false);
      return err;
    };
    expect(await refused("--judge", at("reward.mjs"))).toContain(
      "the run was trained to please this judge",
    );
    expect(await refused("--judge", "votes")).toContain("answers that are in a file");
    expect(await refused("--judge", at("judge.mjs"), "--gold", at("gold.jsonl"))).toContain(
      "--gold and --judge both say what was meant",
    );
    expect(await refused("--judge", at("judge.mjs"), "--data", "none")).toContain(
      "a judge needs prompts",
    );
  });
});

test("prompts that are dropped and answers that are cut are told, with counts", async () => {
  const tokenizer = byteTokenizer();
  await saveTinyModel(at("base"), tokenizer.files as never);
  const { model } = await openModel(at("base"));
  const scoreHead = float32([1, 32], new Float32Array(32));
  await saveTrained({ ...model, scoreHead }, { tokenizer }, at("reward"));
  const lines = (rows: readonly object[]): string =>
    rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  const numbers = [0, 1, 2, 3, 4, 5];
  writeFileSync(
    at("samples.jsonl"),
    lines(
      numbers.map((i) => ({
        prompt: `q${i}`,
        completions: [
          { completion: "a", score: 1 },
          { completion: "b".repeat(90), score: 0 },
        ],
      })),
    ),
  );
  const given = ["--run", at("ppo"), "--gold", at("gold.jsonl"), "--max-length", "64"];
  given.push(
    "--reward",
    at("reward"),
    "--held-out-reward",
    at("reward"),
    "--reference",
    at("base"),
  );
  given.push("--data", "none", "--samples", at("samples.jsonl"), "--out", at("samples"));
  const { status } = await evaluate(...given);
  expect(status).toBe(0);
  const found = JSON.parse(readFileSync(join(at("samples"), "findings.json"), "utf8")) as Findings;
  for (const reward of ["the reward", "the held-out reward"])
    expect(found.warnings.join("\n")).toContain(
      "6 answers of 12 did not fit into 64 tokens with the prompt and were cut (--max-length) " +
        `before ${reward} saw them, such as the one to`,
    );
  expect(
    unansweredWarnings(["a", "b", "c"], [undefined, "it is too long", "it is too long"]),
  ).toEqual(['2 prompts of 3 have no answer and are left out, such as "b": it is too long']);
});
