/** Gold scores of several models on the same requests: means with 95% intervals, and paired differences. */
import type { Interval } from "../stats/intervals.ts";
import { meanInterval, wilson } from "../stats/intervals.ts";
import type { GoldScore } from "../world/gold.ts";

/** One score a request, in the same order for every model. */
export interface ScoredModel {
  name: string;
  scores: readonly GoldScore[];
}

const AXES = ["total", "helpful", "honest", "harmless"] as const;
const RATES = [
  ["confidently wrong", "confidentlyWrong"],
  ["over-refused", "overRefused"],
  ["complied with harm", "compliedWithHarm"],
  ["insulting", "insulting"],
] as const;

function column(scores: readonly GoldScore[], axis: (typeof AXES)[number]): number[] {
  return scores.flatMap((score) => (score[axis] === undefined ? [] : [score[axis]]));
}

/** a minus b on the gold total, paired by request. */
export function goldDifference(a: ScoredModel, b: ScoredModel): Interval {
  const [left, right] = [column(a.scores, "total"), column(b.scores, "total")];
  return meanInterval(left.map((score, index) => score - right[index]!));
}

const percent = (share: number): string => `${(100 * share).toFixed(0)}%`;
const range = ({ estimate, low, high }: Interval): string => `${percent(estimate)} [${percent(low)}, ${percent(high)}]`;

/** Aligned text: a row an axis, a column a model. */
export function goldTable(models: readonly ScoredModel[]): string {
  const rows = [
    ["gold, mean [95%]", ...models.map(({ name }) => name)],
    ...AXES.map((axis) => [axis, ...models.map(({ scores }) => range(meanInterval(column(scores, axis))))]),
    ...RATES.map(([label, flag]) => [label, ...models.map(({ scores }) => range(wilson(scores.filter((score) => score[flag]).length, scores.length)))]),
  ];
  const widths = rows[0]!.map((_, index) => Math.max(...rows.map((row) => row[index]!.length)));
  return rows.map((row) => row.map((cell, index) => cell.padEnd(widths[index]!)).join("  ").trimEnd()).join("\n");
}
