/** The verdict of a whole comparison: whose opinion is told, and the sentence. */
import { countOf } from "../../core/counts.ts";
import { gravest } from "../conclusion.ts";
import type { Concluded, Conclusion } from "../findings.ts";
import type { Comparison, JudgeResult, PairResult } from "./comparison.ts";
import { percent } from "./verdict.ts";

export interface Headline extends Concluded {
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
  const undecided = against?.undecided ?? [];
  const open = undecided.length > 0 && pairs.length > 1 ? ` about ${undecided.join(", ")}` : "";
  const by = judges.length > 1 || judge.optimised ? ` Judge: ${judgeName(judge)}.` : "";
  return {
    ...concludedOf(
      pairs.map(({ candidate, verdict }) =>
        undecided.includes(candidate) ? "no conclusion" : verdict.conclusion,
      ),
    ),
    sentence:
      `${undecided.length > 0 ? `No conclusion${open}: judges contradict each other. ` : ""}` +
      `${pairs.length <= MOST_SENTENCES ? pairs.map(({ verdict }) => verdict.sentence).join(" ") : inShort(pairs)}` +
      `${by}${against ? ` ${against.sentence}` : ""}`,
    judge,
  };
}

/** More pairs than these are told by what was concluded. */
const MOST_SENTENCES = 2;

/** The gravest conclusion, with all of them where there are several. */
export const concludedOf = (conclusions: readonly Conclusion[]): Concluded => ({
  conclusion: gravest(conclusions),
  ...(conclusions.length > 1 ? { conclusions } : {}),
});

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

/**
 * A believed judge that finds the opposite of the same pair, and the models on which one of no less
 * weight does.
 */
function contradiction(
  judge: JudgeResult,
  believed: readonly JudgeResult[],
  comparison: Comparison,
): { sentence: string; undecided: string[] } | undefined {
  const opposite = { better: "worse", worse: "better" } as Readonly<Record<string, string>>;
  const own = pairsWithBaseline(judge, comparison);
  const against = believed.flatMap((other) =>
    other === judge
      ? []
      : pairsWithBaseline(other, comparison)
          .filter(({ verdict }, i) => opposite[own[i]!.verdict.conclusion] === verdict.conclusion)
          .map((pair) => ({ other, pair })),
  );
  const [first] = against;
  if (!first) return undefined;
  return {
    sentence: `${judgeName(first.other)} finds the opposite: ${first.pair.verdict.sentence}`,
    undecided: against
      .filter(({ other }) => weight(other) === weight(judge))
      .map(({ pair }) => pair.candidate),
  };
}
