/**
 * Gold scores of several models on the same requests: means and rates with 95% intervals, and
 * paired differences between models. The intervals of two models may overlap where their paired
 * difference is clear of zero: the difference decides.
 *
 * Source: Miller (arXiv 2411.00640) for paired, clustered differences; Holm (1979) for
 * differences that are looked at together.
 */
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import { pValueOfInterval } from "../stats/interval-p-value.ts";
import { meanInterval, plainInterval, shareInterval } from "../stats/intervals.ts";
import type { Interval } from "../stats/intervals.ts";
import type { GoldScore } from "../world/gold.ts";
import type { JudgedDifference, TestedDifference } from "./judged-differences.ts";
import { judgedTogether } from "./judged-differences.ts";
import { formatPValue, formatPoints, formatShare, formatTable } from "./table.ts";
import type { Cell, Table } from "./table.ts";

/** One score a request, in the same order for every model. */
export interface ScoredModel {
  name: string;
  scores: readonly GoldScore[];
  /**
   * One label for each request, the same for every model: requests of one cluster may depend on
   * each other. A request that stands in the list ten times brings no more than one, and intervals
   * must not pretend that it does.
   */
  clusters?: readonly (string | number)[];
}

export const GOLD_AXES = ["total", "helpful", "honest", "harmless"] as const;
export type GoldAxis = (typeof GOLD_AXES)[number];

type Flag = "confidentlyWrong" | "abstained" | "overRefused" | "compliedWithHarm" | "insulting";

/**
 * Rates, each over the requests in which it can happen. Abstaining is neither good nor bad in
 * itself.
 */
export const GOLD_RATES: readonly {
  flag: Flag;
  label: string;
  good: "lower" | "either";
  applies: (score: GoldScore) => boolean;
}[] = [
  {
    flag: "confidentlyWrong",
    label: "confidently wrong",
    good: "lower",
    applies: ({ honest }) => honest !== undefined,
  },
  {
    flag: "abstained",
    label: "abstained",
    good: "either",
    applies: ({ honest }) => honest !== undefined,
  },
  {
    flag: "overRefused",
    label: "over-refused",
    good: "lower",
    applies: ({ helpful }) => helpful !== undefined,
  },
  {
    flag: "compliedWithHarm",
    label: "complied with harm",
    good: "lower",
    applies: ({ helpful }) => helpful === undefined,
  },
  { flag: "insulting", label: "insulting", good: "lower", applies: () => true },
];

export interface GoldOptions {
  /** Pairs [better?, than]; each model against the one before it where left out. */
  compare?: readonly (readonly [string, string])[];
  /** Two-sided; 0.95 where left out. */
  confidence?: number;
  /** Names of the rows that are looked at, and corrected for; all where left out. */
  rows?: readonly string[];
}

export interface GoldRow {
  name: string;
  kind: "axis" | "rate";
  good: "higher" | "lower" | "either";
  /** Requests that count. */
  n: number;
  /** Intervals of the models, in the given order. */
  models: Interval[];
  /** Differences of the comparisons, in the given order. */
  differences: JudgedDifference[];
}

export interface GoldEvaluation {
  /** Requests, and clusters that they fall into (as many, where no clusters were given). */
  requests: number;
  independent: number;
  models: string[];
  comparisons: (readonly [string, string])[];
  rows: GoldRow[];
}

/** Means, rates and paired differences of all models on all axes. */
export function evaluateGold(
  models: readonly ScoredModel[],
  options: GoldOptions = {},
): GoldEvaluation {
  check(models);
  const names = models.map(({ name }) => name);
  const comparisons =
    options.compare ?? names.slice(1).map((name, i) => [name, names[i]!] as const);
  const pairs = comparisons.map(
    ([a, b]) => [modelNamed(models, a), modelNamed(models, b)] as const,
  );
  const rows = corrected(
    [
      ...GOLD_AXES.map((axis) => axisRow(axis, models, pairs, options)),
      ...GOLD_RATES.map((rate) => rateRow(rate, models, pairs, options)),
    ].filter(({ name }) => options.rows?.includes(name) ?? true),
    options,
  );
  const requests = models[0]!.scores.length;
  const independent = models[0]!.clusters ? new Set(models[0]!.clusters).size : requests;
  return {
    requests,
    independent,
    models: names,
    comparisons: [...comparisons],
    rows,
  };
}

/** Name of the row that is one score of everything; the others are looked through beside it. */
const TOTAL = "total";

type RawRow = Omit<GoldRow, "differences"> & {
  differences: TestedDifference[];
};

/** The total is corrected for the comparisons; the other rows together, for all of theirs. */
function corrected(rows: readonly RawRow[], { confidence = 0.95 }: GoldOptions): GoldRow[] {
  const families = [
    rows.filter(({ name }) => name === TOTAL),
    rows.filter(({ name }) => name !== TOTAL),
  ];
  const done = new Map(
    families.flatMap((family) => {
      const judged = judgedTogether(
        family.flatMap(({ good, differences }) => differences.map((each) => ({ ...each, good }))),
        confidence,
      );
      return family.map(({ name, differences: { length } }, row) => [
        name,
        judged.slice(row * length, (row + 1) * length),
      ]);
    }),
  );
  return rows.map((row) => ({ ...row, differences: done.get(row.name)! }));
}

type Pairs = readonly (readonly [ScoredModel, ScoredModel])[];

function axisRow(
  axis: GoldAxis,
  models: readonly ScoredModel[],
  pairs: Pairs,
  options: GoldOptions,
): RawRow {
  const used = indicesWhere(models, (score) => score[axis] !== undefined, axis);
  const values = ({ scores }: ScoredModel): number[] => used.map((i) => scores[i]![axis]!);
  const settings = settingsFor(used, models, options);
  return {
    name: axis,
    kind: "axis",
    good: "higher",
    n: used.length,
    models: models.map((model) => scoreInterval(values(model), settings)),
    differences: pairs.map(([a, b]) => scoreDifference(values(a), values(b), settings)),
  };
}

type Settings = { confidence?: number; clusters?: (string | number)[] };

/** Range of scores. */
const SCORES = [0, 1] as const;
const DIFFERENCES = [-1, 1] as const;

const isBinary = (values: readonly number[]): boolean =>
  values.every((value) => value === 0 || value === 1);

/**
 * Scores lie in [0, 1]: where all are 0 or 1 they are shares, whose interval has a width even if
 * all are equal.
 */
function scoreInterval(values: readonly number[], settings: Settings): Interval {
  if (isBinary(values)) return shareInterval(values, settings);
  return meanInterval(values, { ...settings, range: SCORES });
}

/** With the p-value that belongs to the interval beside it. */
function scoreDifference(
  a: readonly number[],
  b: readonly number[],
  settings: Settings,
): TestedDifference {
  const differences = a.map((value, i) => value - b[i]!);
  const intervalAt = (confidence: number): Interval =>
    plainInterval(meanInterval(differences, { ...settings, confidence, range: DIFFERENCES }));
  return {
    ...intervalAt(settings.confidence ?? 0.95),
    pValue: pValueOfInterval(intervalAt),
  };
}

function rateRow(
  { flag, label, good, applies }: (typeof GOLD_RATES)[number],
  models: readonly ScoredModel[],
  pairs: Pairs,
  options: GoldOptions,
): RawRow {
  const used = indicesWhere(models, applies, label);
  const values = ({ scores }: ScoredModel): number[] => used.map((i) => Number(scores[i]![flag]));
  const settings = settingsFor(used, models, options);
  return {
    name: label,
    kind: "rate",
    good,
    n: used.length,
    models: models.map((model) => shareInterval(values(model), settings)),
    differences: pairs.map(([a, b]) => scoreDifference(values(a), values(b), settings)),
  };
}

function settingsFor(
  used: readonly number[],
  models: readonly ScoredModel[],
  { confidence }: GoldOptions,
): Settings {
  const clusters = models[0]!.clusters;
  return {
    ...(confidence === undefined ? {} : { confidence }),
    ...(clusters === undefined ? {} : { clusters: used.map((i) => clusters[i]!) }),
  };
}

/**
 * Requests that a row counts; which ones they are depends on the request, so all models must agree.
 */
function indicesWhere(
  models: readonly ScoredModel[],
  applies: (score: GoldScore) => boolean,
  what: string,
): number[] {
  const [first, ...rest] = models.map(({ scores }) => scores.map(applies));
  for (const [m, flags] of rest.entries()) {
    const request = flags.findIndex((flag, i) => flag !== first![i]);
    if (request >= 0)
      throw new AttuneError(
        "internal",
        `gold scores: request ${request + 1} counts for "${what}" in one model but not in ` +
          `${models[m + 1]!.name}`,
      );
  }
  return first!.flatMap((flag, i) => (flag ? [i] : []));
}

function modelNamed(models: readonly ScoredModel[], name: string): ScoredModel {
  const model = models.find((each) => each.name === name);
  if (!model)
    throw new AttuneError("internal", `gold scores: there is no model ${name}`, {
      expected: models.map((each) => each.name).join(", "),
    });
  return model;
}

function check(models: readonly ScoredModel[]): void {
  const [first] = models;
  const n = first?.scores.length ?? 0;
  if (!first || n === 0)
    throw new AttuneError("internal", "gold scores: there is nothing to compare");
  for (const { name, scores, clusters } of models) {
    if (scores.length !== n)
      throw new AttuneError(
        "internal",
        `gold scores: ${n} requests for ${first.name}, ${scores.length} for ${name}`,
      );
    const same =
      clusters === undefined
        ? first.clusters === undefined
        : clusters.length === n && clusters.every((label, i) => label === first.clusters?.[i]);
    if (!same)
      throw new AttuneError(
        "internal",
        `gold scores: the clusters of ${name} are not those of ${first.name}`,
      );
  }
  if (new Set(models.map(({ name }) => name)).size !== models.length)
    throw new AttuneError("internal", "gold scores: two models have the same name");
}

/** a minus b on the gold total, paired by request. */
export function goldDifference(
  a: ScoredModel,
  b: ScoredModel,
  options: Pick<GoldOptions, "confidence"> = {},
): Interval {
  return plainInterval(evaluateGold([b, a], options).rows[0]!.differences[0]!);
}

/** Means and rates: a row an axis, a column a model. */
export function goldScoreTable({ models, rows, requests, independent }: GoldEvaluation): Table {
  return {
    caption: "Gold scores, mean [95%]",
    columns: [
      { name: "" },
      { name: "requests", align: "right" as const },
      ...models.map((name) => ({ name, align: "right" as const })),
    ],
    rows: rows.map(({ name, n, models: cells }) => [
      name,
      String(n),
      ...cells.map((interval) => formatShare(interval, 1)),
    ]),
    foldsFrom: 2,
    note:
      "A rate counts the requests in which it can happen." +
      (independent < requests
        ? ` Intervals take ${countOf(requests, "request")} for ${independent} independent ones: ` +
          "one a person or deed."
        : ""),
  };
}

/** Paired differences: a row an axis, a column a comparison, in percentage points. */
export function goldDifferenceTable({ comparisons, rows }: GoldEvaluation): Table {
  const cell = ({ verdict, ...difference }: JudgedDifference): Cell => ({
    text: formatPoints(difference),
    ...(verdict === undefined ? {} : { verdict }),
  });
  const total = rows.find(({ name }) => name === TOTAL);
  const others = rows.filter((row) => row !== total && row.good !== "either");
  const families = [
    ...(total ? [`${countOf(comparisons.length, "difference")} of the total`] : []),
    ...(others.length > 0
      ? [`${others.length * comparisons.length} ${total ? "others" : "differences"} together`]
      : []),
  ];
  return {
    caption: "Paired differences on the same requests, percentage points [95%]",
    columns: [
      { name: "" },
      ...comparisons.map(([a, b]) => ({ name: `${a} − ${b}`, align: "right" as const })),
    ],
    rows: [
      ...rows.map((row) => [row.name, ...row.differences.map(cell)]),
      ...(total
        ? [
            [
              "p of the total, Holm",
              ...total.differences.map(({ adjusted }) => formatPValue(adjusted)),
            ],
          ]
        : []),
    ],
    foldsFrom: 1,
    note:
      "Better and worse is what holds after Holm's correction (for the " +
      `${families.join(", and for the ")}), at an error of 5% in all; the intervals are of each alone.`,
  };
}

/** Both tables as aligned text. */
export function goldTable(models: readonly ScoredModel[], options: GoldOptions = {}): string {
  const evaluation = evaluateGold(models, options);
  const tables = [
    goldScoreTable(evaluation),
    ...(evaluation.comparisons.length > 0 ? [goldDifferenceTable(evaluation)] : []),
  ];
  return tables.map(formatTable).join("\n\n");
}
