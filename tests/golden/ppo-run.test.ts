/**
 * Twenty PPO updates of a tiny model against PyTorch: the shipped trainer on prescribed roll-outs. The files were written by
 * scripts/golden/ppo.py.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { float32 } from "../../src/core/tensor.ts";
import type { PromptRecord } from "../../src/data/records.ts";
import { openModel } from "../../src/models/open.ts";
import type { Model } from "../../src/models/model.ts";
import { SafetensorsFile } from "../../src/models/weights/safetensors.ts";
import type { TrainingEvent } from "../../src/runs/events.ts";
import type { Encoder } from "../../src/text/encoder.ts";
import { createEncoder } from "../../src/text/encoder.ts";
import { resolveConfig } from "../../src/training/configs.ts";
import { ppo } from "../../src/training/ppo.ts";
import type { RewardSource } from "../../src/training/rewards.ts";
import { RewardModelSource } from "../../src/training/rewards.ts";
import type { RolloutEngine } from "../../src/training/rollout.ts";
import { repositoryRoot } from "../support/shared.ts";

interface GoldenRun {
  settings: { seed: number; steps: number; batch_size: number; ppo_epochs: number; mini_batches: number; learning_rate: number; critic_learning_rate: number; adam_epsilon: number; max_grad_norm: number; beta: number; gamma: number; lambda: number; clip: number; clip_value: number; temperature: number; missing_eos_penalty: number; mean: number; deviation: number; reward_clip: number };
  stop: number;
  rollouts: { prompt: number[]; answer: number[] }[][];
  steps: { metrics: Record<string, number>; scores: number[] }[];
}

const folder = join(repositoryRoot, "tests", "golden");
const golden = JSON.parse(readFileSync(join(folder, "ppo-run.json"), "utf8")) as GoldenRun;
const { settings: s, rollouts } = golden;

/** The reward model: its weights differ from the policy's. */
async function rewardModel(file: SafetensorsFile, policy: Model): Promise<Model> {
  const weights: Model["weights"] = new Map();
  for (const [name, { shape }] of policy.weights) weights.set(name, float32(shape, await file.read(`reward.${name}`)));
  return { family: policy.family, config: policy.config, weights, scoreHead: float32([1, policy.config.hiddenSize], await file.read("reward.score.weight")) };
}

const recordOf = (prompt: readonly number[]): PromptRecord => ({ kind: "prompt", prompt: prompt.join(" "), place: {} });

/** Gives the prescribed answers, whatever the policy would say. The first call measures the reward's scale. */
function prescribed(scale: { answered: number }): RolloutEngine {
  return {
    roll(prompts) {
      const batch = rollouts[scale.answered - 1];
      scale.answered++;
      const rows = batch ?? prompts.map(() => ({ prompt: [5, 6], answer: [7, golden.stop] }));
      return Promise.resolve(rows.map(({ prompt, answer }) => ({ prompt: { record: recordOf(prompt), ids: Int32Array.from(prompt) }, ids: Int32Array.from(answer), stopped: answer.at(-1) === golden.stop, text: answer.join(" ") })));
    },
    release: () => Promise.resolve(),
  };
}

/** The reward model; the answers of the first call get the mean and the deviation of the settings. */
class PrescribedReward extends RewardModelSource implements RewardSource {
  private measured = false;

  override async score(answers: Parameters<RewardModelSource["score"]>[0]): Promise<number[]> {
    if (this.measured) return super.score(answers);
    this.measured = true;
    return answers.map((_, i) => s.mean + (i % 2 === 0 ? s.deviation : -s.deviation));
  }
}

const config = resolveConfig("ppo", {
  model: "golden", data: "golden", reward: ["golden"], adapter: "none", seed: s.seed, maxSteps: s.steps, epochs: 1000, batchSize: s.batch_size, ppoEpochs: s.ppo_epochs, miniBatches: s.mini_batches,
  learningRate: s.learning_rate, critic: { learningRate: s.critic_learning_rate, warmupSteps: 0 }, adamEpsilon: s.adam_epsilon, maxGradNorm: s.max_grad_norm, kl: { coef: s.beta }, gamma: s.gamma, lambda: s.lambda,
  clipRange: s.clip, clipRangeValue: s.clip_value, temperature: s.temperature, missingEosPenalty: s.missing_eos_penalty, rewardClip: s.reward_clip, sampleSteps: 0, maxLength: 64, maxNewTokens: 8,
});

describe("twenty updates", () => {
  test.each([["whole", "many micro-batches", 24], ["block", "one micro-batch", 4096]] as const)("%s plan, %s: every metric within 1e-3 of PyTorch, and the final weights", async (plan, _name, microBatchTokens) => {
    const { model, tokenizer } = await openModel(join(folder, "models", "smollm2"));
    // Prompts are written as their ids.
    const encoder: Encoder = { ...createEncoder(tokenizer, { maxLength: 64 }), encodePrompt: (prompt) => Int32Array.from(String(prompt).split(" "), Number) };
    const file = await SafetensorsFile.open(join(folder, "ppo-run.safetensors"));
    const options = { ...config, plan, microBatchTokens };
    const judge = await rewardModel(file, model);
    const before = model.weights.get("model.norm.weight")!.data.slice();
    const source = new PrescribedReward({ model: judge, encoder }, encoder, { ...options, name: "golden" });
    const events: TrainingEvent[] = [];
    const prompts = rollouts.flat().map(({ prompt }) => recordOf(prompt));
    let actor: Model | undefined;
    const made = { answered: 0 };
    for await (const event of ppo({ model, encoder, prompts, rewards: [source], engine: (given) => ((actor = given), prescribed(made)) }, options)) events.push(event);
    const steps = events.flatMap((event) => (event.type === "step" ? [event.metrics as Record<string, number>] : []));
    expect(steps).toHaveLength(s.steps);
    steps.forEach((metrics, step) => {
      for (const [name, expected] of Object.entries(golden.steps[step]!.metrics)) {
        expect(Math.abs(metrics[name]! - expected), `step ${step}, ${name}: ${metrics[name]} and ${expected}`).toBeLessThan(1e-3 * Math.max(1, Math.abs(expected)));
      }
    });
    expect(model.weights.get("model.norm.weight")!.data).toEqual(before);
    for (const name of file.header.tensors.keys()) {
      if (!name.startsWith("final.actor.")) continue;
      const expected = await file.read(name);
      const actual = actor!.weights.get(name.slice("final.actor.".length))!.data as Float32Array;
      expected.forEach((x, i) => expect(Math.abs(actual[i]! - x), `${name} ${i}`).toBeLessThan(1e-3));
    }
    await file.close();
  });
});
