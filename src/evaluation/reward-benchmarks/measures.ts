/** Measures of a reward, and their ids. */
import type { Interval } from "../../stats/intervals.ts";
import type { Measure } from "../findings.ts";

export const PART = "reward-model";

/** A share that is good where it is high. */
export const share = (id: string, name: string, value: Interval): Measure => ({
  id: `${PART}/${id}`,
  name,
  value,
  unit: "share",
  good: "higher",
});
