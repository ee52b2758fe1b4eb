/** The verdict of a whole comparison: whose opinion is told, and the sentence. */
import { countOf } from "../../core/counts.ts";
import { gravest } from "../conclusion.ts";
import type { Concluded, Conclusion } from "../findings.ts";
import type { Comparison, JudgeResult, PairResult } from "./comparison.ts";
import { formatNumber } from "../table.ts";
import { bestOf } from "./best.ts";

export interface Headline extends Concluded {
  sentence: string;
  /** Whose opinion it is; the first judge where none is believed. */
  judge: JudgeResult;
  /** Pairs of models of which a judge of no less weight finds the opposite. */
  isOpen(judge: JudgeResult, pair: Pick<PairResult, "candidate" | "baseline">): boolean;
}

export const isBelieved = ({ trust }: JudgeResult): boolean => trust.conclusion !== "fooled";

/** How a sentence calls a judge: a reader must know whom a model was trained to please. */
export const judgeName = ({ name, optimised }: JudgeResult): string =>
  optimised ? `${name} (a model was trained to please it)` : name;

/** A program that knows what is right, then people, then those that nobody was trained to please. */
function weight({ kind, optimised }: JudgeResult): number {
  return optimised ? 3 : kind === "gold" ? 0 : kind === "votes" ? 1 : 2;
}

/** By weight, whether or not they turn out to be believed. */
export const byWeight = (judges: readonly JudgeResult[]): JudgeResult[] =>
  judges.toSorted((a, b) => weight(a) - weight(b) || judges.indexOf(a) - judges.indexOf(b));

/** Pairs with the first model, which the verdict is about. */
export const pairsWithBaseline = (
  { pairs }: JudgeResult,
  { models }: Pick<Comparison, "models">,
): PairResult[] => pairs.filter(({ baseline }) => baseline === models[0]!.name);

export function headlineOf(comparison: Comparison): Headline {
  const { judges } = comparison;
  const believed = byWeight(judges).filter(isBelieved);
  const isOpen = (judge: JudgeResult, pair: Pick<PairResult, "candidate" | "baseline">): boolean =>
    isBelieved(judge) &&
    oppositesOf(judge, believed, pair).some((other) => weight(other) === weight(judge));
  const judge = believed.find(({ optimised }) => !optimised || judges.every(isOptimised));
  if (!judge) return { ...nobodyBelieved(comparison), isOpen };
  const pairs = pairsWithBaseline(judge, comparison);
  const undecided = pairs.filter((pair) => isOpen(judge, pair)).map(({ candidate }) => candidate);
  const open = undecided.length > 0 && pairs.length > 1 ? ` about ${undecided.join(", ")}` : "";
  return {
    ...concludedOf(
      pairs.map((pair) => (isOpen(judge, pair) ? "no conclusion" : pair.verdict.conclusion)),
    ),
    sentence: [
      ...(undecided.length > 0 ? [`No conclusion${open}: judges contradict each other.`] : []),
      pairs.length <= MOST_SENTENCES
        ? pairs.map(({ verdict }) => verdict.sentence).join(" ")
        : inShort(pairs),
      ...gapSentences(judge, pairs, comparison),
      ...(judge.trust.caution === undefined ? [] : [judge.trust.caution]),
      ...(judges.length > 1 || judge.optimised ? [`Judge: ${judgeName(judge)}.`] : []),
      ...contradiction(judge, believed, comparison),
      ...errorOfAll(comparison),
    ].join(" "),
    judge,
    isOpen,
  };
}

/** Of battles: whom the first model never met, and what the ratings of all say. */
function gapSentences(
  { ratings }: JudgeResult,
  pairs: readonly PairResult[],
  { matched, models }: Comparison,
): string[] {
  if (!matched.gaps) return [];
  const unmet = models
    .slice(1)
    .filter(({ name }) => !pairs.some((pair) => pair.candidate === name));
  return [
    ...(unmet.length === 0
      ? []
      : [
          `${models[0]!.name} never met ${countOf(unmet.length, "model")}, such as ` +
            `${unmet[0]!.name}.`,
        ]),
    ...(ratings.length === 0 ? [] : [`Of all by their ratings: ${bestOf(ratings)}`]),
  ];
}

const isOptimised = ({ optimised }: JudgeResult): boolean => optimised;

/** A judge that a model was trained to please does not speak in the place of one that is not. */
function nobodyBelieved({ judges }: Comparison): Omit<Headline, "isOpen"> {
  const unbiased = judges.filter((judge) => !judge.optimised);
  const left = judges.filter((judge) => judge.optimised && isBelieved(judge));
  const why = (unbiased.length > 0 ? unbiased : judges).map(({ trust }) => trust.sentence);
  const names = left.map(({ name }) => name).join(" and ");
  return {
    conclusion: "no conclusion",
    sentence:
      `No conclusion: ${why.join(" ")}` +
      (left.length > 0
        ? ` A model was trained to please ${names}, so that nothing rests on what it says alone.`
        : ""),
    judge: byWeight(judges)[0]!,
  };
}

/** Verdicts of one judge hold together, and those of several do not. */
export function errorOfAll({ judges, options: { confidence } }: Comparison): string[] {
  if (judges.length < 2) return [];
  const each = 1 - confidence;
  const share = (value: number): string => `${formatNumber(100 * value, 0)}%`;
  return [
    `The verdicts of one judge are together wrong in at most ${share(each)} of such comparisons; ` +
      `of ${judges.length} judges some verdict is in up to ` +
      `${share(Math.min(1, judges.length * each))}.`,
  ];
}

/** More pairs than these are told by what was concluded. */
const MOST_SENTENCES = 2;

/** The gravest conclusion, with all of them where there are several. */
export const concludedOf = (conclusions: readonly Conclusion[]): Concluded => ({
  conclusion: gravest(conclusions),
  ...(conclusions.length > 1 ? { conclusions } : {}),
});

/** Names by what was concluded: their shares stand in the picture and in the table. */
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
    const names = pairs
      .filter(({ verdict }) => verdict.conclusion === conclusion)
      .map(({ candidate }) => candidate);
    if (names.length === 0) return [];
    return [`${words[0]!.toUpperCase()}${words.slice(1)}: ${names.join(", ")}.`];
  });
  const most = Math.max(0, ...pairs.map(({ outcome }) => outcome?.prompts ?? 0));
  const least = Math.min(most, ...pairs.map(({ outcome }) => outcome?.prompts ?? most));
  const of = least < most ? `${least} to ${countOf(most, "prompt")}` : countOf(most, "prompt");
  return `${sentences.join(" ")} By ${of} each.${countedText(pairs)}${lengthInShort(pairs)}`;
}

/** Whose interval alone is clear of a half: a reader of the picture would see a verdict there. */
function countedText(pairs: readonly PairResult[]): string {
  const names = pairs.flatMap(({ candidate, outcome, verdict: { conclusion } }) =>
    outcome &&
    conclusion === "not distinguishable" &&
    outcome.rate.noClaim === undefined &&
    (outcome.rate.low > 0.5 || outcome.rate.high < 0.5)
      ? [candidate]
      : [],
  );
  return names.length === 0
    ? ""
    : ` Intervals of ${names.join(", ")} are clear of a half by themselves, and with all ` +
        "comparisons counted they are no verdict.";
}

/** Leads and lags that are not there at equal length. */
function lengthInShort(pairs: readonly PairResult[]): string {
  const gone = (which: "better" | "worse"): string[] => {
    const names = pairs.flatMap(({ candidate, outcome, verdict: { conclusion } }) => {
      const rate = outcome?.equalLength?.rate;
      if (!rate || rate.noClaim !== undefined || conclusion !== which) return [];
      const holds = which === "better" ? rate.low > 0.5 : rate.high < 0.5;
      return holds ? [] : [candidate];
    });
    return names.length === 0
      ? []
      : [
          ` At equal length no ${which === "better" ? "lead" : "lag"} is shown of ` +
            `${names.join(", ")}.`,
        ];
  };
  return [...gone("better"), ...gone("worse")].join("");
}

const OPPOSITE: Readonly<Record<string, string>> = { better: "worse", worse: "better" };

/** Believed judges that find the opposite of a pair. */
function oppositesOf(
  judge: JudgeResult,
  believed: readonly JudgeResult[],
  pair: Pick<PairResult, "candidate" | "baseline">,
): JudgeResult[] {
  const own = verdictOn(judge, pair);
  return believed.filter(
    (other) =>
      other !== judge &&
      own !== undefined &&
      verdictOn(other, pair)?.conclusion === OPPOSITE[own.conclusion],
  );
}

const verdictOn = (
  { pairs }: JudgeResult,
  { candidate, baseline }: Pick<PairResult, "candidate" | "baseline">,
): PairResult["verdict"] | undefined =>
  pairs.find((pair) => pair.candidate === candidate && pair.baseline === baseline)?.verdict;

/** The first believed judge that finds the opposite, in its words. */
function contradiction(
  judge: JudgeResult,
  believed: readonly JudgeResult[],
  comparison: Comparison,
): string[] {
  for (const pair of pairsWithBaseline(judge, comparison)) {
    const [other] = oppositesOf(judge, believed, pair);
    if (other)
      return [`${judgeName(other)} finds the opposite: ${verdictOn(other, pair)!.sentence}`];
  }
  return [];
}
