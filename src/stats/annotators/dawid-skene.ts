/**
 * Dawid and Skene's model of annotators: every item has a true class, every annotator a probability
 * of each answer given that class, and answers are independent given it. The EM algorithm gives the
 * classes' shares, the annotators' confusion and each item's posterior; the observed information
 * gives the standard errors. Numbers in, numbers out.
 *
 * Source: Dawid and Skene (1979); Louis (1982) for the observed information; Brown, Cai and
 * DasGupta (2001) for an interval by so many independent answers as carry the same information.
 * Reference implementation: crowd-kit's DawidSkene.
 * Differences:
 * 1. `one-coin` (one accuracy each) for classes that mean nothing by themselves, as the order in
 *    which a pair is written; votes may say that the two classes were seen in the other order.
 * 2. Pseudo-votes keep probabilities off 0 and 1; crowd-kit clips counts at 1e-10, which is what
 *    `pseudoVotes: 0` does.
 * 3. What the votes do not determine (one annotator, no overlap, chance agreement) is said and has
 *    no interval.
 */
import { checkConfidence, wilson } from "../intervals.ts";
import type { Interval } from "../intervals.ts";
import type { Confusion, CrowdVote, Layout } from "./crowd.ts";
import { annotatorErrors } from "./dawid-skene-errors.ts";
import { chanceCorrectedAgreement, overlapOf } from "./overlap.ts";

export interface DawidSkeneOptions {
  items: number;
  annotators: number;
  classes: number;
  /** Items whose true class is known. */
  gold?: ReadonlyMap<number, number>;
  /**
   * `full`: for each true class how often each is named. `one-coin`: one accuracy for all classes.
   * `full` where left out.
   */
  confusion?: Confusion;
  /**
   * `estimated` where left out; `uniform` where it means nothing which class is the first, as in
   * pairs of answers.
   */
  classShares?: "estimated" | "uniform";
  /**
   * Answers that every annotator is taken to have given of each kind beside the real ones, for each
   * true class; 0.5 where left out, Jeffreys' prior.
   */
  pseudoVotes?: number;
  /** Of the EM algorithm; 2,000 where left out. */
  iterations?: number;
  /** Largest change of a posterior below which it ends; 1e-9 where left out. */
  tolerance?: number;
  /** Of the intervals, two-sided; 0.95 where left out. */
  confidence?: number;
}

export interface AnnotatorAccuracy extends Interval {
  /** Infinite where the votes do not tell. */
  standardError: number;
  /** Items that he shares with another annotator or with gold. */
  shared: number;
}

export interface DawidSkeneFit {
  /** Shares of the classes, [classes]. */
  shares: Float64Array;
  /** P(named | true class), [annotators, true, named]; of what he saw, where votes are swapped. */
  confusion: Float64Array;
  /** P(true class | votes), [items, classes]. An item without votes has the shares. */
  posterior: Float64Array;
  /** Of each annotator, the classes weighted by their shares. `n` counts his votes. */
  accuracies: AnnotatorAccuracy[];
  /** Of the votes, pseudo-votes left out. */
  logLikelihood: number;
  iterations: number;
  converged: boolean;
  /** What cannot be concluded from these votes, in sentences. */
  statements: string[];
}

/** Counts below are raised to this, as crowd-kit does. */
const FLOOR = 1e-10;

/** Fits by EM from the majority's labels. */
export function fitDawidSkene(
  votes: readonly CrowdVote[],
  options: DawidSkeneOptions,
): DawidSkeneFit {
  const { items, annotators, classes, gold = new Map() } = options;
  const { confusion: form = "full", classShares = "estimated", pseudoVotes = 0.5 } = options;
  check(votes, options);
  const layout: Layout = { votes, items, annotators, classes, form, pseudoVotes, gold };
  const posterior = majority(layout);
  let state: State = step(layout, posterior, classShares);
  let [iterations, converged] = [0, false];
  const tolerance = options.tolerance ?? 1e-9;
  while (!converged && iterations < (options.iterations ?? 2000)) {
    iterations++;
    const { change } = expect(layout, state, posterior);
    state = step(layout, posterior, classShares);
    converged = change < tolerance;
  }
  const { logLikelihood } = expect(layout, state, posterior);
  return {
    ...state,
    posterior,
    ...judge(layout, { ...state, posterior, classShares }, options),
    logLikelihood,
    iterations,
    converged,
  };
}

interface State {
  shares: Float64Array;
  confusion: Float64Array;
}

/** Shares of the votes, gold where it is known. */
function majority({ votes, items, classes, gold }: Layout): Float64Array {
  const posterior = new Float64Array(items * classes);
  const totals = new Float64Array(items);
  for (const { item, label } of votes) {
    posterior[item * classes + label]! += 1;
    totals[item]! += 1;
  }
  for (let i = 0; i < items; i++)
    for (let k = 0; k < classes; k++)
      posterior[i * classes + k] =
        totals[i] === 0 ? 1 / classes : posterior[i * classes + k]! / totals[i]!;
  pin(posterior, classes, gold);
  return posterior;
}

function pin(posterior: Float64Array, classes: number, gold: ReadonlyMap<number, number>): void {
  for (const [item, label] of gold)
    for (let k = 0; k < classes; k++) posterior[item * classes + k] = k === label ? 1 : 0;
}

/** The M step: shares and confusion that the posteriors ask for. */
function step(
  { votes, items, annotators, classes, form, pseudoVotes }: Layout,
  posterior: Float64Array,
  classShares: "estimated" | "uniform",
): State {
  const shares = new Float64Array(classes).fill(classShares === "uniform" ? 1 / classes : 0);
  if (classShares === "estimated") {
    const seen = new Uint8Array(items);
    for (const { item } of votes) seen[item] = 1;
    const count = seen.reduce((x, y) => x + y, 0);
    for (let i = 0; i < items; i++)
      if (seen[i]) for (let k = 0; k < classes; k++) shares[k]! += posterior[i * classes + k]!;
    for (let k = 0; k < classes; k++) shares[k] = count === 0 ? 1 / classes : shares[k]! / count;
  }
  const counts = new Float64Array(annotators * classes * classes).fill(pseudoVotes);
  for (const { item, annotator, label, swapped } of votes)
    for (let k = 0; k < classes; k++) {
      const [seen, said] = swapped ? [1 - k, 1 - label] : [k, label];
      counts[(annotator * classes + seen) * classes + said]! += posterior[item * classes + k]!;
    }
  if (form === "one-coin") poolCoins(counts, { annotators, classes, pseudoVotes });
  for (let row = 0; row < annotators * classes; row++) {
    let total = 0;
    for (let l = 0; l < classes; l++)
      total += counts[row * classes + l] = Math.max(FLOOR, counts[row * classes + l]!);
    for (let l = 0; l < classes; l++) counts[row * classes + l]! /= total;
  }
  return { shares, confusion: counts };
}

/** One accuracy for all classes, and every wrong class as likely as another. */
function poolCoins(
  counts: Float64Array,
  { annotators, classes, pseudoVotes }: Pick<Layout, "annotators" | "classes" | "pseudoVotes">,
): void {
  for (let j = 0; j < annotators; j++) {
    let [right, all] = [0, 0];
    for (let k = 0; k < classes; k++)
      for (let l = 0; l < classes; l++) {
        const count = counts[(j * classes + k) * classes + l]! - pseudoVotes;
        all += count;
        if (k === l) right += count;
      }
    const [good, bad] = [
      Math.max(FLOOR, right + pseudoVotes),
      Math.max(FLOOR, all - right + pseudoVotes),
    ];
    for (let k = 0; k < classes; k++)
      for (let l = 0; l < classes; l++)
        counts[(j * classes + k) * classes + l] = k === l ? good : bad / (classes - 1);
  }
}

/** The E step, in place: posteriors, how much one of them changed, and the likelihood. */
function expect(
  { votes, items, classes, gold }: Layout,
  { shares, confusion }: State,
  posterior: Float64Array,
): { change: number; logLikelihood: number } {
  const logs = new Float64Array(items * classes);
  for (let i = 0; i < items; i++)
    for (let k = 0; k < classes; k++) logs[i * classes + k] = Math.log(Math.max(FLOOR, shares[k]!));
  for (const { item, annotator, label, swapped } of votes)
    for (let k = 0; k < classes; k++) {
      const [seen, said] = swapped ? [1 - k, 1 - label] : [k, label];
      logs[item * classes + k]! += Math.log(
        confusion[(annotator * classes + seen) * classes + said]!,
      );
    }
  let [change, logLikelihood] = [0, 0];
  for (let i = 0; i < items; i++) {
    const known = gold.get(i);
    const own = logs.subarray(i * classes, (i + 1) * classes);
    const top = Math.max(...own);
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += Math.exp(own[k]! - top);
    logLikelihood += known === undefined ? top + Math.log(sum) : own[known]!;
    for (let k = 0; k < classes; k++) {
      const next = known === undefined ? Math.exp(own[k]! - top) / sum : k === known ? 1 : 0;
      change = Math.max(change, Math.abs(next - posterior[i * classes + k]!));
      posterior[i * classes + k] = next;
    }
  }
  return { change, logLikelihood };
}

/** Accuracies with their intervals, and what cannot be concluded. */
function judge(
  layout: Layout,
  fit: State & { posterior: Float64Array; classShares: "estimated" | "uniform" },
  options: DawidSkeneOptions,
): Pick<DawidSkeneFit, "accuracies" | "statements"> {
  const confidence = checkConfidence(options.confidence ?? 0.95);
  const overlap = overlapOf(layout);
  const agreement = chanceCorrectedAgreement(
    layout,
    fit.classShares === "uniform" ? 1 / layout.classes : undefined,
  );
  const statements = [...overlap.statements];
  const disagrees = layout.gold.size === 0 && agreement.pairs > 0 && agreement.value <= 0;
  if (disagrees)
    statements.push(
      "annotators agree no more often than by chance: who is right cannot be told from their votes",
    );
  if (agreement.oneClass !== undefined && layout.classes > 1 && layout.form === "full")
    statements.push(
      "every vote names the same class: how annotators judge the others cannot be told",
    );
  const errors = annotatorErrors(layout, fit);
  const accuracies = Array.from({ length: layout.annotators }, (_, j): AnnotatorAccuracy => {
    const { estimate, standardError, determined } = errors[j]!;
    const n = overlap.votes[j]!;
    const shared = overlap.shared[j]!;
    const noClaim =
      n === 0
        ? "no votes"
        : (overlap.whyNot ??
          (shared === 0
            ? "shares no item with anybody"
            : disagrees
              ? "annotators agree no more than by chance"
              : determined
                ? undefined
                : "too few shared votes to tell"));
    if (noClaim !== undefined)
      return {
        estimate: n === 0 || overlap.whyNot || shared === 0 ? NaN : estimate,
        low: 0,
        high: 1,
        n,
        standardError: Infinity,
        shared,
        noClaim,
      };
    const size = (estimate * (1 - estimate)) / standardError ** 2;
    const { low, high } = wilson(estimate * size, size, confidence);
    return { estimate, low, high, n, standardError, shared };
  });
  return { accuracies, statements };
}

function check(
  votes: readonly CrowdVote[],
  { items, annotators, classes, gold, pseudoVotes = 0.5 }: DawidSkeneOptions,
): void {
  if (!(Number.isInteger(classes) && classes >= 2))
    throw new RangeError(`Dawid-Skene: ${classes} classes; there must be two at least`);
  if (!(pseudoVotes >= 0)) throw new RangeError(`pseudoVotes must be 0 or more: ${pseudoVotes}`);
  const within = (value: number, size: number): boolean =>
    Number.isInteger(value) && value >= 0 && value < size;
  for (const [n, { item, annotator, label, swapped }] of votes.entries()) {
    if (!within(item, items) || !within(annotator, annotators) || !within(label, classes))
      throw new RangeError(`vote ${n + 1}: item ${item}, annotator ${annotator}, label ${label}`);
    if (swapped && classes !== 2)
      throw new RangeError(`vote ${n + 1}: only two classes can be swapped`);
  }
  for (const [item, label] of gold ?? [])
    if (!within(item, items) || !within(label, classes))
      throw new RangeError(`gold: item ${item}, class ${label}`);
}
