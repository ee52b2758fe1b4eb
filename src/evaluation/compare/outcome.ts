/**
 * What a judge's opinions of one pair of models amount to: the share of prompts won, tied and lost,
 * how often chance alone would give as much, and what is left of it at equal length and style.
 */
import type { Interval } from "../../stats/intervals.ts";
import { shareInterval, variance } from "../../stats/intervals.ts";
import { holm } from "../../stats/multiple-testing.ts";
import { controlledRate } from "../controlled-rate.ts";
import type { Clustering } from "../win-rate.ts";
import { rateInterval, ratePValue } from "../win-rate.ts";
import { alwaysValidInterval, alwaysValidP, largestCluster } from "./always-valid.ts";
import type { EqualRate, GroupOutcome, Outcome, PairJudgements } from "./comparison.ts";
import { outcomeOf } from "./comparison.ts";
import type { MatchedAnswers, MatchedPrompt } from "./matched.ts";
import { bothAnswered } from "./gaps.ts";
import { powerFigures } from "./power.ts";
import { STYLE_COUNTS, styleDifferences } from "./style.ts";

/** A label a prompt; undefined where no prompt depends on another. */
export const clustersOf = (prompts: readonly MatchedPrompt[]): string[] | undefined =>
  prompts.some(({ cluster }) => cluster !== undefined)
    ? prompts.map(({ cluster, key }) => cluster ?? `prompt ${key}`)
    : undefined;

/** @returns undefined where nothing was judged */
export function pairOutcome(
  { candidate, baseline, judgements, sequential }: PairJudgements,
  matched: MatchedAnswers,
  confidence: number,
): Outcome | undefined {
  if (judgements.length === 0) return undefined;
  const prompts = judgements.map(({ prompt }) => matched.prompts[prompt]!);
  const outcomes = judgements.map(outcomeOf);
  const clusters = clustersOf(prompts);
  const options = { clusters, confidence };
  // of a comparison that may stop at every prompt, intervals hold at every prompt
  const [a, b] = [matched.names.indexOf(candidate), matched.names.indexOf(baseline)];
  const both = (): MatchedPrompt[] =>
    bothAnswered(matched, { candidate: a, baseline: b }).map((i) => matched.prompts[i]!);
  const largest = sequential ? largestCluster(both()) : undefined;
  const shareOf = (
    values: readonly number[],
    shared: { clusters: readonly string[] | undefined; confidence: number },
  ): Interval =>
    largest === undefined
      ? shareInterval(values, shared)
      : alwaysValidInterval(values, { ...shared, largestCluster: largest });
  const share = (fits: (outcome: number) => boolean): Interval =>
    shareOf(
      outcomes.map((outcome) => (fits(outcome) ? 1 : 0)),
      options,
    );
  const count = (fits: (outcome: number) => boolean): number => outcomes.filter(fits).length;
  const [win, tie, loss] = [
    (outcome: number): boolean => outcome > 0.5,
    (outcome: number): boolean => outcome === 0.5,
    (outcome: number): boolean => outcome < 0.5,
  ];
  const asked = judgements.filter(({ equal }) => !equal);
  const texts = prompts.map(({ answers }) => [answers[a]!.text, answers[b]!.text] as const);
  const rate = sequential ? sequential.interval : rateInterval(outcomes, options);
  const pValue = sequential ? undefined : ratePValue(outcomes, options);
  return {
    rate,
    win: share(win),
    tie: share(tie),
    loss: share(loss),
    counts: { wins: count(win), ties: count(tie), losses: count(loss) },
    ...(pValue === undefined ? {} : { pValue }),
    ...equalRates(outcomes, texts, { ...options, early: sequential?.stopped ?? false }),
    groups: groupOutcomes(outcomes, prompts, { confidence, largest }),
    ...(asked.length === 0
      ? {}
      : {
          flipped: shareOf(
            asked.map((each) => ((each.shownFirst - 0.5) * (each.shownSecond - 0.5) < 0 ? 1 : 0)),
            {
              confidence,
              clusters: clustersOf(asked.map(({ prompt }) => matched.prompts[prompt]!)),
            },
          ),
        }),
    power: powerFigures(outcomes, { clusters, alpha: 1 - confidence, found: false }),
    prompts: outcomes.length,
    ...(clusters ? { clusters: new Set(clusters).size } : {}),
    ...(sequential?.stopped ? { caution: stoppedCaution(candidate) } : {}),
  };
}

/** What a reader of any figure of a comparison must know that stopped early. */
const stoppedCaution = (candidate: string): string =>
  `${candidate} was judged until the verdict held and no further: the share on which it is ` +
  "preferred is then too far from a half, by 2 to 4 points on average, and its interval is what " +
  "counts; the intervals of prompts won, tied and lost and of groups hold as well, those at equal " +
  "length and style and of ratings are of a number of prompts that was fixed before, and cover less";

/** Prompts from which a fit of several features tells more than its prior. */
const LEAST_FOR_FIT = 10;
/** Share of prompts with the longer answer on one side above which length and side are one. */
const ONE_SIDED = 0.95;

function equalRates(
  outcomes: readonly number[],
  texts: readonly (readonly [string, string])[],
  { clusters, confidence, early }: Clustering & { confidence: number; early: boolean },
): Pick<Outcome, "equalLength" | "equalStyle"> {
  if (outcomes.length < LEAST_FOR_FIT) return {};
  const differences = texts.map(([a, b]) => a.length - b.length);
  const deviation = Math.sqrt(variance(differences));
  const scale = deviation > 0 ? deviation : 1;
  const longer = differences.filter((value) => value > 0).length / differences.length;
  const shorter = differences.filter((value) => value < 0).length / differences.length;
  const most = Math.max(longer, shorter);
  const caution = early
    ? "judging stopped as soon as the verdict held, which this interval does not know"
    : most > ONE_SIDED
      ? `the candidate's answer is the ${longer > shorter ? "longer" : "shorter"} one on ` +
        `${Math.round(100 * most)}% of prompts, so this is read beyond what was seen`
      : undefined;
  const fitted = (
    names: readonly string[],
    features: readonly (readonly number[])[],
  ): EqualRate => {
    const { rate, effects } = controlledRate({
      outcomes,
      features,
      clusters: clusters as string[] | undefined,
      confidence,
    });
    return {
      rate,
      effects: effects.flatMap((effect, i) =>
        effect === undefined || effect.noClaim !== undefined
          ? []
          : [{ feature: names[i]!, effect }],
      ),
      ...(caution === undefined ? {} : { caution }),
    };
  };
  return {
    equalLength: fitted(["length"], [differences.map((value) => Math.tanh(value / scale))]),
    equalStyle: fitted(STYLE_COUNTS, styleDifferences(texts)),
  };
}

/** Prompts that a category needs to be told apart. */
const LEAST_IN_GROUP = 5;

function groupOutcomes(
  outcomes: readonly number[],
  prompts: readonly MatchedPrompt[],
  { confidence, largest }: { confidence: number; largest: number | undefined },
): GroupOutcome[] {
  const members = new Map<string, number[]>();
  for (const [i, { group }] of prompts.entries())
    if (group !== undefined) members.set(group, [...(members.get(group) ?? []), i]);
  const tested = [...members]
    .filter(([, indices]) => indices.length >= LEAST_IN_GROUP)
    .toSorted(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1))
    .map(([group, indices]) => {
      const own = indices.map((i) => outcomes[i]!);
      const clusters = clustersOf(indices.map((i) => prompts[i]!));
      return {
        group,
        ...(largest === undefined
          ? {
              rate: rateInterval(own, { clusters, confidence }),
              pValue: ratePValue(own, { clusters }),
            }
          : {
              rate: alwaysValidInterval(own, { clusters, confidence, largestCluster: largest }),
              pValue: alwaysValidP(own, { clusters, largestCluster: largest }),
            }),
      };
    });
  const adjusted = holm(tested.map(({ pValue }) => pValue));
  return tested.map((each, i) => ({ ...each, adjusted: adjusted[i]! }));
}
