/**
 * The page of one run: what was done, the curves of every metric with its meaning, checkpoints,
 * warnings and options.
 */
import { countOf } from "../core/counts.ts";
import { relative } from "node:path";
import type { RunDetails } from "../runs/compare.ts";
import { flatten } from "../runs/recorded.ts";
import type { LineChart } from "../evaluation/chart.ts";
import { formatMean, formatNumber, verdictOf } from "../evaluation/table.ts";
import { mean } from "../stats/intervals.ts";
import { unpairedDifference } from "../stats/unpaired.ts";
import type { Fact } from "./made.ts";
import { madeFacts, runFacts } from "./made.ts";
import type { Report } from "./report.ts";
import type { ReportPart } from "../evaluation/page.ts";
import { notFiniteNote, outsideNote, type RunCurve, runCurves, valueRange } from "./run-curves.ts";

/** Points up to which each has a dot of its own: more would look like a thick line. */
const MOST_DOTS = 60;
/** Longer training curves are drawn as dots with their moving mean over this share of them. */
const [NOISY, SMOOTHED] = [30, 0.1];

export function runReport(
  run: RunDetails,
  command: (argv: readonly string[]) => string,
  argv: readonly string[],
): Report {
  const { main, further } = runCurves(run);
  const charts = (curves: readonly RunCurve[]): ReportPart[] =>
    curves.map((curve) => ({ kind: "chart", chart: chartOf(curve, run) }));
  const options = flatten(run.config);
  return {
    title: `${run.info.command}: ${run.name}`,
    verdict: {
      conclusion: run.series.size === 0 ? "no conclusion" : "measured",
      sentence: wayOf(main, run),
    },
    summary: summaryOf(run),
    sections: [
      ...(run.warnings.length === 0 ? [] : [{ title: "What may mislead", parts: warnings(run) }]),
      {
        title: "Curves",
        parts: [
          ...(run.series.size === 0
            ? [{ kind: "text" as const, text: "No metric was recorded." }]
            : charts(main)),
          ...(further.length === 0
            ? []
            : [
                {
                  kind: "folded" as const,
                  title: `Further curves (${further.length})`,
                  parts: charts(further),
                },
              ]),
        ],
      },
      ...(run.checkpoints.length === 0
        ? []
        : [{ title: "Checkpoints", parts: [checkpoints(run)] }]),
      {
        title: "Options",
        parts: [
          {
            kind: "folded",
            title: `Options that had an effect (${options.length})`,
            parts: [{ kind: "facts", facts: options }],
          },
        ],
      },
    ],
    made: madeOf(run, command, argv),
  };
}

/** Curves that the first sentence tells. */
const TOLD = 2;

/** Least steps at each end whose means are compared. */
const LEAST_STEPS = 3;

/** One step is mostly noise: means of the first and of the last tenth are compared. */
function changeOf(name: string, points: readonly { value: number }[]): string {
  const values = points.map(({ value }) => value).filter(Number.isFinite);
  if (values.length === 0) return `${name} was not logged in training`;
  const size = Math.max(LEAST_STEPS, Math.round(values.length / 10));
  if (values.length < 2 * size)
    return (
      `${name} was ${short(values[0]!)} in its first step and ${short(values.at(-1)!)} in its ` +
      `last: ${countOf(values.length, "step")} are too few to compare`
    );
  const [first, last] = [values.slice(0, size), values.slice(-size)];
  const difference = unpairedDifference(last, first);
  const [from, to] = [mean(first), mean(last)].map(short);
  const change = formatMean(difference, decimalsOf(difference.estimate));
  return (
    `the mean of ${name} went from ${from} in the first ${countOf(size, "step")} to ${to} in the last, ` +
    `a difference of ${change}, taking steps for independent` +
    (verdictOf(difference) === "not distinguishable" ? ": no clear change" : "")
  );
}

/** How far the run came, by its first curves. */
function wayOf(main: readonly RunCurve[], { step, series }: RunDetails): string {
  const sentences = main
    .filter(({ training, heldOut }) => training.length > 1 || heldOut.length > 0)
    .slice(0, TOLD)
    .map(({ name, meaning, heldOut }) => {
      const better = /(Lower|Higher) is better/.exec(meaning)?.[1]?.toLowerCase();
      const held = heldOut.at(-1);
      return [
        changeOf(name, series.get(name) ?? []),
        ...(held ? [`on held-out data it is ${short(held.y)} at the end`] : []),
        ...(better ? [`${better} is better`] : []),
      ].join("; ");
    });
  return sentences.length === 0
    ? "Nothing was measured, so nothing can be said of how well it went."
    : `Over ${countOf(step, "step")}: ${sentences.join(". ")}.`;
}

const decimalsOf = (value: number): number => (Math.abs(value) < 10 ? 3 : 1);
const short = (value: number): string => formatNumber(value, decimalsOf(value));

function summaryOf({ state, step, totalSteps, checkpoints: { length: kept } }: RunDetails): string {
  const of = totalSteps === undefined ? "" : ` of ${totalSteps}`;
  const checkpoints = kept === 1 ? "checkpoint is" : "checkpoints are";
  const marked = kept === 0 ? "" : `; ${kept} ${checkpoints} kept, marked by dotted lines`;
  return `${state[0]!.toUpperCase()}${state.slice(1)} at step ${step}${of}${marked}.`;
}

function madeOf(
  run: RunDetails,
  command: (argv: readonly string[]) => string,
  argv: readonly string[],
): Fact[] {
  const { more, hashes } = runFacts(run, command);
  const tokens = run.last["num_tokens"];
  return madeFacts({
    command: command(argv),
    more: [
      ...more,
      ...(tokens === undefined ? [] : [["tokens", tokens.toLocaleString("en-US")] as const]),
    ],
    hashes,
  });
}

function warnings({ warnings: said }: RunDetails): ReportPart[] {
  if (said.length === 0) return [];
  return [
    {
      kind: "folded",
      title: countOf(said.length, "warning"),
      parts: said.map((text) => ({ kind: "text", text })),
    },
  ];
}

function checkpoints(run: RunDetails): ReportPart {
  const rows = run.checkpoints.map(({ step, score, folder }) => [
    String(step),
    score === undefined ? "" : `${score.metric} ${score.value.toPrecision(4)}`,
    relative(run.folder, folder),
  ]);
  return {
    kind: "table",
    table: {
      caption: "What the run can go on from, or be used at",
      columns: [{ name: "step" }, { name: "score" }, { name: "folder" }],
      rows,
    },
  };
}

/** Training and held-out values of a metric in one chart. */
function chartOf(curve: RunCurve, run: RunDetails): LineChart {
  const { name, label, meaning, training, heldOut, stepsPerPoint } = curve;
  const range = valueRange(
    [training, heldOut].map((points) =>
      points.flatMap(({ y, low = y, high = y }) => (low === high ? [y] : [low, high])),
    ),
  );
  // means of steps are smooth already, few points are told apart, and a spike would spread
  const smoothed =
    stepsPerPoint === 1 && training.length > NOISY && range?.outside === undefined
      ? Math.round(SMOOTHED * training.length)
      : 1;
  const notes = [
    smoothed > 1
      ? `dots are steps, the line is their moving mean over ${countOf(smoothed, "step")}`
      : undefined,
    stepsPerPoint > 1
      ? `a point of the training curve is the mean of ${stepsPerPoint} steps, the band behind it ` +
        "their range"
      : undefined,
    notFiniteNote(curve),
    range && outsideNote(range),
  ].filter((note) => note !== undefined);
  return {
    kind: "lines",
    title: name,
    description: [
      meaning,
      ...notes.map((note) => `${note[0]!.toUpperCase()}${note.slice(1)}.`),
    ].join(" "),
    xLabel: "step",
    wholeX: true,
    yLabel: label,
    ...(range === undefined ? {} : { yRange: [range.low, range.high] }),
    series: [
      ...(training.length > 0
        ? [
            {
              name: "training",
              points: training,
              dots: training.length <= MOST_DOTS,
              ...(smoothed > 1 ? { smoothed } : {}),
            },
          ]
        : []),
      ...(heldOut.length > 0
        ? [{ name: "held-out", points: heldOut, dots: heldOut.length <= MOST_DOTS }]
        : []),
    ],
    rules: run.checkpoints.map(({ step }) => step),
  };
}

/** Curves of a stage that stand beside others, small. */
const FEW = 3;
/** Curves of fewer points are drawn as they are. */
const MOST_RAW = 10;

/** The first few curves of a run, each with what it means, smoothed. */
export function smallCurves(run: RunDetails, name: string): LineChart[] {
  return runCurves(run)
    .main.filter(({ training }) => training.length > 1)
    .slice(0, FEW)
    .map((curve) => {
      const { rules: _, ...chart } = chartOf(curve, run);
      return {
        ...chart,
        title: `${name}: ${curve.name}`,
        description: curve.meaning,
        series: chart.series.map(({ points, ...series }) =>
          points.length < MOST_RAW
            ? { ...series, points, dots: true }
            : {
                ...series,
                points: points.map(({ x, y }) => ({ x, y })),
                smoothed: Math.max(3, Math.round(SMOOTHED * points.length)),
              },
        ),
      };
    });
}
