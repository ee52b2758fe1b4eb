/**
 * Intervals of agreement: percentage agreement, weighted Cohen's kappa, Fleiss' kappa and
 * Krippendorff's alpha, of items that may come in clusters, such as the pairs of one prompt.
 *
 * Source: Krippendorff (2011) for the weights of items in alpha; beyond-chance.ts for the interval
 * of an agreement beyond chance.
 * Differences: 1. kappa's large-sample standard error (Fleiss, Cohen and Everitt 1969) and
 * Krippendorff's bootstrap of single labels know no clusters, and have no width where all agree.
 */
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
import { beyondChanceInterval, leastAgreement, movedShares } from "./beyond-chance.ts";
import type { Labels } from "./clusters.ts";
import type { Interval } from "./intervals.ts";
import { meanInterval, shareInterval } from "./intervals.ts";

export interface ClusteredItems {
  /** One label for each item, such as its prompt; every item by itself where left out. */
  clusters?: Labels | undefined;
  /** Two-sided; 0.95 where left out. */
  confidence?: number;
}

/**
 * Percentage agreement: how often two labels of one item agree, each item counting once.
 */
export function agreementInterval(
  items: readonly ItemLabels[],
  options: ClusteredItems = {},
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

/** Cohen's kappa of two raters, weighted or not, over the items that both labelled. */
export function kappaInterval(
  a: ItemLabels,
  b: ItemLabels,
  { clusters, confidence = 0.95, ...options }: KappaOptions & ClusteredItems = {},
): Interval {
  const { value } = cohenKappa(a, b, options);
  const both = a.flatMap((label, i) => {
    const other = b[i];
    return label === undefined || other === undefined
      ? []
      : [{ labels: [label, other] as const, cluster: clusters?.[i] ?? i }];
  });
  const categories = options.categories ?? [...new Set(both.flatMap(({ labels }) => labels))];
  const place = new Map(categories.map((category, k) => [category, k]));
  const likeness = likenessOf(categories.length, options.weights);
  const [first, second] = [0, 1].map((rater) =>
    sharesOf(
      both.map(({ labels }) => labels[rater]!),
      categories,
    ),
  ) as [number[], number[]];
  const pooled = first.map((share, k) => (share + second[k]!) / 2);
  const top = commonest(pooled);
  return beyondChanceInterval({
    estimate: value,
    confidence,
    compared: both.map(({ labels: [x, y], cluster }) => ({
      agreement: likeness(place.get(x)!, place.get(y)!),
      least: 0,
      weight: 1,
      cluster,
    })),
    labelled: both.map(({ labels, cluster }) => ({
      common: shareOf(labels, categories[top]),
      weight: 1,
      cluster,
    })),
    expectedAt: (common) => {
      const by = common - pooled[top]!;
      return likenessByChance(movedShares(first, top, by), movedShares(second, top, by), likeness);
    },
  });
}

/** Fleiss' kappa. */
export function fleissInterval(
  items: readonly ItemLabels[],
  options: ClusteredItems = {},
): Interval {
  const agreement = fleissKappa(items);
  const likeness = likenessOf(0, undefined);
  return ofManyRaters(items, {
    ...options,
    agreement,
    agreementOf: pairAgreement,
    weightOf: () => 1,
    chance: (shares) => likenessByChance(shares, shares, likeness),
  });
}

/** Krippendorff's alpha. */
export function alphaInterval(
  items: readonly ItemLabels[],
  { level = "nominal", categories: order, ...options }: AlphaOptions & ClusteredItems = {},
): Interval {
  const how: AlphaOptions = { level, ...(order ? { categories: order } : {}) };
  const agreement = krippendorffAlpha(items, how);
  const labels = items.map(present).filter((own) => own.length > 1);
  const counts = countLabels(labels.flat());
  const categories = [...counts.keys()];
  const n = [...counts.values()].reduce((x, y) => x + y, 0);
  const distance = distanceOf(counts, how);
  const largest = Math.max(
    ...categories.flatMap((x) => categories.map((y) => (x === y ? 0 : distance(x, y)))),
  );
  const apart = (shares: readonly number[]): number => {
    const moved = distanceOf(new Map(categories.map((x, k) => [x, n * shares[k]!])), how);
    let sum = 0;
    for (const [i, x] of categories.entries())
      for (const [j, y] of categories.entries())
        if (i !== j) sum += shares[i]! * shares[j]! * moved(x, y);
    return (sum * n) / (n - 1);
  };
  return ofManyRaters(items, {
    ...options,
    agreement,
    agreementOf: (own) => 1 - meanDistance(own, distance) / largest,
    weightOf: (own) => (own.length * labels.length) / n,
    chance: (shares) => 1 - apart(shares) / largest,
    ...(level === "nominal" ? {} : { apartBy: 2 }),
  });
}

function meanDistance(own: readonly Label[], distance: (x: Label, y: Label) => number): number {
  let sum = 0;
  for (const x of own) for (const y of own) if (x !== y) sum += distance(x, y);
  return sum / (own.length * (own.length - 1));
}

interface ManyRaters extends ClusteredItems {
  agreement: Agreement;
  agreementOf: (own: readonly Label[]) => number;
  /** What an item counts, 1 on average. */
  weightOf: (own: readonly Label[]) => number;
  /** Agreement by chance of labels that fall into the categories in these shares. */
  chance: (shares: readonly number[]) => number;
  /** Into how many categories labels that agree least fall; all where left out. */
  apartBy?: number;
}

/** Of items that any number of raters labelled, whoever they are. */
function ofManyRaters(
  items: readonly ItemLabels[],
  { agreement, agreementOf, weightOf, chance, apartBy, clusters, confidence = 0.95 }: ManyRaters,
): Interval {
  const compared = items.flatMap((labels, i) => {
    const own = present(labels);
    return own.length > 1 ? [{ own, weight: weightOf(own), cluster: clusters?.[i] ?? i }] : [];
  });
  const all = compared.flatMap(({ own }) => own);
  const categories = [...new Set(all)];
  const shares = sharesOf(all, categories);
  const top = commonest(shares);
  return beyondChanceInterval({
    estimate: agreement.value,
    confidence,
    compared: compared.map(({ own, ...item }) => ({
      ...item,
      agreement: agreementOf(own),
      least: leastAgreement(own.length, apartBy ?? categories.length),
    })),
    labelled: compared.map(({ own, ...item }) => ({
      ...item,
      common: shareOf(own, categories[top]),
    })),
    expectedAt: (common) => chance(movedShares(shares, top, common - shares[top]!)),
  });
}

function sharesOf(labels: readonly Label[], categories: readonly Label[]): number[] {
  const counts = countLabels(labels);
  return categories.map((category) => (counts.get(category) ?? 0) / labels.length);
}

const shareOf = (labels: readonly Label[], category: Label | undefined): number =>
  labels.filter((label) => label === category).length / labels.length;

/** The place of the largest share. */
const commonest = (shares: readonly number[]): number => shares.indexOf(Math.max(...shares));

/** How alike two labels are that are drawn from these shares. */
function likenessByChance(
  first: readonly number[],
  second: readonly number[],
  likeness: (i: number, j: number) => number,
): number {
  let sum = 0;
  for (const [i, x] of first.entries())
    for (const [j, y] of second.entries()) sum += x * y * likeness(i, j);
  return sum;
}
