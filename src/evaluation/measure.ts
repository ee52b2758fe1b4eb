/** Measures of the parts of an evaluation: how each unit is written down. */
import type { Interval } from "../stats/intervals.ts";
import { plainInterval } from "../stats/intervals.ts";
import type { Measure } from "./findings.ts";
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
