/**
 * `attune align` in processes of their own, killed in every stage and between them: started again
 * each time, the pipeline ends with the same bytes as one that nobody disturbed, and does nothing
 * twice.
 * @module-tag dear
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { madePairs } from "../../src/training/testing.ts";
import { worldTokenizer } from "../../src/world/tokenizer.ts";
import { type Compiled, compileSources } from "../support/compiled.ts";
import { watched } from "../support/progress.ts";
import { saveTinyModel, snapshot } from "./support.ts";

let compiled: Compiled;
let parent: string;

beforeAll(async () => {
  compiled = compileSources();
  parent = mkdtempSync(join(tmpdir(), "attune-kill-align-"));
  const pairs = madePairs(36).map(({ prompt, chosen, rejected }) => ({
    prompt: prompt as string,
    chosen: chosen as string,
    rejected: rejected as string,
  }));
  const write = (name: string, rows: readonly object[]): void =>
    writeFileSync(join(parent, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  write("pairs.jsonl", pairs);
  write(
    "demonstrations.jsonl",
    pairs.map(({ prompt, chosen }) => ({ prompt, completion: chosen })),
  );
  await saveTinyModel(
    join(parent, "model"),
    worldTokenizer(pairs.flatMap((pair) => Object.values(pair))),
  );
  writeFileSync(join(parent, "attune.yaml"), FILE);
});
afterAll(() => {
  rmSync(parent, { recursive: true, force: true });
  compiled.remove();
});

const FILE = `
model: model
out: out
seed: 7
sft: { data: demonstrations.jsonl, batchSize: 4, heldOut: 0, maxSteps: 12, epochs: 9,
       checkpointSteps: 3 }
reward: { data: pairs.jsonl, batchSize: 4, heldOut: 6, maxSteps: 10, epochs: 9, checkpointSteps: 3,
          evaluationSteps: 6 }
rejectionSampling: { data: pairs.jsonl, batchSize: 8, samples: 4, maxNewTokens: 6, maxLength: 64,
                     maxSteps: 4, rewardSamples: 8, sampleSteps: 0, checkpointSteps: 1 }
dpo: { batchSize: 4, heldOut: 0, maxSteps: 10, epochs: 9, checkpointSteps: 3 }
evaluation: { data: pairs.jsonl, prompts: 24, maxLength: 64, maxNewTokens: 24 }
`;

const text = (...path: string[]): string =>
  existsSync(join(parent, "out", ...path))
    ? readFileSync(join(parent, "out", ...path), "utf8")
    : "";
const steps = (stage: string): number => text(stage, "metrics.jsonl").split("\n").length - 1;
const isDone = (stage: string): boolean => text(stage, "run.json").includes('"completed"');

/** When the process is killed, and milliseconds later. */
const MOMENTS: readonly (readonly [string, () => boolean, number])[] = [
  ["before the first run", () => existsSync(join(parent, "out", "pipeline.json")), 0],
  ["in SFT, behind a checkpoint", () => steps("sft") >= 4, 0],
  ["while the SFT model is written, or just after", () => steps("sft") >= 12, 3],
  ["between SFT and the reward model", () => isDone("sft"), 0],
  ["in the reward model", () => steps("reward") >= 5, 2],
  ["in a roll-out", () => steps("rejection-sampling") >= 1, 5],
  ["in another roll-out", () => steps("rejection-sampling") >= 3, 0],
  ["in DPO", () => steps("dpo") >= 7, 0],
  ["in the evaluation", () => isDone("dpo"), 60],
];

/** @returns exit status, or the signal that ended it */
async function align(isTime?: () => boolean, delay = 0): Promise<string> {
  const child = spawn(process.execPath, [compiled.module("cli/main"), "align"], {
    cwd: parent,
    stdio: ["ignore", "ignore", "ignore"],
    env: { ...process.env, ATTUNE_CACHE: join(parent, "cache") },
  });
  const running = watched(child);
  if (isTime) {
    await running.until(isTime);
    await sleep(delay);
    child.kill("SIGKILL");
  }
  return (await running.end()).status;
}

/** What does not depend on the clock: no report; of the other files with seconds, the rest. */
function compared(): Record<string, string> {
  const clocked =
    /(^|\/)(events\.jsonl|timing\.jsonl|run\.json|lock|report\.(?:html|json)|pipeline\.json|evaluation\.json)$/;
  const files = Object.entries(snapshot(join(parent, "out"))).filter(
    ([name]) => !clocked.test(name),
  );
  const clockless = (json: string): string =>
    json.replaceAll(/"(?:seconds|templateTime)": [^,\n}]*/g, "");
  // the key of the evaluation holds the date on which the pipeline began
  return {
    ...Object.fromEntries(files),
    "evaluation.json without its key": text("evaluation.json").replace(/"key": "[0-9a-f]*"/, ""),
    "pipeline.json without the clock": clockless(text("pipeline.json")),
  };
}

test("killed in every stage and between them, a pipeline ends with the same bytes", async () => {
  expect(await align()).toBe("0");
  const whole = compared();
  expect(Object.keys(whole)).toEqual(
    expect.arrayContaining([
      "sft/model/adapter_model.safetensors",
      "reward/metrics.jsonl",
      "rejection-sampling/answers/chosen.jsonl",
      "dpo/model/adapter_model.safetensors",
      "evaluation.json without its key",
    ]),
  );
  rmSync(join(parent, "out"), { recursive: true });

  for (const [name, isTime, delay] of MOMENTS) {
    for (let end = ""; end !== "SIGKILL";) {
      end = await align(isTime, delay);
      expect(["SIGKILL", "0"], name).toContain(end);
      // the moment has passed before the kill came: once more from the start
      if (end === "0") rmSync(join(parent, "out"), { recursive: true });
    }
  }
  expect(await align()).toBe("0");
  expect(compared()).toEqual(whole);
  expect(readdirSync(join(parent, "out")).filter((name) => name.includes(".before-"))).toEqual([]);
});
