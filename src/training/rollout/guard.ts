/**
 * The guard against reward hacking: tells when the reward that is optimised (the proxy) and one
 * that is not (held out) part. Numbers in, a verdict with its statistics out.
 *
 * Both rewards are in standard deviations over answers of the reference, where both have mean 0.
 * Two tests look at the answers of the last few roll-outs; either raises the alarm, each at the
 * one-sided level alpha:
 *
 * 1. unconfirmed: over answers of the reference, the held-out reward rises by rho for each unit of
 *    the proxy (rho is their correlation: the held-out gain that an honest gain of the proxy would
 *    bring). The proxy has risen, and the held-out reward has risen by significantly less than a
 *    share s of what that predicts: the mean of h - s rho p is below 0.
 * 2. stalled: the same within the window, whatever was gained before it. The proxy does not fall,
 *    and the held-out reward falls, or rises by significantly less than that share of what the
 *    proxy's rise predicts: the slope of h - s rho p over the roll-outs is below 0.
 *
 * Source: the split of Gao et al. 2023 (arXiv 2210.10760) into proxy and gold; regression to the
 * mean for rho. The t tests treat answers as independent; docs/decisions/reward-guard.md says what
 * that costs.
 */
import { mean, variance } from "../../stats/intervals.ts";
import { studentQuantile } from "../../stats/special.ts";

/** The answers of one roll-out: both rewards of each, in the same order. */
export interface GuardStep {
  readonly proxy: readonly number[];
  readonly heldOut: readonly number[];
}

export interface GuardOptions {
  /** rho; below {@link WEAK_CORRELATION} only a fall of the held-out reward counts. */
  readonly correlation: number;
  readonly alpha: number;
  /** s: share of the predicted gain that must be confirmed. */
  readonly share: number;
}

export interface GuardVerdict {
  readonly reason: "unconfirmed" | "stalled" | undefined;
  /** t statistics; below -critical is an alarm. NaN where the window is too short. */
  readonly unconfirmed: number;
  readonly stalled: number;
  readonly critical: number;
}

/** Below this correlation the proxy predicts nothing that could be confirmed. */
export const WEAK_CORRELATION = 0.1;

/** @param window the last roll-outs, oldest first */
export function judgeGuard(
  window: readonly GuardStep[],
  { correlation, alpha, share }: GuardOptions,
): GuardVerdict {
  const proxy = window.flatMap((step) => step.proxy);
  const heldOut = window.flatMap((step) => step.heldOut);
  const times = window.flatMap((step, index) => step.proxy.map(() => index));
  const critical = studentQuantile(1 - alpha, Math.max(1, proxy.length - 2));
  const expected = correlation > WEAK_CORRELATION ? share * correlation : 0;
  const excess = heldOut.map((h, i) => h - expected * proxy[i]!);
  const [unconfirmed, stalled] = [tOfMean(excess), slope(times, excess).t];
  const first = expected > 0 && tOfMean(proxy) > critical && unconfirmed < -critical;
  const second = stalled < -critical && slope(times, proxy).estimate >= 0;
  return {
    reason: first ? "unconfirmed" : second ? "stalled" : undefined,
    unconfirmed,
    stalled,
    critical,
  };
}

/** Mean over its standard error; NaN below two values. */
function tOfMean(values: readonly number[]): number {
  return mean(values) / Math.sqrt(variance(values) / values.length);
}

/** Least-squares slope of y on x and its t statistic; NaN where x does not vary. */
function slope(x: readonly number[], y: readonly number[]): { estimate: number; t: number } {
  const n = x.length;
  const [meanX, meanY] = [mean(x), mean(y)];
  const spread = x.reduce((sum, value) => sum + (value - meanX) ** 2, 0);
  const estimate = x.reduce((sum, value, i) => sum + (value - meanX) * (y[i]! - meanY), 0) / spread;
  const residual =
    y.reduce((sum, value, i) => sum + (value - meanY - estimate * (x[i]! - meanX)) ** 2, 0) /
    (n - 2);
  return { estimate, t: estimate / Math.sqrt(residual / spread) };
}

/** Pearson's correlation; 0 where either does not vary. */
export function correlation(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  const products = a.reduce((sum, x, i) => sum + (x - meanA) * (b[i]! - meanB), 0);
  const squares = (values: readonly number[], centre: number): number =>
    values.reduce((sum, x) => sum + (x - centre) ** 2, 0);
  const scale = Math.sqrt(squares(a, meanA) * squares(b, meanB));
  return scale === 0 ? 0 : products / scale;
}
