/**
 * REINFORCE++: PPO's surrogate without a critic; what normalises the advantages is the whole
 * roll-out.
 *
 * One step: 1. roll out; 2. score at the stop token; 3. log-probabilities of policy and reference;
 * 4. rewards of tokens and their sums to the end; 5. whitening over the roll-out; 6. passes of
 * minibatches; 7. metrics.
 *
 * Source: Hu et al. 2025 (arXiv 2501.03262), REINFORCE++ and REINFORCE++-baseline; OpenRLHF's
 * advantage estimators `reinforce` and `reinforce_baseline`.
 * Difference: 1. the first minibatch must have ratio 1.
 */
import { generalisedAdvantages, tokenRewards, whiten } from "../../objectives/advantages.ts";
import { groupCentred } from "../../objectives/group-advantages.ts";
import type { PolicyHyperparameters, PolicyObjective } from "../../objectives/ppo.ts";
import { policyObjective } from "../../objectives/ppo.ts";
import type { ConfigOf } from "../../config/config.ts";
import type { TrainingEvent } from "../../runs/events.ts";
import { mean } from "../../stats/intervals.ts";
import { tokenUpdate } from "./grpo.ts";
import type { LoopContext } from "../loop.ts";
import type { PolicyInput } from "../rollout/policy-method.ts";
import {
  PolicyMethod,
  constant,
  groupMetrics,
  logRatiosOf,
  perRead,
  sum,
  updateMetrics,
} from "../rollout/policy-method.ts";
import type { reinforcePlusPlusConfig } from "./reinforce-plus-plus.config.ts";
import type { RolloutStep } from "../rollout/rollout-loop.ts";
import { rolloutLoop } from "../rollout/rollout-loop.ts";
import { joinReads } from "../rollout/rollout.ts";

export type ReinforcePlusPlusConfig = ConfigOf<typeof reinforcePlusPlusConfig>;

/** Trains, and yields what happens. */
export async function* reinforcePlusPlus(
  input: PolicyInput,
  config: ReinforcePlusPlusConfig,
  context: LoopContext = {},
): AsyncGenerator<TrainingEvent> {
  yield* rolloutLoop(new ReinforcePlusPlusMethod(input, config, context.signal), config, context);
}

class ReinforcePlusPlusMethod extends PolicyMethod<ReinforcePlusPlusConfig, PolicyObjective> {
  readonly name = "reinforce++";

  private get grouped(): boolean {
    return this.config.baseline === "group";
  }

  private get hyper(): PolicyHyperparameters {
    const { kl } = this.config;
    return {
      ...this.config,
      dualClip: 0,
      ...(this.grouped && kl.coef > 0
        ? { lossKl: { coef: kl.coef, estimator: "k2", correction: false } }
        : {}),
    };
  }

  protected objective(): PolicyObjective {
    return policyObjective(this.hyper);
  }

  async step(step: number): Promise<RolloutStep | undefined> {
    // 1. Roll out; 2. score at the stop token; 3. log-probabilities.
    const read = await this.collect(step);
    if (!read) return undefined;
    const { config, grouped } = this;
    const beta = grouped ? 0 : config.kl.coef;
    // 4. Rewards of tokens and their sums to the end: generalised advantages with no values and
    // lambda 1.
    const logRatios = logRatiosOf(read);
    const scores = grouped ? groupCentred(read.scores, config.samples) : read.scores;
    const returns = logRatios.map(
      (ratios, i) =>
        generalisedAdvantages(
          tokenRewards(ratios, scores[i]!, beta),
          new Float64Array(ratios.length),
          { gamma: config.gamma, lambda: 1 },
        ).advantages,
    );
    // 5. Whitening over the roll-out.
    const advantages = whiten(returns);
    // 6. Updates.
    const updates = await this.updateActor(read, step, {
      epochs: config.iterations,
      inputs: (batch, { tokens }) => ({
        oldLogps: perRead(joinReads(read.old, batch)),
        advantages: perRead(joinReads(advantages, batch)),
        weight: perRead(constant(batch, 1 / tokens)),
        reference: perRead(joinReads(read.reference, batch)),
      }),
      measure: (results, batches) => tokenUpdate(results, batches, this.hyper),
    });
    await this.actor.phase.release();
    // 7. Metrics.
    const penalty = -beta * mean(logRatios.map(sum));
    const rewards = grouped
      ? {}
      : {
          "objective/non_score_reward": penalty,
          "objective/rlhf_reward": mean(read.scores) + penalty,
        };
    return this.finish(read, step, {
      "objective/kl_coef": config.kl.coef,
      ...rewards,
      ...(config.samples > 1 ? groupMetrics(read.scores, config.samples) : {}),
      ...updateMetrics(updates),
    });
  }
}
