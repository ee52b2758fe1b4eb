/**
 * The interval of an agreement beyond chance, (A - E) / (1 - E), for every measure that is one:
 * kappa, alpha, AC.
 *
 * Source: Zou and Donner (2008), MOVER: intervals of A and of E are put together by how far each
 * end moves the measure; Korn and Graubard (1998) for the two, which are shares of clustered items.
 * Differences:
 * 1. E depends on how often the commonest category is given. Its interval is that of this share, the
 *    others held in proportion: a rare category that few prompts show leaves E, and with it kappa,
 *    unknown, whatever the items agree on.
 * 2. A correlation of A and E counts where it widens the interval and not where it narrows it: with
 *    few clusters it rests on one or two of them. Counted in full, intervals of rare categories
 *    cover 54 to 80% (docs/decisions/statistics.md).
 */
import type { Labels } from "./clusters.ts";
import { clusteredMean, effectiveSize, tooFewClusters } from "./clusters.ts";
import type { Interval } from "./intervals.ts";
import { checkConfidence, clopperPearson, mean } from "./intervals.ts";

/** An item whose labels are held against each other. */
export interface ComparedItem {
  /** Share of its pairs of labels that agree. */
  agreement: number;
  /** The least that so many labels can agree. */
  least: number;
  /** What it counts; 1 on average. */
  weight: number;
  cluster: string | number;
}

/** An item whose labels tell how often categories are given. */
export interface LabelledItem {
  /** Share of its labels that are of the commonest category. */
  common: number;
  /** What it counts; 1 on average. */
  weight: number;
  cluster: string | number;
}

export interface BeyondChance {
  estimate: number;
  compared: readonly ComparedItem[];
  labelled: readonly LabelledItem[];
  /** Agreement by chance if the commonest category were this share of all labels. */
  expectedAt: (common: number) => number;
  confidence: number;
}

/** A chance of agreement that is one, but for rounding: nothing is beyond it. */
const CERTAIN = 1e-9;
/** Shares at which agreement by chance is asked for, as it may be least in between. */
const STEPS = 40;

export function beyondChanceInterval({
  estimate,
  compared,
  labelled,
  expectedAt,
  confidence,
}: BeyondChance): Interval {
  const n = compared.length;
  const none = (noClaim: string): Interval => ({ estimate, low: -1, high: 1, n, noClaim });
  if (n === 0) return none("no item has two labels");
  const common = weighted(labelled, ({ common: share }) => share);
  const expected = expectedAt(common);
  if (Number.isNaN(estimate) || !(1 - expected > CERTAIN)) return none("all labels are the same");
  const few = tooFewClusters({ clusters: new Set(compared.map(({ cluster }) => cluster)).size });
  if (few !== undefined) return none(few);
  const least = weighted(compared, (item) => item.least);
  const observed = weighted(compared, ({ agreement }) => agreement);
  const found = shareEnds(
    compared.map(({ agreement, weight }) => weight * (agreement - observed)),
    { share: observed, clusters: clustersOf(compared), least, confidence },
  );
  const shares = shareEnds(
    labelled.map((item) => item.weight * (item.common - common)),
    { share: common, clusters: clustersOf(labelled), least: 0, confidence },
  );
  const chances = Array.from({ length: STEPS + 1 }, (_, step) =>
    expectedAt(shares.low + (step / STEPS) * (shares.high - shares.low)),
  );
  const beyond = (agreement: number, chance: number): number =>
    1 - chance > CERTAIN ? Math.max(-1, (agreement - chance) / (1 - chance)) : -1;
  const correlation = Math.min(0, correlationOf(compared, labelled, expectedAt));
  const together = (x: number, y: number): number =>
    Math.sqrt(Math.max(0, x * x + y * y - 2 * correlation * x * y));
  const moved = (agreement: number, chance: number): number =>
    together(
      Math.abs(beyond(agreement, expected) - estimate),
      Math.abs(beyond(observed, chance) - estimate),
    );
  return {
    estimate,
    low: Math.max(
      Math.min(-1, estimate),
      estimate - moved(found.low, Math.max(expected, ...chances)),
    ),
    high: Math.min(1, estimate + moved(found.high, Math.min(expected, ...chances))),
    n,
  };
}

interface Ends {
  /** The weighted mean, in [least, 1]. */
  share: number;
  least: number;
  clusters: Labels;
  confidence: number;
}

/** Korn and Graubard's interval of a weighted share. */
function shareEnds(
  residuals: readonly number[],
  { share, least, clusters, confidence }: Ends,
): { low: number; high: number } {
  const reach = 1 - least;
  const scaled = reach > 0 ? Math.max(0, Math.min(1, (share - least) / reach)) : 1;
  const spread = mean(residuals.map((residual) => (residual / reach) ** 2));
  // several labels of an item tell more than one throw of a coin
  const worth = spread > 1e-15 ? (scaled * (1 - scaled)) / spread : 1;
  const size =
    effectiveSize(clusteredMean(residuals, clusters), checkConfidence(confidence)) *
    (scaled > 0 && scaled < 1 ? worth : 1);
  const { low, high } = clopperPearson(Math.min(size, scaled * size), size, confidence);
  return { low: least + reach * low, high: least + reach * high };
}

/** Of the clusters' agreement with what they add to agreement by chance. */
function correlationOf(
  compared: readonly ComparedItem[],
  labelled: readonly LabelledItem[],
  expectedAt: BeyondChance["expectedAt"],
): number {
  const observed = weighted(compared, ({ agreement }) => agreement);
  const common = weighted(labelled, (item) => item.common);
  const [from, to] = [Math.max(0, common - 1e-4), Math.min(1, common + 1e-4)];
  const slope = (expectedAt(to) - expectedAt(from)) / (to - from);
  const sums = new Map<string | number, { x: number; y: number }>();
  const sumOf = (cluster: string | number): { x: number; y: number } => {
    const known = sums.get(cluster) ?? { x: 0, y: 0 };
    sums.set(cluster, known);
    return known;
  };
  for (const { agreement, weight, cluster } of compared)
    sumOf(cluster).x += weight * (agreement - observed);
  for (const item of labelled)
    sumOf(item.cluster).y += slope * item.weight * (item.common - common);
  const all = [...sums.values()];
  const total = (of: (sum: { x: number; y: number }) => number): number =>
    all.reduce((sum, each) => sum + of(each), 0);
  const squares = total(({ x }) => x * x) * total(({ y }) => y * y);
  return squares > 1e-20 ? total(({ x, y }) => x * y) / Math.sqrt(squares) : 0;
}

const weighted = <T extends { weight: number }>(
  items: readonly T[],
  read: (item: T) => number,
): number => items.reduce((sum, item) => sum + item.weight * read(item), 0) / items.length;

const clustersOf = (items: readonly { cluster: string | number }[]): Labels =>
  items.map(({ cluster }) => cluster);

/** The least that so many labels of so many categories can agree: as even as they go. */
export function leastAgreement(labels: number, categories: number): number {
  let agreeing = 0;
  for (let k = 0; k < categories; k++) {
    const count = Math.floor((labels + k) / categories);
    agreeing += count * (count - 1);
  }
  return agreeing / (labels * (labels - 1));
}

/**
 * Shares of categories with that of one of them moved by so much, the others in proportion, or even
 * where they have none.
 */
export function movedShares(shares: readonly number[], place: number, by: number): number[] {
  const before = shares[place]!;
  const after = Math.max(0, Math.min(1, before + by));
  const scale = before < 1 ? (1 - after) / (1 - before) : 0;
  const even = before < 1 ? 0 : (1 - after) / Math.max(1, shares.length - 1);
  return shares.map((share, k) => (k === place ? after : share * scale + even));
}
