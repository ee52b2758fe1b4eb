import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Model } from "../models/model.ts";
import { openModel, tokenizerOf } from "../models/open.ts";
import { saveMerged, saveTokenizer } from "../models/save.ts";
import { Run } from "../runs/run.ts";
import { resolveConfig } from "./configs.ts";
import { ppo } from "./online/ppo.ts";
import { collect, encoder, tinyModel, tokenizer } from "./testing.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "attune-checkpoint-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Every number of a model by its name: an adapter's and the weights beneath it. */
const numbersOf = ({ weights, adapter }: Model): Record<string, number[]> =>
  Object.fromEntries(
    [...weights, ...(adapter?.weights ?? [])].map(([name, { data }]) => [name, [...data]]),
  );

async function train(adapter: "lora" | "none"): Promise<string> {
  const base = join(folder, `base-${adapter}`);
  await saveMerged(
    tinyModel("llama", { hidden_size: 32, num_attention_heads: 2, num_key_value_heads: 1 }),
    base,
    { tokenizer },
  );
  await saveTokenizer(tokenizer, base);
  const run = Run.create(join(folder, adapter), {
    command: "ppo",
    seed: 42,
    config: { given: {}, effective: {} },
    dataHash: "d",
    modelFingerprint: "m",
    keepLast: 100,
  });
  const config = resolveConfig("ppo", {
    model: "tiny",
    data: "made",
    reward: ["letters"],
    adapter,
    // not in the order of the model's own projections
    ...(adapter === "lora"
      ? { lora: { rank: 2, targets: ["down_proj", "v_proj", "q_proj"] } }
      : {}),
    batchSize: 8,
    maxLength: 48,
    maxNewTokens: 8,
    maxSteps: 2,
    epochs: 10,
    checkpointSteps: 1,
    sampleSteps: 0,
    rewardSamples: 16,
    learningRate: 1e-3,
    critic: { learningRate: 1e-3, warmupSteps: 0 },
  });
  const { model } = await openModel(base);
  const prompts = Array.from({ length: 12 }, (_, i) => ({
    kind: "prompt" as const,
    prompt: `${"abcdef"[i % 6]}${i}`,
    place: { row: i + 1 },
  }));
  const reward = ({ completion }: { completion: string }): number => new Set(completion).size / 8;
  const rewards = [{ name: "letters", reward }];
  await collect(ppo({ model, encoder, prompts, rewards }, config, { run }));
  run.close();
  return run.folder;
}

describe.each(["lora", "none"] as const)("a checkpoint as a model, adapter %s", (adapter) => {
  let run: string;
  const checkpoint = (step: number): string => join(run, "checkpoints", `step-00000${step}`);
  beforeAll(async () => {
    run = await train(adapter);
  });

  test("the last one is the model of the run, an earlier one is not", async () => {
    const [made, last, earlier] = [
      await openModel(run),
      await openModel(checkpoint(2)),
      await openModel(checkpoint(1)),
    ];
    expect(numbersOf(last.model)).toEqual(numbersOf(made.model));
    expect(numbersOf(earlier.model)).not.toEqual(numbersOf(made.model));
    expect(earlier.fingerprint).not.toBe(last.fingerprint);
    expect((await tokenizerOf(checkpoint(1))).vocabularySize).toBe(tokenizer.vocabularySize);
  });

  test("merged, and in float16, it is what the run's model is so", async () => {
    for (const options of [{ merge: true }, { precision: "float16" }] as const) {
      const [made, last] = [await openModel(run, options), await openModel(checkpoint(2), options)];
      expect(numbersOf(last.model)).toEqual(numbersOf(made.model));
    }
  });

  test("away from its run it is refused", async () => {
    const moved = join(folder, `moved-${adapter}`);
    cpSync(checkpoint(2), moved, { recursive: true });
    await expect(openModel(moved)).rejects.toThrow("without the run that it is of");
  });
});
