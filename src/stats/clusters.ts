/**
 * The mean of values that come in clusters: its standard error, the degrees of freedom of that
 * error, and how many independent observations carry the same information. Numbers in, numbers out.
 *
 * Source: Bell and McCaffrey (2002) for CR2, which undoes the bias of few or unequal clusters, with
 * Satterthwaite's degrees of freedom for independent values (both as in the R package
 * clubSandwich); Imbens and Kolesár (2016) for those of correlated ones; Kish (1965) for the design
 * effect of an intraclass correlation, estimated by the analysis of variance.
 * Differences: 1. degrees of freedom are the geometric mean of the two: the first cover too little
 * where clusters are unequal and alike in themselves, the second several times too wide where one
 * cluster holds half (docs/decisions/statistics.md).
 */
import { countOf } from "../core/counts.ts";
import { studentQuantile, normalQuantile } from "./special.ts";
import { largestOf } from "../core/extremes.ts";

export type Labels = readonly (string | number)[];

/** Fewer clusters say nothing about their spread. */
export const LEAST_CLUSTERS = 3;
/**
 * One cluster with more of the values: the others do not tell how far it may be off
 * (docs/results.md).
 */
const LARGEST_SHARE = 0.9;

export interface ClusteredMean {
  estimate: number;
  /** CR2; NaN for one cluster. */
  standardError: number;
  /** At most clusters - 1, and less where clusters are unequal. */
  degreesOfFreedom: number;
  /** What they are if values do not depend on each other. */
  independentFreedom: number;
  clusters: number;
  /** Share of the values that the largest holds. */
  largest: number;
  /**
   * Independent observations with the same variance of their mean: the fewer of what the clusters'
   * spread says, and what an intraclass correlation says that all clusters share, which holds where
   * the spread of a few happens to be next to nothing. At most n.
   */
  designSize: number;
  /** The same if each cluster were one observation: 1 / Σ w². The designSize is never less. */
  leastSize: number;
}

/** Sums of values with the same label, in order of appearance. */
export function sumByLabel(values: readonly number[], labels: Labels): number[] {
  return clustersOf(values, labels).map(({ sum }) => sum);
}

interface Cluster {
  n: number;
  sum: number;
}

function clustersOf(values: readonly number[], labels: Labels): Cluster[] {
  if (labels.length !== values.length)
    throw new RangeError(`clusters: ${labels.length} labels for ${values.length} values`);
  const clusters = new Map<string | number, Cluster>();
  for (const [i, label] of labels.entries()) {
    const { n, sum } = clusters.get(label) ?? { n: 0, sum: 0 };
    clusters.set(label, { n: n + 1, sum: sum + values[i]! });
  }
  return [...clusters.values()];
}

export function clusteredMean(values: readonly number[], labels: Labels): ClusteredMean {
  const clusters = clustersOf(values, labels);
  const n = values.length;
  const estimate = values.reduce((total, value) => total + value, 0) / n;
  const weights = clusters.map((cluster) => cluster.n / n);
  const largest = largestOf(weights);
  const leastSize = 1 / weights.reduce((total, weight) => total + weight * weight, 0);
  if (clusters.length < 2)
    return {
      estimate,
      standardError: NaN,
      degreesOfFreedom: 0,
      independentFreedom: 0,
      clusters: clusters.length,
      largest,
      designSize: leastSize,
      leastSize,
    };
  const deviations = clusters.map((cluster) => cluster.sum / cluster.n - estimate);
  const variance = weights.reduce(
    (total, weight, g) => total + (weight * deviations[g]!) ** 2 / (1 - weight),
    0,
  );
  const correlation = intraclassCorrelation(values, clusters, estimate);
  const shared =
    1 /
    weights.reduce(
      (total, weight, g) =>
        total + weight * weight * (correlation + (1 - correlation) / clusters[g]!.n),
      0,
    );
  const spread = values.reduce((total, value) => total + (value - estimate) ** 2, 0) / n;
  const designSize = variance > 0 ? Math.min(shared, spread / variance) : shared;
  const independentFreedom = satterthwaite(weights);
  const correlated = satterthwaite(
    weights,
    clusters.map(({ n: size }) => correlation + (1 - correlation) / size),
  );
  const degreesOfFreedom = Math.min(independentFreedom, Math.sqrt(independentFreedom * correlated));
  return {
    estimate,
    standardError: Math.sqrt(variance),
    degreesOfFreedom,
    independentFreedom,
    clusters: clusters.length,
    largest,
    designSize,
    leastSize,
  };
}

/** In [0, 1]; 1 where nothing varies, since nothing is then known of it. */
function intraclassCorrelation(
  values: readonly number[],
  clusters: readonly Cluster[],
  centre: number,
): number {
  const n = values.length;
  const all = values.reduce((total, value) => total + (value - centre) ** 2, 0);
  const between = clusters.reduce(
    (total, { n: size, sum }) => total + size * (sum / size - centre) ** 2,
    0,
  );
  const within = n > clusters.length ? Math.max(0, all - between) / (n - clusters.length) : 0;
  const size =
    (n - clusters.reduce((total, cluster) => total + cluster.n ** 2, 0) / n) /
    (clusters.length - 1);
  const shared = Math.max(0, (between / (clusters.length - 1) - within) / size);
  // What is left of equal values by rounding is no spread.
  const nothing = 1e-20 * (1 + centre * centre) * n;
  return all <= nothing || shared + within === 0 ? 1 : shared / (shared + within);
}

/**
 * Degrees of freedom of CR2's variance of a weighted mean of clusters: (tr B)² / tr B² of the
 * quadratic form, in closed form.
 * @param weights of the clusters, sum 1
 * @param variances of the clusters' means, in any unit; as 1 / weight for independent values, where
 * left out
 */
export function satterthwaite(
  weights: readonly number[],
  variances: readonly number[] = weights.map((weight) => 1 / weight),
): number {
  // a_g multiplies the squared deviation of cluster g, whose covariance with that of h is [g = h]
  // v_g - u_g - u_h + total, u = w v.
  const total = weights.reduce((sum, weight, g) => sum + weight * weight * variances[g]!, 0);
  let [first, second, third, trace, diagonal] = [0, 0, 0, 0, 0];
  for (const [g, weight] of weights.entries()) {
    if (weight <= 0) continue;
    const a = weight ** 2 / (1 - weight);
    const u = weight * variances[g]!;
    const own = variances[g]! - 2 * u + total;
    first += a;
    second += a * u;
    third += a * u * u;
    trace += a * own;
    diagonal += a * a * (own * own - (total - 2 * u) ** 2);
  }
  return (
    trace ** 2 /
    (total * total * first * first +
      2 * third * first -
      4 * total * second * first +
      2 * second * second +
      diagonal)
  );
}

/**
 * Two-sided quantile of Student's t, of the normal distribution for infinitely many degrees of
 * freedom.
 */
export function twoSidedStudent(confidence: number, degreesOfFreedom: number): number {
  return -studentQuantile((1 - confidence) / 2, degreesOfFreedom);
}

/**
 * Independent observations that an interval for a share may count on: the design size, less what t
 * asks for where the clusters are few (Korn and Graubard 1998); never less than if each cluster
 * were one observation, which is the worst case.
 */
export function effectiveSize(
  { designSize, leastSize, independentFreedom }: ClusteredMean,
  confidence: number,
): number {
  if (independentFreedom < 0.5) return leastSize;
  const ratio =
    normalQuantile((1 - confidence) / 2) /
    studentQuantile((1 - confidence) / 2, independentFreedom);
  return Math.max(leastSize, designSize * ratio * ratio);
}

/** Why clusters allow no claim; undefined where they do. */
export function tooFewClusters({ clusters }: Pick<ClusteredMean, "clusters">): string | undefined {
  return clusters >= LEAST_CLUSTERS ? undefined : countOf(clusters, "independent group");
}

/** Why an error that was estimated from the spread of clusters allows no claim. */
export function whyNoSpread(
  clusters: Pick<ClusteredMean, "clusters" | "largest">,
): string | undefined {
  return (
    tooFewClusters(clusters) ??
    (clusters.largest > LARGEST_SHARE ? "one group holds nearly all" : undefined)
  );
}
