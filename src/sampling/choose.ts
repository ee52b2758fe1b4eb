/** Choosing the next token from logits: greedy, temperature, top-k, top-p. */
import type { Random } from "../core/random.ts";

export interface SamplingOptions {
  /** 0 for the most likely token. */
  temperature: number;
  /** Keep the k most likely tokens; 0 for all. */
  topK: number;
  /** Keep the most likely tokens that together reach this probability; 1 for all. */
  topP: number;
}

export interface Chosen {
  id: number;
  /** log p of the token under softmax(logits / temperature) over the whole vocabulary (temperature 1 where greedy). */
  logp: number;
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
  const probability = (id: number): number => Math.exp(logits[id]! / temperature - normaliser);
  const chosen = (id: number): Chosen => ({ id, logp: logits[id]! / temperature - normaliser });
  if (topK === 0 && topP >= 1) {
    let rest = random.uniform();
    for (let id = 0; id < logits.length; id++) if ((rest -= probability(id)) < 0) return chosen(id);
    return chosen(best);
  }
  const kept = candidates(logits, topK, topP, probability);
  let rest = random.uniform() * kept.reduce((total, id) => total + probability(id), 0);
  return chosen(kept.find((id) => (rest -= probability(id)) < 0) ?? best);
}

/** Ids that top-k and top-p leave, the most likely first. */
function candidates(logits: Float32Array, topK: number, topP: number, probability: (id: number) => number): number[] {
  let ids = Array.from(logits.keys()).toSorted((a, b) => logits[b]! - logits[a]! || a - b);
  if (topK > 0) ids = ids.slice(0, topK);
  if (topP >= 1) return ids;
  let total = 0;
  const cut = ids.findIndex((id) => (total += probability(id)) >= topP);
  return cut < 0 ? ids : ids.slice(0, cut + 1);
}
