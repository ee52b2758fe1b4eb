/**
 * Annotators who do not judge as the others do, found while their votes come in: at random, against
 * the others, or always for one side or one length. The evidence against an annotator is a ratio of
 * likelihoods, a bet that whoever bets against an ordinary annotator cannot win: the chance that it
 * ever reaches 1 / level, at whatever vote one looks, is at most the level (Ville's inequality).
 *
 * Source: Ville (1939); Ramdas et al., "Game-theoretic statistics and safe anytime-valid inference"
 * (2023). Chatbot Arena's test (FastChat, elo_analysis.py: outlier_detect) is of the same kind: it
 * multiplies 1 / (2p) of each vote against the shares of a pair's former votes and flags at 20.
 * Differences:
 * 1. Arena's bets are losing ones for two outcomes (each wins at most (1 + share) / 2 on average),
 *    and no bets at all with ties, and see only which way a vote goes. Here each kind of anomaly has
 *    its own likelihood, and the mean of their ratios is the evidence.
 * 2. Arena takes a pair's share for known; here it comes from the few others who judged the item,
 *    by a beta-binomial model whose one parameter all items decide, and a regression that says how
 *    far ordinary annotators follow it, longer answers and the left side.
 * 3. Ordinary annotators differ: in how far they follow the others, and in their leaning to a side
 *    and to length (crowd-model.ts). The level holds for an annotator drawn from this population,
 *    and not for the worst of the honest ones.
 * Assumes: annotators judge by themselves, most of them are ordinary, and which answer stands left
 * is drawn at random. Ties are left out.
 */
import { ordinaryCrowd } from "./crowd-model.ts";
import type { OrdinaryCrowd, ShownVote } from "./crowd-model.ts";

export type { ShownVote } from "./crowd-model.ts";

export const ANOMALIES = ["random", "contrary", "left", "right", "longer", "shorter"] as const;
export type AnomalyKind = (typeof ANOMALIES)[number];

export interface AnomalyOptions {
  items: number;
  annotators: number;
  /** Chance that an ordinary annotator is ever flagged; 0.05 where left out. */
  level?: number;
}

export interface Anomaly {
  /** The evidence was once at 1 / level. */
  flagged: boolean;
  /** The largest that the evidence ever was. */
  evidence: number;
  /** What the evidence speaks for most, when it was largest. */
  kind: AnomalyKind;
  /** His votes when he was flagged. */
  after?: number;
  /** Votes that were looked at; ties are not. */
  votes: number;
}

/** Flagged annotators no longer count among the others, until nothing changes. */
const PASSES = 6;

/** @param votes in the order in which they were cast */
export function detectAnomalies(
  votes: readonly ShownVote[],
  { items, annotators, level = 0.05 }: AnomalyOptions,
): Anomaly[] {
  if (!(level > 0 && level < 1)) throw new RangeError(`level must lie between 0 and 1: ${level}`);
  let left = new Set<number>();
  let found: Anomaly[] = [];
  for (let pass = 0; pass < PASSES; pass++) {
    const crowd = ordinaryCrowd(votes, { items, annotators, left });
    found = testAll(votes, crowd, { annotators, level });
    const flagged = new Set(found.flatMap(({ flagged }, j) => (flagged ? [j] : [])));
    // of a crowd that is mostly flagged nobody is ordinary
    if (flagged.size > annotators / 2) break;
    if (flagged.size === left.size && [...flagged].every((j) => left.has(j))) break;
    left = flagged;
  }
  return found;
}

/** Log-likelihood of an annotator's votes under each member of a family. */
class Family {
  readonly logs: Float64Array;
  private readonly logWeights: Float64Array;

  constructor(weights: ArrayLike<number>) {
    this.logs = new Float64Array(weights.length);
    this.logWeights = Float64Array.from(weights, Math.log);
  }

  /** Of the family as a whole. */
  mixture(): number {
    let top = -Infinity;
    for (let n = 0; n < this.logs.length; n++)
      top = Math.max(top, this.logs[n]! + this.logWeights[n]!);
    let sum = 0;
    for (let n = 0; n < this.logs.length; n++)
      sum += Math.exp(this.logs[n]! + this.logWeights[n]! - top);
    return top + Math.log(sum);
  }
}

/** How sure a one-sided annotator is of his side. */
const SIDED = [0.8, 0.95, 0.99] as const;
/** How far a contrary one turns what others say. */
const TURNED = [-1, -0.5] as const;
const SIZES: Readonly<Record<AnomalyKind, number>> = {
  random: 1,
  contrary: TURNED.length,
  left: SIDED.length,
  right: SIDED.length,
  longer: SIDED.length,
  shorter: SIDED.length,
};

function testAll(
  votes: readonly ShownVote[],
  crowd: OrdinaryCrowd,
  { annotators, level }: { annotators: number; level: number },
): Anomaly[] {
  const seesSides = votes.some(({ firstLeft }) => firstLeft !== undefined);
  const seesLengths = votes.some(({ longer }) => longer !== undefined && longer !== 0);
  const kinds = ANOMALIES.filter(
    (kind) =>
      (seesSides || (kind !== "left" && kind !== "right")) &&
      (seesLengths || (kind !== "longer" && kind !== "shorter")),
  );
  const states = Array.from({ length: annotators }, () => ({
    ordinary: new Family(crowd.weights),
    others: new Map(kinds.map((kind) => [kind, new Family(even(SIZES[kind]))])),
    found: { flagged: false, evidence: 0, kind: "random", votes: 0 } as Anomaly,
  }));
  for (const [n, vote] of votes.entries()) {
    const { ordinary, others, found } = states[vote.annotator]!;
    found.votes++;
    crowd.addTo(ordinary.logs, n);
    const plain = crowd.usual(n);
    for (const [kind, family] of others) addVote(family.logs, kind, { vote, plain, crowd, n });
    const base = ordinary.mixture();
    let [sum, best, top] = [0, "random" as AnomalyKind, -Infinity];
    for (const [kind, family] of others) {
      const ratio = family.mixture() - base;
      sum += Math.exp(Math.min(700, ratio)) / kinds.length;
      if (ratio > top) [best, top] = [kind, ratio];
    }
    if (sum > found.evidence) [found.evidence, found.kind] = [sum, best];
    if (!found.flagged && sum >= 1 / level) [found.flagged, found.after] = [true, found.votes];
  }
  return states.map(({ found }) => found);
}

const even = (size: number): number[] => Array.from({ length: size }, () => 1 / size);

function addVote(
  logs: Float64Array,
  kind: AnomalyKind,
  {
    vote: { label, firstLeft, longer },
    plain,
    crowd,
    n,
  }: { vote: ShownVote; plain: number; crowd: OrdinaryCrowd; n: number },
): void {
  if (kind === "random") logs[0]! += Math.log(0.5);
  else if (kind === "contrary")
    for (const [k, turn] of TURNED.entries()) logs[k]! += crowd.turned(n, turn);
  else {
    const sided = kind === "left" || kind === "right";
    const known = sided ? firstLeft !== undefined : longer !== undefined && longer !== 0;
    const chosen = sided ? (label === 0) === firstLeft : (label === 0) === (longer ?? 0) > 0;
    const wanted = kind === "left" || kind === "longer";
    // of votes without a side or a longer answer this kind says what others do
    for (const [k, sure] of SIDED.entries())
      logs[k]! += known ? Math.log(chosen === wanted ? sure : 1 - sure) : plain;
  }
}
