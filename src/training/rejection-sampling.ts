/**
 * Rejection-sampling fine-tuning (RAFT): the policy answers, a reward chooses, and the policy imitates what was chosen; again and again.
 *
 * One step: 1. roll out; 2. score; 3. choose; 4. passes of minibatches over the chosen answers with the SFT loss; 5. metrics.
 *
 * Source: Dong et al. 2023 (arXiv 2304.06767, RAFT); Touvron et al. 2023 (Llama 2), section 3.2.3.
 * Difference: 1. the likelihood that is learned is the one at the temperature of sampling, as everywhere in roll-outs; at the default of 1
 * it is the model's own.
 */
import type { Objective, StepResult } from "../models/plans/plan.ts";
import { sftObjective } from "../objectives/sft.ts";
import type { ConfigOf } from "../runs/config.ts";
import type { Metrics, TrainingEvent } from "../runs/events.ts";
import { mean } from "../stats/intervals.ts";
import type { LoopContext, MicroBatch } from "./loop.ts";
import type { PolicyInput, ReadRollouts } from "./policy-method.ts";
import { PolicyMethod, constant, entropyOf, groupMetrics, perRead } from "./policy-method.ts";
import type { rejectionSamplingConfig } from "./rejection-sampling.config.ts";
import type { RolloutStep } from "./rollout-loop.ts";
import { rolloutLoop } from "./rollout-loop.ts";

export type RejectionSamplingConfig = ConfigOf<typeof rejectionSamplingConfig>;

/** Trains, and yields what happens. */
export async function* rejectionSampling(input: PolicyInput, config: RejectionSamplingConfig, context: LoopContext = {}): AsyncGenerator<TrainingEvent> {
  yield* rolloutLoop(new RejectionSamplingMethod(input, config, context.signal), config, context);
}

class RejectionSamplingMethod extends PolicyMethod<RejectionSamplingConfig> {
  readonly name = "rejection-sampling";

  protected objective(): Objective {
    return sftObjective;
  }

  async step(step: number): Promise<RolloutStep | undefined> {
    // 1. Roll out; 2. score.
    const read = await this.collect(step);
    if (!read) return undefined;
    // 3. Choose.
    const chosen = chooseAnswers(read.scores, this.config);
    // 4. Updates.
    const updates: Metrics[] = [];
    for (let pass = 0; pass < this.config.iterations; pass++) {
      for (const members of this.minibatches(chosen.length, step, pass)) updates.push(await this.update(members.map((member) => chosen[member]!), read, step));
    }
    await this.actor.phase.release();
    // 5. Metrics.
    const names = Object.keys(updates[0] ?? {}) as (keyof Metrics)[];
    const means = Object.fromEntries(names.map((name) => [name, mean(updates.map((update) => update[name]!))])) as Metrics;
    const kept = chosen.length > 0 ? { "objective/kept_scores": mean(chosen.map((answer) => read.scores[answer]!)) } : {};
    const warnings = chosen.length > 0 ? [] : [{ id: "nothing-kept", message: `no answer of roll-out ${step + 1} has a reward of ${this.config.threshold} or more, so nothing was learned from it: a lower threshold, or keep best` }];
    return this.finish(read, step, { ...groupMetrics(read.scores, this.config.samples), "objective/kept_share": chosen.length / read.scores.length, ...kept, ...means }, warnings);
  }

  private async update(answers: readonly number[], { rows, old }: ReadRollouts, step: number): Promise<Metrics> {
    const tokens = answers.reduce((total, answer) => total + old[answer]!.length, 0);
    const batches = this.batches(rows, answers).map((batch): MicroBatch => ({ batch: batch.laid.batch, tokens: batch.laid.tokens, inputs: { slope: perRead(constant(batch, -1 / tokens)) } }));
    const results: StepResult[] = await this.actor.gradients(batches);
    const loss = results.reduce((total, result) => total + result.loss, 0);
    const norm = await this.actor.update(this.rate(this.config.learningRate, step), { step: step + 1, loss });
    return { loss, grad_norm: norm, "policy/entropy_avg": entropyOf(results) };
  }
}

/** Indices of the answers to learn from. Of equal ones the first counts as better. */
export function chooseAnswers(scores: readonly number[], { keep, samples, share, threshold }: Pick<RejectionSamplingConfig, "keep" | "samples" | "share" | "threshold">): number[] {
  const indices = scores.map((_, index) => index);
  if (keep === "threshold") return indices.filter((index) => scores[index]! >= threshold);
  if (keep === "share") return indices.toSorted((a, b) => scores[b]! - scores[a]! || a - b).slice(0, Math.max(1, Math.round(share * scores.length))).toSorted((a, b) => a - b);
  return Array.from({ length: scores.length / samples }, (_, group) => indices.slice(group * samples, (group + 1) * samples).reduce((best, index) => (scores[index]! > scores[best]! ? index : best)));
}
