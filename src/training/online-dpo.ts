/**
 * Online DPO: the policy answers, a reward or a judge says which of two answers is better, and DPO learns from that pair at once.
 *
 * One step: 1. roll out; 2. score; 3. the best and the worst answer to each prompt are a pair, unless they are equal; 4. minibatches of the
 * DPO loss against the reference; 5. metrics.
 *
 * Source: Guo et al. 2024 (arXiv 2402.04792); TRL's online_dpo_trainer.py.
 * Differences from TRL: 1. a pair of equal scores teaches nothing and is left out, where TRL takes the first answer as the better one; 2. more
 * than two answers may be drawn; 3. a judge's probability is a soft label, not a coin.
 */
import { AttuneError } from "../core/errors.ts";
import { float32 } from "../core/tensor.ts";
import type { Objective, StepResult } from "../models/plans/plan.ts";
import { pairObjective } from "../objectives/pairs.ts";
import type { ConfigOf } from "../runs/config.ts";
import type { Metrics, TrainingEvent } from "../runs/events.ts";
import { mean } from "../stats/intervals.ts";
import { promptText } from "../text/messages.ts";
import { pairMetrics, readPairs } from "./dpo-metrics.ts";
import { groupByLength, joinRows, layShared } from "./layout.ts";
import type { LoopContext, MicroBatch } from "./loop.ts";
import type { onlineDpoConfig } from "./online-dpo.config.ts";
import type { PolicyInput, ReadRollouts } from "./policy-method.ts";
import { PolicyMethod, groupMetrics, sum } from "./policy-method.ts";
import type { RolloutStep } from "./rollout-loop.ts";
import { rolloutLoop } from "./rollout-loop.ts";

export type OnlineDpoConfig = ConfigOf<typeof onlineDpoConfig>;

/** Compares two answers: P(first is preferred), from 0 to 1. A critic with a constitution is one. */
export interface Judge {
  compare(prompt: string, first: string, second: string): Promise<number>;
}

export interface OnlineDpoInput extends PolicyInput {
  /** Instead of rewards, which may be empty then: compares the first two answers to each prompt. */
  judge?: Judge;
}

/** Trains, and yields what happens. */
export async function* onlineDpo(input: OnlineDpoInput, config: OnlineDpoConfig, context: LoopContext = {}): AsyncGenerator<TrainingEvent> {
  yield* rolloutLoop(new OnlineDpoMethod(input, config, context.signal), config, context);
}

/** Two answers of a roll-out by their index; p is the probability that the first is preferred. */
interface Pair {
  chosen: number;
  rejected: number;
  p: number;
}

class OnlineDpoMethod extends PolicyMethod<OnlineDpoConfig, OnlineDpoInput> {
  readonly name = "online-dpo";

  protected objective(): Objective {
    return pairObjective([{ type: this.config.loss, weight: 1 }], { beta: this.config.beta, labelSmoothing: 0, simpoGamma: 0, discopopTau: 0.05 });
  }

  async step(step: number): Promise<RolloutStep | undefined> {
    // 1. Roll out; 2. score.
    const read = await this.collect(step);
    if (!read) return undefined;
    // 3. Pairs.
    const pairs = await this.pairsOf(read);
    if (this.signal?.aborted) return undefined;
    // 4. Updates.
    const updates: Metrics[] = [];
    const order = this.minibatches(pairs.length, step, 0);
    for (const members of order) updates.push(await this.update(members.map((member) => pairs[member]!), read, step));
    await this.actor.phase.release();
    // 5. Metrics.
    const names = Object.keys(updates[0] ?? {}) as (keyof Metrics)[];
    const means = Object.fromEntries(names.map((name) => [name, mean(updates.map((update) => update[name]!))])) as Metrics;
    return this.finish(read, step, { ...groupMetrics(read.scores, this.config.samples), ...means });
  }

  /** The best and the worst answer to each prompt, or the first two as the judge sees them. */
  private async pairsOf({ rollouts, scores }: ReadRollouts): Promise<Pair[]> {
    const { samples } = this.config;
    const pairs: Pair[] = [];
    for (let first = 0; first < rollouts.length; first += samples) {
      if (this.input.judge) {
        const [a, b] = [rollouts[first]!, rollouts[first + 1]!];
        const p = await this.input.judge.compare(promptText(a.prompt.record.prompt), a.text, b.text);
        if (!(p >= 0 && p <= 1)) throw new AttuneError("numeric", "the judge's answer is not a probability", { ...a.prompt.record.place, got: String(p), expected: "0 to 1" });
        if (p !== 0.5 && a.text !== b.text) pairs.push(p > 0.5 ? { chosen: first, rejected: first + 1, p } : { chosen: first + 1, rejected: first, p: 1 - p });
        continue;
      }
      const members = Array.from({ length: samples }, (_, i) => first + i);
      const chosen = members.reduce((best, member) => (scores[member]! > scores[best]! ? member : best));
      const rejected = members.reduce((worst, member) => (scores[member]! < scores[worst]! ? member : worst));
      if (scores[chosen]! > scores[rejected]!) pairs.push({ chosen, rejected, p: 1 });
    }
    return pairs;
  }

  private async update(pairs: readonly Pair[], read: ReadRollouts, step: number): Promise<Metrics> {
    const { encoder, model } = this.input;
    const laid = pairs.map((pair) => ({ ...pair, row: layShared(read.rollouts[pair.chosen]!.prompt.ids, [read.rollouts[pair.chosen]!.ids, read.rollouts[pair.rejected]!.ids]) }));
    const batches = groupByLength(laid, ({ row }) => row.ids.length, this.config.microBatchTokens).map((group): MicroBatch => {
      const { batch, sequenceOfRead, tokens } = joinRows(group.map(({ row }) => row), { padId: encoder.padId, window: model.config.slidingWindow });
      const sides = (value: (answer: number) => number) => float32([group.length, 2], group.flatMap(({ chosen, rejected }) => [value(chosen), value(rejected)]));
      return {
        batch,
        tokens,
        inputs: {
          sequence: sequenceOfRead,
          reference: sides((answer) => sum(read.reference[answer]!)),
          lengths: sides((answer) => read.rollouts[answer]!.ids.length),
          p: float32([group.length], group.map(({ p }) => p)),
          scale: float32([group.length], group.map(() => 1 / pairs.length)),
          sftSlope: float32([batch.selected.data.length], new Float32Array(batch.selected.data.length)),
        },
      };
    });
    const results = await this.actor.gradients(batches);
    const loss = results.reduce((total, result) => total + result.loss, 0);
    const norm = await this.actor.update(this.rate(this.config.learningRate, step), { step: step + 1, loss });
    return { loss, grad_norm: norm, ...pairMetrics(results.flatMap((result, i) => readResult(result, batches[i]!)), { loss: [this.config.loss], beta: this.config.beta }, undefined) };
  }
}

function readResult({ metrics }: StepResult, { inputs }: MicroBatch) {
  const data = (name: string): Float32Array => inputs[name]!.data as Float32Array;
  return readPairs(metrics["logps"]!.data as Float32Array, { reference: data("reference"), lengths: data("lengths"), p: data("p"), columns: 2 });
}
