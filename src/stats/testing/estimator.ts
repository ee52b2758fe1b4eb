/** What the rows of the table of coverage are made of. */
import type { Random } from "../../core/random.ts";
import type { Interval } from "../intervals.ts";

export interface Data {
  clusters: number[];
  /** A number in [0, 1) for each observation, alike within clusters. */
  uniform: () => number[];
  normal: () => number[];
}

export interface Outcome {
  interval: Interval;
  truth: number;
  pValue?: number;
}

export type Estimator = (data: Data, random: Random) => Outcome;

/** 1 and -1 with probability p / 2 each. */
export const signs = (uniform: readonly number[], p: number): number[] =>
  uniform.map((u) => (u < p / 2 ? -1 : u < p ? 1 : 0));
