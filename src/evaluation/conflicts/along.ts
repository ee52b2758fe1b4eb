/** Objectives against what was changed from model to model: step, KL, weight of a mixture. */
import type { LineChart } from "../chart.ts";
import type { Finding, Unit } from "../findings.ts";
import { formatInUnit } from "../measure-text.ts";
import { formatNumber } from "../table.ts";
import { differenceText, isPercent } from "./conflict-findings.ts";
import type { Change, Conflicts } from "./conflicts.ts";
import { gainOf } from "./conflicts.ts";

/** Where each model is on a scale, in ascending order. */
export interface Along {
  /** What the scale is called: "kl", "step". */
  name: string;
  values: readonly number[];
}

/** Figures of a finding; the rest is folded. */
const MOST_FIGURES = 3;

/** A chart of each objective, and what each step along the scale did. */
export function alongFinding(
  { models, changes }: Conflicts,
  { axes, along }: { axes: readonly string[]; along: Along },
): Finding {
  const charts = axes.map((axis, index) => ({
    kind: "chart" as const,
    chart: alongChart(models, { axis, index, along, unit: changes[0]!.axes[index]!.unit }),
  }));
  // the first of the changes go from each model to the next
  const steps = changes.slice(0, models.length - 1);
  return {
    id: "conflicts-along",
    question: `What changes along ${along.name}?`,
    conclusion: steps.some(isClear) ? "measured" : "not shown",
    answer: steps.map((change, i) => stepText(change, along, i)).join(" "),
    measures: [],
    figures: charts.slice(0, MOST_FIGURES),
    details: charts.slice(MOST_FIGURES),
  };
}

const isClear = ({ helped, harmed }: Change): boolean => helped.length + harmed.length > 0;

function stepText(change: Change, { name, values }: Along, step: number): string {
  const told = (names: readonly string[]): string =>
    names
      .map((axis) => {
        const own = change.axes.find((each) => each.axis === axis)!;
        return `${axis} (${differenceText(own)})`;
      })
      .join(" and ");
  const way = `From ${name} ${placeText(values[step]!)} to ${placeText(values[step + 1]!)}`;
  const { helped, harmed } = change;
  if (helped.length > 0 && harmed.length > 0)
    return `${way} it helped ${told(helped)} at the expense of ${told(harmed)}.`;
  if (helped.length > 0) return `${way} it helped ${told(helped)}, and nothing is shown to suffer.`;
  if (harmed.length > 0) return `${way} it harmed ${told(harmed)}, and nothing is shown to gain.`;
  const largest = change.axes
    .filter(({ unit }) => isPercent(unit))
    .toSorted((a, b) => Math.abs(gainOf(b)) - Math.abs(gainOf(a)))[0];
  // other units have no common size
  if (largest === undefined) return `${way} no change is shown.`;
  return `${way} no change is shown; the largest is of ${told([largest.axis])}.`;
}

/** As short as it is: 0.5, 20. */
export const placeText = (value: number): string =>
  formatNumber(value, Number.isInteger(value) ? 0 : 2);

function alongChart(
  models: Conflicts["models"],
  { axis, index, along, unit }: { axis: string; index: number; along: Along; unit: Unit },
): LineChart {
  const last = models.length - 1;
  const scale = isPercent(unit) ? 100 : 1;
  const level = (model: number): string =>
    formatInUnit(models[model]!.values[index]!.estimate, unit);
  return {
    kind: "lines",
    title: `${axis} along ${along.name}`,
    description: `Each model's ${axis} with its 95% interval, at its ${along.name}.`,
    says:
      models[0]!.values[index]!.noClaim === undefined
        ? `${axis} is ${level(0)} at ${along.name} ` +
          `${placeText(along.values[0]!)} and ${level(last)} at ` +
          `${placeText(along.values[last]!)}.`
        : `${axis} has no interval at ${along.name} ${placeText(along.values[0]!)}.`,
    xLabel: along.name,
    yLabel: isPercent(unit) ? `${axis}, %` : axis,
    ...(along.values.every(Number.isInteger) ? { wholeX: true } : {}),
    series: [
      {
        name: axis,
        points: models.map(({ values }, i) => {
          const { estimate, low, high, noClaim } = values[index]!;
          return {
            x: along.values[i]!,
            y: scale * estimate,
            ...(noClaim === undefined && Number.isFinite(high - low)
              ? { low: scale * low, high: scale * high }
              : {}),
          };
        }),
      },
    ],
    marks: models.map(({ name, values }, i) => ({
      x: along.values[i]!,
      y: scale * values[index]!.estimate,
      label: name,
    })),
  };
}
