/** Whether one model is better than another in a judge's opinion, and the sentence that says so. */
import { countOf } from "../../core/counts.ts";
import type { Interval } from "../../stats/intervals.ts";
import { formatNumber } from "../table.ts";
import type { Outcome, PairJudgements, PairVerdict } from "./comparison.ts";

/** "61% [55, 67]". */
export function percent({ estimate, low, high, noClaim }: Interval): string {
  const whole = (share: number): string => formatNumber(100 * share, 0);
  return noClaim === undefined
    ? `${whole(estimate)}% [${whole(low)}, ${whole(high)}]`
    : `${whole(estimate)}% (no interval: ${noClaim})`;
}

export interface VerdictInput {
  outcome: Outcome | undefined;
  pair: PairJudgements;
  /** Why the answers show nothing, whoever judges. */
  inconclusive?: string | undefined;
  options: { confidence: number; margin?: number | undefined };
  /** Comparisons of this judge whose verdicts must hold together. */
  comparisons: number;
}

export function pairVerdict({ outcome, pair, inconclusive, options }: VerdictInput): PairVerdict {
  const { candidate, baseline } = pair;
  if (inconclusive !== undefined || !outcome)
    return {
      conclusion: "no conclusion",
      sentence: `Nothing can be concluded about ${candidate} against ${baseline}: ${
        inconclusive ?? "no prompt was judged"
      }.`,
    };
  const { rate, adjusted } = outcome;
  const alpha = 1 - options.confidence;
  const surely = adjusted !== undefined && adjusted <= alpha && rate.noClaim === undefined;
  const conclusion =
    surely && rate.low > 0.5
      ? "better"
      : surely && rate.high < 0.5
        ? "worse"
        : "not distinguishable";
  return {
    conclusion,
    sentence:
      `${candidate} is preferred over ${baseline} on ${percent(rate)} of ` +
      `${countOf(outcome.prompts, "prompt")}.`,
  };
}
