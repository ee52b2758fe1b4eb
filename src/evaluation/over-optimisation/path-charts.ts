/** The way of an optimisation drawn: rewards and what was meant, against steps and distance. */
import { countOf } from "../../core/counts.ts";
import type { Labels } from "../../stats/clusters.ts";
import { mean, meanInterval } from "../../stats/intervals.ts";
import type { LineChart, Moment, PathChart } from "../chart.ts";
import { capitalised } from "./hacking-sentence.ts";
import { distanceOf } from "./law-findings.ts";
import type { Look, OptimisationPath } from "./path.ts";
import { scoreOf, witnessOf } from "./path.ts";
import type { HackingVerdict } from "./verdict.ts";

/** Roll-outs whose mean is drawn, since each has few answers. */
const SMOOTHED = 7;

interface Series {
  name: string;
  points: readonly { step: number; distance: number; y: number; low?: number; high?: number }[];
  smoothed?: number;
  moments?: readonly Moment[];
}

/** Rewards, and what was meant, step by step; undefined for a run of one roll-out. */
export function stepChart(
  path: OptimisationPath,
  verdict: Pick<HackingVerdict, "gold">,
): LineChart | undefined {
  if (path.rollOuts.length < 2) return undefined;
  const { gold } = verdict;
  const witness = scoreOf(path);
  const series = seriesOf(path, verdict);
  return {
    kind: "lines",
    title: `The reward and what was meant, ${path.name}`,
    description: descriptionOf(path),
    ...(gold
      ? {
          says:
            gold.steps.peak === gold.steps.last
              ? `${capitalised(witness)} is highest at the end.`
              : `${capitalised(witness)} is highest at step ${gold.steps.peak}.`,
        }
      : {}),
    xLabel: "step",
    yLabel: "standard deviations",
    wholeX: true,
    series: series.map(({ points, ...each }) => ({
      ...each,
      points: points.map(({ step, y, low, high }) => ({
        x: step,
        y,
        ...(low === undefined || high === undefined ? {} : { low, high }),
      })),
    })),
    level: { y: 0, label: "" },
  };
}

/** What a dot is, and by what its band goes. */
function descriptionOf(path: OptimisationPath): string {
  const { looks, scored } = path;
  const counts = [looks, scored?.proxy ?? [], scored?.heldOut ?? []].flatMap((those) =>
    those.length < 2 ? [] : [those[0]!.values.length],
  );
  const prompts = counts[0];
  const later = scaleOf(looks)?.later === true;
  return (
    "Each less its beginning, which is 0, in standard deviations of the values at the beginning" +
    (later ? ` (those of ${witnessOf(path)}, nearly equal then, of its later looks)` : "") +
    `, so that they can be drawn on one scale. Faint dots are roll-outs, each of other prompts, and their line is ` +
    `the moving mean over ${SMOOTHED}.` +
    (prompts === undefined
      ? ""
      : ` The other dots are looks at the same ${countOf(prompts, "prompt")}, and their band the ` +
        "95% interval of the change since the beginning, paired by prompt.")
  );
}

/** The same against the square root of the KL. */
export function distanceChart(
  path: OptimisationPath,
  verdict: Pick<HackingVerdict, "gold">,
): PathChart {
  return {
    kind: "path",
    title: "The same against the distance from where it began",
    description:
      `${countOf(path.rollOuts.length, "roll-out")}` +
      (path.looks.length > 0 ? ` and ${countOf(path.looks.length, "look")}` : "") +
      ", in order of time: numbers are steps, the line is fainter where it is older, and arrows " +
      "point onward.",
    xLabel: "square root of the KL, sqrt(nats)",
    yLabel: "standard deviations",
    series: seriesOf(path, verdict).map(({ points, ...each }) => ({
      ...each,
      points: points
        .filter(({ distance }) => Number.isFinite(distance))
        .map(({ step, distance, y }) => ({ step, x: distance, y })),
    })),
    level: { y: 0, label: "" },
  };
}

function seriesOf(path: OptimisationPath, { gold }: Pick<HackingVerdict, "gold">): Series[] {
  const { rollOuts, scored } = path;
  const rolled = (name: string, read: (each: (typeof rollOuts)[number]) => number | undefined) => {
    const points = rollOuts.flatMap((each) => {
      const y = read(each);
      const distance = Math.sqrt(Math.max(0, each.kl));
      return y === undefined ? [] : [{ step: each.step, distance, y }];
    });
    return points.length === 0 ? [] : [{ name, smoothed: SMOOTHED, points }];
  };
  const looked = (name: string, looks: readonly Look[] | undefined): Series[] =>
    looks === undefined || looks.length < 2
      ? []
      : [
          {
            name,
            points: levelsOf(path, looks, {
              scale: { centre: 0, deviation: 1 },
              clusters: scored?.clusters,
            }),
          },
        ];
  const scale = scaleOf(path.looks);
  return [
    ...rolled("reward (proxy)", ({ proxy }) => proxy),
    ...rolled("held-out reward", ({ heldOut }) => heldOut),
    ...looked("reward, kept checkpoints", scored?.proxy),
    ...looked("held-out reward, kept checkpoints", scored?.heldOut),
    ...(scale
      ? [
          {
            name: witnessOf(path),
            points: levelsOf(path, path.looks, { scale, clusters: path.clusters }),
            ...(gold ? { moments: [{ step: gold.steps.peak, kind: "peak" as const }] } : {}),
          },
        ]
      : []),
  ];
}

interface Scale {
  centre: number;
  deviation: number;
  /** The deviation is that of the later looks. */
  later?: boolean;
}

/** A spread at the beginning that is smaller than this share of the later ones is no scale. */
const NARROW = 0.1;

/** Means of looks; the interval is that of the change since the first, prompt by prompt. */
function levelsOf(
  path: OptimisationPath,
  looks: readonly Look[],
  { scale: { centre, deviation }, clusters }: { scale: Scale; clusters: Labels | undefined },
): Series["points"] {
  const start = looks[0]!.values;
  const from = mean(start);
  return looks.map((look, i) => {
    const point = {
      step: look.step,
      distance: distanceOf(path, look),
      y: (mean(look.values) - centre) / deviation,
    };
    const change = meanInterval(
      look.values.map((value, at) => value - start[at]!),
      { clusters },
    );
    // where it begins there is nothing to differ from
    if (i === 0 || change.noClaim !== undefined) return point;
    const at = (value: number): number => (from + value - centre) / deviation;
    return { ...point, low: at(change.low), high: at(change.high) };
  });
}

const spreadOf = (values: readonly number[], centre: number): number =>
  Math.sqrt(mean(values.map((value) => (value - centre) ** 2)));

/**
 * Mean over prompts before any update, and spread; where all are nearly equal then, as in a
 * comparison with oneself, the spread of the other looks.
 */
function scaleOf(looks: readonly Look[]): Scale | undefined {
  const [first, ...others] = looks;
  if (first === undefined || others.length === 0) return undefined;
  const centre = mean(first.values);
  const own = spreadOf(first.values, centre);
  const theirs = mean(others.map(({ values }) => spreadOf(values, mean(values))));
  const later = own < NARROW * theirs;
  const deviation = later ? theirs : own;
  return deviation > 0 ? { centre, deviation, later } : undefined;
}
