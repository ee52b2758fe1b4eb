/**
 * Does a model know when it is wrong? How often it is right where only its most confident answers
 * count, for every share of answers, and the area that sums this up.
 *
 * Source: El-Yaniv and Wiener (2010) and Geifman and El-Yaniv (2017) for risk and coverage; Geifman,
 * Uziel and El-Yaniv (2019, arXiv 1805.08206) for the area under their curve and its excess over
 * that of the best possible order.
 * Differences: 1. equal confidences are answered in random order: everything is its expectation.
 * 2. The area of the best order is exact; theirs is its limit for many answers.
 * 3. The interval of an area also holds what two more wrong and two more right answers would give:
 * of few wrong answers the bootstrap alone covers 75 to 90%.
 */
import { countOf } from "../core/counts.ts";
import { Random } from "../core/random.ts";
import { bootstrapInterval } from "./bootstrap.ts";
import type { Labels } from "./clusters.ts";
import { checkFinite, clopperPearson, shareOfEffectiveSize } from "./intervals.ts";
import type { Interval } from "./intervals.ts";

export interface SelectiveOptions {
  /** Shares of the answers to look at, in (0, 1]; tenths where left out. */
  coverages?: readonly number[];
  /** Two-sided, in (0, 1); 0.95 where left out. */
  confidence?: number;
  /** One label for each answer. */
  clusters?: Labels | undefined;
  /** Seeded where left out: the same data give the same intervals. */
  random?: Random;
  /** 2,000 where left out. */
  resamples?: number;
}

export interface CoveragePoint {
  /** Share of the answers that count: the most confident, at least one. */
  coverage: number;
  /** Share of them that is right. */
  accuracy: Interval;
  /** Confidence from which on answers count; of those that are equal to it, as many as fit. */
  threshold: number;
}

export interface Selective {
  points: CoveragePoint[];
  /** Area under the curve of the share that is wrong against coverage, in [0, 1]. */
  area: Interval;
  /** The area less that of an order with every wrong answer last; 0 is perfect. */
  excess: Interval;
  /** The area of such an order. */
  leastArea: number;
  n: number;
}

/**
 * @param confidences of the answers, any finite numbers of which more is surer
 * @param right whether each was right
 */
export function selective(
  confidences: readonly number[],
  right: readonly boolean[],
  options: SelectiveOptions = {},
): Selective {
  check(confidences, right);
  const n = right.length;
  const order = orderOf(confidences);
  const ranked: Ranked[] = [];
  let block = -1;
  for (const [rank, place] of order.entries()) {
    if (rank === 0 || confidences[place] !== confidences[order[rank - 1]!]) block++;
    ranked[place] = { block, wrong: right[place] ? 0 : 1 };
  }
  return {
    points: selectiveAccuracy(confidences, right, options),
    area: areaInterval(ranked, areaOf, options),
    excess: areaInterval(ranked, (sample) => areaOf(sample) - leastAreaOf(sample), options),
    leastArea: n === 0 ? NaN : leastAreaOf(ranked),
    n,
  };
}

/** The points of {@link selective} alone, without areas, which cost resamples. */
export function selectiveAccuracy(
  confidences: readonly number[],
  right: readonly boolean[],
  options: SelectiveOptions = {},
): CoveragePoint[] {
  check(confidences, right);
  const { coverages = Array.from({ length: 10 }, (_, i) => (i + 1) / 10) } = options;
  const wrong = coverages.find((coverage) => !(coverage > 0 && coverage <= 1));
  if (wrong !== undefined) throw new RangeError(`a coverage lies in (0, 1]; got ${wrong}`);
  if (right.length === 0) return [];
  const order = orderOf(confidences);
  return coverages.map((at) => pointAt(at, { order, confidences, right, options }));
}

/** Places of the answers, the surest first. */
const orderOf = (confidences: readonly number[]): number[] =>
  confidences.map((_, i) => i).toSorted((i, j) => confidences[j]! - confidences[i]!);

function check(confidences: readonly number[], right: readonly boolean[]): void {
  checkFinite(confidences, "confidences");
  if (confidences.length !== right.length)
    throw new RangeError(`${confidences.length} confidences for ${right.length} answers`);
}

/** Answers that leaving out each in turn may read; beyond, percentiles are as good as BCa. */
const MOST_LEFT_OUT = 5e6;

/** An answer with the place of its confidence among all that differ, 0 the surest. */
interface Ranked {
  block: number;
  wrong: number;
}

interface Answers {
  order: readonly number[];
  confidences: readonly number[];
  right: readonly boolean[];
  options: SelectiveOptions;
}

function pointAt(coverage: number, { order, confidences, right, options }: Answers): CoveragePoint {
  // of a tenth of 30 answers rounding leaves 3.0000000000000004
  const size = Math.max(1, Math.round(coverage * order.length * 1e6) / 1e6);
  const threshold = confidences[order[Math.ceil(size) - 1]!]!;
  const above = order.filter((place) => confidences[place]! > threshold);
  const at = order.filter((place) => confidences[place] === threshold);
  const rightIn = (places: readonly number[]): number =>
    places.filter((place) => right[place]).length;
  const hits = rightIn(above) + ((size - above.length) * rightIn(at)) / at.length;
  const counted = [...above, ...at];
  const { clusters, confidence = 0.95 } = options;
  const share = Math.min(1, hits / size);
  // Shares of the surest are near 1, where Wilson's interval covers 85 to 90%.
  const accuracy = clusters
    ? shareOfEffectiveSize(share, {
        size,
        residuals: counted.map((place) => Number(right[place])),
        clusters: counted.map((place) => clusters[place]!),
        confidence,
      })
    : clopperPearson(share * size, size, confidence);
  return { coverage, accuracy: { ...accuracy, n: Math.ceil(size) }, threshold };
}

/** Fewer answers say nothing about an area. */
const LEAST_ANSWERS = 10;

/**
 * Hull of the interval of the answers, and of that of the answers with two more wrong and two more
 * right ones, at a quarter and three quarters of the order.
 */
function areaInterval(
  ranked: readonly Ranked[],
  statistic: (sample: readonly Ranked[]) => number,
  options: SelectiveOptions,
): Interval {
  const found = bootstrapped(ranked, statistic, options);
  const about = { estimate: found.estimate, n: found.n };
  const noClaim =
    ranked.length < LEAST_ANSWERS && ranked.length > 0
      ? countOf(ranked.length, "answer")
      : found.noClaim;
  if (noClaim !== undefined && noClaim !== NO_SPREAD) return { ...about, low: 0, high: 1, noClaim };
  const blocks = ranked.map(({ block }) => block).toSorted((a, b) => a - b);
  const { clusters } = options;
  const groups = new Set(clusters ?? ranked.keys()).size;
  const members = Array.from({ length: Math.round(ranked.length / groups) });
  const added = [0.25, 0.75].flatMap((place) => {
    const block = blocks[Math.floor(place * blocks.length)]!;
    return [0, 1].map((wrong) => ({ label: `added ${place} ${wrong}`, answer: { block, wrong } }));
  });
  const more = bootstrapped(
    [...ranked, ...added.flatMap(({ answer }) => members.map(() => answer))],
    statistic,
    clusters
      ? {
          ...options,
          clusters: [
            ...clusters.map((label) => `${typeof label} ${label}`),
            ...added.flatMap(({ label }) => members.map(() => label)),
          ],
        }
      : options,
  );
  const [low, high] = noClaim === undefined ? [found.low, found.high] : [found.estimate, 0];
  return {
    ...about,
    low: within(Math.min(low, more.low)),
    high: within(Math.max(high, more.high)),
  };
}

const within = (area: number): number => Math.max(0, Math.min(1, area));

/** What the bootstrap says where every answer is right, or wrong. */
const NO_SPREAD = "all resamples agree";

const bootstrapped = (
  ranked: readonly Ranked[],
  statistic: (sample: readonly Ranked[]) => number,
  { clusters, confidence = 0.95, resamples = 2000, random }: SelectiveOptions,
): Interval =>
  bootstrapInterval(ranked, statistic, {
    random: random ?? Random.for(0, "selective"),
    confidence,
    resamples,
    clusters,
    method:
      new Set(clusters ?? ranked.keys()).size * ranked.length > MOST_LEFT_OUT
        ? "percentile"
        : "bca",
  });

/** Mean over k of the expected share of wrong ones among the k surest. */
function areaOf(sample: readonly Ranked[]): number {
  const blocks = sample.reduce((most, { block }) => Math.max(most, block), 0) + 1;
  const [sizes, wrongs] = [new Float64Array(blocks), new Float64Array(blocks)];
  for (const { block, wrong } of sample) {
    sizes[block]! += 1;
    wrongs[block]! += wrong;
  }
  let [before, errors, area] = [0, 0, 0];
  for (let block = 0; block < blocks; block++) {
    const size = sizes[block]!;
    if (size === 0) continue;
    const share = wrongs[block]! / size;
    // Σ (errors + (k - before) share) / k over the places k of the block
    area += share * size + (errors - before * share) * between(before, before + size);
    before += size;
    errors += wrongs[block]!;
  }
  return area / sample.length;
}

function leastAreaOf(sample: readonly Ranked[]): number {
  const n = sample.length;
  const right = sample.reduce((count, { wrong }) => count + 1 - wrong, 0);
  return (n - right - right * between(right, n)) / n;
}

/** 1 / (from + 1) + ... + 1 / to. */
function between(from: number, to: number): number {
  let sum = 0;
  for (let k = to; k > from; k--) sum += 1 / k;
  return sum;
}
