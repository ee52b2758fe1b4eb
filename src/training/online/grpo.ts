/**
 * Group relative policy optimisation: several answers to each prompt, each judged against its
 * group, and the KL in the loss.
 *
 * One step: 1. roll out, again for groups in which every answer has the same reward (dynamic
 * sampling); 2. score; 3. log-probabilities of policy and reference; 4. advantages within the
 * group; 5. passes of minibatches; 6. metrics.
 *
 * Source: Shao et al. 2024 (arXiv 2402.03300); Yu et al. 2025 (DAPO: clip-higher, token mean,
 * dynamic sampling); Liu et al. 2025 (Dr. GRPO); TRL's grpo_trainer.py.
 * Differences from TRL: 1. the log-probabilities before the update are always read by the training
 * forward pass, and the first minibatch must have ratio 1; 2. the reference is read also without a
 * KL term, so that the KL can be watched; 3. `dapo` counts the tokens of the whole minibatch, so
 * TRL's `bnpo` is the same.
 */
import { Random } from "../../core/random.ts";
import type { InputsOf, StepResult } from "../../models/plans/plan.ts";
import { groupRelative, isUninformative, tokenWeight } from "../../objectives/group-advantages.ts";
import { evaluateStep } from "../../objectives/evaluate.ts";
import { k2 } from "../../objectives/kl.ts";
import type { PolicyHyperparameters, PolicyObjective } from "../../objectives/ppo.ts";
import { policyObjective } from "../../objectives/ppo.ts";
import type { ConfigOf } from "../../config/config.ts";
import type { TrainingEvent } from "../../runs/events.ts";
import { mean } from "../../stats/intervals.ts";
import type { grpoConfig } from "./grpo.config.ts";
import type { LoopContext, MicroBatch } from "../loop.ts";
import type { PolicyInput, ReadRollouts, Update } from "../rollout/policy-method.ts";
import {
  PolicyMethod,
  entropyOf,
  groupMetrics,
  movesOf,
  perRead,
  updateMetrics,
} from "../rollout/policy-method.ts";
import type { RolloutStep } from "../rollout/rollout-loop.ts";
import { rolloutLoop } from "../rollout/rollout-loop.ts";
import type { Rollout, RolloutBatch } from "../rollout/rollout.ts";
import { joinReads, rolloutSeed } from "../rollout/rollout.ts";

export type GrpoConfig = ConfigOf<typeof grpoConfig>;

/** Trains, and yields what happens. */
export async function* grpo(
  input: PolicyInput,
  config: GrpoConfig,
  context: LoopContext = {},
): AsyncGenerator<TrainingEvent> {
  yield* rolloutLoop(new GrpoMethod(input, config, context.signal), config, context);
}

interface Judged {
  rollouts: Rollout[];
  proxy: number[];
  scores: number[];
}

class GrpoMethod extends PolicyMethod<GrpoConfig, PolicyObjective> {
  readonly name = "grpo";

  private get hyper(): PolicyHyperparameters {
    const { kl, ...rest } = this.config;
    return { ...rest, ...(kl.coef > 0 ? { lossKl: { ...kl, estimator: "k3" } } : {}) };
  }

  protected objective(): PolicyObjective {
    return policyObjective(this.hyper);
  }

  async step(step: number): Promise<RolloutStep | undefined> {
    // 1. Roll out; 2. score.
    const drawn = await this.draw(step);
    // 3. Log-probabilities.
    const read = drawn && (await this.read(drawn.rollouts, drawn));
    if (!read) return undefined;
    const { samples, scaleRewards, iterations } = this.config;
    // 4. Advantages within the group.
    const advantages = groupRelative(read.scores, samples, scaleRewards);
    // 5. Updates. Where no group tells good from bad there is nothing to learn.
    const idle = advantages.every((advantage) => advantage === 0) && this.config.kl.coef === 0;
    const updates = idle
      ? []
      : await this.updateActor(read, step, {
          epochs: iterations,
          inputs: (batch, minibatch) => this.inputs(read, advantages, batch, minibatch),
          measure: (results, batches) => tokenUpdate(results, batches, this.hyper),
        });
    await this.actor.phase.release();
    // 6. Metrics.
    const warnings = idle
      ? [
          {
            id: "no-informative-group",
            message:
              `all answers to each prompt of roll-out ${step + 1} have the same reward, so ` +
              "nothing was learned from it: other prompts, a finer reward, more samples or a " +
              "higher temperature",
          },
        ]
      : [];
    return this.finish(
      read,
      step,
      {
        "objective/kl_coef": this.config.kl.coef,
        ...groupMetrics(drawn.first, samples),
        ...updateMetrics(updates),
      },
      warnings,
    );
  }

  /**
   * A roll-out; with dynamic sampling, prompts without a difference are replaced by other prompts
   * as far as there are any.
   */
  private async draw(step: number): Promise<(Judged & { first: number[] }) | undefined> {
    const { samples, dynamicSampling, seed } = this.config;
    let kept: Judged = { rollouts: [], proxy: [], scores: [] };
    let spare: Judged = kept;
    let first: number[] | undefined;
    let prompts = this.promptsOf(step);
    const wanted = prompts.length;
    const asked = new Set(prompts);
    for (let attempt = 0; prompts.length > 0; attempt++) {
      const rollouts = await this.rollOut(
        prompts,
        attempt === 0
          ? rolloutSeed(seed, step)
          : Random.for(seed, "rollout", step, "again", attempt).bits(),
      );
      if (!rollouts) return undefined;
      const scored = await this.score(rollouts);
      first ??= scored.scores;
      for (let start = 0; start < rollouts.length; start += samples) {
        const group: Judged = {
          rollouts: rollouts.slice(start, start + samples),
          proxy: scored.proxy.slice(start, start + samples),
          scores: scored.scores.slice(start, start + samples),
        };
        if (isUninformative(group.scores)) spare = join(spare, group);
        else kept = join(kept, group);
      }
      const missing = wanted - kept.rollouts.length / samples;
      if (missing <= 0 || attempt >= dynamicSampling) break;
      const others = this.prompts.filter((prompt) => !asked.has(prompt));
      prompts = Random.for(seed, "prompts", step, "again", attempt)
        .shuffle(others)
        .slice(0, missing);
      for (const prompt of prompts) asked.add(prompt);
    }
    // What was not replaced fills the roll-out up: its advantages are 0.
    const full = join(kept, spare);
    const count = wanted * samples;
    return {
      rollouts: full.rollouts.slice(0, count),
      proxy: full.proxy.slice(0, count),
      scores: full.scores.slice(0, count),
      first: first!,
    };
  }

  private inputs(
    { rollouts, old, reference }: ReadRollouts,
    advantages: readonly number[],
    batch: RolloutBatch,
    { members, tokens }: { members: readonly number[]; tokens: number },
  ): InputsOf<PolicyObjective> {
    const { aggregation, maxNewTokens, maskTruncated } = this.config;
    const counted = (member: number): boolean => !maskTruncated || rollouts[member]!.stopped;
    const total = maskTruncated
      ? members.filter(counted).reduce((count, member) => count + old[member]!.length, 0)
      : tokens;
    const weightOf = (member: number): number =>
      counted(member)
        ? tokenWeight(aggregation, {
            length: old[member]!.length,
            answers: members.length,
            tokens: Math.max(1, total),
            longest: maxNewTokens,
          })
        : 0;
    const spread = (value: (member: number) => number): Float32Array =>
      Float32Array.from(
        batch.members.flatMap((member) => Array.from(old[member]!, () => value(member))),
      );
    return {
      oldLogps: perRead(joinReads(old, batch)),
      advantages: perRead(spread((member) => advantages[member]!)),
      weight: perRead(spread(weightOf)),
      reference: perRead(joinReads(reference, batch)),
    };
  }
}

const join = (a: Judged, b: Judged): Judged => ({
  rollouts: [...a.rollouts, ...b.rollouts],
  proxy: [...a.proxy, ...b.proxy],
  scores: [...a.scores, ...b.scores],
});

/** Token means of one update. */
export function tokenUpdate(
  results: readonly StepResult<PolicyObjective>[],
  batches: readonly MicroBatch<PolicyObjective>[],
  hyper: PolicyHyperparameters,
): Update {
  const { ratio, clipped } = evaluateStep(policyObjective(hyper), results, batches);
  const clippedShare = (test: (ratio: number) => boolean): number =>
    mean(ratio.map((each, token) => (clipped[token] && test(each) ? 1 : 0)));
  return {
    "loss/policy_avg": results.reduce((total, { loss }) => total + loss, 0),
    "policy/approxkl_avg": mean(movesOf(results, batches).map(k2)),
    "policy/clipfrac_avg": mean(clipped),
    "clip_ratio/low_mean": clippedShare((each) => each < 1),
    "clip_ratio/high_mean": clippedShare((each) => each > 1),
    "policy/entropy_avg": entropyOf(results),
    "val/ratio": mean(ratio),
  };
}
