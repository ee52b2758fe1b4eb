/**
 * Always-valid inference for a share, or the mean of outcomes in [0, 1] (win 1, tie 1/2, loss 0):
 * an interval and an e-value that hold however often one looks, and whenever one stops.
 *
 * Source: Waudby-Smith and Ramdas (2023, "Estimating means of bounded random variables by betting",
 * arXiv 2010.09686), sections 4 and 5; Orabona and Jun (2021, arXiv 2110.14099) for mixtures over
 * bets; Ville (1939) for the bound.
 * Differences: 1. bets are a fixed mixture over fractions of what one has, not tuned to one level
 * and to what was seen: the wealth depends on how often each outcome came and not on their order,
 * and it is convex in the mean that is bet against, so what is left is an interval.
 * 2. Half of the wealth bets on more and half on less, and the two are added, not compared.
 * 3. Where clusters count by their members, what is bet on one is in proportion to its size over
 * the largest: Σ outcomes − m size has the mean 0 where m is the share of all members.
 * What it assumes: units come in random order, each with the same mean given those before it.
 */
import { AttuneError } from "../core/errors.ts";
import type { Labels } from "./clusters.ts";
import { checkConfidence, mean, shareInterval } from "./intervals.ts";
import type { Interval } from "./intervals.ts";

/** Fractions of the wealth that are bet, with equal weights; 1/512 serves some 10^6 units. */
const FRACTIONS: readonly number[] = Array.from({ length: 19 }, (_, k) => 2 ** (-k / 2));
const LOG_WEIGHT = -Math.log(2 * FRACTIONS.length);

/** What stopping when one likes costs, beside an interval that may be looked at once. */
export interface CostOfPeeking {
  /** Holds at every look. */
  sequential: Interval;
  /** From the same observations; holds only where their number was fixed before. */
  fixed: Interval;
  /** Width of the first over that of the second; NaN where nothing was observed. */
  widthRatio: number;
}

export interface SequentialOptions {
  /** The mean that the e-value and the p-value speak against; 1/2 where left out. */
  against?: number;
  /**
   * The most members of a cluster, known before any comes: the share is then of members. Where left
   * out it is of clusters, each its mean.
   */
  largestCluster?: number | undefined;
}

/**
 * Units are added one by one; interval, e-value and p-value may be read after each.
 *
 *     const share = new SequentialShare();
 *     for (const outcome of outcomes) if (share.add(outcome).pValue <= 0.05) break;
 */
export class SequentialShare {
  readonly against: number;
  /** How often units of each value and weight came. */
  private readonly counts = new Map<string, Units>();
  private readonly largestCluster: number | undefined;
  /** Of each cluster, where these count by their members. */
  private readonly members: (readonly number[])[] = [];
  private readonly logWealth = new Float64Array(2 * FRACTIONS.length);
  private units = 0;
  private total = 0;
  private weight = 0;
  private largest = 0;

  constructor({ against = 0.5, largestCluster }: SequentialOptions = {}) {
    this.against = checkInside(against, "the mean that is tested");
    this.largestCluster = largestCluster;
  }

  /**
   * @param outcome of one unit, in [0, 1]; of a cluster the outcomes of its members, which count as
   * their mean, with `largestCluster` by its size
   */
  add(outcome: number | readonly number[]): this {
    const members = typeof outcome === "number" ? [outcome] : outcome;
    for (const member of members) checkOutcome(member);
    if (members.length === 0) throw new RangeError("a cluster without outcomes");
    const value = mean(members);
    const weight = this.weightOf(members);
    this.units++;
    this.total += weight * value;
    this.weight += weight;
    const key = `${value} ${weight}`;
    this.counts.set(key, { value, weight, count: (this.counts.get(key)?.count ?? 0) + 1 });
    for (const [k, fraction] of FRACTIONS.entries()) {
      this.logWealth[2 * k]! += logGain(weight * fraction, value, this.against);
      this.logWealth[2 * k + 1]! += logGain(weight * fraction, 1 - value, 1 - this.against);
    }
    this.largest = Math.max(this.largest, logSumExp(this.logWealth) + LOG_WEIGHT);
    return this;
  }

  private weightOf(members: readonly number[]): number {
    if (this.largestCluster === undefined) return 1;
    if (members.length > this.largestCluster)
      throw new RangeError(`a cluster of ${members.length}, at most ${this.largestCluster} said`);
    this.members.push(members);
    return members.length / this.largestCluster;
  }

  /** Units so far: outcomes, or clusters. */
  get n(): number {
    return this.units;
  }

  /** The mean of all units, or members; NaN where there are none. */
  get estimate(): number {
    return this.units === 0 ? NaN : this.total / this.weight;
  }

  /**
   * Evidence against the mean `against`, now: its expectation is at most 1 where that is the truth,
   * whenever one stops, and e-values of independent data may be multiplied.
   */
  get eValue(): number {
    return Math.exp(logSumExp(this.logWealth) + LOG_WEIGHT);
  }

  /** The largest e-value so far; at least 1. */
  get largestEValue(): number {
    return Math.exp(this.largest);
  }

  /** One over the largest e-value so far: valid at every look. */
  get pValue(): number {
    return Math.exp(-this.largest);
  }

  /** Evidence that the mean is further from `against` than the margin. */
  eValueBeyond(margin: number): number {
    const { low, high } = this.edges(margin);
    const sides = [this.logAbove(high), this.logBelow(low)];
    return Math.exp(logSumExp(sides) - Math.LN2);
  }

  /** Evidence that the mean is nearer to `against` than the margin. */
  eValueWithin(margin: number): number {
    const { low, high } = this.edges(margin);
    return Math.exp(Math.min(this.logAbove(low), this.logBelow(high)));
  }

  /**
   * The means that the wealth does not speak against: holds the truth at all looks together with
   * the given confidence.
   * @param confidence two-sided, in (0, 1); 0.95 where left out
   */
  interval(confidence = 0.95): Interval {
    const bound = -Math.log(1 - checkConfidence(confidence));
    const about = { estimate: this.estimate, n: this.units };
    if (this.units === 0) return { ...about, low: 0, high: 1, noClaim: "nothing observed" };
    const ruledOut = (m: number): boolean =>
      logSumExp([this.logAbove(m), this.logBelow(m)]) - Math.LN2 >= bound;
    return {
      ...about,
      low: edge(ruledOut, { outside: 0, inside: this.estimate }),
      high: edge(ruledOut, { outside: 1, inside: this.estimate }),
    };
  }

  /** Beside the interval that {@link shareInterval} gives the same units. */
  costOfPeeking(confidence = 0.95): CostOfPeeking {
    const units = [...this.counts.values()].flatMap(({ value, count }) =>
      Array.from({ length: count }, () => value),
    );
    const [sequential, fixed] = [
      this.interval(confidence),
      this.largestCluster === undefined
        ? shareInterval(units, { confidence })
        : shareInterval(this.members.flat(), {
            confidence,
            clusters: this.members.flatMap((members, i) => members.map(() => i)),
          }),
    ];
    const widthRatio =
      this.units === 0 ? NaN : (sequential.high - sequential.low) / (fixed.high - fixed.low);
    return { sequential, fixed, widthRatio };
  }

  private edges(margin: number): { low: number; high: number } {
    const reach = Math.min(this.against, 1 - this.against);
    if (!(margin > 0 && margin < reach))
      throw new RangeError(`a margin lies between 0 and ${reach}; got ${margin}`);
    return { low: this.against - margin, high: this.against + margin };
  }

  /** ln of the wealth of bets that the mean is above m; falls with m. */
  private logAbove(m: number): number {
    return logWealthOf([...this.counts.values()], m);
  }

  private logBelow(m: number): number {
    const turned = [...this.counts.values()].map((each) => ({ ...each, value: 1 - each.value }));
    return logWealthOf(turned, 1 - m);
  }
}

/**
 * {@link SequentialShare} of outcomes in the order in which they came; with clusters each of these
 * is one unit, its mean, and comes where its first member came.
 */
export function sequentialShare(
  outcomes: readonly number[],
  { clusters, ...options }: SequentialOptions & { clusters?: Labels | undefined } = {},
): SequentialShare {
  const share = new SequentialShare(options);
  if (!clusters) {
    for (const outcome of outcomes) share.add(outcome);
    return share;
  }
  if (clusters.length !== outcomes.length)
    throw new RangeError(`clusters: ${clusters.length} labels for ${outcomes.length} outcomes`);
  const units = new Map<string | number, number[]>();
  for (const [i, outcome] of outcomes.entries())
    units.set(clusters[i]!, [...(units.get(clusters[i]!) ?? []), outcome]);
  for (const members of units.values()) share.add(members);
  return share;
}

/** ln of what one unit of wealth becomes of which the fraction is bet that the mean is above m. */
const logGain = (fraction: number, value: number, m: number): number =>
  Math.log(1 - fraction + (fraction * value) / m);

interface Units {
  value: number;
  /** Size over the largest; 1 where units count once. */
  weight: number;
  count: number;
}

function logWealthOf(units: readonly Units[], m: number): number {
  const logs = FRACTIONS.map((fraction) => {
    let sum = 0;
    for (const { value, weight, count } of units)
      sum += count * logGain(weight * fraction, value, m);
    return sum;
  });
  return logSumExp(logs) - Math.log(FRACTIONS.length);
}

/** The end of the interval between a mean that may be ruled out and one that is not. */
function edge(
  ruledOut: (m: number) => boolean,
  { outside, inside }: { outside: number; inside: number },
): number {
  let [far, near] = [outside, inside];
  for (let step = 0; step < 48 && far !== near; step++) {
    const middle = (far + near) / 2;
    if (ruledOut(middle)) far = middle;
    else near = middle;
  }
  return far;
}

/** ln Σ e^x; -Infinity of bets that were all lost. */
function logSumExp(logs: ArrayLike<number>): number {
  let largest = -Infinity;
  for (let i = 0; i < logs.length; i++) largest = Math.max(largest, logs[i]!);
  if (!Number.isFinite(largest)) return largest;
  let sum = 0;
  for (let i = 0; i < logs.length; i++) sum += Math.exp(logs[i]! - largest);
  return largest + Math.log(sum);
}

function checkOutcome(outcome: number): void {
  if (Number.isFinite(outcome) && outcome >= 0 && outcome <= 1) return;
  throw new AttuneError("numeric", "an outcome of a share is not in [0, 1]", {
    got: String(outcome),
    expected: "1 for a win, 0.5 for a tie, 0 for a loss",
  });
}

function checkInside(value: number, what: string): number {
  if (!(value > 0 && value < 1)) throw new RangeError(`${what} lies between 0 and 1; got ${value}`);
  return value;
}
