/**
 * How often clustered intervals cover the truth, and how often clustered tests reject where nothing
 * differs: draws data whose truth is known, and asks the shipped functions. For tests (small) and
 * `npm run test:statistics` (the whole grid).
 */
import { Random } from "../../core/random.ts";
import { bootstrapInterval } from "../bootstrap.ts";
import type { Comparison } from "../bradley-terry.ts";
import { fitBradleyTerry } from "../bradley-terry.ts";
import { twoSidedStudent } from "../clusters.ts";
import { mean, meanInterval, shareInterval } from "../intervals.ts";
import { pairedDifference, pairedShareDifference, signTest } from "../paired.ts";
import { sigmoid } from "../special.ts";
import { AGREEING } from "./agreeing.ts";
import type { Data, Estimator, Outcome } from "./estimator.ts";
import { signs } from "./estimator.ts";
import { JUDGED } from "./judged.ts";

/** Observations in each of so many clusters. */
export const SHAPES = {
  equal: (groups) => Array.from({ length: groups }, () => 6),
  unequal: (groups) =>
    Array.from({ length: groups }, (_, i) => 2 + Math.round((10 * i) / (groups - 1))),
  geometric: (groups) =>
    Array.from({ length: groups }, (_, i) => Math.max(1, Math.round(24 * 0.75 ** i))),
  half: (groups) => [4 * (groups - 1), ...Array.from({ length: groups - 1 }, () => 4)],
} as const satisfies Record<string, (groups: number) => number[]>;

export interface Scenario {
  shape: keyof typeof SHAPES;
  groups: number;
  /** Correlation of two observations of one cluster. */
  correlation: number;
}

export interface Measured {
  estimator: string;
  /** Share of the claimed intervals that hold the truth; NaN where nothing was claimed. */
  covered: number;
  /** Share of rounds in which an interval was claimed. */
  claimed: number;
  /** Share of tests with p < 0.05 where nothing differs. */
  rejected?: number;
}

/**
 * Each observation takes its cluster's draw with probability sqrt(correlation), else one of its
 * own.
 */
function draw({ shape, groups, correlation }: Scenario, random: Random): Data {
  const sizes = SHAPES[shape](groups);
  const clusters = sizes.flatMap((size, group) => Array.from({ length: size }, () => group));
  const shared = Math.sqrt(correlation);
  return {
    clusters,
    uniform() {
      const own = sizes.map(() => random.uniform());
      return clusters.map((group) => (random.uniform() < shared ? own[group]! : random.uniform()));
    },
    normal() {
      const own = sizes.map(() => random.normal());
      return clusters.map(
        (group) => shared * own[group]! + Math.sqrt(1 - correlation) * random.normal(),
      );
    },
  };
}

const share =
  (p: number): Estimator =>
  ({ clusters, uniform }) => ({
    interval: shareInterval(
      uniform().map((u) => (u < p ? 1 : 0)),
      { clusters },
    ),
    truth: p,
  });

const scoreDifference =
  (p: number): Estimator =>
  ({ clusters, uniform }) => {
    const steps = signs(uniform(), p).map((sign, i) => sign * [0.25, 0.5, 1][i % 3]!);
    const found = pairedDifference(
      steps,
      steps.map(() => 0),
      { clusters, range: [-1, 1] },
    );
    return { interval: found, truth: 0, pValue: found.pValue };
  };

const shareDifference =
  (p: number): Estimator =>
  ({ clusters, uniform }) => {
    const steps = signs(uniform(), p);
    const found = pairedShareDifference(
      steps.map((step) => step > 0),
      steps.map((step) => step < 0),
      { clusters },
    );
    return { interval: found, truth: 0, pValue: found.pValue };
  };

/** Ties are half a win. */
function wins({ clusters, uniform }: Data): Outcome {
  const outcomes = signs(uniform(), 0.7).map((sign) => (1 + sign) / 2);
  return {
    interval: shareInterval(outcomes, { clusters }),
    truth: 0.5,
    pValue: signTest(
      outcomes,
      outcomes.map(() => 0.5),
      { clusters },
    ).pValue,
  };
}

function normalDifference({ clusters, normal }: Data): Outcome {
  const found = pairedDifference(
    normal(),
    clusters.map(() => 0),
    { clusters },
  );
  return { interval: found, truth: 0, pValue: found.pValue };
}

function skewedMean({ clusters, uniform }: Data): Outcome {
  return {
    interval: meanInterval(
      uniform().map((u) => -Math.log(1 - u)),
      { clusters },
    ),
    truth: 1,
  };
}

function jackknifedMean({ clusters, normal }: Data, random: Random): Outcome {
  return {
    interval: bootstrapInterval(normal(), mean, { random, clusters, resamples: 500 }),
    truth: 0,
  };
}

const STRENGTHS = [0, 0.7, -0.4];

function bradleyTerry({ clusters, uniform }: Data): Outcome {
  const draws = uniform();
  const comparisons = clusters.map((cluster, i): Comparison => {
    const [a, b] = [
      [0, 1],
      [1, 2],
      [2, 0],
    ][i % 3] as [number, number];
    return { a, b, outcome: draws[i]! < sigmoid(STRENGTHS[a]! - STRENGTHS[b]!) ? 1 : 0, cluster };
  });
  const fit = fitBradleyTerry(comparisons, 3);
  const [estimate, error, freedom] = [
    fit.strengths[1]!,
    fit.standardErrors[1]!,
    fit.degreesOfFreedom[1]!,
  ];
  const about = { estimate, n: comparisons.length };
  if (!(freedom >= 1) || !Number.isFinite(error))
    return {
      interval: { ...about, low: -Infinity, high: Infinity, noClaim: "too few" },
      truth: STRENGTHS[1]!,
    };
  const half = twoSidedStudent(0.95, freedom) * error;
  return {
    interval: { ...about, low: estimate - half, high: estimate + half },
    truth: STRENGTHS[1]!,
  };
}

/** What does not depend on the data. */
const QUICK: Readonly<Record<string, Estimator>> = {
  "mean difference": normalDifference,
  "share 50%": share(0.5),
  "share 90%": share(0.9),
  "share 99%": share(0.99),
  "difference of scores, 1 of 10 differs": scoreDifference(0.1),
  "difference of shares, 4 of 10 differ": shareDifference(0.4),
  "win rate with ties": wins,
};

const WHOLE: Readonly<Record<string, Estimator>> = {
  ...QUICK,
  "difference of scores, 4 of 10 differ": scoreDifference(0.4),
  "difference of shares, 1 of 50 differs": shareDifference(0.02),
  "bootstrap or jackknife of a mean": jackknifedMean,
  ...AGREEING,
  "Bradley-Terry strength": bradleyTerry,
  ...JUDGED,
  "mean of exponential values": skewedMean,
};

export function measureCoverage(
  scenario: Scenario,
  {
    rounds,
    seed,
    quick = false,
    only,
  }: { rounds: number; seed: number; quick?: boolean; only?: readonly string[] },
): Measured[] {
  return Object.entries(quick ? QUICK : WHOLE)
    .filter(([name]) => only?.includes(name) ?? true)
    .map(([estimator, estimate]) => {
      const random = Random.for(
        seed,
        estimator,
        scenario.shape,
        scenario.groups,
        String(scenario.correlation),
      );
      let [claimed, covered, rejected, tested] = [0, 0, 0, 0];
      for (let round = 0; round < rounds; round++) {
        const { interval, truth, pValue } = estimate(draw(scenario, random), random);
        if (interval.noClaim === undefined) {
          claimed++;
          if (interval.low <= truth && truth <= interval.high) covered++;
        }
        if (pValue === undefined) continue;
        tested++;
        if (pValue < 0.05) rejected++;
      }
      return {
        estimator,
        covered: claimed > 0 ? covered / claimed : NaN,
        claimed: claimed / rounds,
        ...(tested > 0 ? { rejected: rejected / rounds } : {}),
      };
    });
}
