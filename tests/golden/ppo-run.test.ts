/**
 * Twenty PPO updates of a tiny model against PyTorch: the shipped trainer on prescribed roll-outs.
 * The files were written by scripts/golden/ppo.py.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { float32 } from "../../src/core/tensor.ts";
import type { Model } from "../../src/models/model.ts";
import { SafetensorsFile } from "../../src/models/weights/safetensors.ts";
import { resolveConfig } from "../../src/training/configs.ts";
import { ppo } from "../../src/training/online/ppo.ts";
import type { RewardSource } from "../../src/training/rollout/rewards.ts";
import { RewardModelSource } from "../../src/training/rollout/rewards.ts";
import type { PrescribedAnswer } from "./prescribed.ts";
import {
  expectSteps,
  expectWeights,
  goldenFolder,
  openTiny,
  prescribedEngine,
  recordOf,
} from "./prescribed.ts";

interface GoldenRun {
  settings: {
    seed: number;
    steps: number;
    batch_size: number;
    ppo_epochs: number;
    mini_batches: number;
    learning_rate: number;
    critic_learning_rate: number;
    adam_epsilon: number;
    max_grad_norm: number;
    beta: number;
    gamma: number;
    lambda: number;
    clip: number;
    clip_value: number;
    temperature: number;
    missing_eos_penalty: number;
    mean: number;
    deviation: number;
    reward_clip: number;
  };
  stop: number;
  rollouts: PrescribedAnswer[][];
  steps: { metrics: Record<string, number>; scores: number[] }[];
}

const golden = JSON.parse(readFileSync(join(goldenFolder, "ppo-run.json"), "utf8")) as GoldenRun;
const { settings: s, rollouts, stop } = golden;

/** The reward model: its weights differ from the policy's. */
async function rewardModel(policy: Model): Promise<Model> {
  const file = await SafetensorsFile.open(join(goldenFolder, "ppo-run.safetensors"));
  const weights: Model["weights"] = new Map();
  for (const [name, { shape }] of policy.weights)
    weights.set(name, float32(shape, await file.read(`reward.${name}`)));
  const scoreHead = float32([1, policy.config.hiddenSize], await file.read("reward.score.weight"));
  await file.close();
  return { family: policy.family, config: policy.config, weights, scoreHead };
}

/**
 * The reward model; the answers of the first call get the mean and the deviation of the settings.
 */
class PrescribedReward extends RewardModelSource implements RewardSource {
  private measured = false;

  override async score(answers: Parameters<RewardModelSource["score"]>[0]): Promise<number[]> {
    if (this.measured) return super.score(answers);
    this.measured = true;
    return answers.map((_, i) => s.mean + (i % 2 === 0 ? s.deviation : -s.deviation));
  }
}

const config = resolveConfig("ppo", {
  model: "golden",
  data: "golden",
  reward: ["golden"],
  adapter: "none",
  seed: s.seed,
  maxSteps: s.steps,
  epochs: 1000,
  batchSize: s.batch_size,
  ppoEpochs: s.ppo_epochs,
  miniBatches: s.mini_batches,
  learningRate: s.learning_rate,
  critic: { learningRate: s.critic_learning_rate, warmupSteps: 0 },
  adamEpsilon: s.adam_epsilon,
  maxGradNorm: s.max_grad_norm,
  kl: { coef: s.beta },
  gamma: s.gamma,
  lambda: s.lambda,
  clipRange: s.clip,
  clipRangeValue: s.clip_value,
  temperature: s.temperature,
  missingEosPenalty: s.missing_eos_penalty,
  rewardClip: s.reward_clip,
  sampleSteps: 0,
  maxLength: 64,
  maxNewTokens: 8,
});

describe("twenty updates", () => {
  test.each([
    ["whole", "many micro-batches", 24],
    ["block", "one micro-batch", 4096],
  ] as const)(
    "%s plan, %s: every metric within 1e-3 of PyTorch, and the final weights",
    async (plan, _name, microBatchTokens) => {
      const { model, encoder } = await openTiny();
      const options = { ...config, plan, microBatchTokens };
      const before = model.weights.get("model.norm.weight")!.data.slice();
      const source = new PrescribedReward({ model: await rewardModel(model), encoder }, encoder, {
        ...options,
        name: "golden",
      });
      const prompts = rollouts.flat().map(({ prompt }) => recordOf(prompt));
      // The first answers measure the reward's scale.
      const first = Array.from({ length: config.rewardSamples }, () => ({
        prompt: [5, 6],
        answer: [7, stop],
      }));
      let actor: Model | undefined;
      const events = ppo(
        {
          model,
          encoder,
          prompts,
          rewards: [source],
          engine: (given) => ((actor = given), prescribedEngine([first, ...rollouts], stop)),
        },
        options,
      );
      await expectSteps(
        events,
        golden.steps.map(({ metrics }) => metrics),
        1e-3,
      );
      expect(model.weights.get("model.norm.weight")!.data).toEqual(before);
      await expectWeights(actor!, {
        file: "ppo-run.safetensors",
        prefix: "final.actor.",
        tolerance: 1e-3,
      });
    },
  );
});
