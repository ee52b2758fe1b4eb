/**
 * The bootstrap of a mean, or of a mean over whole clusters, at a cost that hardly grows with the
 * number of observations.
 *
 * Source: Efron and Tibshirani, chapters 6 and 14, as bootstrap.ts; FastChat, which draws the
 * counts of equal battles at once (pull request 3523).
 * Differences:
 * 1. units that are alike (of the same size and sum) are one cell, and a replicate draws how often
 *    each cell comes: the same distribution as drawing unit by unit.
 * 2. More cells than {@link MOST_CELLS} are gathered into blocks of neighbours. How often each
 *    block comes is drawn as above; what its draws add beside its mean is drawn from a normal
 *    distribution with their variance, which is at most {@link LEAST_WITHIN} of the whole wherever
 *    the blocks allow. Mean and variance of a replicate are then exact, and its shape is that of the
 *    blocks.
 */
import type { Random } from "../core/random.ts";
import { drawMultinomial, logFactorials } from "./binomial-draws.ts";
import type { BootstrapInterval, BootstrapOptions } from "./bootstrap.ts";
import { bootstrapInterval, intervalFromReplicates, JACKKNIFE_BELOW } from "./bootstrap.ts";
import type { Labels } from "./clusters.ts";
import { checkFinite, mean } from "./intervals.ts";
import { largestOf } from "../core/extremes.ts";

/** More of them cost more than a plain loop over few observations. */
export const MOST_CELLS = 64;
/** Part of the variance that blocks may leave within themselves. */
export const LEAST_WITHIN = 0.002;

/** Units that are drawn as one: all alike, or neighbours. */
interface Block {
  units: number;
  /** Observations of each unit. */
  size: number;
  /** Mean of the units' sums, and their variance around it. */
  sum: number;
  variance: number;
}

/** The mean with its interval, as `bootstrapInterval(values, mean, options)` gives it. */
export function bootstrapMean(
  values: readonly number[],
  options: BootstrapOptions,
): BootstrapInterval {
  checkFinite(values, "values of a bootstrapped mean");
  const { random, resamples = 10_000, confidence = 0.95, method = "bca", clusters } = options;
  const units = unitsOf(values, clusters);
  const n = values.length;
  const equivalents = n ** 2 / units.reduce((total, { size }) => total + size * size, 0);
  if (n === 0 || (clusters && equivalents < JACKKNIFE_BELOW))
    return bootstrapInterval(values, mean, options);
  const replicates = replicatesOf(units, resamples, random);
  const total = units.reduce((sum, unit) => sum + unit.sum, 0);
  const about = { estimate: total / n, n, resamples };
  const deviation = deviationOf(replicates);
  // what rounding leaves of replicates that are all equal
  if (deviation <= 1e-13 * largestOf(values.map(Math.abs)))
    return {
      ...about,
      low: -Infinity,
      high: Infinity,
      standardError: 0,
      method: "percentile",
      noClaim: "all resamples agree",
    };
  const jackknife =
    method === "bca" ? units.map(({ sum, size }) => (total - sum) / (n - size)) : [];
  const found = intervalFromReplicates({ ...about, replicates, jackknife, confidence });
  return { ...about, ...found, standardError: deviation };
}

/** Replicates of the mean, in the order in which they were drawn. */
export function meanReplicates(
  values: readonly number[],
  { random, resamples = 10_000, clusters }: Omit<BootstrapOptions, "confidence" | "method">,
): Float64Array {
  return replicatesOf(unitsOf(values, clusters), resamples, random);
}

interface DrawnUnit {
  size: number;
  sum: number;
}

function unitsOf(values: readonly number[], clusters: Labels | undefined): DrawnUnit[] {
  if (!clusters) return values.map((sum) => ({ size: 1, sum }));
  if (clusters.length !== values.length)
    throw new RangeError(`clusters: ${clusters.length} labels for ${values.length} values`);
  const units = new Map<string | number, DrawnUnit>();
  for (const [i, label] of clusters.entries()) {
    const unit = units.get(label);
    if (!unit) units.set(label, { size: 1, sum: values[i]! });
    else {
      unit.size++;
      unit.sum += values[i]!;
    }
  }
  return [...units.values()];
}

function replicatesOf(
  units: readonly DrawnUnit[],
  resamples: number,
  random: Random,
): Float64Array {
  if (!Number.isInteger(resamples) || resamples < 1)
    throw new RangeError(`resamples must be a positive integer; got ${resamples}`);
  const blocks = blocksOf(units);
  const cells = blocks.map((block) => block.units);
  const counts = new Float64Array(blocks.length);
  const options = { random, table: logFactorials(units.length), into: counts };
  const replicates = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    drawMultinomial(units.length, cells, options);
    let [sum, size, within] = [0, 0, 0];
    for (let i = 0; i < counts.length; i++) {
      const block = blocks[i]!;
      sum += counts[i]! * block.sum;
      size += counts[i]! * block.size;
      within += counts[i]! * block.variance;
    }
    replicates[r] = (within > 0 ? sum + Math.sqrt(within) * random.normal() : sum) / size;
  }
  return replicates;
}

/** Where blocks are cut: the units from `start` to `end`, all of one size, in order of their sums. */
interface Run {
  start: number;
  end: number;
  /** Sum of squares around its mean. */
  spread: number;
}

/**
 * Cells of equal units where these are few, else blocks: the one with the largest sum of squares is
 * cut at its mean until what is left within them is little. Sizes are never mixed.
 */
function blocksOf(units: readonly DrawnUnit[]): Block[] {
  const sorted = units.toSorted((a, b) => a.size - b.size || a.sum - b.sum);
  const cells = runsOf(sorted, (a, b) => a.size === b.size && a.sum === b.sum);
  if (cells.length <= MOST_CELLS) return cells.map((cell) => blockOf(sorted, cell));
  const runs = runsOf(sorted, (a, b) => a.size === b.size);
  const largest = Math.max(MOST_CELLS, 2 * runs.length);
  const all = runs.reduce((total, { spread }) => total + spread, 0);
  for (let left = all; left > LEAST_WITHIN * all && runs.length < largest;) {
    const widest = runs.reduce((best, run, i) => (run.spread > runs[best]!.spread ? i : best), 0);
    const { start, end, spread } = runs[widest]!;
    const { sum } = blockOf(sorted, runs[widest]!);
    const cut = sorted.findIndex((unit, i) => i > start && i < end && unit.sum >= sum);
    if (cut < 0) break;
    const halves = [runOf(sorted, start, cut), runOf(sorted, cut, end)];
    left += halves.reduce((total, half) => total + half.spread, 0) - spread;
    runs.splice(widest, 1, ...halves);
  }
  return runs.map((run) => blockOf(sorted, run));
}

function runsOf(
  sorted: readonly DrawnUnit[],
  alike: (a: DrawnUnit, b: DrawnUnit) => boolean,
): Run[] {
  const runs: Run[] = [];
  for (let start = 0, end = 0; start < sorted.length; start = end) {
    while (end < sorted.length && alike(sorted[start]!, sorted[end]!)) end++;
    runs.push(runOf(sorted, start, end));
  }
  return runs;
}

function runOf(sorted: readonly DrawnUnit[], start: number, end: number): Run {
  const centre = centreOf(sorted, start, end);
  let spread = 0;
  for (let i = start; i < end; i++) spread += (sorted[i]!.sum - centre) ** 2;
  return { start, end, spread };
}

function centreOf(sorted: readonly DrawnUnit[], start: number, end: number): number {
  // the first is taken off so that equal sums have no spread by rounding
  const first = sorted[start]!.sum;
  let rest = 0;
  for (let i = start; i < end; i++) rest += sorted[i]!.sum - first;
  return first + rest / (end - start);
}

const blockOf = (sorted: readonly DrawnUnit[], { start, end, spread }: Run): Block => ({
  units: end - start,
  size: sorted[start]!.size,
  sum: centreOf(sorted, start, end),
  variance: spread / (end - start),
});

function deviationOf(values: Float64Array): number {
  const centre = mean(values);
  const squares = values.reduce((total, value) => total + (value - centre) ** 2, 0);
  return values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1));
}
