/**
 * Where losses stop following their inputs, so that nothing overflows float32: beyond these bounds
 * a value counts as the bound and has no slope. Within them nothing changes, to the last bit.
 */
import { maximum, minimum } from "../graph/build.ts";
import type { Value } from "../graph/ir.ts";

/**
 * Of log-probabilities, scores, values and advantages: the square of a few of them is far from
 * float32's limit of 3e38.
 */
export const SATURATION = 1e15;

/** Largest exponent, nats: e^80 is 6e34. */
export const LARGEST_EXPONENT = 80;

/** Largest limit of a log-ratio, nats: two ratios and an advantage may be multiplied. */
export const LARGEST_LOG_RATIO = 40;

/**
 * Nearest to 0 that a mean log-probability of tokens counts: the probability then differs from 1 by
 * half of float32's last bit.
 */
export const LEAST_SURPRISE = 2 ** -24;

/** x within [low, high], of any shape; without slope outside. */
export const clamp = (x: Value, low: number, high: number): Value => minimum(maximum(x, low), high);

/** x within +-{@link SATURATION}, of any shape; without slope outside. */
export const saturate = (x: Value): Value => clamp(x, -SATURATION, SATURATION);
