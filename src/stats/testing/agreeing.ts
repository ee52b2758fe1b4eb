/** Rows of the table of coverage: agreement beyond chance of raters who err by themselves. */
import { alphaInterval, fleissInterval, kappaInterval } from "../agreement-intervals.ts";
import { gwetAgreement } from "../gwet.ts";
import type { Interval } from "../intervals.ts";
import type { Data, Estimator } from "./estimator.ts";

interface Crowd {
  /** How often the truth is of the first class. */
  first: number;
  /** How often a rater is right. */
  right: number;
}

/** By item, then by rater; the truth and every rater's errors are alike within clusters. */
function labelsOf({ uniform }: Data, { first, right }: Crowd, raters: number): number[][] {
  const errors = Array.from({ length: raters }, () => uniform());
  return uniform().map((u, i) => errors.map((own) => (u < first === own[i]! < right ? 1 : 0)));
}

/** Agreement of two such raters, and how often a label is of the first class. */
const expectedOf = ({ first, right }: Crowd): { agreement: number; share: number } => ({
  agreement: right ** 2 + (1 - right) ** 2,
  share: first * right + (1 - first) * (1 - right),
});

type Measure = (labels: readonly number[][], data: Data) => Interval;

const MEASURES: Readonly<
  Record<string, { raters: number; measure: Measure; chance: "kappa" | "ac" }>
> = {
  "Cohen's kappa": {
    raters: 2,
    measure: (labels, { clusters }) =>
      kappaInterval(
        labels.map(([a]) => a),
        labels.map(([, b]) => b),
        { clusters },
      ),
    chance: "kappa",
  },
  "Fleiss' kappa": {
    raters: 3,
    measure: (labels, { clusters }) => fleissInterval(labels, { clusters }),
    chance: "kappa",
  },
  "Krippendorff's alpha": {
    raters: 3,
    measure: (labels, { clusters }) => alphaInterval(labels, { clusters }),
    chance: "kappa",
  },
  "Gwet's AC1": {
    raters: 3,
    measure: (labels, { clusters }) => gwetAgreement(labels, { clusters }).interval,
    chance: "ac",
  },
};

const CROWDS: Readonly<Record<string, Crowd>> = {
  "even, right in 80%": { first: 0.5, right: 0.8 },
  "even, right in 97%": { first: 0.5, right: 0.97 },
  "one class 85%, right in 90%": { first: 0.85, right: 0.9 },
};

const agreeing =
  (name: keyof typeof MEASURES & string, crowd: Crowd): Estimator =>
  (data) => {
    const { raters, measure, chance } = MEASURES[name]!;
    const { agreement, share } = expectedOf(crowd);
    const two = 2 * share * (1 - share);
    const expected = chance === "kappa" ? 1 - two : two;
    return {
      interval: measure(labelsOf(data, crowd, raters), data),
      truth: (agreement - expected) / (1 - expected),
    };
  };

export const AGREEING: Readonly<Record<string, Estimator>> = Object.fromEntries(
  Object.keys(MEASURES).flatMap((name) =>
    Object.entries(CROWDS).map(([words, crowd]) => [`${name}, ${words}`, agreeing(name, crowd)]),
  ),
);
