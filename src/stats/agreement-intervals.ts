/**
 * Intervals of agreement: percentage agreement, weighted Cohen's kappa, Fleiss' kappa and
 * Krippendorff's alpha.
 *
 * Source: Fleiss, Cohen and Everitt (1969) for kappa's standard error, weights included;
 * Krippendorff (2011) for alpha by coincidences; Efron and Tibshirani, chapters 11 and 14, for
 * jackknife and BCa over items.
 * Differences:
 * 1. Krippendorff's own bootstrap draws pairs of labels as if they were independent; here whole
 *    items are drawn.
 * 2. Below 40 items the jackknife takes the bootstrap's place (bootstrap.ts), and where every item
 *    is agreed on the interval is that of the share of agreement, with agreement by chance held
 *    where it is: neither of the two has a width there. Below 25 items it takes the outer ends.
 */
import type { Random } from "../core/random.ts";
import type { Agreement, AlphaOptions, ItemLabels, KappaOptions, Label } from "./agreement.ts";
import {
  cohenKappa,
  countLabels,
  distanceOf,
  fleissKappa,
  krippendorffAlpha,
  likenessOf,
  pairAgreement,
  present,
} from "./agreement.ts";
import { bootstrapInterval, intervalFromReplicates } from "./bootstrap.ts";
import type { Labels } from "./clusters.ts";
import type { Interval } from "./intervals.ts";
import { meanInterval, shareInterval, twoSidedNormal } from "./intervals.ts";

/**
 * Percentage agreement: how often two labels of one item agree, each item counting once.
 * @param options clusters: one label for each item, such as its prompt
 */
export function agreementInterval(
  items: readonly ItemLabels[],
  options: { clusters?: Labels | undefined; confidence?: number } = {},
): Interval {
  const kept = items.flatMap((labels, i) => {
    const own = present(labels);
    return own.length > 1 ? [{ share: pairAgreement(own), cluster: options.clusters?.[i] }] : [];
  });
  if (kept.length === 0)
    return { estimate: NaN, low: 0, high: 1, n: 0, noClaim: "no item has two labels" };
  const shares = kept.map(({ share }) => share);
  const how = { ...options, clusters: options.clusters && kept.map(({ cluster }) => cluster!) };
  // of more than two labels the shares vary less than a throw of a coin does
  if (shares.every((share) => share === 0 || share === 1)) return shareInterval(shares, how);
  const { estimate, low, high, n, noClaim } = meanInterval(shares, { ...how, range: [0, 1] });
  return { estimate, low, high, n, ...(noClaim === undefined ? {} : { noClaim }) };
}

export interface KappaInterval extends Interval {
  standardError: number;
}

/** Cohen's kappa of two raters, weighted or not, with its large-sample standard error. */
export function weightedKappaInterval(
  a: ItemLabels,
  b: ItemLabels,
  options: KappaOptions & { confidence?: number } = {},
): KappaInterval {
  const { value, expected, observed, items } = cohenKappa(a, b, options);
  const pairs = a
    .map((label, i) => [label, b[i]] as const)
    .filter((pair): pair is [Label, Label] => pair[0] !== undefined && pair[1] !== undefined);
  const categories = options.categories ?? [...new Set(pairs.flat())];
  const place = new Map(categories.map((category, i) => [category, i]));
  const size = categories.length;
  const likeness = likenessOf(size, options.weights);
  const table = new Float64Array(size * size);
  for (const [x, y] of pairs) table[place.get(x)! * size + place.get(y)!]! += 1 / items;
  const margin = (i: number, along: "row" | "column"): number => {
    let sum = 0;
    for (let j = 0; j < size; j++) sum += table[along === "row" ? i * size + j : j * size + i]!;
    return sum;
  };
  const rows = categories.map((_, i) => margin(i, "row"));
  const columns = categories.map((_, i) => margin(i, "column"));
  const usual = (weights: readonly number[], i: number): number =>
    weights.reduce((sum, weight, j) => sum + weight * likeness(i, j), 0);
  const rowUsual = rows.map((_, i) => usual(columns, i));
  const columnUsual = columns.map((_, j) => usual(rows, j));
  let squares = 0;
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++)
      squares +=
        table[i * size + j]! *
        (likeness(i, j) * (1 - expected) - (rowUsual[i]! + columnUsual[j]!) * (1 - observed)) ** 2;
  const variance =
    (squares - (observed * expected - 2 * expected + observed) ** 2) /
    (items * (1 - expected) ** 4);
  const standardError = Math.sqrt(Math.max(0, variance));
  const noClaim = Number.isNaN(value)
    ? items === 0
      ? "no item has two labels"
      : "all labels are the same"
    : standardError > 1e-12
      ? undefined
      : "the two agree on every item";
  if (noClaim !== undefined)
    return { estimate: value, low: -1, high: 1, n: items, standardError, noClaim };
  const half = twoSidedNormal(options.confidence ?? 0.95) * standardError;
  return {
    estimate: value,
    low: Math.max(-1, value - half),
    high: Math.min(1, value + half),
    n: items,
    standardError,
  };
}

export interface ResampleOptions {
  /** Seeded: the same generator gives the same interval. */
  random: Random;
  /** 2,000 where left out. */
  resamples?: number;
  /** Two-sided; 0.95 where left out. */
  confidence?: number;
}

/** Fleiss' kappa with an interval over items. */
export function fleissInterval(items: readonly ItemLabels[], options: ResampleOptions): Interval {
  const agreement = fleissKappa(items);
  const labels = items.map(present);
  const raters = labels[0]?.length ?? 0;
  const categories = [...countLabels(labels.flat()).keys()];
  const rows = labels.map((own) => {
    const counts = countLabels(own);
    return Float64Array.of(
      1,
      raters > 1 ? pairAgreement(own) : 0,
      ...categories.map((category) => counts.get(category) ?? 0),
    );
  });
  const kappa = (sums: Float64Array): number => {
    const [n, agreeing, ...counts] = sums;
    const expected = counts.reduce((sum, count) => sum + (count / (raters * n!)) ** 2, 0);
    return chanceCorrected(agreeing! / n!, expected);
  };
  return overItems({ agreement, rows, statistic: kappa, labels }, options);
}

/** Krippendorff's alpha with an interval over items. */
export function alphaInterval(
  items: readonly ItemLabels[],
  { level, categories: order, ...options }: AlphaOptions & ResampleOptions,
): Interval {
  const how = { ...(level ? { level } : {}), ...(order ? { categories: order } : {}) };
  const agreement = krippendorffAlpha(items, how);
  const labels = items.map(present).filter((own) => own.length > 1);
  const categories = [...countLabels(labels.flat()).keys()];
  const size = categories.length;
  const rows = labels.map((own) => coincidences(own, categories));
  const alpha = (sums: Float64Array): number => {
    const totals = categories.map((_, i) => {
      let sum = 0;
      for (let j = 0; j < size; j++) sum += sums[i * size + j]!;
      return sum;
    });
    const n = totals.reduce((x, y) => x + y, 0);
    const distance = distanceOf(new Map(categories.map((label, i) => [label, totals[i]!])), how);
    let [observed, expected] = [0, 0];
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) {
        if (i === j || totals[i] === 0 || totals[j] === 0) continue;
        const apart = distance(categories[i]!, categories[j]!);
        observed += sums[i * size + j]! * apart;
        expected += totals[i]! * totals[j]! * apart;
      }
    return expected === 0 ? NaN : 1 - ((n - 1) * observed) / expected;
  };
  return overItems({ agreement, rows, statistic: alpha, labels }, options);
}

/** Pairs of labels of one item, each label counting once, [categories, categories]. */
function coincidences(own: readonly Label[], categories: readonly Label[]): Float64Array {
  const counts = countLabels(own);
  const size = categories.length;
  const row = new Float64Array(size * size);
  for (const [i, x] of categories.entries())
    for (const [j, y] of categories.entries()) {
      const pairs = (counts.get(x) ?? 0) * ((counts.get(y) ?? 0) - (i === j ? 1 : 0));
      row[i * size + j] = pairs / (own.length - 1);
    }
  return row;
}

const chanceCorrected = (observed: number, expected: number): number =>
  1 - expected < 1e-15 ? NaN : (observed - expected) / (1 - expected);

interface Additive {
  agreement: Agreement;
  /** What each item adds to the sums. */
  rows: readonly Float64Array[];
  /** NaN where it is undefined. */
  statistic: (sums: Float64Array) => number;
  /** The labels of each item that counts. */
  labels: readonly (readonly Label[])[];
}

/** Fewer items: the jackknife with Student's t instead of the bootstrap. */
const BOOTSTRAP_FROM = 40;
/** Fewer: the jackknife covers 85 to 92%, so the outer ends of both are taken. */
const FEW = 25;
/** Undefined resamples beyond this share allow no claim. */
const UNDEFINED_SHARE = 0.05;

function overItems(
  { agreement, rows, statistic, labels }: Additive,
  { random, resamples = 2000, confidence = 0.95 }: ResampleOptions,
): Interval {
  const { value: estimate, expected, items: n } = agreement;
  const none = (noClaim: string): Interval => ({ estimate, low: -1, high: 1, n, noClaim });
  if (n === 0) return none("no item has two labels");
  if (Number.isNaN(estimate)) return none("all labels are the same");
  if (n < 3) return none("fewer than three items have two labels");
  if (labels.every((own) => own.every((label) => label === own[0]))) {
    return { estimate, ...scaledShare(labels, expected, confidence), n };
  }
  const total = sumOf(rows);
  if (rows.length < BOOTSTRAP_FROM) {
    const few = rows.map((row) => statistic(total.map((value, k) => value - row[k]!)));
    if (few.some(Number.isNaN)) return none("one item holds all labels of a category");
    const { low, high } = bootstrapInterval(rows, (sample) => statistic(sumOf(sample)), {
      random,
      confidence,
      clusters: rows.map((_, i) => i),
    });
    const share = scaledShare(labels, expected, confidence);
    return clipped(
      n < FEW
        ? { estimate, low: Math.min(low, share.low), high: Math.max(high, share.high), n }
        : { estimate, low, high, n },
    );
  }
  const replicates = Array.from({ length: resamples }, () => statistic(resampled(rows, random)));
  const defined = replicates.filter((value) => !Number.isNaN(value));
  if (defined.length < (1 - UNDEFINED_SHARE) * resamples)
    return none("one category is so rare that resamples lack it");
  const jackknife = rows.map((row) => statistic(total.map((value, k) => value - row[k]!)));
  const { low, high } = intervalFromReplicates({
    estimate,
    replicates: defined,
    jackknife: jackknife.filter((value) => !Number.isNaN(value)),
    confidence,
  });
  return clipped({ estimate, low, high, n });
}

/** The interval of the share of agreement, with agreement by chance held where it is. */
function scaledShare(
  labels: Additive["labels"],
  expected: number,
  confidence: number,
): { low: number; high: number } {
  const { low, high } = shareInterval(labels.map(pairAgreement), { confidence });
  // levels with distances have no share of agreement by chance
  const chance = Math.max(0, expected);
  const scaled = (share: number): number => (share - chance) / (1 - chance);
  return { low: scaled(low), high: Math.min(1, scaled(high)) };
}

/** No measure of agreement is above 1. */
const clipped = (interval: Interval): Interval => ({
  ...interval,
  high: Math.min(1, interval.high),
});

function sumOf(rows: readonly Float64Array[]): Float64Array {
  const sums = new Float64Array(rows[0]!.length);
  for (const row of rows) for (let k = 0; k < row.length; k++) sums[k]! += row[k]!;
  return sums;
}

function resampled(rows: readonly Float64Array[], random: Random): Float64Array {
  const sums = new Float64Array(rows[0]!.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[random.integer(rows.length)]!;
    for (let k = 0; k < row.length; k++) sums[k]! += row[k]!;
  }
  return sums;
}
