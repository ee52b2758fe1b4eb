/**
 * Whoever scores each answer by itself as a judge of two: the higher score wins, equal scores are a
 * tie. How much higher says nothing: the scale of a reward model means nothing by itself.
 */
import { createHash } from "node:crypto";
import type { AnswerCache } from "../../constitution/answer-cache.ts";
import { answerKey } from "../../constitution/answer-cache.ts";
import { AttuneError, preview } from "../../core/errors.ts";
import type { Prompt } from "../../text/messages.ts";
import type { Judge, NoJudgement } from "../../training/rollout/judge.ts";
import { batched } from "./batcher.ts";

/** An answer to be scored by itself. */
export interface AnswerToJudge {
  prompt: Prompt;
  text: string;
}

/** A number, higher is better, or why there is none. */
export type AnswerScore = number | NoJudgement;

/** A judge of two answers that scores each by itself. */
export interface ScoredJudge extends Judge {
  scoreOf(answer: AnswerToJudge): Promise<AnswerScore>;
}

export const isScoredJudge = (judge: Judge): judge is ScoredJudge => "scoreOf" in judge;

export interface ScoredJudgeOptions {
  name: string;
  /** One for each answer, in order; an Error where scoring that answer failed. */
  score(answers: readonly AnswerToJudge[]): Promise<readonly (AnswerScore | Error)[]>;
  /** Where scores are kept, and under what; undefined for those that cost nothing. */
  kept?: {
    cache: AnswerCache;
    fingerprint: string;
    /** Further columns of a prompt's row, where whoever scores reads them. */
    rowOf?: (prompt: Prompt) => Readonly<Record<string, unknown>>;
  };
  /** Answers that are scored together. */
  batch?: number;
}

const BATCH = 64;

export function scoredJudge({ name, score, kept, batch = BATCH }: ScoredJudgeOptions): ScoredJudge {
  const known = new Map<string, Promise<AnswerScore>>();
  const ask = batched(async (answers: readonly AnswerToJudge[]) => {
    const scores = await score(answers);
    return scores.map((each, index) => scoreOrError(each, name, answers[index]!));
  }, batch);
  const scoreOf = (answer: AnswerToJudge): Promise<AnswerScore> => {
    const content = JSON.stringify([answer.prompt, answer.text]);
    const key = createHash("sha256").update(content).digest("base64url");
    const found = known.get(key) ?? fresh(answer, ask, kept);
    known.set(key, found);
    // a failure is asked again
    found.catch(() => known.delete(key));
    return found;
  };
  return {
    name,
    // two answers a pair
    concurrency: batch,
    timeout: Infinity,
    scoreOf,
    async compare(prompt, first, second) {
      const [one, other] = await Promise.all(
        [first, second].map((text) => scoreOf({ prompt, text })),
      );
      if (typeof one !== "number") return one!;
      if (typeof other !== "number") return other!;
      return one === other ? 0.5 : one > other ? 1 : 0;
    },
  };
}

async function fresh(
  answer: AnswerToJudge,
  ask: (answer: AnswerToJudge) => Promise<AnswerScore>,
  kept: ScoredJudgeOptions["kept"],
): Promise<AnswerScore> {
  if (!kept) return ask(answer);
  const row = kept.rowOf ? [kept.rowOf(answer.prompt)] : [];
  const key = answerKey("judge", kept.fingerprint, "score", answer.prompt, answer.text, ...row);
  const { answer: score } = await kept.cache.answer<number>(key, {
    accepts: (found): found is number => typeof found === "number",
    ask: async () => (await ask(answer)) as number,
  });
  return score;
}

function scoreOrError(
  score: AnswerScore | Error,
  name: string,
  { text }: AnswerToJudge,
): AnswerScore | Error {
  if (typeof score === "number" ? Number.isFinite(score) : isNoJudgement(score)) return score;
  if (score instanceof Error) return score;
  return new AttuneError("numeric", `the score of the judge ${name} is no number`, {
    got: `${typeof score === "number" ? score : preview(score)} for the answer ${preview(text)}`,
    expected: "a finite number for every answer",
    hint: "what was scored before is kept",
  });
}

/** A user's function may give anything. */
const isNoJudgement = (score: unknown): score is NoJudgement =>
  typeof score === "object" && score !== null && "refused" in score;
