/**
 * Who says which of two answers is better, where no reward scores each by itself: a critic with a constitution, a server, a person.
 *
 * Source: TRL's BasePairwiseJudge. Differences: 1. a judge gives a probability; 2. both orders are asked and averaged, where TRL shows
 * them in a random order, since judges favour a place (RLAIF, arXiv 2309.00267); 3. a judge may have no opinion, which is told apart from
 * a tie.
 */
import { AttuneError } from "../core/errors.ts";
import type { Prompt } from "../text/messages.ts";
import { withinTime } from "./rewards.ts";
import type { Rollout } from "./rollout.ts";

/** Why a judge has no opinion on a pair: it is too long, or the reply was neither answer. */
export interface NoJudgement {
  refused: string;
}

export interface Judge {
  /** Told where it fails. */
  readonly name: string;
  /** P(the answer shown first is better), 0 to 1. Pairs are asked at once where the judge allows it. */
  compare(prompt: Prompt, first: string, second: string, signal?: AbortSignal): Promise<number | NoJudgement>;
  /** Questions that it is worth having open at once. Default 1. */
  readonly concurrency?: number;
  /** Seconds that one question may take; Infinity for a judge that keeps time itself. Default 60. */
  readonly timeout?: number;
  /** Lowest and highest soft label, after both orders were averaged. */
  readonly clamp?: readonly [low: number, high: number] | undefined;
}

/** Two answers to the same prompt. */
export type JudgedPair = readonly [first: Rollout, second: Rollout];

export interface PairJudgements {
  /** P(first is better) of each pair; 0.5 for those without a judgement. An abort leaves pairs out. */
  chances: number[];
  /** Why there is no judgement, for each pair without one. */
  refused: string[];
}

const DEFAULT_SECONDS = 60;

/**
 * Both orders of each pair, averaged and kept within the judge's clamp; 0.5 for equal texts, which are not asked.
 * @throws AttuneError `data` where the judge fails, hangs, or judges no pair at all; `numeric` where it gives no probability
 */
export async function judgePairs(judge: Judge, pairs: readonly JudgedPair[], signal?: AbortSignal): Promise<PairJudgements> {
  const chances: number[] = [];
  const refused: string[] = [];
  let [next, asked] = [0, 0];
  const work = async (): Promise<void> => {
    for (let i = next++; i < pairs.length; i = next++) {
      if (signal?.aborted) return;
      const [first, second] = pairs[i]!;
      chances[i] = 0.5;
      if (first.text === second.text) continue;
      asked++;
      const forward = await ask(judge, first, second, signal);
      const backward = typeof forward === "number" ? await ask(judge, second, first, signal) : forward;
      if (typeof forward === "number" && typeof backward === "number") chances[i] = within(0.5 + (forward - backward) / 2, judge.clamp);
      else refused.push((backward as NoJudgement).refused);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.max(1, judge.concurrency ?? 1) }, work));
  } catch (error) {
    // a question that was cut off is asked again with its whole roll-out
    if (!signal?.aborted) throw error;
  }
  if (asked > 0 && refused.length === asked && !signal?.aborted) {
    throw new AttuneError("data", `the judge ${judge.name} judges no pair of a whole roll-out`, { got: refused[0]!, hint: "another judge, or one with more room; the last checkpoint is kept" });
  }
  return { chances, refused };
}

const within = (p: number, clamp: Judge["clamp"]): number => (clamp ? Math.min(clamp[1], Math.max(clamp[0], p)) : p);

async function ask(judge: Judge, { prompt: { record }, text }: Rollout, other: Rollout, signal: AbortSignal | undefined): Promise<number | NoJudgement> {
  const { timeout = DEFAULT_SECONDS } = judge;
  const chance = await withinTime(() => judge.compare(record.prompt, text, other.text, signal), timeout, {
    late: () => new AttuneError("data", `the judge ${judge.name} has not answered`, { ...record.place, got: `nothing for ${timeout} s`, hint: "a faster judge, or a longer time-out; the last checkpoint is kept" }),
    failed: (cause) => new AttuneError("data", `the judge ${judge.name} failed`, { ...record.place, got: cause instanceof Error ? cause.message : String(cause), hint: "the last checkpoint is kept: mend the judge, then `attune resume`", cause }),
  });
  if (typeof chance !== "number" || (chance >= 0 && chance <= 1)) return chance;
  throw new AttuneError("numeric", `what the judge ${judge.name} says is no probability`, { ...record.place, got: String(chance), expected: "0 to 1", hint: "the last checkpoint is kept" });
}
