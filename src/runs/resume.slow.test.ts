/**
 * The promise of a run folder, held with a process of its own: killed at any moment, resumed, and
 * the same bytes in the end.
 * @module-tag dear
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Compiled, compileSources } from "../../tests/support/compiled.ts";
import { watched } from "../../tests/support/progress.ts";
import { Random } from "../core/random.ts";
import { readJsonLines } from "./json-lines.ts";

/**
 * A deterministic trainer: 64 numbers that wander, a checkpoint every 5 steps, an evaluation before
 * each.
 */
const TRAINER = `
import { existsSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
const { Run } = await import(process.argv[2]);
const { Random } = await import(process.argv[3]);
const folder = process.argv[4];
const [pause, interruptAt] = process.argv.slice(5).map(Number);
const TOTAL = 43;
writeSync(1, "ready\\n");
// killed between its last write and its end: nothing is left to do
const begun = existsSync(join(folder, "run.json"));
if (begun && JSON.parse(readFileSync(join(folder, "run.json"), "utf8")).status === "completed")
  process.exit(0);
const config = { given: { a: 1 }, effective: { a: 1, b: 2 } };
const hashes = { dataHash: "d", modelFingerprint: "m" };
const info = { command: "pond", seed: 3, config, ...hashes, keepLast: 2 };
const run = begun ? (await Run.open(folder)).run : Run.create(folder, info);
const totalSteps = TOTAL;
let weights = new Float64Array(64);
let tokens = 0;
if (run.resumedFrom) {
  const bytes = readFileSync(join(run.resumedFrom.folder, "weights.bin"));
  weights = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 512));
  tokens = JSON.parse(readFileSync(join(run.resumedFrom.folder, "state.json"))).tokens;
}
const write = async (target) => {
  writeFileSync(join(target, "weights.bin"), Buffer.from(weights.buffer));
  writeFileSync(join(target, "state.json"), JSON.stringify({ tokens }));
};
for (let step = (run.resumedFrom?.step ?? 0) + 1; step <= TOTAL; step++) {
  const random = Random.for(3, "step", step);
  for (let i = 0; i < 64; i++) weights[i] += random.normal() * 0.1;
  tokens += random.integer(100);
  const loss = weights.reduce((sum, weight) => sum + weight * weight, 0);
  const metrics = { loss, num_tokens: tokens };
  run.record({ type: "step", step, totalSteps, tokens, metrics, seconds: 0.001 });
  if (step % 5 === 0 || step === TOTAL) {
    const value = Math.abs(weights[0]);
    const metrics = { eval_loss: value };
    run.record({ type: "evaluation", step, totalSteps, examples: 1, metrics, seconds: 0.001 });
    await run.saveCheckpoint(step, write, { score: { metric: "eval_loss", value } });
  } else if (step === interruptAt) {
    await run.saveCheckpoint(step, write, { temporary: true });
    const end = { totalSteps, tokens, metrics: { loss }, seconds: 0 };
    run.record({ type: "end", status: "interrupted", step, ...end });
    process.exit(0);
  }
  writeSync(1, ".");
  await new Promise((resolve) => setTimeout(resolve, pause));
}
await run.saveArtifact("model", write);
const end = { totalSteps, tokens, metrics: {}, seconds: 0 };
run.record({ type: "end", status: "completed", step: TOTAL, ...end });
`;

let compiled: Compiled;
let parent: string;
let script: string;
let expected: Map<string, string>;

beforeAll(async () => {
  compiled = compileSources();
  parent = mkdtempSync(join(tmpdir(), "attune-resume-"));
  script = join(compiled.root, "trainer.mjs");
  writeFileSync(script, TRAINER);
  const folder = join(parent, "uninterrupted");
  expect(await train(folder, { pause: 0 })).toBe("0");
  expected = comparedFiles(folder);
});
afterAll(() => {
  rmSync(parent, { recursive: true, force: true });
  compiled.remove();
});

/**
 * A number of steps from the start of the process, and milliseconds behind them: a loaded machine
 * changes neither.
 */
interface Kill {
  steps: number;
  delay: number;
}

/** @returns the exit status, or the signal */
async function train(
  folder: string,
  { pause = 4, kill, interruptAt = 0 }: { pause?: number; kill?: Kill; interruptAt?: number },
): Promise<string> {
  const child = spawn(
    process.execPath,
    [
      script,
      compiled.module("runs/run"),
      compiled.module("core/random"),
      folder,
      String(pause),
      String(interruptAt),
    ],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const running = watched(child);
  if (kill) {
    await running.until(() => running.said.length >= "ready\n".length + kill.steps);
    await sleep(kill.delay);
    child.kill("SIGKILL");
  }
  return (await running.end()).status;
}

/**
 * Everything that equal runs share, by relative path: history, timing and run.json depend on the
 * clock.
 */
function comparedFiles(folder: string): Map<string, string> {
  const clocked = ["events.jsonl", "timing.jsonl", "run.json"];
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => !entry.isDirectory() && !clocked.includes(entry.name),
  );
  return new Map(
    files
      .map((entry) => join(entry.parentPath, entry.name))
      .toSorted()
      .map((path) => [relative(folder, path), readFileSync(path, "base64")]),
  );
}

describe("resume equals uninterrupted", () => {
  it("has something to compare", () => {
    expect([...expected.keys()]).toEqual([
      ...["15", "40", "43"].flatMap((step) =>
        ["manifest.json", "state.json", "weights.bin"].map(
          (name) => `checkpoints/step-0000${step}/${name}`,
        ),
      ),
      "config.given.yaml",
      "config.resolved.json",
      "metrics.jsonl",
      "model/state.json",
      "model/weights.bin",
    ]);
    expect(
      Buffer.from(expected.get("metrics.jsonl")!, "base64").toString().split("\n"),
    ).toHaveLength(43 + 9 + 1);
  });

  it("after twenty kills at random moments", async () => {
    const random = Random.for(11, "kills");
    const resumedSteps: unknown[] = [];
    let kills = 0;
    for (let run = 0; kills < 20; run++) {
      const folder = join(parent, `killed-${run}`);
      for (let outcome = ""; outcome !== "0";) {
        outcome = await train(folder, {
          kill: { steps: random.integer(18), delay: random.integer(12) },
        });
        expect(["0", "SIGKILL"]).toContain(outcome);
        if (outcome === "SIGKILL") kills++;
      }
      expect(comparedFiles(folder)).toEqual(expected);
      resumedSteps.push(
        ...readJsonLines(join(folder, "events.jsonl")).flatMap(({ type, step }) =>
          type === "resumed" ? [step] : [],
        ),
      );
    }
    expect(new Set(resumedSteps).size).toBeGreaterThan(3);
  });

  it("after interruptions that saved a checkpoint", async () => {
    const folder = join(parent, "interrupted");
    for (const interruptAt of [3, 12, 13, 41, 42]) {
      expect(await train(folder, { pause: 0, interruptAt })).toBe("0");
      expect(
        existsSync(join(folder, "checkpoints", `step-${String(interruptAt).padStart(6, "0")}`)),
      ).toBe(true);
    }
    expect(await train(folder, { pause: 0 })).toBe("0");
    expect(comparedFiles(folder)).toEqual(expected);
  });
});
