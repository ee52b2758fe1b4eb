/** Measures of the parts of an evaluation: how each unit is written down. */
import { AttuneError } from "../core/errors.ts";
import type { Interval } from "../stats/intervals.ts";
import { mean, plainInterval, shareInterval } from "../stats/intervals.ts";
import { clustersFor } from "./behaviour/measured.ts";
import type { Measure } from "./findings.ts";
import type { ItemScore } from "./items.ts";
import type { MeasureId } from "./measure-ids.ts";

type Good = Measure["good"];

const measureIn =
  (unit: Measure["unit"], usual: Good) =>
  (id: MeasureId, name: string, value: Interval, good: Good = usual): Measure => ({
    id,
    name,
    value: plainInterval(value),
    unit,
    good,
  });

/** A share, 0 to 1. */
export const share = measureIn("share", "higher");
/** A difference of shares, -1 to 1. */
export const points = measureIn("points", "higher");
/** Of no unit. */
export const score = measureIn("score", "higher");

/**
 * A measure with what it is the mean of, which is all that pairing later runs takes
 * (items-file.ts).
 * @throws AttuneError `internal` for another number, such as a corrected share
 */
export function ofItems(measure: Measure, items: readonly ItemScore[]): Measure {
  if (items.length === 0) return measure;
  if (!isMeanOf(measure, items))
    throw new AttuneError("internal", "internal: a measure is not the mean of its items", {
      got: `${measure.id}: ${measure.value.estimate}`,
    });
  return { ...measure, items };
}

/** Whether a measure is the mean of these items, and of no others. */
export const isMeanOf = ({ value }: Pick<Measure, "value">, items: readonly ItemScore[]): boolean =>
  value.n === items.length &&
  Math.abs(value.estimate - mean(items.map(({ score }) => score))) <= 1e-9;

/** @param items of which each counts between 0 and 1 */
export const shareInItems = (items: readonly ItemScore[]): Interval =>
  shareInterval(
    items.map(({ score }) => score),
    { clusters: clustersFor(items.map(({ item }) => item.cluster)) },
  );

/** A share of items, which are kept with it. */
export const shareOfItems = (
  id: MeasureId,
  name: string,
  items: readonly ItemScore[],
  good?: Good,
): Measure => ofItems(share(id, name, shareInItems(items), good), items);
