/** How large a fall of what was meant matters. */
import { meanAndDeviation } from "../../stats/intervals.ts";
import type { OptimisationPath } from "./path.ts";

/** Of the scale, where gold has one: ten points of a share. */
const OF_SCALE = 0.1;
/** In standard deviations, where it has none. */
const OF_DEVIATION = 0.2;

/**
 * Where none is named: a tenth of gold's scale, ten points of a share, as trials of cure rates take
 * it for what must not be lost (FDA's guidance on complicated urinary tract infections, 2018); of
 * values without bounds a fifth of their standard deviation over prompts before any update, Cohen's
 * (1988) small effect.
 */
export function goldMargin({ looks, range }: Pick<OptimisationPath, "looks" | "range">): number {
  if (range) return OF_SCALE * (range[1] - range[0]);
  return deviationMargin(looks[0]?.values ?? []);
}

/** Of values without bounds, by how far apart they are. */
export const deviationMargin = (values: readonly number[]): number =>
  OF_DEVIATION * meanAndDeviation(values).deviation;
