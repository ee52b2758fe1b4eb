/**
 * Who says which of two answers is better, where no reward scores each by itself: a critic with a
 * constitution, a server, a person.
 *
 * Source: TRL's BasePairwiseJudge.
 * Differences:
 * 1. a judge gives a probability;
 * 2. both orders are asked and averaged, where TRL shows them in a random order, since judges
 *    favour a place (RLAIF, arXiv 2309.00267);
 * 3. a judge may have no opinion, which is told apart from a tie.
 */
import type { ErrorPlace } from "../../core/errors.ts";
import { AttuneError } from "../../core/errors.ts";
import type { Prompt } from "../../text/messages.ts";
import { withinTime } from "./rewards.ts";
import type { Rollout } from "./rollout.ts";

/** Why a judge has no opinion on a pair: it is too long, or the reply was neither answer. */
export interface NoJudgement {
  /** The reason, as a sentence. */
  refused: string;
}

/** Says which of two answers to a prompt is better. */
export interface Judge {
  /** Told where it fails. */
  readonly name: string;
  /**
   * P(the answer shown first is better), 0 to 1. Pairs are asked at once where the judge allows it.
   * @param first text of the answer shown first, without special tokens
   * @throws whatever it likes: the training ends with an AttuneError `data` that quotes it
   */
  compare(
    prompt: Prompt,
    first: string,
    second: string,
    signal?: AbortSignal,
  ): Promise<number | NoJudgement>;
  /** Questions that it is worth having open at once. Default 1. */
  readonly concurrency?: number;
  /**
   * Seconds that one question may take; Infinity for a judge that keeps time itself. Default 60.
   */
  readonly timeout?: number;
  /** Lowest and highest soft label, after both orders were averaged. */
  readonly clamp?: readonly [low: number, high: number] | undefined;
}

/** Two answers to the same prompt, and where the prompt stands in its file. */
export interface ComparedAnswers {
  prompt: Prompt;
  first: string;
  second: string;
  place?: ErrorPlace | undefined;
}

/**
 * P(the first answer is better) as the judge said with it in the first place, and with it in the
 * second.
 */
export type BothOrders = readonly [shownFirst: number, shownSecond: number];

/** Undefined for equal texts, which are not asked. */
export type PairJudgement = BothOrders | NoJudgement | undefined;

const DEFAULT_SECONDS = 60;

export interface AskOptions {
  signal?: AbortSignal | undefined;
  onPair?: (() => void) | undefined;
}

/**
 * Asks about each pair in both orders.
 * @returns one judgement a pair; an abort ends it early and leaves pairs out
 * @throws AttuneError `data` where the judge fails, hangs, or judges no pair at all; `numeric`
 * where it gives no probability
 */
export async function judgeBothOrders(
  judge: Judge,
  pairs: readonly ComparedAnswers[],
  options: AskOptions = {},
): Promise<PairJudgement[]> {
  const judgements = await judgeOrders(judge, pairs, { ...options, orders: 2 });
  const refused = refusalsOf(judgements);
  if (refused.length > 0 && !options.signal?.aborted && !judgements.some(isJudged)) {
    throw new AttuneError("data", `the judge ${judge.name} judges no pair of ${refused.length}`, {
      got: refused[0]!,
      hint: "another judge, or one with more room; what was done before is kept",
    });
  }
  return judgements;
}

/**
 * As {@link judgeBothOrders}, for whoever can do without a judgement of any pair.
 * @param options orders: 1 for a judge that the order cannot move, whose one reply stands for both
 */
export async function judgeOrders(
  judge: Judge,
  pairs: readonly ComparedAnswers[],
  { signal, onPair, orders }: AskOptions & { orders: 1 | 2 },
): Promise<PairJudgement[]> {
  const judgements: PairJudgement[] = [];
  let next = 0;
  let failure: { error: unknown } | undefined;
  // after a failure nothing new is asked, and what is open ends first, so that it is kept
  const work = async (): Promise<void> => {
    for (let i = next++; i < pairs.length && failure === undefined; i = next++) {
      if (signal?.aborted) return;
      const { first, second } = pairs[i]!;
      try {
        judgements[i] =
          first === second ? undefined : await askOrders(judge, pairs[i]!, { orders, signal });
        onPair?.();
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, judge.concurrency ?? 1) }, work));
  // a question that was cut off is asked again with all others
  if (failure !== undefined && !signal?.aborted) throw (failure as { error: unknown }).error;
  return judgements;
}

async function askOrders(
  judge: Judge,
  { prompt, first, second, place }: ComparedAnswers,
  { orders, signal }: { orders: 1 | 2; signal: AbortSignal | undefined },
): Promise<BothOrders | NoJudgement> {
  const forward = await ask(judge, { prompt, first, second, place }, signal);
  if (typeof forward !== "number") return forward;
  if (orders === 1) return [forward, forward];
  const backward = await ask(judge, { prompt, first: second, second: first, place }, signal);
  return typeof backward === "number" ? [forward, 1 - backward] : backward;
}

/** Two roll-outs of the same prompt. */
export type JudgedPair = readonly [first: Rollout, second: Rollout];

export interface PairJudgements {
  /**
   * P(first is better) of each pair; 0.5 for those without a judgement. An abort leaves pairs out.
   */
  chances: number[];
  /** Why there is no judgement, for each pair without one. */
  refused: string[];
}

/**
 * Labels to train on: both orders of each pair, averaged and kept within the judge's clamp; 0.5 for
 * equal texts. Throws as {@link judgeBothOrders} does.
 */
export async function judgePairs(
  judge: Judge,
  pairs: readonly JudgedPair[],
  signal?: AbortSignal,
): Promise<PairJudgements> {
  const asked = pairs.map(
    ([
      {
        prompt: { record },
        text,
      },
      other,
    ]): ComparedAnswers => ({
      prompt: record.prompt,
      first: text,
      second: other.text,
      place: record.place,
    }),
  );
  const judgements = await judgeBothOrders(judge, asked, { signal });
  return {
    chances: judgements.map((judgement) =>
      isJudged(judgement) ? within((judgement[0] + judgement[1]) / 2, judge.clamp) : 0.5,
    ),
    refused: refusalsOf(judgements),
  };
}

const isJudged = (judgement: PairJudgement): judgement is BothOrders => Array.isArray(judgement);

export const isRefused = (judgement: PairJudgement): judgement is NoJudgement =>
  judgement !== undefined && "refused" in judgement;

/** Why there is no judgement, for each pair without one. */
export const refusalsOf = (judgements: readonly PairJudgement[]): string[] =>
  judgements.filter(isRefused).map(({ refused }) => refused);

const within = (p: number, clamp: Judge["clamp"]): number =>
  clamp ? Math.min(clamp[1], Math.max(clamp[0], p)) : p;

async function ask(
  judge: Judge,
  { prompt, first, second, place }: ComparedAnswers,
  signal: AbortSignal | undefined,
): Promise<number | NoJudgement> {
  const { timeout = DEFAULT_SECONDS } = judge;
  const chance = await withinTime(() => judge.compare(prompt, first, second, signal), timeout, {
    late: () =>
      new AttuneError("data", `the judge ${judge.name} has not answered`, {
        ...place,
        got: `nothing for ${timeout} s`,
        hint: "a faster judge, or a longer time-out; what was done before is kept",
      }),
    failed: (cause) =>
      new AttuneError("data", `the judge ${judge.name} failed`, {
        ...place,
        got: cause instanceof Error ? cause.message : String(cause),
        hint: "what was done before is kept: mend the judge, then go on",
        cause,
      }),
  });
  if (typeof chance !== "number" || (chance >= 0 && chance <= 1)) return chance;
  throw new AttuneError("numeric", `what the judge ${judge.name} says is no probability`, {
    ...place,
    got: String(chance),
    expected: "0 to 1",
    hint: "what was done before is kept",
  });
}
