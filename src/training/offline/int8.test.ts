/**
 * Trainers over a base in 8 bits: the checks of their starts hold as they do in float32, they
 * learn, and they go on to the same bytes.
 */
import { expect } from "vitest";
import { SCORE_HEAD, shareBase } from "../../models/model.ts";
import type { Model } from "../../models/model.ts";
import { roundProjections } from "../../models/round-projections.ts";
import { resolveConfig } from "../configs.ts";
import { dpo } from "./dpo.ts";
import type { TrainingEvent } from "../../runs/events.ts";
import type { TrainingContext } from "../loop.ts";
import { ppo } from "../online/ppo.ts";
import { freshScoreHead } from "./reward.ts";
import {
  COMMON,
  collect,
  encoder,
  expectSameBytes,
  madePairs,
  stepsOf,
  tinyModel,
} from "../testing.ts";
import { onExact } from "../../../tests/support/int8.ts";

const WIDE = { hidden_size: 32, num_attention_heads: 2, num_key_value_heads: 1 };

async function rounded(): Promise<Model> {
  const model = tinyModel("llama", WIDE);
  await roundProjections(model);
  return model;
}

const pairs = madePairs(32);

async function preferred(
  changes: Record<string, unknown> = {},
  context: TrainingContext = {},
): Promise<ReturnType<typeof stepsOf>> {
  const config = resolveConfig("dpo", {
    ...COMMON,
    precision: "int8",
    learningRate: 5e-3,
    epochs: 8,
    ...changes,
  });
  return stepsOf(
    await collect(
      dpo({ model: await rounded(), encoder, train: pairs, heldOut: [] }, config, context),
    ),
  );
}

onExact("DPO starts at ln 2 and learns what the pairs say", async () => {
  const steps = await preferred();
  expect(Math.abs(steps[0]!["loss"]! - Math.LN2)).toBeLessThan(1e-6);
  expect(steps.at(-1)!["loss"]!).toBeLessThan(0.3);
  expect(steps.at(-1)!["rewards/accuracies"]!).toBeGreaterThan(0.85);
});

onExact("the plans agree over some steps", async () => {
  const [whole, block] = [
    await preferred({ plan: "whole", maxSteps: 8 }),
    await preferred({ plan: "block", maxSteps: 8 }),
  ];
  whole.forEach((metrics, step) =>
    expect(Math.abs(metrics["loss"]! - block[step]!["loss"]!)).toBeLessThan(2e-2),
  );
});

const prompts = Array.from({ length: 12 }, (_, i) => ({
  kind: "prompt" as const,
  prompt: `${"abcdef"[i % 6]}${i}`,
  place: { row: i + 1 },
}));

async function* rolled(
  changes: Record<string, unknown>,
  context: TrainingContext = {},
): AsyncGenerator<TrainingEvent, void> {
  const model = await rounded();
  const judge = shareBase(model);
  judge.scoreHead = freshScoreHead(judge, 3);
  const config = resolveConfig("ppo", {
    model: "tiny",
    data: "made",
    reward: [SCORE_HEAD],
    precision: "int8",
    batchSize: 8,
    maxLength: 48,
    maxNewTokens: 8,
    epochs: 10,
    sampleSteps: 0,
    rewardSamples: 16,
    learningRate: 1e-3,
    critic: { learningRate: 1e-3, warmupSteps: 0 },
    ...changes,
  });
  yield* ppo(
    { model, encoder, prompts, rewards: [{ name: SCORE_HEAD, model: judge, encoder }] },
    config,
    context,
  );
}

onExact.each(["whole", "block"] as const)(
  "PPO starts at KL 0 and ratio 1: %s",
  { tags: ["dear"] },
  async (plan) => {
    const [first] = stepsOf(await collect(rolled({ plan, maxSteps: 1, ppoEpochs: 1 })));
    expect(Math.abs(first!["objective/kl"]!)).toBeLessThan(1e-4);
    expect(Math.abs(first!["val/ratio"]! - 1)).toBeLessThan(1e-5);
    expect(first!["policy/approxkl_avg"]!).toBeLessThan(1e-8);
  },
);

onExact("DPO goes on to the same bytes", { tags: ["dear"] }, () =>
  expectSameBytes(async function* (context) {
    const config = resolveConfig("dpo", {
      ...COMMON,
      precision: "int8",
      maxSteps: 3,
      checkpointSteps: 1,
    });
    yield* dpo({ model: await rounded(), encoder, train: pairs, heldOut: [] }, config, context);
  }),
);

onExact("PPO goes on to the same bytes", { tags: ["dear"] }, () =>
  expectSameBytes((context) => rolled({ maxSteps: 3, checkpointSteps: 1 }, context)),
);
