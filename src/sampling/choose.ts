/**
 * Choosing the next token from logits: greedy, temperature, top-k, top-p. This is the plain form, which looks at every
 * logit; decoding uses `scores.ts`, which chooses the same tokens from sums that the graph has computed.
 * Source of the order (top-k first, top-p over what it leaves): transformers' logits warpers.
 */
import type { Random } from "../core/random.ts";

export interface SamplingOptions {
  /** 0 for the most likely token. */
  temperature: number;
  /** Keep the k most likely tokens; 0 for all. */
  topK: number;
  /** Keep the most likely of these tokens that together reach this share of their probability; 1 for all. */
  topP: number;
}

export interface Chosen {
  id: number;
  /** log p of the token under softmax(logits / temperature) over the whole vocabulary (temperature 1 where greedy). */
  logp: number;
}

/** What logits are multiplied by before log-probabilities are read; greedy ones are told at temperature 1. */
export function inverseTemperature({ temperature }: Pick<SamplingOptions, "temperature">): number {
  return temperature === 0 ? 1 : 1 / temperature;
}

/** Index of the largest entry, the first of ties. */
export function argmax(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}

/** log of the sum of e^(x / temperature). */
function logSumExp(logits: Float32Array, largest: number, temperature: number): number {
  let total = 0;
  for (let id = 0; id < logits.length; id++) total += Math.exp((logits[id]! - largest) / temperature);
  return largest / temperature + Math.log(total);
}

/** Draws one token; the same random state gives the same token. */
export function chooseToken(logits: Float32Array, { temperature, topK, topP }: SamplingOptions, random: Random): Chosen {
  const best = argmax(logits);
  const largest = logits[best]!;
  if (temperature === 0) return { id: best, logp: largest - logSumExp(logits, largest, 1) };
  const normaliser = logSumExp(logits, largest, temperature);
  const logp = (id: number): number => logits[id]! / temperature - normaliser;
  const all = Array.from(logits.keys());
  const ids = topK === 0 && topP >= 1 ? all : keepMostLikely(all.toSorted((a, b) => logits[b]! - logits[a]! || a - b), { topK, topP }, logp);
  const id = drawInProportion(ids, (id) => Math.exp(logp(id)), random);
  return { id, logp: logp(id) };
}

/** What top-k and top-p leave of ids that are sorted, the most likely first. */
export function keepMostLikely(sorted: readonly number[], { topK, topP }: Pick<SamplingOptions, "topK" | "topP">, logp: (id: number) => number): readonly number[] {
  const ids = topK > 0 ? sorted.slice(0, topK) : sorted;
  if (topP >= 1) return ids;
  let rest = topP * ids.reduce((total, id) => total + Math.exp(logp(id)), 0);
  const cut = ids.findIndex((id) => (rest -= Math.exp(logp(id))) <= 0);
  return cut < 0 ? ids : ids.slice(0, cut + 1);
}

/** One of the ids in proportion to its weight. */
export function drawInProportion(ids: readonly number[], weight: (id: number) => number, random: Random): number {
  let rest = random.uniform() * ids.reduce((total, id) => total + weight(id), 0);
  return ids.find((id) => (rest -= weight(id)) < 0) ?? ids[0]!;
}
