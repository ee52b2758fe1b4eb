/** Reward and held-out reward along runs over roll-outs: against steps, and against KL. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Chart, LineChart, Moment, PathChart } from "../evaluation/chart.ts";
import type { ReportPart } from "../evaluation/page.ts";
import { readJsonLines } from "../runs/json-lines.ts";

export interface AlignPath {
  name: string;
  points: readonly PathPoint[];
  /** Step at which the guard spoke up. */
  alarm?: number;
}

interface PathPoint {
  step: number;
  distance: number;
  proxy: number;
  heldOut?: number;
}

/** Of the points of a run, its moving mean is over this share. */
const SMOOTHED = 0.1;

/** What a run over roll-outs logged of its way. */
export function readPath(folder: string): Omit<AlignPath, "name"> {
  const file = join(folder, "metrics.jsonl");
  if (!existsSync(file)) return { points: [] };
  const points = readJsonLines(file).flatMap((line): PathPoint[] => {
    const at = line as Record<string, number>;
    const [kl, proxy, heldOut] = [
      at["objective/kl"],
      at["objective/scores"],
      at["objective/held_out_scores"],
    ];
    return kl === undefined || proxy === undefined
      ? []
      : [
          {
            step: at["step"]!,
            distance: Math.sqrt(Math.max(0, kl)),
            proxy,
            ...(heldOut === undefined ? {} : { heldOut }),
          },
        ];
  });
  const events = join(folder, "events.jsonl");
  const alarm = existsSync(events)
    ? readJsonLines(events).find((event) => event["type"] === "warning" && event["id"] === "guard")
    : undefined;
  return { points, ...(alarm ? { alarm: alarm["step"] as number } : {}) };
}

type What = "proxy" | "heldOut";

const TEXTS: Readonly<Record<What, { title: string; description: string }>> = {
  proxy: {
    title: "What is optimised: the reward",
    description: "Mean reward of each roll-out.",
  },
  heldOut: {
    title: "What a second reward model says",
    description:
      "Mean score by the held-out reward model, which is never optimised: where it stops " +
      "following, the reward is being hacked.",
  },
};

const smoothedOver = (points: readonly unknown[]): number =>
  Math.max(3, Math.round(SMOOTHED * points.length));

/** Where the guard spoke up, and the end: without gold no peak is known. */
const momentsOf = ({ alarm, points }: AlignPath): Moment[] => [
  ...(alarm === undefined ? [] : [{ step: alarm, kind: "guard" as const }]),
  ...(points.length === 0 ? [] : [{ step: points.at(-1)!.step, kind: "end" as const }]),
];

const valuesOf = (points: readonly PathPoint[], what: What): (PathPoint & { y: number })[] =>
  points.flatMap((point) =>
    point[what] === undefined ? [] : [{ ...point, y: point[what] as number }],
  );

const stepChart = (paths: readonly AlignPath[], what: What): LineChart => ({
  kind: "lines",
  title: TEXTS[what].title,
  description: `${TEXTS[what].description} Dots are roll-outs, the line is their moving mean.`,
  xLabel: "roll-out",
  yLabel: "reward",
  wholeX: true,
  series: paths.map((path) => ({
    name: path.name,
    points: valuesOf(path.points, what).map(({ step, y }) => ({ x: step, y })),
    smoothed: smoothedOver(path.points),
    moments: momentsOf(path),
  })),
});

const pathChart = (paths: readonly AlignPath[], what: What): PathChart => ({
  kind: "path",
  title: `${TEXTS[what].title}, against the distance from the start`,
  description:
    `${TEXTS[what].description} Across: square root of the KL in nats. Numbers are roll-outs; the ` +
    "line, smoothed, is fainter where it is older, and arrows point onward in time.",
  xLabel: "distance from the start: square root of the KL, sqrt(nats)",
  yLabel: "reward",
  series: paths.map((path) => ({
    name: path.name,
    points: valuesOf(path.points, what).map(({ step, distance, y }) => ({ step, x: distance, y })),
    smoothed: smoothedOver(path.points),
    moments: momentsOf(path),
  })),
});

/** Charts on the question whether a reward was hacked, and what is folded beneath them. */
export function alignPathParts(
  paths: readonly AlignPath[],
): Record<"figures" | "details", ReportPart[]> {
  const watched = paths.filter(({ points }) => points.some(({ heldOut }) => heldOut !== undefined));
  const both = (draw: (of: readonly AlignPath[], what: What) => Chart): ReportPart[] => [
    { kind: "chart", chart: draw(paths, "proxy") },
    ...(watched.length > 0 ? [{ kind: "chart" as const, chart: draw(watched, "heldOut") }] : []),
  ];
  return { figures: both(stepChart), details: both(pathChart) };
}
