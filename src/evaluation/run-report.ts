/** The page of one run: what was done, the curves of every metric with its meaning, checkpoints, warnings and options. */
import { countOf } from "../core/counts.ts";
import { relative } from "node:path";
import type { RunDetails } from "../runs/compare.ts";
import { metricDefinition } from "../runs/metrics.ts";
import { flatten } from "../runs/recorded.ts";
import type { LineChart } from "./charts.ts";
import type { Report, ReportPart } from "./report.ts";

type Points = readonly { readonly step: number; readonly value: number }[];
type Series = LineChart["series"][number];

const HELD_OUT = "eval_";
/** Longer curves are drawn as means over as many steps as it takes, with their range. */
const MOST_POINTS = 150;
/** More dots than that are a thick line. */
const MOST_DOTS = 60;
const HASH_DIGITS = 16;
/** They tell where a run is, not how well it does. */
const COUNTERS = ["epoch", "global_step", "num_tokens", "episode", "learning_rate", "lr", "critic/lr", "eps"];

export function runReport(run: RunDetails, footer: string): Report {
  const names = metricNames(run);
  const isMain = (name: string): boolean => !COUNTERS.includes(name) && (run.series.has(HELD_OUT + name) || metricDefinition(name)?.better !== "none");
  const charts = (wanted: readonly string[]): ReportPart[] => wanted.map((name) => ({ kind: "chart", chart: curve(run, name) }));
  const [main, further] = [names.filter(isMain), names.filter((name) => !isMain(name))];
  const options = flatten(run.config);
  return {
    title: `${run.info.command}: ${run.name}`,
    summary: summaryOf(run),
    sections: [
      { title: "What was done", parts: [{ kind: "facts", facts: facts(run) }, ...warnings(run)] },
      {
        title: "Curves",
        parts: [
          ...(names.length === 0 ? [{ kind: "text" as const, text: "No metric was recorded." }] : charts(main)),
          ...(further.length === 0 ? [] : [{ kind: "folded" as const, title: `Further curves (${further.length})`, parts: charts(further) }]),
        ],
      },
      ...(run.checkpoints.length === 0 ? [] : [{ title: "Checkpoints", parts: [checkpoints(run)] }]),
      { title: "Options", parts: [{ kind: "folded", title: `Options that had an effect (${options.length})`, parts: [{ kind: "facts", facts: options }] }] },
    ],
    footer,
  };
}

/** Without the prefix of held-out values, in the order of their first appearance. */
const metricNames = ({ series }: RunDetails): string[] => [...new Set([...series.keys()].map((name) => (name.startsWith(HELD_OUT) ? name.slice(HELD_OUT.length) : name)))];

function summaryOf({ state, step, totalSteps, checkpoints: { length: kept } }: RunDetails): string {
  const of = totalSteps === undefined ? "" : ` of ${totalSteps}`;
  return `${state[0]!.toUpperCase()}${state.slice(1)} at step ${step}${of}${kept === 0 ? "" : `; ${kept} ${kept === 1 ? "checkpoint is" : "checkpoints are"} kept, marked by dotted lines`}.`;
}

function facts({ folder, info, last }: RunDetails): [string, string][] {
  const tokens = last["num_tokens"];
  return [
    ["begun (UTC)", info.created.slice(0, 16).replace("T", " ")],
    ["seed", String(info.seed)],
    ...(tokens === undefined ? [] : [["tokens", tokens.toLocaleString("en-US")] satisfies [string, string]]),
    ...Object.entries(info.versions),
    ["folder", folder],
    ["data", info.dataHash.slice(0, HASH_DIGITS)],
    ...(info.modelFingerprint === "" ? [] : [["model", info.modelFingerprint.slice(0, HASH_DIGITS)] satisfies [string, string]]),
  ];
}

function warnings({ warnings: said }: RunDetails): ReportPart[] {
  if (said.length === 0) return [];
  return [{ kind: "folded", title: countOf(said.length, "warning"), parts: said.map((text) => ({ kind: "text", text })) }];
}

function checkpoints(run: RunDetails): ReportPart {
  const rows = run.checkpoints.map(({ step, score, folder }) => [String(step), score === undefined ? "" : `${score.metric} ${score.value.toPrecision(4)}`, relative(run.folder, folder)]);
  return { kind: "table", table: { caption: "What the run can go on from, or be used at", columns: [{ name: "step" }, { name: "score" }, { name: "folder" }], rows } };
}

/** Training and held-out values of a metric in one chart. */
function curve(run: RunDetails, name: string): LineChart {
  const [training, heldOut] = [run.series.get(name) ?? [], run.series.get(HELD_OUT + name) ?? []];
  const { formula, unit, better } = metricDefinition(name) ?? { formula: "not in this version's table of metrics", unit: "?", better: "none" };
  const perPoint = Math.ceil(training.length / MOST_POINTS);
  const missing = [...training, ...heldOut].filter(({ value }) => !Number.isFinite(value)).length;
  const words = [
    `${formula[0]!.toUpperCase()}${formula.slice(1)}.`,
    ...(better === "none" ? [] : [`${better === "lower" ? "Lower" : "Higher"} is better.`]),
    ...(perPoint > 1 ? [`A point of the training curve is the mean of ${perPoint} steps, the band behind it their range.`] : []),
    ...(missing > 0 ? [`${missing} ${missing === 1 ? "value is" : "values are"} not finite and left out.`] : []),
  ];
  return {
    kind: "lines",
    title: name,
    description: words.join(" "),
    xLabel: "step",
    yLabel: unit === "1" ? name : `${name} (${unit})`,
    series: [
      ...(training.length > 0 ? [{ name: "training", points: thinned(training, perPoint), dots: training.length <= MOST_DOTS }] : []),
      ...(heldOut.length > 0 ? [{ name: "held-out", points: thinned(heldOut, Math.ceil(heldOut.length / MOST_POINTS)), dots: heldOut.length <= MOST_DOTS }] : []),
    ],
    rules: run.checkpoints.map(({ step }) => step),
  };
}

/** Means of `size` neighbours with their range; the points themselves where `size` is 1. */
function thinned(points: Points, size: number): Series["points"] {
  const finite = points.filter(({ value }) => Number.isFinite(value));
  if (size <= 1) return finite.map(({ step, value }) => ({ x: step, y: value }));
  return Array.from({ length: Math.ceil(finite.length / size) }, (_, i) => {
    const part = finite.slice(i * size, (i + 1) * size);
    const values = part.map(({ value }) => value);
    return { x: mean(part.map(({ step }) => step)), y: mean(values), low: Math.min(...values), high: Math.max(...values) };
  });
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value / values.length, 0);
