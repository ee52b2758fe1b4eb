/**
 * Labels of two classes with all that the votes leave open: Dawid and Skene's model, its annotators'
 * accuracies drawn from their joint posterior by Gibbs' sampler, so that an item's posterior comes
 * with an interval that says how little may be known of those who judged it. Numbers in, numbers
 * out.
 *
 * Source: Dawid and Skene (1979); Paun et al., "Comparing Bayesian models of annotation" (2018), for
 * the sampler and for priors that favour annotators who judge rather than guess.
 * Differences from dawid-skene.ts:
 * 1. A prior (Beta(3, 1), a mean of 0.75, where published preferences agree 63% to 77%) says what an
 *    annotator is like of whom nothing else is known, so that one vote alone is no certainty.
 * 2. Items with the same votes are drawn together: the cost grows with the number of different
 *    patterns of votes, not with the number of items.
 * 3. Chance agreement needs no special case: intervals are then as wide as they are.
 */
import { Random } from "../../core/random.ts";
import { drawBinomial, logFactorials } from "../binomial-draws.ts";
import type { Interval } from "../intervals.ts";
import { checkConfidence } from "../intervals.ts";
import { sigmoid } from "../special.ts";
import { drawBeta } from "./beta-draws.ts";
import type { CrowdVote } from "./crowd.ts";
import { patternsOf } from "./vote-patterns.ts";
import type { Pattern } from "./vote-patterns.ts";

export interface LabelDrawsOptions {
  items: number;
  annotators: number;
  /** Items whose class is known. */
  gold?: ReadonlyMap<number, 0 | 1>;
  /**
   * It means nothing which class is the first, as in pairs of answers: one accuracy for both, and
   * equal shares.
   */
  symmetric: boolean;
  /** Votes that every annotator is taken to have given rightly and wrongly beside the real ones. */
  prior?: { right: number; wrong: number };
  /** Kept of the chain, after its beginning; 500 where left out. */
  draws?: number;
  /** Steps of the chain for each that is kept, as neighbours are alike; 3 where left out. */
  every?: number;
  /** Steps at the beginning that are left out; 150 where left out. */
  beginning?: number;
  /** Two-sided; 0.95 where left out. */
  confidence?: number;
  seed?: number;
}

export interface LabelDraws {
  /** P(the first class), by item; NaN without votes. */
  posterior: Float64Array;
  /** Bounds of that probability, over what may be true of the annotators. */
  low: Float64Array;
  high: Float64Array;
  /** Of each annotator; of two classes that mean something the mean of both accuracies. */
  accuracies: Interval[];
}

export const ACCURACY_PRIOR = { right: 3, wrong: 1 } as const;

/** Votes that are looked at between two pauses. */
const STRIDE = 50_000;

/** All at once. */
export function drawLabels(votes: readonly CrowdVote[], options: LabelDrawsOptions): LabelDraws {
  const work = labelDraws(votes, options);
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** Piece by piece, so that a server answers others in between. */
export function* labelDraws(
  votes: readonly CrowdVote[],
  options: LabelDrawsOptions,
): Generator<void, LabelDraws> {
  const { annotators, draws = 500, every = 3, beginning = 150, seed = 1 } = options;
  const confidence = checkConfidence(options.confidence ?? 0.95);
  const { patterns, patternOf } = patternsOf(votes, options);
  const random = Random.for(seed, "label-draws");
  const chain = new Chain(patterns, options, random);
  /** Log-odds for the first class of a vote for it, and for the other; by draw and annotator. */
  const weights = new Float64Array(draws * annotators * 2);
  const shares = new Float64Array(draws);
  const right = new Float64Array(draws * annotators);
  let looked = 0;
  for (let step = -beginning; step < draws * every; step++) {
    chain.sweep();
    looked += chain.cost;
    if (looked > STRIDE) {
      looked = 0;
      yield;
    }
    if (step < 0 || step % every > 0) continue;
    const sweep = step / every;
    shares[sweep] = chain.shareOdds;
    for (let j = 0; j < annotators; j++) {
      weights[(sweep * annotators + j) * 2] = chain.first[j]!;
      weights[(sweep * annotators + j) * 2 + 1] = chain.second[j]!;
      right[sweep * annotators + j] = (chain.accuracy[0]![j]! + chain.accuracy[1]![j]!) / 2;
    }
  }
  const told = patterns.map((pattern) =>
    pattern.gold === undefined
      ? boundsOf(pattern, { weights, shares, annotators, draws, confidence })
      : { mean: 1 - pattern.gold, low: 1 - pattern.gold, high: 1 - pattern.gold },
  );
  const byItem = (of: "mean" | "low" | "high"): Float64Array =>
    Float64Array.from(patternOf, (pattern) => (pattern < 0 ? NaN : told[pattern]![of]));
  return {
    posterior: byItem("mean"),
    low: byItem("low"),
    high: byItem("high"),
    accuracies: accuraciesOf(votes, right, { annotators, draws, confidence }),
  };
}

/** State of the sampler. */
class Chain {
  /** P(says k | is k), by class and annotator. */
  readonly accuracy: readonly [Float64Array, Float64Array];
  /** Log-odds for the first class of a vote for it. */
  readonly first: Float64Array;
  /** The same of a vote for the other. */
  readonly second: Float64Array;
  /** Log-odds of the first class before any vote. */
  shareOdds = 0;
  /** Votes that a sweep looks at. */
  readonly cost: number;
  private readonly patterns: readonly Pattern[];
  private readonly options: LabelDrawsOptions;
  private readonly prior: { right: number; wrong: number };
  private readonly random: Random;
  private readonly table: Float64Array;

  constructor(patterns: readonly Pattern[], options: LabelDrawsOptions, random: Random) {
    const { annotators, prior = ACCURACY_PRIOR } = options;
    this.patterns = patterns;
    this.options = options;
    this.prior = prior;
    this.random = random;
    const mean = prior.right / (prior.right + prior.wrong);
    this.accuracy = [
      new Float64Array(annotators).fill(mean),
      new Float64Array(annotators).fill(mean),
    ];
    this.first = new Float64Array(annotators);
    this.second = new Float64Array(annotators);
    let [most, cost] = [0, 0];
    for (const { count, annotators: own } of patterns) {
      most = Math.max(most, count);
      cost += own.length + 1;
    }
    this.cost = cost;
    this.table = logFactorials(most);
    this.weigh();
  }

  /** Draws the classes given the annotators, then the annotators given the classes. */
  sweep(): void {
    const { annotators, symmetric } = this.options;
    const { random, table, prior } = this;
    const right = [new Float64Array(annotators), new Float64Array(annotators)] as const;
    const wrong = [new Float64Array(annotators), new Float64Array(annotators)] as const;
    const totals = [0, 0];
    for (const { annotators: own, labels, count, gold } of this.patterns) {
      let odds = this.shareOdds;
      for (let n = 0; n < own.length; n++)
        odds += labels[n] === 0 ? this.first[own[n]!]! : this.second[own[n]!]!;
      const firsts =
        gold === undefined
          ? drawBinomial(count, sigmoid(odds), { random, table })
          : gold === 0
            ? count
            : 0;
      totals[0]! += firsts;
      totals[1]! += count - firsts;
      for (let n = 0; n < own.length; n++) {
        const [agreed, against] = labels[n] === 0 ? [right[0], wrong[1]] : [wrong[0], right[1]];
        agreed[own[n]!]! += firsts;
        against[own[n]!]! += count - firsts;
      }
    }
    for (let j = 0; j < annotators; j++)
      if (symmetric) {
        const drawn = drawBeta(
          prior.right + right[0][j]! + right[1][j]!,
          prior.wrong + wrong[0][j]! + wrong[1][j]!,
          random,
        );
        this.accuracy[0][j] = this.accuracy[1][j] = drawn;
      } else
        for (const k of [0, 1] as const)
          this.accuracy[k][j] = drawBeta(
            prior.right + right[k][j]!,
            prior.wrong + wrong[k][j]!,
            random,
          );
    if (!symmetric) {
      const share = drawBeta(1 + totals[0]!, 1 + totals[1]!, random);
      this.shareOdds = Math.log(share / (1 - share));
    }
    this.weigh();
  }

  private weigh(): void {
    for (let j = 0; j < this.first.length; j++) {
      const [a, b] = [kept(this.accuracy[0][j]!), kept(this.accuracy[1][j]!)];
      this.first[j] = Math.log(a / (1 - b));
      this.second[j] = Math.log((1 - a) / b);
    }
  }
}

/** Off 0 and 1, where logarithms end. */
const kept = (share: number): number => Math.min(1 - 1e-12, Math.max(1e-12, share));

function boundsOf(
  { annotators: own, labels }: Pattern,
  {
    weights,
    shares,
    annotators,
    draws,
    confidence,
  }: {
    weights: Float64Array;
    shares: Float64Array;
    annotators: number;
    draws: number;
    confidence: number;
  },
): { mean: number; low: number; high: number } {
  const chances = new Float64Array(draws);
  let sum = 0;
  for (let d = 0; d < draws; d++) {
    let odds = shares[d]!;
    for (let n = 0; n < own.length; n++)
      odds += weights[(d * annotators + own[n]!) * 2 + labels[n]!]!;
    chances[d] = sigmoid(odds);
    sum += chances[d]!;
  }
  return { mean: sum / draws, ...quantiles(chances, confidence) };
}

function quantiles(values: Float64Array, confidence: number): { low: number; high: number } {
  values.sort();
  const at = (share: number): number => {
    const place = share * (values.length - 1);
    const below = Math.floor(place);
    const above = Math.min(values.length - 1, below + 1);
    return values[below]! + (place - below) * (values[above]! - values[below]!);
  };
  return { low: at((1 - confidence) / 2), high: at((1 + confidence) / 2) };
}

function accuraciesOf(
  votes: readonly CrowdVote[],
  right: Float64Array,
  { annotators, draws, confidence }: { annotators: number; draws: number; confidence: number },
): Interval[] {
  const counts = new Int32Array(annotators);
  for (const { annotator } of votes) counts[annotator]! += 1;
  return Array.from({ length: annotators }, (_, j): Interval => {
    const own = Float64Array.from({ length: draws }, (__, d) => right[d * annotators + j]!);
    const estimate = own.reduce((sum, value) => sum + value, 0) / draws;
    const n = counts[j]!;
    return {
      estimate,
      ...quantiles(own, confidence),
      n,
      ...(n === 0 ? { noClaim: "no votes" } : {}),
    };
  });
}
