/**
 * Online DPO: the policy answers, a reward or a judge says which of two answers is better, and DPO
 * learns from that pair at once.
 *
 * One step: 1. roll out; 2. score, and log-probabilities of policy and reference; 3. the best and
 * the worst answer to each prompt are a pair, unless they are equal; 4. minibatches of pairs with
 * the losses of DPO; 5. metrics.
 *
 * Source: Guo et al. 2024 (arXiv 2402.04792); TRL's online_dpo_trainer.py.
 * Differences from TRL: 1. a pair of equal scores (or a judge's 0.5) teaches nothing and is left
 * out, where TRL takes the first answer as the better one; 2. more than two answers may be drawn;
 * 3. a judge's probability is a soft label for the losses that take one; 4. every loss of DPO may
 * be used; 5. log-probabilities are at the temperature of sampling, as everywhere in roll-outs. As
 * in TRL, a judge sees the texts alone: the penalty of a missing end is of rewards.
 */
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { float32 } from "../../core/tensor.ts";
import type { InputsOf, StepResult } from "../../models/plans/plan.ts";
import type { AnswerPair } from "../../objectives/choices.ts";
import { extremePairs } from "../../objectives/choices.ts";
import type { PairObjective } from "../../objectives/pairs.ts";
import { pairObjective } from "../../objectives/pairs.ts";
import type { ConfigOf } from "../../config/config.ts";
import type { Metrics, TrainingEvent } from "../../runs/events.ts";
import { mean } from "../../stats/intervals.ts";
import { lossWeights, pairMetrics, readPairs } from "../offline/dpo-metrics.ts";
import type { Judge } from "./judge.ts";
import { judgePairs } from "./judge.ts";
import { layShared } from "../layout.ts";
import type { LoopContext, MicroBatch } from "../loop.ts";
import { Moves } from "../rollout/moves.ts";
import type { onlineDpoConfig } from "./online-dpo.config.ts";
import type { PolicyInput, ReadRollouts, Update } from "../rollout/policy-method.ts";
import {
  PolicyMethod,
  groupMetrics,
  logRatiosOf,
  sum,
  updateMetrics,
} from "../rollout/policy-method.ts";
import type { Memory, RolloutStep } from "../rollout/rollout-loop.ts";
import { rolloutLoop } from "../rollout/rollout-loop.ts";
import type { Rollout, RolloutBatch } from "../rollout/rollout.ts";
import { joinReads } from "../rollout/rollout.ts";

export type OnlineDpoConfig = ConfigOf<typeof onlineDpoConfig>;

export interface OnlineDpoInput extends PolicyInput {
  /** In place of rewards, which are empty then; the option `judge` names it. */
  judge?: Judge;
}

/**
 * Trains, and yields what happens.
 * @throws AttuneError `config` where the options ask for a judge and there is none, or the other
 * way round
 */
export async function* onlineDpo(
  input: OnlineDpoInput,
  config: OnlineDpoConfig,
  context: LoopContext = {},
): AsyncGenerator<TrainingEvent> {
  yield* rolloutLoop(new OnlineDpoMethod(input, config, context.signal), config, context);
}

class OnlineDpoMethod extends PolicyMethod<OnlineDpoConfig, PairObjective, OnlineDpoInput> {
  readonly name = "online-dpo";
  /** Why pairs of this step have no judgement. */
  private refused: readonly string[] = [];

  constructor(input: OnlineDpoInput, config: OnlineDpoConfig, signal: AbortSignal | undefined) {
    const asked = config.judge !== "";
    if ((input.judge !== undefined) !== asked || input.rewards.length > 0 === asked) {
      throw new AttuneError("config", "a judge stands in place of rewards", {
        got:
          `${input.judge ? "a judge" : "no judge"} and ${input.rewards.length} rewards, with the ` +
          `option judge ${asked ? config.judge : "empty"}`,
        expected: "one of the two, as the options say",
      });
    }
    // a judge gives no level that could part from the held-out reward's
    super(input, input.judge ? { ...config, guard: "off" } : config, signal);
  }

  protected objective(): PairObjective {
    return pairObjective(lossWeights(this.config), this.config);
  }

  override async prepare(memory: Memory | undefined): Promise<RolloutStep["warnings"]> {
    const warnings = await super.prepare(memory);
    return this.input.judge ? warnings.filter(({ id }) => id !== "held-out-disagrees") : warnings;
  }

  protected override async score(
    rollouts: readonly Rollout[],
  ): Promise<{ proxy: number[]; scores: number[] }> {
    const { judge } = this.input;
    if (!judge) return super.score(rollouts);
    const pairs = Array.from(
      { length: rollouts.length / 2 },
      (_, pair) => [rollouts[2 * pair]!, rollouts[2 * pair + 1]!] as const,
    );
    const { chances, refused } = await judgePairs(judge, pairs, this.signal);
    this.refused = refused;
    const scores = this.signal?.aborted
      ? rollouts.map(() => 0.5)
      : chances.flatMap((p) => [p, 1 - p]);
    return { proxy: scores, scores };
  }

  async step(step: number): Promise<RolloutStep | undefined> {
    // 1. Roll out; 2. score, log-probabilities.
    const read = await this.collect(step);
    if (!read) return undefined;
    // 3. Pairs.
    const { judge } = this.input;
    const { samples, beta, iterations } = this.config;
    const pairs = extremePairs(read.scores, samples).map((pair) =>
      judge ? { ...pair, p: read.scores[pair.chosen]! } : pair,
    );
    // 4. Updates.
    const updates = pairs.length === 0 ? [] : await this.learn(pairs, read, step, iterations);
    await this.actor.phase.release();
    // 5. Metrics.
    const penalty = -beta * mean(logRatiosOf(read).map(sum));
    const gaps = pairs.map(({ chosen, rejected }) => read.scores[chosen]! - read.scores[rejected]!);
    const own: Metrics = {
      beta,
      "objective/non_score_reward": penalty,
      "objective/scores_margin": sum(gaps) / (read.rollouts.length / samples),
      "val/contain_eos_token": mean(read.rollouts.map(({ stopped }) => Number(stopped))),
    };
    const idle =
      pairs.length > 0
        ? []
        : [
            {
              id: "no-informative-group",
              message:
                `all answers to each prompt of roll-out ${step + 1} are judged the same, so ` +
                "nothing was learned from it: other prompts, a finer reward, more samples or a " +
                "higher temperature",
            },
          ];
    const silent =
      this.refused.length === 0
        ? []
        : [
            {
              id: "no-judgement",
              message:
                `the judge has no opinion on ${this.refused.length} of ` +
                `${countOf(read.rollouts.length / samples, "pair")} of roll-out ${step + 1}, ` +
                `which are left out: ${this.refused[0]}`,
            },
          ];
    const level = judge ? {} : { "objective/rlhf_reward": mean(read.scores) + penalty };
    return this.withoutLevel(
      this.finish(
        read,
        step,
        { ...own, ...level, ...groupMetrics(read.scores, samples), ...updateMetrics(updates) },
        [...silent, ...idle],
      ),
    );
  }

  /** A judge's scores are one half on average, whatever the policy does. */
  private withoutLevel(done: RolloutStep): RolloutStep {
    if (!this.input.judge) return done;
    const {
      "objective/scores": _mean,
      "objective/scores_std": _deviation,
      ...metrics
    } = done.metrics;
    return { ...done, metrics };
  }

  private learn(
    pairs: readonly AnswerPair[],
    read: ReadRollouts,
    step: number,
    epochs: number,
  ): Promise<Update[]> {
    const { rollouts, old, reference } = read;
    const sides = ({ chosen, rejected }: AnswerPair) => [chosen, rejected] as const;
    const rows = pairs.map((pair) =>
      layShared(
        rollouts[pair.chosen]!.prompt.ids,
        sides(pair).map((answer) => rollouts[answer]!.ids),
      ),
    );
    const before = pairs.map((pair) =>
      Float64Array.from(sides(pair).flatMap((answer) => [...old[answer]!])),
    );
    const perSide = (members: readonly number[], value: (answer: number) => number) =>
      float32(
        [members.length, 2],
        members.flatMap((member) => sides(pairs[member]!).map(value)),
      );
    const moves = new Moves();
    const inputs = (
      batch: RolloutBatch,
      { members }: { members: readonly number[] },
    ): InputsOf<PairObjective> => {
      const reads = joinReads(before, batch);
      const count = batch.members.length;
      return moves.remember(
        {
          sequence: batch.laid.sequenceOfRead,
          reference: perSide(batch.members, (answer) => sum(reference[answer]!)),
          lengths: perSide(batch.members, (answer) => rollouts[answer]!.ids.length),
          p: float32(
            [count],
            batch.members.map((member) => pairs[member]!.p),
          ),
          scale: float32([count], new Float32Array(count).fill(1 / members.length)),
          sftSlope: float32([reads.length], new Float32Array(reads.length)),
        },
        reads,
      );
    };
    return this.updateActor({ ...read, rows, old: before }, step, {
      epochs,
      inputs,
      measure: (results, batches) => ({
        ...this.measure(results, batches),
        ...moves.measure(results, batches),
      }),
    });
  }

  private measure(
    results: readonly StepResult<PairObjective>[],
    batches: readonly MicroBatch<PairObjective>[],
  ): Update {
    const pairs = results.flatMap(({ metrics }, i) => {
      const { reference, lengths, p } = batches[i]!.inputs;
      return readPairs(metrics.logps.data, {
        reference: reference.data,
        lengths: lengths.data,
        p: p.data,
        columns: 2,
      });
    });
    return {
      loss: results.reduce((total, { loss }) => total + loss, 0),
      ...(pairMetrics(pairs, this.config, undefined) as Update),
    };
  }
}
