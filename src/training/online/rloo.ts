/**
 * REINFORCE leave-one-out: several answers to each prompt, each judged against the mean of the
 * others.
 *
 * One step: 1. roll out; 2. score at the stop token; 3. log-probabilities of policy and reference;
 * 4. the answer's KL in its reward;
 * 5. leave-one-out advantages; 6. passes of minibatches with the ratio of whole answers; 7.
 * metrics.
 *
 * Source: Kool et al. 2019; Ahmadian et al. 2024 (arXiv 2402.14740); TRL's rloo_trainer.py.
 * Differences from TRL: 1. the log-probabilities before the update are always read by the training
 * forward pass, and the first minibatch must have ratio 1; 2. nothing is read from padding.
 */
import type { StepResult } from "../../models/plans/plan.ts";
import { leaveOneOut, standardise } from "../../objectives/group-advantages.ts";
import { evaluateStep } from "../../objectives/evaluate.ts";
import { k2 } from "../../objectives/kl.ts";
import type { SequencePolicyObjective } from "../../objectives/sequence-policy.ts";
import { sequencePolicyObjective } from "../../objectives/sequence-policy.ts";
import type { ConfigOf } from "../../config/config.ts";
import type { TrainingEvent } from "../../runs/events.ts";
import { mean } from "../../stats/intervals.ts";
import type { LoopContext, MicroBatch } from "../loop.ts";
import type { PolicyInput, Update } from "../rollout/policy-method.ts";
import {
  PolicyMethod,
  entropyOf,
  groupMetrics,
  logRatiosOf,
  movesOf,
  perRead,
  sum,
  updateMetrics,
} from "../rollout/policy-method.ts";
import type { rlooConfig } from "./rloo.config.ts";
import type { RolloutStep } from "../rollout/rollout-loop.ts";
import { rolloutLoop } from "../rollout/rollout-loop.ts";
import { joinReads } from "../rollout/rollout.ts";

export type RlooConfig = ConfigOf<typeof rlooConfig>;

/** Trains, and yields what happens. */
export async function* rloo(
  input: PolicyInput,
  config: RlooConfig,
  context: LoopContext = {},
): AsyncGenerator<TrainingEvent> {
  yield* rolloutLoop(new RlooMethod(input, config, context.signal), config, context);
}

class RlooMethod extends PolicyMethod<RlooConfig, SequencePolicyObjective> {
  readonly name = "rloo";

  protected objective(): SequencePolicyObjective {
    return sequencePolicyObjective(this.config);
  }

  async step(step: number): Promise<RolloutStep | undefined> {
    // 1. Roll out; 2. score at the stop token; 3. log-probabilities.
    const read = await this.collect(step);
    if (!read) return undefined;
    const { samples, kl, normaliseAdvantages, iterations } = this.config;
    // 4. The answer's KL in its reward.
    const divergences = logRatiosOf(read).map(sum);
    const rewards = read.scores.map((score, i) => score - kl.coef * divergences[i]!);
    // 5. Leave-one-out advantages.
    const raw = leaveOneOut(rewards, samples);
    const advantages = normaliseAdvantages ? standardise(raw) : raw;
    // 6. Updates.
    const updates = await this.updateActor(read, step, {
      epochs: iterations,
      inputs: (batch, { members }) => ({
        oldLogps: perRead(joinReads(read.old, batch)),
        sequence: batch.laid.sequenceOfRead,
        advantages: perRead(Float32Array.from(batch.members, (member) => advantages[member]!)),
        weight: perRead(new Float32Array(batch.members.length).fill(1 / members.length)),
      }),
      measure: (results, batches) => sequenceUpdate(results, batches, this.config),
    });
    await this.actor.phase.release();
    // 7. Metrics.
    const penalty = -kl.coef * mean(divergences);
    return this.finish(read, step, {
      "objective/kl_coef": kl.coef,
      "objective/non_score_reward": penalty,
      "objective/rlhf_reward": mean(read.scores) + penalty,
      ...groupMetrics(read.scores, samples),
      ...updateMetrics(updates),
    });
  }
}

/** Means over the answers of one update. */
function sequenceUpdate(
  results: readonly StepResult<SequencePolicyObjective>[],
  batches: readonly MicroBatch<SequencePolicyObjective>[],
  config: RlooConfig,
): Update {
  const { losses, ratio, clipped } = evaluateStep(
    sequencePolicyObjective(config),
    results,
    batches,
  );
  return {
    "loss/policy_avg": mean(losses),
    "policy/approxkl_avg": mean(movesOf(results, batches).map(k2)),
    "policy/clipfrac_avg": mean(clipped),
    "policy/entropy_avg": entropyOf(results),
    "val/ratio": mean(ratio),
  };
}
