/**
 * Who says which of two answers is better, where no reward scores each by itself: a critic with a constitution, a server, a person.
 *
 * Source: TRL's BasePairwiseJudge. Differences: 1. a judge gives a probability; 2. both orders are asked and averaged, where TRL shows
 * them in a random order, since judges favour a place (RLAIF, arXiv 2309.00267).
 */
import { AttuneError } from "../core/errors.ts";
import type { Prompt } from "../text/messages.ts";
import { withinTime } from "./rewards.ts";
import type { Rollout } from "./rollout.ts";

export interface Judge {
  /** Told where it fails. */
  readonly name: string;
  /** P(the answer shown first is better), 0 to 1. Pairs are asked at once where the judge allows it. */
  compare(prompt: Prompt, first: string, second: string, signal?: AbortSignal): Promise<number>;
  /** Questions that it is worth having open at once. Default 1. */
  readonly concurrency?: number;
}

/** Two answers to the same prompt. */
export type JudgedPair = readonly [first: Rollout, second: Rollout];

/**
 * P(first is better) of each pair, both orders averaged; 0.5 for equal texts, which are not asked. An abort leaves pairs out.
 * @param timeout seconds for one question
 * @throws AttuneError `data` where the judge fails or hangs, `numeric` where it gives no probability
 */
export async function judgePairs(judge: Judge, pairs: readonly JudgedPair[], { timeout, signal }: { timeout: number; signal?: AbortSignal | undefined }): Promise<number[]> {
  const chances: number[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < pairs.length; i = next++) {
      if (signal?.aborted) return;
      const [first, second] = pairs[i]!;
      chances[i] = first.text === second.text ? 0.5 : 0.5 + ((await ask(judge, first, second, timeout, signal)) - (await ask(judge, second, first, timeout, signal))) / 2;
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, judge.concurrency ?? 1) }, work));
  return chances;
}

async function ask(judge: Judge, { prompt: { record }, text }: Rollout, other: Rollout, timeout: number, signal: AbortSignal | undefined): Promise<number> {
  const chance = await withinTime(() => judge.compare(record.prompt, text, other.text, signal), timeout, {
    late: () => new AttuneError("data", `the judge ${judge.name} has not answered`, { ...record.place, got: `nothing for ${timeout} s`, hint: "a faster judge, or a longer reward timeout; the last checkpoint is kept" }),
    failed: (cause) => new AttuneError("data", `the judge ${judge.name} failed`, { ...record.place, got: cause instanceof Error ? cause.message : String(cause), hint: "the last checkpoint is kept: mend the judge, then `attune resume`", cause }),
  });
  if (chance >= 0 && chance <= 1) return chance;
  throw new AttuneError("numeric", `what the judge ${judge.name} says is no probability`, { ...record.place, got: String(chance), expected: "0 to 1", hint: "the last checkpoint is kept" });
}
