/** Whether one model is better than another in a judge's opinion, and the sentence that says so. */
import { countOf, formatCount } from "../../core/counts.ts";
import type { Interval } from "../../stats/intervals.ts";
import { formatNumber, formatPValue } from "../table.ts";
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
  judge: string;
  /** Why the answers show nothing, whoever judges. */
  inconclusive?: string | undefined;
  confidence: number;
  /** Comparisons of this judge whose verdicts must hold together. */
  comparisons: number;
}

/** A verdict for one pair. */
export function pairVerdict(input: VerdictInput): PairVerdict {
  const { outcome, pair } = input;
  const why = whyNothing(input);
  if (why !== undefined || !outcome)
    return {
      conclusion: "no conclusion",
      ...(outcome && input.inconclusive === undefined ? { few: true as const } : {}),
      sentence: `Nothing can be concluded about ${pair.candidate} against ${pair.baseline}: ${why!}.`,
    };
  const conclusion = conclusionOf(outcome, pair, input.confidence);
  return { conclusion, sentence: `${sentenceOf(conclusion, input)}${further(input)}` };
}

const share = (value: number): string => `${formatNumber(100 * value, 1)}%`;

/** Undefined where something may be concluded. */
function whyNothing({
  outcome,
  pair: { refused },
  judge,
  inconclusive,
  confidence,
  comparisons,
}: VerdictInput): string | undefined {
  if (inconclusive !== undefined) return inconclusive;
  if (!outcome)
    return refused.length > 0
      ? `${judge} has no opinion on any of ${countOf(refused.length, "prompt")}, such as: ` +
          refused[0]!.why.replace(/\.$/, "")
      : "no prompt was judged";
  const { rate, clusters, prompts, equal } = outcome;
  if (rate.noClaim !== undefined)
    return `${countOf(prompts, "prompt")} in all (${rate.noClaim}) ${
      prompts === 1 ? "says" : "say"
    } nothing about others`;
  const units = clusters ?? prompts;
  // a win on every one of them would be no less likely by luck
  if (
    outcome.pValue !== undefined &&
    !equal?.holds &&
    2 ** (1 - units) > (1 - confidence) / comparisons
  )
    return (
      `even a win on all of ${countOf(units, clusters ? "group" : "prompt")}` +
      `${clusters ? " of prompts that depend on each other" : ""} comes of chance alone in ` +
      `${share(2 ** (1 - units))} of such comparisons, and a verdict may in at most ` +
      share((1 - confidence) / comparisons)
    );
  return undefined;
}

/** Error of all comparisons together at most 1 - confidence. */
function conclusionOf(
  { rate, adjusted, equal }: Outcome,
  { sequential }: PairJudgements,
  confidence: number,
): Exclude<PairVerdict["conclusion"], "no conclusion"> {
  if (equal?.holds) return "equal";
  const surely = sequential !== undefined || (adjusted ?? 1) <= 1 - confidence + 1e-12;
  if (surely && rate.low > 0.5) return "better";
  if (surely && rate.high < 0.5) return "worse";
  return "not distinguishable";
}

function sentenceOf(
  conclusion: PairVerdict["conclusion"],
  { outcome, pair: { candidate, baseline, sequential }, comparisons }: VerdictInput,
): string {
  const { rate, prompts, counts, equal, adjusted } = outcome!;
  const on =
    `${percent(rate)} of ${countOf(prompts, "prompt")}` +
    (sequential ? ` (of ${formatCount(sequential.of)} at hand)` : "");
  if (counts.ties === prompts && conclusion === "not distinguishable")
    return (
      `${candidate} and ${baseline} are not distinguishable: all of ` +
      `${countOf(prompts, "prompt")} are ties`
    );
  switch (conclusion) {
    case "better":
      return `${candidate} is better than ${baseline}: it is preferred on ${on}`;
    case "worse":
      return `${candidate} is worse than ${baseline}: it is preferred on ${on}`;
    case "equal":
      return (
        `${candidate} and ${baseline} are equal within ` +
        `${formatNumber(100 * equal!.margin, 0)} points of a tie: ${candidate} is preferred on ` +
        `${on}` +
        (rate.low > 0.5 || rate.high < 0.5
          ? ", a difference that is smaller than what was said to matter"
          : "")
      );
    default:
      return (
        `${candidate} and ${baseline} are not distinguishable: ${candidate} is preferred on ${on}` +
        (adjusted !== undefined && (rate.low > 0.5 || rate.high < 0.5)
          ? `: clear of a half by itself, and not with all ${comparisons} comparisons counted ` +
            `(p ${formatPValue(adjusted)})`
          : "")
      );
  }
}

/** What follows a comma: the same at equal length, or what would have been seen. */
function further({ outcome, pair, confidence }: VerdictInput): string {
  const { equalLength, power } = outcome!;
  const conclusion = conclusionOf(outcome!, pair, confidence);
  if (conclusion === "better" || conclusion === "worse")
    return `${equalLength ? atEqualLength(conclusion, equalLength.rate) : ""}.`;
  if (conclusion === "equal" || pair.sequential || outcome!.counts.ties === outcome!.prompts)
    return ".";
  return power.detectable === undefined
    ? "; so few prompts would find no difference, however large."
    : `; so many prompts find a true ${Math.ceil(100 * power.detectable)}% or more 8 times in 10.`;
}

function atEqualLength(conclusion: "better" | "worse", rate: Interval): string {
  if (rate.noClaim !== undefined) return "";
  const ahead = conclusion === "better";
  if (ahead ? rate.low > 0.5 : rate.high < 0.5)
    return `, and still on ${percent(rate)} at equal length`;
  if (ahead ? rate.high < 0.5 : rate.low > 0.5)
    return `, but on ${percent(rate)} at equal length, which is the other way round`;
  return `, but at equal length no ${ahead ? "lead" : "lag"} is shown: ${percent(rate)}`;
}
