/** A measure as people read it: number, interval, unit and n, or why there is none. */
import { formatCount } from "../core/counts.ts";
import type { Interval } from "../stats/intervals.ts";
import type { Measure, Unit } from "./findings.ts";
import { formatMean, formatNumber, formatPoints, formatShare } from "./table.ts";

const DECIMALS: Readonly<Record<Exclude<Unit, "share" | "points">, number>> = {
  nats: 3,
  score: 3,
  tokens: 1,
  words: 1,
  rating: 0,
  pairs: 0,
};
/** Units whose name stands in every table anyway. */
const UNNAMED: ReadonlySet<Unit> = new Set(["share", "points", "score", "rating"]);

/** "55.0% [45.2, 64.4]", "1.250 [1.100, 1.400] nats"; a reason where nothing was observed. */
export function formatMeasure({ value, unit }: Pick<Measure, "value" | "unit">): string {
  if (Number.isNaN(value.estimate)) return `none: ${value.noClaim ?? "nothing observed"}`;
  if (unit === "share") return formatShare(value);
  if (unit === "points") return `${formatPoints(value)} points`;
  return `${formatMean(value, DECIMALS[unit])}${UNNAMED.has(unit) ? "" : ` ${unit}`}`;
}

/** As {@link formatMeasure}, with the number of observations. */
export const measureText = (measure: Pick<Measure, "value" | "unit">): string =>
  `${formatMeasure(measure)}, n = ${formatCount(measure.value.n)}`;

/** One number in a measure's unit: "55.0%". */
export function formatInUnit(value: number, unit: Unit): string {
  if (unit === "share") return `${formatNumber(100 * value, 1)}%`;
  if (unit === "points") return `${formatNumber(100 * value, 1)} points`;
  return `${formatNumber(value, DECIMALS[unit])}${UNNAMED.has(unit) ? "" : ` ${unit}`}`;
}

/** Unit of what is left when one value is taken from another. */
export const differenceUnit = (unit: Unit): Unit => (unit === "share" ? "points" : unit);

/** Whether an interval claims something. */
export const claims = ({ estimate, noClaim }: Interval): boolean =>
  noClaim === undefined && !Number.isNaN(estimate);
