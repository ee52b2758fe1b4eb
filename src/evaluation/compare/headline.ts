/** The verdict of a whole comparison: whose opinion is told, and the sentence. */
import { countOf } from "../../core/counts.ts";
import type { Conclusion } from "../findings.ts";
import type { Comparison, JudgeResult, PairResult } from "./comparison.ts";
import { percent } from "./verdict.ts";

export interface Headline {
  conclusion: Conclusion;
  sentence: string;
  /** Whose opinion it is; the first judge where none is believed. */
  judge: JudgeResult;
}

export const isBelieved = ({ trust }: JudgeResult): boolean => trust.conclusion !== "fooled";

/** How a sentence calls a judge: a reader must know whom a model was trained to please. */
export const judgeName = ({ name, optimised }: JudgeResult): string =>
  optimised ? `${name} (a model was trained to please it)` : name;

/** A program that knows what is right, then people, then those that nobody was trained to please. */
function weight({ kind, optimised }: JudgeResult): number {
  return optimised ? 3 : kind === "gold" ? 0 : kind === "votes" ? 1 : 2;
}

/** Pairs with the first model, which the verdict is about. */
export const pairsWithBaseline = (
  { pairs }: JudgeResult,
  { models }: Pick<Comparison, "models">,
): PairResult[] => pairs.filter(({ baseline }) => baseline === models[0]!.name);

export function headlineOf(comparison: Comparison): Headline {
  const { judges } = comparison;
  const ordered = judges
    .filter(isBelieved)
    .toSorted((a, b) => weight(a) - weight(b) || judges.indexOf(a) - judges.indexOf(b));
  const [judge] = ordered;
  if (!judge)
    return {
      conclusion: "no conclusion",
      sentence: `No conclusion: ${judges.map(({ trust }) => trust.sentence).join(" ")}`,
      judge: judges[0]!,
    };
  const pairs = pairsWithBaseline(judge, comparison);
  const against = contradiction(judge, ordered, comparison);
  const conclusion = against?.undecided ? "no conclusion" : overall(pairs);
  const by = judges.length > 1 || judge.optimised ? ` Judge: ${judgeName(judge)}.` : "";
  return {
    conclusion,
    sentence:
      `${against?.undecided ? "No conclusion: judges contradict each other. " : ""}` +
      `${pairs.length <= MOST_SENTENCES ? pairs.map(({ verdict }) => verdict.sentence).join(" ") : inShort(pairs)}` +
      `${by}${against ? ` ${against.sentence}` : ""}`,
    judge,
  };
}

/** More pairs than these are told by what was concluded. */
const MOST_SENTENCES = 2;

function overall(pairs: readonly PairResult[]): Conclusion {
  const found = pairs.map(({ verdict }) => verdict.conclusion);
  for (const conclusion of ["better", "not distinguishable", "equal", "worse"] as const)
    if (found.includes(conclusion)) return conclusion;
  return "no conclusion";
}

function inShort(pairs: readonly PairResult[]): string {
  const baseline = pairs[0]!.baseline;
  const told = [
    ["better", `better than ${baseline}`],
    ["worse", `worse than ${baseline}`],
    ["equal", `equal to ${baseline} within the margin`],
    ["not distinguishable", `not distinguishable from ${baseline}`],
    ["no conclusion", "nothing can be concluded about"],
  ] as const;
  const sentences = told.flatMap(([conclusion, words]) => {
    const those = pairs.filter(({ verdict }) => verdict.conclusion === conclusion);
    if (those.length === 0) return [];
    const names = those.map(({ candidate, outcome }) =>
      outcome ? `${candidate} ${percent(outcome.rate)}` : candidate,
    );
    return [`${words[0]!.toUpperCase()}${words.slice(1)}: ${names.join(", ")}.`];
  });
  const prompts = pairs.find(({ outcome }) => outcome)?.outcome?.prompts ?? 0;
  return (
    `${sentences.join(" ")} Shares of ${countOf(prompts, "prompt")} on which each is preferred.` +
    lengthInShort(pairs)
  );
}

/** Leads and lags that are not there at equal length. */
function lengthInShort(pairs: readonly PairResult[]): string {
  const gone = pairs.flatMap(({ candidate, outcome, verdict: { conclusion } }) => {
    const rate = outcome?.equalLength?.rate;
    if (!rate || rate.noClaim !== undefined) return [];
    const holds = conclusion === "better" ? rate.low > 0.5 : rate.high < 0.5;
    return (conclusion === "better" || conclusion === "worse") && !holds
      ? [`${candidate} ${percent(rate)}`]
      : [];
  });
  return gone.length === 0
    ? ""
    : ` At equal length this does not hold of ${gone.join(", ")}: it may be a matter of length.`;
}

/** A believed judge that finds the opposite of the same pair. */
function contradiction(
  judge: JudgeResult,
  believed: readonly JudgeResult[],
  comparison: Comparison,
): { sentence: string; undecided: boolean } | undefined {
  const opposite = { better: "worse", worse: "better" } as Readonly<Record<string, string>>;
  const own = pairsWithBaseline(judge, comparison);
  for (const other of believed) {
    if (other === judge) continue;
    const pair = pairsWithBaseline(other, comparison).find(
      ({ verdict }, i) => opposite[own[i]!.verdict.conclusion] === verdict.conclusion,
    );
    if (pair)
      return {
        sentence: `${judgeName(other)} finds the opposite: ${pair.verdict.sentence}`,
        undecided: weight(other) === weight(judge),
      };
  }
  return undefined;
}
