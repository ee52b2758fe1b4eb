/** By what laws gold, the reward and the held-out reward went: Gao's, with intervals. */
import { countOf, formatCount } from "../../core/counts.ts";
import type { Random } from "../../core/random.ts";
import type { Labels } from "../../stats/clusters.ts";
import { mean, meanInterval } from "../../stats/intervals.ts";
import { LEAST_RL_DISTANCE, optimisationReward } from "../../stats/over-optimisation.ts";
import type { ScatterChart } from "../chart.ts";
import type { Finding, Measure, Unit } from "../findings.ts";
import { formatMean, formatNumber } from "../table.ts";
import type { Table } from "../table.ts";
import { capitalised, unitsOf } from "./hacking-sentence.ts";
import type { DistantMean, FittedLaw } from "./laws.ts";
import { RESAMPLES, fitLaw, fitLawThroughMeans, klOf } from "./laws.ts";
import type { Look, OptimisationPath, RollOut } from "./path.ts";
import { rollOutAt, scoreOf, witnessOf } from "./path.ts";
import { largestOf } from "../../core/extremes.ts";

const PART = "over-optimisation";
/** Roll-outs on either side of one, whose mean KL is taken: one roll-out has few answers. */
const REACH = 3;

type Witness = "gold" | "proxy" | "held-out";

const nameOf = (path: OptimisationPath, of: Witness): string =>
  ({ gold: scoreOf(path), proxy: "the reward", "held-out": "the held-out reward" })[of];

/** A law, and the points that it goes through. */
interface WitnessLaw {
  of: Witness;
  /** In sentences. */
  name: string;
  law: FittedLaw;
  points: { distance: number; gain: { estimate: number; low?: number; high?: number } }[];
  /** What was drawn again for its intervals. */
  drawn: string;
}

/** @param random a new one for each law */
export function lawFindings(path: OptimisationPath, random: () => Random): Finding[] {
  const laws = (["gold", "proxy", "held-out"] as const).flatMap((of) => {
    const law = lawOf(path, of, random());
    return law ? [law] : [];
  });
  return laws.length === 0 ? [] : [findingOf(path, laws)];
}

/** sqrt(KL) of each look: the mean of the roll-outs around it. */
export function distanceOf(path: OptimisationPath, { step }: Pick<Look, "step">): number {
  if (step === 0) return 0;
  const at = rollOutAt(path, step);
  return at === undefined ? NaN : distanceAt(path.rollOuts, path.rollOuts.indexOf(at));
}

function distanceAt(rollOuts: readonly RollOut[], index: number): number {
  const reach = Math.min(REACH, index, rollOuts.length - 1 - index);
  const near = rollOuts.slice(index - reach, index + reach + 1);
  return Math.sqrt(Math.max(0, mean(near.map(({ kl }) => kl))));
}

function lawOf(path: OptimisationPath, of: Witness, random: Random): WitnessLaw | undefined {
  const { looks, clusters } = of === "gold" ? path : scoredLooks(path, of);
  const placed = looks
    .map((look) => ({ distance: distanceOf(path, look), values: look.values }))
    .filter(({ distance }) => Number.isFinite(distance));
  if (placed.length >= FEWEST_LOOKS[of] && placed[0]!.distance === 0) {
    const law = fitLaw("rl", placed, { random, clusters });
    const drawn = `${formatCount(RESAMPLES)} resamples of the prompts`;
    const name = nameOf(path, of);
    return law && { of, name, law, drawn, points: pointsOf(placed, clusters) };
  }
  return of === "gold" ? undefined : lawOfRollOuts(path, of, random);
}

/**
 * The beginning and as many more. A law has two coefficients, so that it goes through two points
 * whatever they are, and where it turns would have no width; that of a reward is in its roll-outs
 * too, where looks are few.
 */
const FEWEST_LOOKS: Readonly<Record<Witness, number>> = { gold: 4, proxy: 5, "held-out": 5 };

const scoredLooks = (
  { scored }: OptimisationPath,
  of: Exclude<Witness, "gold">,
): Pick<OptimisationPath, "looks" | "clusters"> => ({
  looks: (of === "proxy" ? scored?.proxy : scored?.heldOut) ?? [],
  clusters: scored?.clusters,
});

const pointsOf = (
  [start, ...others]: readonly { distance: number; values: readonly number[] }[],
  clusters: Labels | undefined,
): WitnessLaw["points"] =>
  others.map(({ distance, values }) => ({
    distance,
    gain: meanInterval(
      values.map((value, i) => value - start!.values[i]!),
      { clusters },
    ),
  }));

/** Rewards are logged in standard deviations of what the policy began as, so they begin at 0. */
function lawOfRollOuts(
  path: OptimisationPath,
  of: Exclude<Witness, "gold">,
  random: Random,
): WitnessLaw | undefined {
  const { rollOuts } = path;
  const means = rollOuts.flatMap((each, i): DistantMean[] => {
    const reward = of === "proxy" ? each.proxy : each.heldOut;
    return reward === undefined ? [] : [{ distance: distanceAt(rollOuts, i), reward }];
  });
  const law = fitLawThroughMeans("rl", means, { random });
  return (
    law && {
      of,
      name: nameOf(path, of),
      law,
      drawn: `${formatCount(RESAMPLES)} resamples of the errors of its roll-outs`,
      points: means
        .filter(({ distance }) => distance > LEAST_RL_DISTANCE)
        .map(({ distance, reward }) => ({ distance, gain: { estimate: reward } })),
    }
  );
}

/** What the curve of a law does: it turns down somewhere, or within what was seen it does not. */
function turnText({ law: { peakDistance, turns }, drawn }: WitnessLaw): string {
  const resampled = `${formatNumber(100 * turns, 0)}% of ${drawn}`;
  if (Number.isNaN(peakDistance.estimate))
    return `does not turn down within what was seen${turns < 0.005 ? "" : `; that of ${resampled} does`}`;
  return peakDistance.noClaim === undefined
    ? `turns down at a KL of ${formatMean(klOf(peakDistance))} nats`
    : `turns down at a KL of ${formatNumber(peakDistance.estimate ** 2)} nats; that of ` +
        `${resampled} turns down within what was seen`;
}

function findingOf(path: OptimisationPath, laws: readonly WitnessLaw[]): Finding {
  const { level, change } = unitsOf(path);
  const [first, ...others] = laws;
  const judged = laws.filter(({ of }) => of === "gold");
  const rewards = laws.filter(({ of }) => of !== "gold");
  return {
    id: `${PART}-law`,
    question: "What is its law?",
    conclusion: "measured",
    answer:
      `By Gao's law the curve of ${first!.name} ${turnText(first!)}.` +
      others.map((each) => ` That of ${each.name} ${turnText(each)}.`).join("") +
      " The law: with d the square root of the KL in nats, a curve gains d (α − β ln d); that of " +
      `${first!.name} has α ${formatMean(first!.law.alpha, 3)} and β ` +
      `${formatMean(first!.law.beta, 3)}.` +
      (judged.length === 0 && path.looks.length > 0
        ? ` ${capitalised(witnessOf(path))} has no law: ${countOf(path.looks.length, "look")}, and ` +
          `a law needs ${FEWEST_LOOKS.gold} at different distances.`
        : ""),
    measures: laws.flatMap((each) => measuresOf(each, each.of === "gold" ? change : "score")),
    figures: [
      ...(judged.length > 0
        ? [{ kind: "chart" as const, chart: lawChart(judged, level === "share") }]
        : []),
      ...(rewards.length > 0 ? [{ kind: "chart" as const, chart: lawChart(rewards, false) }] : []),
    ],
    details: [{ kind: "table", table: lawTable(laws) }],
  };
}

function measuresOf({ of, name: whose, law }: WitnessLaw, unit: Unit): Measure[] {
  const prefix = of === "gold" ? PART : `${PART}/${of}`;
  const named = (id: string, name: string, value: Measure["value"], own: Unit): Measure => ({
    id: `${prefix}/${id}`,
    name: whose === "gold" ? name : `${name}, ${whose}`,
    value,
    unit: own,
    good: "neither",
  });
  return [
    named("alpha", "α of Gao's law", law.alpha, "score"),
    named("beta", "β of Gao's law", law.beta, "score"),
    named("peak-kl", "KL of the law's peak", klOf(law.peakDistance), "nats"),
    named("peak-gain", "gain at the law's peak", law.peakReward, unit),
  ];
}

const lawTable = (laws: readonly WitnessLaw[]): Table => ({
  caption: "Gao's law of each: it gains d (α − β ln d)",
  columns: [
    { name: "of" },
    { name: "α", align: "right" },
    { name: "β", align: "right" },
    { name: "KL of its peak, nats", align: "right" },
    { name: "turns down in", align: "right" },
  ],
  rows: laws.map(({ name, law }) => [
    name,
    formatMean(law.alpha, 3),
    formatMean(law.beta, 3),
    Number.isNaN(law.peakDistance.estimate) ? "not seen" : formatMean(klOf(law.peakDistance)),
    `${formatNumber(100 * law.turns, 0)}%`,
  ]),
  note:
    "Intervals are over prompts or, where the roll-outs of a reward are taken, over errors that " +
    "hang together as theirs do. The last column is the share of resamples.",
});

/** Gains with their intervals, at their distances, and the laws through them. */
function lawChart(laws: readonly WitnessLaw[], percent: boolean): ScatterChart {
  const ofGold = laws[0]!.of === "gold";
  const witness = laws[0]!.name;
  const labelOf = ({ of, name }: WitnessLaw): string =>
    of === "gold" ? `${name}, above where it began` : name;
  return {
    kind: "scatter",
    title: ofGold ? `Gao's law through ${witness}` : "Gao's laws through the rewards",
    description:
      (ofGold
        ? `Gain of ${witness} at each look, with its interval over prompts, `
        : "Gain of each reward, in standard deviations of what it began at, ") +
      "against the square root of the KL; the line is d (α − β ln d).",
    says: laws.map((each) => `The curve of ${each.name} ${turnText(each)}.`).join(" "),
    xLabel: "distance from where it began: square root of the KL, sqrt(nats)",
    yLabel: ofGold ? `gain of ${witness}` : "gain, standard deviations",
    points: laws.flatMap((each) =>
      each.points.map(({ distance, gain }) => ({
        name: "",
        series: labelOf(each),
        x: { estimate: distance },
        y: gain,
      })),
    ),
    curves: laws.map((each) => curveOf(each, laws.length > 1)),
    ...(percent ? { percent } : {}),
  };
}

function curveOf(
  { name, law, points }: WitnessLaw,
  named: boolean,
): NonNullable<ScatterChart["curves"]>[number] {
  const furthest = largestOf(points.map(({ distance }) => distance));
  const { alpha, beta } = law.fit;
  return {
    name: named ? `Gao's law, ${name}` : "Gao's law",
    points: Array.from({ length: 61 }, (_, i) => {
      const x = (i * furthest) / 60;
      return { x, y: optimisationReward("rl", alpha.estimate, beta.estimate, x) };
    }),
  };
}
