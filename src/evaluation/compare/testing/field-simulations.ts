/** How often ratings, ranks and verdicts of several models or judges are wrong. */
import { Random } from "../../../core/random.ts";
import { elo } from "../../../stats/bradley-terry.ts";
import type { Comparison, JudgeResult } from "../comparison.ts";
import { headlineOf } from "../headline.ts";
import type { DrawnField } from "./fields.ts";
import { settleField } from "./fields.ts";
import { PLAIN } from "./sets.ts";

/** Shares of rounds. */
export interface RatingFigures {
  /** Intervals of ratings that hold the true difference to the first model. */
  covered: number;
  /** Some model is called surely better that is not. */
  wrong: number;
  /** Some verdict is better or worse that is not. */
  wrongVerdict: number;
  /** A verdict and a rank contradict each other. */
  contradicted: number;
  /** Of pairs that differ, those that are told apart. */
  found: number;
}

/** Ratings of drawn judgements. */
export function ratingFigures(
  field: DrawnField,
  { rounds, seed }: { rounds: number; seed: number },
): RatingFigures {
  const { strengths } = field;
  const number = (name: string): number => Number(name.slice(1));
  let [covered, wrong, wrongVerdict, contradicted, found, different] = [0, 0, 0, 0, 0, 0];
  for (let round = 0; round < rounds; round++) {
    const random = Random.for(seed, "field", round);
    const { ratings, pairs } = settleField(field, random).judges[0]!;
    for (const { model, rating } of ratings) {
      const truth = elo(strengths[number(model)]! - strengths[0]!);
      if (model !== "m0" && rating.low <= truth && truth <= rating.high) covered++;
    }
    const claims = ratings.flatMap(({ model, surelyBetter }) =>
      surelyBetter.map((other) => [number(other), number(model)] as const),
    );
    if (claims.some(([a, b]) => strengths[a]! <= strengths[b]!)) wrong++;
    found += claims.filter(([a, b]) => strengths[a]! > strengths[b]!).length;
    different += strengths.flatMap((a, i) => strengths.slice(i + 1).filter((b) => a !== b)).length;
    if (pairs.some((pair) => isFalse(pair, strengths))) wrongVerdict++;
    const clash = pairs.some(({ candidate, baseline, verdict: { conclusion } }) => {
      const sure = (a: string, b: string): boolean =>
        ratings.find(({ model }) => model === b)!.surelyBetter.includes(a);
      return (
        (conclusion === "better") !== sure(candidate, baseline) ||
        (conclusion === "worse") !== sure(baseline, candidate)
      );
    });
    if (clash) contradicted++;
  }
  return {
    covered: covered / (rounds * (strengths.length - 1)),
    wrong: wrong / rounds,
    wrongVerdict: wrongVerdict / rounds,
    contradicted: contradicted / rounds,
    found: different === 0 ? NaN : found / different,
  };
}

function isFalse(
  { candidate, baseline, verdict: { conclusion } }: JudgeResult["pairs"][number],
  strengths: readonly number[],
): boolean {
  const [a, b] = [candidate, baseline].map((name) => strengths[Number(name.slice(1))]!) as [
    number,
    number,
  ];
  return (conclusion === "better" && a <= b) || (conclusion === "worse" && a >= b);
}

export interface ErrorFigures {
  /** Some verdict of the first judge is wrong. */
  ofOne: number;
  /** Some verdict of any judge is. */
  ofAny: number;
  /** The verdict that is told is. */
  told: number;
}

/** Several models and judges where nothing differs. */
export function jointErrors(
  field: Omit<DrawnField, "strengths"> & { models: number; judges: number },
  { rounds, seed }: { rounds: number; seed: number },
): ErrorFigures {
  const strengths = Array.from({ length: field.models }, () => 0);
  let [ofOne, ofAny, told] = [0, 0, 0];
  for (let round = 0; round < rounds; round++) {
    const { judges, matched } = settleField(
      { ...field, strengths },
      Random.for(seed, "joint", round),
    );
    const wrong = judges.map(({ pairs }) => pairs.some((pair) => isFalse(pair, strengths)));
    if (wrong[0]!) ofOne++;
    if (wrong.some(Boolean)) ofAny++;
    const { conclusion, conclusions } = headlineOf({
      models: matched.names.map((name) => ({ name, source: name, fingerprint: name })),
      options: PLAIN,
      matched,
      judges,
      agreement: [],
    } satisfies Comparison);
    if ([conclusion, ...(conclusions ?? [])].some((each) => each === "better" || each === "worse"))
      told++;
  }
  return { ofOne: ofOne / rounds, ofAny: ofAny / rounds, told: told / rounds };
}
