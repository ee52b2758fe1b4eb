/**
 * What a judge and rewards say of the answers that a policy gave at several steps, prompt by prompt.
 *
 * A judge that scores each answer gives its scores. One that only compares is asked whether the
 * answer is better than what the policy gave before any update: 1, 0.5 for a tie, 0, so that a
 * look's mean is a win rate over where it began.
 */
import { inParallel } from "../../constitution/in-parallel.ts";
import { meanAndDeviation } from "../../stats/intervals.ts";
import type { Prompt } from "../../text/messages.ts";
import { isRefused } from "../../training/rollout/judge.ts";
import type { ComparisonJudge } from "../compare/judges.ts";
import { askBlind } from "../compare/judges.ts";
import type { ScoredJudge } from "../judges/scored-judge.ts";
import { isScoredJudge } from "../judges/scored-judge.ts";
import type { Look } from "./path.ts";

/** Answers at a step, one for each of the same prompts. */
export interface AnsweredLook {
  step: number;
  texts: readonly string[];
}

export interface JudgedLooks {
  /** Values of the prompts that were judged at every look. */
  looks: Look[];
  /** Those prompts, by their number. */
  kept: number[];
  /** Why each other prompt was not judged. */
  refused: { prompt: number; why: string }[];
  /** Lowest and highest value, where there are any. */
  range: readonly [number, number] | undefined;
}

interface Judging {
  seed: number;
  signal?: AbortSignal | undefined;
  /** After each answer, or pair of answers. */
  onDone?: (() => void) | undefined;
}

/** A value, or why there is none. */
type Judged = number | { refused: string };

/**
 * @param looks the first is before any update
 * @throws AttuneError where the judge fails
 */
export async function judgeLooks(
  { judge, ...asked }: ComparisonJudge,
  { prompts, looks }: { prompts: readonly Prompt[]; looks: readonly AnsweredLook[] },
  judging: Judging,
): Promise<JudgedLooks> {
  const all: Judged[][] = [];
  for (const look of looks)
    all.push(
      isScoredJudge(judge)
        ? await scoresAt(judge, prompts, look, judging)
        : await winsAt({ judge, ...asked }, { prompts, look, start: looks[0]! }, judging),
    );
  judging.signal?.throwIfAborted();
  const refused = prompts.flatMap((_, prompt) => {
    const why = all.map((values) => values[prompt]!).find((value) => typeof value !== "number");
    return why === undefined ? [] : [{ prompt, why: (why as { refused: string }).refused }];
  });
  const without = new Set(refused.map(({ prompt }) => prompt));
  const kept = [...prompts.keys()].filter((prompt) => !without.has(prompt));
  const judged = looks.map(({ step }, i) => ({
    step,
    values: kept.map((prompt) => all[i]![prompt] as number),
  }));
  return { looks: judged, kept, refused, range: rangeOf(judged, !isScoredJudge(judge)) };
}

/** Scores from 0 to 1 are taken for shares. */
const rangeOf = (looks: readonly Look[], wins: boolean): JudgedLooks["range"] => {
  const shares = looks.every(({ values }) => values.every((value) => value >= 0 && value <= 1));
  return wins || shares ? [0, 1] : undefined;
};

const scoresAt = (
  judge: ScoredJudge,
  prompts: readonly Prompt[],
  { texts }: AnsweredLook,
  { signal, onDone }: Judging,
): Promise<Judged[]> =>
  inParallel(
    texts,
    { limit: judge.concurrency ?? 1, signal, ...(onDone ? { onDone: () => onDone() } : {}) },
    (text, i) => judge.scoreOf({ prompt: prompts[i]!, text }),
  );

async function winsAt(
  judge: ComparisonJudge,
  { prompts, look, start }: { prompts: readonly Prompt[]; look: AnsweredLook; start: AnsweredLook },
  { seed, signal, onDone }: Judging,
): Promise<Judged[]> {
  // answers to oneself are ties, and are not asked
  if (look === start) return prompts.map(() => 0.5);
  const judgements = await askBlind(
    judge,
    prompts.map((prompt, i) => ({
      id: `${look.step}/${i}`,
      prompt,
      first: look.texts[i]!,
      second: start.texts[i]!,
    })),
    { seed, signal, onPair: onDone },
  );
  signal?.throwIfAborted();
  return prompts.map((_, i) => {
    const judgement = judgements[i];
    if (judgement === undefined) return 0.5;
    return isRefused(judgement) ? judgement : (judgement[0] + judgement[1]) / 2;
  });
}

/**
 * Rewards of the answers of each look, in standard deviations over the answers of the first and
 * less their mean, as trainings log them.
 * @param scores of each look, one for each prompt
 * @returns undefined where all answers of the first look have the same reward
 */
export function standardised(
  steps: readonly number[],
  scores: readonly (readonly number[])[],
): Look[] | undefined {
  const { mean, deviation } = meanAndDeviation(scores[0] ?? []);
  if (!(deviation > 0)) return undefined;
  return steps.map((step, i) => ({
    step,
    values: scores[i]!.map((score) => (score - mean) / deviation),
  }));
}

/** So many of a list, spread over it, its last among them. */
export function spreadOver<T>(list: readonly T[], count: number): T[] {
  if (count >= list.length) return [...list];
  return Array.from(
    { length: count },
    (_, i) => list[Math.round(((i + 1) * list.length) / count) - 1]!,
  );
}
