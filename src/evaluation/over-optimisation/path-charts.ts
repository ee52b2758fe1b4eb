/** The way of an optimisation drawn: rewards and what was meant, against steps and distance. */
import { countOf } from "../../core/counts.ts";
import { mean } from "../../stats/intervals.ts";
import type { LineChart, Moment, PathChart } from "../chart.ts";
import { capitalised } from "./hacking-sentence.ts";
import { distanceOf } from "./law-findings.ts";
import type { Look, OptimisationPath } from "./path.ts";
import { witnessOf } from "./path.ts";
import type { HackingVerdict } from "./verdict.ts";

/** Roll-outs whose mean is drawn, since each has few answers. */
const SMOOTHED = 7;

interface Series {
  name: string;
  points: readonly { step: number; distance: number; y: number }[];
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
  const witness = witnessOf(path);
  const series = seriesOf(path, verdict);
  return {
    kind: "lines",
    title: `The reward and what was meant, ${path.name}`,
    description:
      `${series.map(({ name }) => name).join(", ")}: each less its beginning, in standard ` +
      "deviations over the answers of then. Many points with a line are roll-outs and their moving " +
      "mean; few are looks at the same prompts.",
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
      points: points.map(({ step, y }) => ({ x: step, y })),
    })),
    level: { y: 0, label: "" },
  };
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
      ", in order of time.",
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
      : [{ name, points: levelsOf(path, looks, { centre: 0, deviation: 1 }) }];
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
            points: levelsOf(path, path.looks, scale),
            ...(gold ? { moments: [{ step: gold.steps.peak, kind: "peak" as const }] } : {}),
          },
        ]
      : []),
  ];
}

interface Scale {
  centre: number;
  deviation: number;
}

const levelsOf = (
  path: OptimisationPath,
  looks: readonly Look[],
  { centre, deviation }: Scale,
): Series["points"] =>
  looks.map((look) => ({
    step: look.step,
    distance: distanceOf(path, look),
    y: (mean(look.values) - centre) / deviation,
  }));

const spreadOf = (values: readonly number[], centre: number): number =>
  Math.sqrt(mean(values.map((value) => (value - centre) ** 2)));

/**
 * Mean over prompts before any update, and spread; where all are equal then, as in a comparison with
 * oneself, the spread of the other looks.
 */
function scaleOf(looks: readonly Look[]): Scale | undefined {
  const [first, ...others] = looks;
  if (first === undefined || others.length === 0) return undefined;
  const centre = mean(first.values);
  const own = spreadOf(first.values, centre);
  const deviation =
    own > 0 ? own : mean(others.map(({ values }) => spreadOf(values, mean(values))));
  return deviation > 0 ? { centre, deviation } : undefined;
}
