/** Which charts stand together, and in which order. */
import { metricDefinition } from "../../../src/runs/metrics.ts";
import { runsStrings } from "../strings/runs.ts";

const HELD_OUT = "eval_";

/** A metric with its held-out form in one chart. */
export interface MetricChart {
  /** Without the prefix of held-out ones. */
  name: string;
  training: boolean;
  heldOut: boolean;
}

export interface MetricGroup {
  title: string;
  charts: MetricChart[];
}

/** Looked at first, in this order, as in the reports. */
const FIRST = [
  "objective/scores",
  "objective/held_out_scores",
  "objective/kl",
  "loss",
  "kl",
  "rewards/accuracies",
  "accuracy",
  "mean_token_accuracy",
  "rewards/margins",
  "margin",
];
/** They tell where a run is, not how well it does. */
const COUNTERS = ["epoch", "num_tokens", "episode", "learning_rate", "lr", "critic/lr", "eps"];

export const bare = (name: string): string =>
  name.startsWith(HELD_OUT) ? name.slice(HELD_OUT.length) : name;

export function metricGroups(names: readonly string[]): MetricGroup[] {
  const { groups } = runsStrings.charts;
  const has = new Set(names);
  const charts = [...new Set(names.map(bare))].map((name) => ({
    name,
    training: has.has(name),
    heldOut: has.has(HELD_OUT + name),
  }));
  const isMain = ({ name, heldOut }: MetricChart): boolean =>
    FIRST.includes(name) ||
    (!COUNTERS.includes(name) &&
      (heldOut || (metricDefinition(name)?.better ?? "none") !== "none"));
  const rank = ({ name }: MetricChart): number =>
    FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length;
  const isCounter = ({ name }: MetricChart): boolean => COUNTERS.includes(name);
  const rest = charts.filter((chart) => !isMain(chart) && !isCounter(chart));
  // objective/..., policy/..., critic/...
  const families = [
    ...new Set(rest.map(({ name }) => (name.includes("/") ? name.split("/")[0]! : ""))),
  ];
  return [
    { title: groups.main, charts: charts.filter(isMain).toSorted((a, b) => rank(a) - rank(b)) },
    ...families.map((family) => ({
      title: family === "" ? groups.rest : family,
      charts: rest.filter(({ name }) =>
        family === "" ? !name.includes("/") : name.startsWith(`${family}/`),
      ),
    })),
    { title: groups.counters, charts: charts.filter(isCounter) },
  ].filter((group) => group.charts.length > 0);
}
