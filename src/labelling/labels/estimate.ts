/**
 * One label for each item of a question, with its probability and an interval of it. A tie says
 * nothing of which answer is better, so the annotators' model leaves it out; in the label it counts
 * as a vote of half for each.
 */
import type { Interval } from "../../stats/intervals.ts";
import type { Anomaly } from "../../stats/annotators/anomaly.ts";
import { detectAnomalies } from "../../stats/annotators/anomaly.ts";
import { labelDraws } from "../../stats/annotators/label-draws.ts";
import { overlapOf } from "../../stats/annotators/overlap.ts";
import type { ProjectFacts } from "./facts.ts";
import type { Question, QuestionVote } from "./questions.ts";
import { longerOf } from "./questions.ts";

export interface ItemLabel {
  /** P(the first answer is better), or that the one answer is good enough. */
  readonly p: number;
  /** Bounds of p over what may be true of those who judged. */
  readonly low: number;
  readonly high: number;
  readonly votes: number;
  readonly ties: number;
  /** It was known, or decided, and not only voted on. */
  readonly known: boolean;
}

export interface Estimate {
  readonly question: Question;
  /** By item. */
  readonly labels: readonly ItemLabel[];
  /** How often each person is right, by the index of the person; ties left out. */
  readonly accuracies: readonly Interval[];
  /** Of votes on pairs; empty for others. */
  readonly anomalies: readonly Anomaly[];
  /** What these votes cannot tell, in sentences. */
  readonly statements: readonly string[];
}

export interface EstimateOptions {
  readonly confidence?: number;
  /** Chance that an ordinary annotator is ever flagged. */
  readonly flagLevel?: number;
}

const decisive = ({ outcome }: QuestionVote): boolean => outcome !== 0.5;

/** Piece by piece, so that a server answers others in between. */
export function* estimate(
  facts: ProjectFacts,
  question: Question,
  { confidence = 0.95, flagLevel = 0.05 }: EstimateOptions = {},
): Generator<void, Estimate> {
  const { items, votes, known, symmetric } = question;
  const sizes = { items: items.length, annotators: facts.people.length };
  const cast = votes.filter(decisive).map(({ item, person, outcome }) => ({
    item,
    annotator: person,
    label: outcome === 1 ? 0 : 1,
  }));
  const gold = new Map<number, 0 | 1>();
  for (const [item, outcome] of known) if (outcome !== 0.5) gold.set(item, outcome === 1 ? 0 : 1);
  const drawn = yield* labelDraws(cast, { ...sizes, gold, symmetric, confidence });
  const overlap = overlapOf({ votes: cast, ...sizes, gold });
  yield;
  const counts = countVotes(votes, items.length);
  const labels = items.map((_, item): ItemLabel => {
    const [all, ties] = [counts.all[item]!, counts.ties[item]!];
    const certain = known.get(item);
    const says = { votes: all, ties, known: certain !== undefined };
    if (certain !== undefined) return { p: certain, low: certain, high: certain, ...says };
    const share = all === 0 ? 0 : (all - ties) / all;
    const mixed = (value: number): number =>
      share === 0 ? 0.5 : share * value + (1 - share) * 0.5;
    return {
      p: mixed(drawn.posterior[item]!),
      low: mixed(drawn.low[item]!),
      high: mixed(drawn.high[item]!),
      ...says,
    };
  });
  return {
    question,
    labels,
    accuracies: drawn.accuracies.map((accuracy, j) =>
      overlap.votes[j]! > 0 && overlap.shared[j] === 0
        ? { ...accuracy, noClaim: "shares no task with anybody, and no gold question" }
        : accuracy,
    ),
    anomalies: symmetric
      ? detectAnomalies(
          votes.filter(decisive).map(({ item, person, outcome, firstLeft }) => ({
            item,
            annotator: person,
            label: outcome === 1 ? 0 : 1,
            longer: longerOf(facts, items[item]!),
            ...(firstLeft === undefined ? {} : { firstLeft }),
          })),
          { ...sizes, level: flagLevel },
        )
      : [],
    statements: overlap.statements,
  };
}

function countVotes(
  votes: readonly QuestionVote[],
  items: number,
): { all: Int32Array; ties: Int32Array } {
  const [all, ties] = [new Int32Array(items), new Int32Array(items)];
  for (const { item, outcome } of votes) {
    all[item]! += 1;
    if (outcome === 0.5) ties[item]! += 1;
  }
  return { all, ties };
}

/** All of it at once. */
export function finished<T>(work: Generator<void, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** The same, with a turn for others after each piece. */
export async function inPieces<T>(work: Generator<void, T>): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
