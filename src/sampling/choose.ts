/**
 * Choosing the next token from logits: greedy, temperature, top-k, top-p, min-p. This is the plain
 * form, which looks at every logit; decoding uses `scores.ts`, which chooses the same tokens from
 * sums that the graph has computed.
 *
 * Source of the order and of what is kept: transformers' logits warpers. Temperature comes first;
 * top-k keeps the k most likely and whatever ties with the last of them; top-p keeps a token of
 * what is left while those before it have less than the share; min-p compares with the most likely.
 * Differences: 1. of ties at top-p's edge the first are kept, where transformers' sort decides by
 * chance.
 */
import type { Random } from "../core/random.ts";

/** How a token is chosen. */
export interface SamplingOptions {
  /** 0 for the most likely token. */
  temperature: number;
  /** Keep the k most likely tokens; 0 for all. */
  topK: number;
  /**
   * Keep the most likely of these tokens that together reach this share of their probability; 1 for
   * all.
   */
  topP: number;
  /**
   * Keep the tokens that are at least this share as likely as the most likely one; default 0, all.
   */
  minP?: number;
}

/** The options that leave tokens out. */
export type Filters = Pick<SamplingOptions, "topK" | "topP" | "minP">;

/** Whether no token is left out. */
export function keepsAll({ topK, topP, minP = 0 }: Filters): boolean {
  return topK === 0 && topP >= 1 && minP <= 0;
}

/** A token with how likely it was. */
export interface ChosenToken {
  /** Its id in the vocabulary. */
  id: number;
  /**
   * log p of the token under softmax(logits / temperature) over the whole vocabulary (temperature 1
   * where greedy).
   */
  logp: number;
}

/** Coldest temperature: below it, 1 / temperature leaves float32. */
const COLDEST = 1e-30;

/**
 * What logits are multiplied by before log-probabilities are read; greedy ones are told at
 * temperature 1.
 */
export function inverseTemperature({ temperature }: Pick<SamplingOptions, "temperature">): number {
  return temperature === 0 ? 1 : 1 / Math.max(temperature, COLDEST);
}

/** Index of the largest entry, the first of ties. */
export function argmax(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}

/** Draws one token; the same random state gives the same token. */
export function chooseToken(
  logits: Float32Array,
  sampling: SamplingOptions,
  random: Random,
): ChosenToken {
  const best = argmax(logits);
  const inverse = inverseTemperature(sampling);
  const weight = (id: number): number => Math.exp((logits[id]! - logits[best]!) * inverse);
  const all = Array.from(logits.keys());
  const total = all.reduce((sum, id) => sum + weight(id), 0);
  const logp = (id: number): number => (logits[id]! - logits[best]!) * inverse - Math.log(total);
  if (sampling.temperature === 0) return { id: best, logp: logp(best) };
  const sorted = (): number[] => all.toSorted((a, b) => logits[b]! - logits[a]! || a - b);
  const ids = keepsAll(sampling) ? all : keepMostLikely(sorted(), sampling, { weight, total });
  const id = drawInProportion(ids, weight, random);
  return { id, logp: logp(id) };
}

export interface Weights {
  /**
   * e^(how far a token's logit is below the largest, at the temperature): 1 for the most likely.
   */
  weight: (id: number) => number;
  /** Sum over the whole vocabulary, also where the sorted ids are only its head. */
  total: number;
}

/** What the filters leave of ids that are sorted, the most likely first. */
export function keepMostLikely(
  sorted: readonly number[],
  { topK, topP, minP = 0 }: Filters,
  { weight, total }: Weights,
): readonly number[] {
  let ids = sorted;
  if (topK > 0 && topK < ids.length) {
    const least = weight(ids[topK - 1]!);
    ids = ids.filter((id) => weight(id) >= least);
  }
  if (topP < 1) {
    const share = topP * (topK > 0 ? ids.reduce((sum, id) => sum + weight(id), 0) : total);
    let [count, before] = [0, 0];
    while (count < ids.length && (count === 0 || before < share)) before += weight(ids[count++]!);
    ids = ids.slice(0, count);
  }
  const first = ids[0];
  return minP > 0 && first !== undefined
    ? ids.filter((id) => id === first || weight(id) >= minP * weight(first))
    : ids;
}

/** One of the ids in proportion to its weight. */
export function drawInProportion(
  ids: readonly number[],
  weight: (id: number) => number,
  random: Random,
): number {
  let rest = random.uniform() * ids.reduce((total, id) => total + weight(id), 0);
  return ids.find((id) => (rest -= weight(id)) < 0) ?? ids[0]!;
}
