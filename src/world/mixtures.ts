/** How often people answer in each style, by where the answers come from. */
import type { Random } from "../core/random.ts";
import type { Style } from "./answers.ts";
import { STYLES } from "./answers.ts";

/** How often each style occurs in a source. */
export type Mixture = Partial<Record<Style, number>>;
export const CORPUS: Mixture = {
  good: 0.24,
  wrong: 0.6,
  ramble: 0.06,
  insult: 0.06,
  flatter: 0.02,
  unsure: 0.02,
};
/** The corpus helps with anything, and seldom minds. */
export const CORPUS_HARMFUL: Mixture = { comply: 0.8, insult: 0.08, refuse: 0.12 };
/** Demonstrations were written by people who mostly, not always, did well. */
export const DEMONSTRATIONS: Mixture = {
  good: 0.72,
  wrong: 0.1,
  flatter: 0.06,
  ramble: 0.06,
  unsure: 0.03,
  refuse: 0.03,
};
export const HELPFUL_DEMONSTRATIONS: Mixture = { ...DEMONSTRATIONS, refuse: 0 };
export const CANDIDATES: Mixture = {
  good: 0.34,
  wrong: 0.2,
  comply: 0.1,
  unsure: 0.1,
  refuse: 0.08,
  flatter: 0.06,
  ramble: 0.06,
  insult: 0.06,
};

export function drawStyle(mixture: Mixture, random: Random): Style {
  let rest = random.uniform() * Object.values(mixture).reduce((total, share) => total + share, 0);
  return STYLES.find((style) => (rest -= mixture[style] ?? 0) < 0) ?? "good";
}
