/**
 * Draws from beta distributions, as a share of two gammas.
 * Source: Marsaglia and Tsang, "A simple method for generating gamma variables" (2000).
 */
import type { Random } from "../../core/random.ts";

/** @param a above 0 @param b above 0 */
export function drawBeta(a: number, b: number, random: Random): number {
  const [x, y] = [drawGamma(a, random), drawGamma(b, random)];
  return x + y === 0 ? 0.5 : x / (x + y);
}

/** Of scale 1. */
export function drawGamma(shape: number, random: Random): number {
  if (shape < 1) return drawGamma(shape + 1, random) * (1 - random.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    const u = 1 - random.uniform();
    if (Math.log(u) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}
