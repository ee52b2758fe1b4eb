/** Trade-offs among axes as findings: who is on the front, and what was bought with what. */
import { countOf, formatCount } from "../../core/counts.ts";
import type { ScatterChart } from "../chart.ts";
import type { Finding, Measure, Unit } from "../findings.ts";
import { numberedSlugs, slugs } from "../measure-names.ts";
import { differenceUnit, formatMeasure } from "../measure-text.ts";
import type { ReportPart } from "../page.ts";
import { formatNumber, formatPValue } from "../table.ts";
import type { Table } from "../table.ts";
import type { AxisChange, Change, Conflicts } from "./conflicts.ts";
import { RESAMPLES, gainOf } from "./conflicts.ts";

const PART = "conflicts";

/** Words for the ids of models and of changes, and of axes. */
interface Words {
  models: readonly string[];
  changes: readonly string[];
  axes: ReadonlyMap<string, string>;
}

function wordsOf({ models, changes }: Conflicts, axes: readonly string[]): Words {
  // together, as a model may be named like a change
  const all = numberedSlugs([
    ...models.map(({ name }) => name),
    ...changes.map(({ from, to }) => `${from} to ${to}`),
  ]);
  return {
    models: all.slice(0, models.length),
    changes: all.slice(models.length),
    axes: slugs(axes),
  };
}

export function conflictFindings(conflicts: Conflicts, axes: readonly string[]): Finding[] {
  const words = wordsOf(conflicts, axes);
  return [tradeFinding(conflicts, words), frontFinding(conflicts, axes, words)];
}

const traded = ({ helped, harmed }: Change): boolean => helped.length > 0 && harmed.length > 0;

function changeOn({ axes }: Change, axis: string): string {
  const change = axes.find((each) => each.axis === axis)!;
  const lower = change.better === "lower" ? ", of which less is better" : "";
  return `${differenceText(change)}${lower}`;
}

/** "+3.2 [−0.1, +6.5] points", or in the unit of the axis. */
export const differenceText = ({ difference, unit }: AxisChange): string =>
  formatMeasure({ value: difference, unit: differenceUnit(unit) });

const tradeText = (change: Change): string =>
  `from ${change.from} to ${change.to} it helped ` +
  `${change.helped.map((axis) => `${axis} (${changeOn(change, axis)})`).join(" and ")} at ` +
  `the expense of ` +
  `${change.harmed.map((axis) => `${axis} (${changeOn(change, axis)})`).join(" and ")}`;

function tradeFinding({ changes }: Conflicts, words: Words): Finding {
  const trades = changes.filter(traded);
  const harmed = changes.filter((change) => !traded(change) && change.harmed.length > 0);
  const claimed = changes.some(({ axes }) => axes.some(({ pValue }) => !Number.isNaN(pValue)));
  const number = `${countOf(changes.length, "change")}`;
  return {
    id: `${PART}-traded`,
    question: "Did a change help one at the expense of another?",
    ...weighed({ claimed, traded: trades.length > 0, harmed: harmed.length > 0 }),
    ...(trades.length > 1
      ? {
          brief: `Yes, ${trades.length} of ${number}: ${tradeText(trades[0]!)}, the first of them.`,
        }
      : {}),
    answer: !claimed
      ? "Nothing can be concluded: no difference has an interval."
      : trades.length > 0
        ? `Yes: ${trades.map(tradeText).join("; ")}.`
        : `None of ${number} is shown to do so` +
          (harmed.length === 0
            ? "."
            : `; ${harmed
                .map(
                  ({ from, to, harmed: axes }) =>
                    `from ${from} to ${to} ${axes.join(" and ")} got worse`,
                )
                .join(", ")} without a gain elsewhere.`),
    measures: changes.flatMap(({ from, to, axes }, i): Measure[] =>
      axes.map(({ axis, difference, better, unit }) => ({
        id: `${PART}/${words.changes[i]!}/${words.axes.get(axis)!}`,
        name: `${axis}, ${from} to ${to}`,
        value: difference,
        unit: differenceUnit(unit),
        good: better,
      })),
    ),
    figures: [{ kind: "table", table: changeTable(changes) }],
    details: unpairedText(changes),
  };
}

function unpairedText([first]: readonly Change[]): ReportPart[] {
  const alone = first!.axes.filter(({ paired }) => !paired).map(({ axis }) => axis);
  if (alone.length === 0) return [];
  const all = alone.length === first!.axes.length;
  return [
    {
      kind: "text",
      text:
        `Only intervals of the earlier runs are known${all ? "" : ` on ${alone.join(" and ")}`}, so ` +
        `models are taken as independent${all ? "" : " there, and on the front"}: changes on the ` +
        "same prompts would be seen sooner.",
    },
  ];
}

/** A gain that has a price says so; what was looked for and not seen is not shown. */
function weighed(seen: {
  claimed: boolean;
  traded: boolean;
  harmed: boolean;
}): Pick<Finding, "conclusion" | "conclusions"> {
  if (!seen.claimed) return { conclusion: "no conclusion" };
  if (seen.traded) return { conclusion: "better at a cost", conclusions: ["better", "worse"] };
  return { conclusion: seen.harmed ? "worse" : "not shown" };
}

const changeTable = (changes: readonly Change[]): Table => ({
  caption: "What each change did, with 95% intervals",
  columns: [
    { name: "change" },
    { name: "axis" },
    { name: "better" },
    { name: "compared on" },
    { name: "difference", align: "right" },
    { name: "p (Holm)", align: "right" },
  ],
  rows: changes.flatMap(({ from, to, axes }) =>
    axes.map((change, i) => [
      i === 0 ? `${from} → ${to}` : "",
      change.axis,
      change.better,
      change.paired ? `the same ${formatCount(change.difference.n)}` : "intervals",
      {
        text: differenceText(change),
        ...(change.pValue < 0.05
          ? { verdict: gainOf(change) > 0 ? ("better" as const) : ("worse" as const) }
          : {}),
      },
      formatPValue(change.pValue),
    ]),
  ),
  note: "Corrected by Holm over all changes on all axes.",
});

function frontFinding(
  { models, changes }: Conflicts,
  axes: readonly string[],
  words: Words,
): Finding {
  const front = models.filter(({ onFront }) => onFront);
  const untold = models.flatMap(({ name, noClaim }) =>
    noClaim === undefined ? [] : [`${name} (${noClaim})`],
  );
  const better = changes[0]!.axes.map((each) => each.better);
  const units = changes[0]!.axes.map(({ unit }) => unit);
  const enough = models.length - untold.length >= 2;
  const sure = (probability: number): string =>
    `in ${formatNumber(100 * probability, 0)}% of ${formatCount(RESAMPLES)} resamples`;
  const pairs = axes.flatMap((_, i) =>
    axes.slice(i + 1).map((__, j): [number, number] => [i, i + 1 + j]),
  );
  return {
    id: `${PART}-front`,
    question: "Which models are on the Pareto front?",
    conclusion: enough ? "measured" : "no conclusion",
    answer:
      (enough
        ? `${front
            .map(({ name, probabilityOnFront }) => `${name} (${sure(probabilityOnFront)})`)
            .join(", ")}: no other is at least as good on ${axes.join(", ")} and better on one.`
        : "Nothing can be concluded: fewer than two models can be placed.") +
      dominatedSentence(models) +
      (untold.length > 0 ? ` Nothing is claimed of ${untold.join(", ")}.` : ""),
    measures: models.flatMap(({ name, values }, model): Measure[] =>
      values.map((value, i) => ({
        id: `${PART}/${words.models[model]!}/${words.axes.get(axes[i]!)!}`,
        name: `${axes[i]!}, ${name}`,
        value,
        unit: units[i]!,
        good: better[i]!,
      })),
    ),
    figures: pairs.slice(0, 3).map(([i, j]) => ({
      kind: "chart" as const,
      chart: tradeChart(models, { names: axes, units }, [i, j]),
    })),
    details: [
      {
        kind: "table",
        table: {
          caption: "Models on all axes",
          columns: [
            { name: "model" },
            ...axes.map((name) => ({ name, align: "right" as const })),
            { name: "on the front", align: "right" },
          ],
          rows: models.map(({ name, values, onFront, probabilityOnFront, noClaim }) => [
            name,
            ...values.map((value, i) => formatMeasure({ value, unit: units[i]! })),
            noClaim === undefined
              ? `${onFront ? "yes" : "no"} (${formatNumber(100 * probabilityOnFront, 0)}%)`
              : `not told: ${noClaim}`,
          ]),
        },
      },
    ],
  };
}

/** Who is worse than another on every axis, beyond doubt; empty where nobody is. */
function dominatedSentence(models: Conflicts["models"]): string {
  const worse = models.flatMap(({ name, clearlyDominatedBy }) =>
    clearlyDominatedBy.length === 0 ? [] : [`${name} (than ${clearlyDominatedBy.join(", ")})`],
  );
  const pairs = (models.length * (models.length - 1)) / 2;
  return worse.length === 0
    ? ""
    : ` Clearly worse on every axis: ${worse.join(", ")}; corrected by Holm over ` +
        `${countOf(pairs, "pair")} of models.`;
}

/** Whether a unit is shown in hundredths. */
export const isPercent = (unit: Unit): boolean => unit === "share" || unit === "points";

function tradeChart(
  models: Conflicts["models"],
  { names, units }: { names: readonly string[]; units: readonly Unit[] },
  [x, y]: readonly [number, number],
): ScatterChart {
  const [xName, yName] = [names[x]!, names[y]!];
  return {
    kind: "scatter",
    title: `${yName} against ${xName}`,
    description:
      "Each model with its 95% intervals; those on the Pareto front of all axes are ringed, and the " +
      "line joins the models in the order in which they were made.",
    xLabel: xName,
    yLabel: yName,
    percent: isPercent(units[y]!),
    percentX: isPercent(units[x]!),
    points: models.map(({ name, values, onFront }) => ({
      name,
      series: "models",
      x: values[x]!,
      y: values[y]!,
      marked: onFront,
    })),
    curves: [
      {
        name: "in order of making",
        dashed: true,
        points: models.map(({ values }) => ({ x: values[x]!.estimate, y: values[y]!.estimate })),
      },
    ],
  };
}
