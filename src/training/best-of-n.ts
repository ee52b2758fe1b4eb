/**
 * Best-of-n: draw n answers to each prompt, keep the one that the reward likes most. No training: what a reward model is worth shows
 * here first, and its price is known exactly.
 *
 * Source: Nakano et al. 2021 (WebGPT), appendix I, for estimating every k <= n from one draw without bias; Gao et al. 2023; Beirami et al. 2024
 * for log n - (n - 1) / n being an upper bound of the KL.
 */
import { AttuneError } from "../core/errors.ts";
import type { PromptRecord } from "../data/records.ts";
import type { Model } from "../models/model.ts";
import { penaliseMissingStop } from "../objectives/advantages.ts";
import type { ConfigOf } from "../runs/config.ts";
import type { MeanInterval } from "../stats/intervals.ts";
import { meanInterval } from "../stats/intervals.ts";
import { bestOfN as expectedBest, bestOfNKl } from "../stats/over-optimisation.ts";
import type { Encoder } from "../text/encoder.ts";
import type { bestOfNConfig } from "./best-of-n.config.ts";
import type { PolicyReward } from "./policy-method.ts";
import { openReward } from "./policy-method.ts";
import { Rewards, finiteScores } from "./rewards.ts";
import type { Rollout } from "./rollout.ts";
import { encodePrompts, samplingEngine } from "./rollout.ts";

export type BestOfNConfig = ConfigOf<typeof bestOfNConfig>;

export interface BestOfNInput {
  model: Model;
  encoder: Encoder;
  prompts: readonly PromptRecord[];
  rewards: readonly PolicyReward[];
  /** Scores every answer, and chooses none. */
  heldOutReward?: PolicyReward | undefined;
}

/** All answers to one prompt; the first of the highest reward is the best. */
export interface BestOfNChoice {
  record: PromptRecord;
  best: number;
  answers: { text: string; stopped: boolean; score: number; heldOutScore?: number }[];
}

/** What best-of-k would give, k <= n. */
export interface BestOfNPoint {
  k: number;
  /** Upper bound of the KL from the policy, nats. */
  kl: number;
  /** Means over prompts, without bias; intervals over prompts. */
  score: MeanInterval;
  heldOutScore?: MeanInterval;
}

export interface BestOfNResult {
  choices: BestOfNChoice[];
  /** For k = 1, 2, 4, ... and n. */
  curve: BestOfNPoint[];
}

/**
 * @throws AttuneError `interrupted` where the signal came; `numeric` where a reward is no number
 */
export async function bestOfN({ model, encoder, prompts: records, rewards: given, heldOutReward }: BestOfNInput, config: BestOfNConfig, { signal, onProgress }: { signal?: AbortSignal; onProgress?: (prompts: number) => void } = {}): Promise<BestOfNResult> {
  const { prompts } = encodePrompts(records, encoder, { maxLength: Math.min(config.maxLength, model.config.maxPositions), maxNewTokens: config.maxNewTokens });
  const rewards = new Rewards(given.map((reward) => openReward(reward, encoder, config)), config);
  const heldOut = heldOutReward && openReward(heldOutReward, encoder, config);
  const engine = samplingEngine(model, encoder);
  const together = Math.max(1, Math.floor(config.rolloutBatch / config.samples));
  try {
    const rolled: Rollout[] = [];
    for (let start = 0; start < prompts.length; start += together) {
      rolled.push(...(await engine.roll(prompts.slice(start, start + together), { ...config, seed: config.seed + start }, signal)));
      if (signal?.aborted) throw new AttuneError("interrupted", `stopped after ${start} of ${prompts.length} prompts`);
      onProgress?.(Math.min(prompts.length, start + together));
    }
    await engine.release();
    // The scale is that of the policy's own answers.
    if (rewards.needsScale) await rewards.measure(rolled);
    const { scores } = await rewards.score(rolled);
    await rewards.release();
    const other = heldOut && (await finiteScores(heldOut, rolled));
    const choices = prompts.map(({ record }, index): BestOfNChoice => {
      const answers = rolled.slice(index * config.samples, (index + 1) * config.samples).map(({ text, stopped }, i) => {
        const at = index * config.samples + i;
        return { text, stopped, score: penaliseMissingStop(scores[at]!, stopped, config.missingEosPenalty), ...(other ? { heldOutScore: other[at]! } : {}) };
      });
      return { record, answers, best: answers.reduce((best, { score }, i) => (score > answers[best]!.score ? i : best), 0) };
    });
    return { choices, curve: curveOf(choices, config.samples) };
  } finally {
    await Promise.all([engine.release(), rewards.close(), heldOut?.close()]);
  }
}

function curveOf(choices: readonly BestOfNChoice[], n: number): BestOfNPoint[] {
  const sizes = [...new Set([...Array.from({ length: Math.floor(Math.log2(n)) + 1 }, (_, power) => 2 ** power), n])];
  const judged = choices[0]?.answers[0]?.heldOutScore !== undefined;
  return sizes.map((k) => {
    const mean = (value: (answer: BestOfNChoice["answers"][number]) => number): MeanInterval => meanInterval(choices.map(({ answers }) => expectedBest(answers.map(({ score }) => score), answers.map(value), k)));
    return { k, kl: bestOfNKl(k), score: mean(({ score }) => score), ...(judged ? { heldOutScore: mean(({ heldOutScore }) => heldOutScore!) } : {}) };
  });
}
