/**
 * Scores of answers by a reward: a trained model, read at the end of each answer as it was trained,
 * or a function. What was scored before is not computed again.
 */
import { createHash } from "node:crypto";
import { AttuneError } from "../core/errors.ts";
import type { AnswerCache } from "../constitution/answer-cache.ts";
import { answerKey } from "../constitution/answer-cache.ts";
import type { PromptRecord } from "../data/records.ts";
import { compact } from "../data/records.ts";
import type { Encoder } from "../text/encoder.ts";
import type { Completion, Prompt, TemplateInputs } from "../text/messages.ts";
import { completionText } from "../text/messages.ts";
import type { PlanChoice } from "../training/choose-plan.ts";
import { PlanOnDemand } from "../training/choose-plan.ts";
import type { LaidRow } from "../training/layout.ts";
import { layAnswersAtEnd, layAtEnd } from "../training/layout.ts";
import type { RewardModelInput, RewardSource } from "../training/rollout/rewards.ts";
import { checkRewardModel } from "../training/rollout/rewards.ts";
import type { Rollout } from "../training/rollout/rollout.ts";
import { batchRollouts } from "../training/rollout/rollout.ts";

/** An answer and what it answers. */
export interface AnswerToScore extends TemplateInputs {
  prompt: Prompt;
  completion: Completion;
  /** Its texts are parts of one plain text. */
  plain?: true;
  /** Columns of its row, for functions. */
  extra?: Readonly<Record<string, unknown>>;
}

/** An answer of a data record. */
export const answerOf = (
  { prompt, tools, templateArguments, plain, extra }: Omit<AnswerToScore, "completion">,
  completion: Completion,
): AnswerToScore =>
  compact({ prompt, completion, tools, templateArguments, plain, extra }) as AnswerToScore;

export interface AnswerScore {
  score: number;
  /** Tokens of the answer; words where a function judges. */
  length: number;
  /** Truncation took something of prompt or answer. */
  cut: boolean;
}

export interface ScoreHooks {
  signal?: AbortSignal | undefined;
  onDone?: (done: number) => void;
}

export interface AnswerScorer {
  readonly name: string;
  /** Changes whenever scores may. */
  readonly fingerprint: string;
  readonly kind: "model" | "function";
  /** In the order of the answers. */
  score(answers: readonly AnswerToScore[], hooks?: ScoreHooks): Promise<AnswerScore[]>;
  /** Each by itself, without neighbours or padding; undefined for functions, which see no batch. */
  scoreAlone?(answers: readonly AnswerToScore[], hooks?: ScoreHooks): Promise<AnswerScore[]>;
  close(): Promise<void>;
}

export interface ModelScorerOptions extends PlanChoice {
  name: string;
  fingerprint: string;
  microBatchTokens: number;
}

/** @throws AttuneError `model` for a model that gives no scores */
export function modelScorer(
  { model, encoder }: RewardModelInput,
  { name, fingerprint, microBatchTokens, ...choice }: ModelScorerOptions,
): AnswerScorer {
  checkRewardModel(model, name);
  const sessions = new PlanOnDemand({ model, reads: "scores" }, choice);
  const score = async (
    answers: readonly AnswerToScore[],
    tokens: number,
    { signal, onDone }: ScoreHooks,
  ): Promise<AnswerScore[]> => {
    const encoded = answers.map((answer) => encodeAnswer(encoder, answer));
    const rows = rowsOf(encoded, tokens);
    const scores = new Float64Array(encoded.length);
    let done = 0;
    for (const { members, laid } of batchRollouts(
      rows.map(({ row }) => row),
      [...rows.keys()],
      { microBatchTokens: tokens, padId: encoder.padId },
    )) {
      signal?.throwIfAborted();
      const { readout } = await sessions.plan.score(laid.batch);
      const scored = members.flatMap((member) => rows[member]!.answers);
      scored.forEach((answer, i) => (scores[answer] = readout[i]!));
      onDone?.((done += scored.length));
    }
    return encoded.map(({ length, cut }, i) => ({ score: scores[i]!, length, cut }));
  };
  return {
    name,
    fingerprint,
    kind: "model",
    score: (answers, hooks = {}) => score(answers, microBatchTokens, hooks),
    scoreAlone: (answers, hooks = {}) => score(answers, 1, hooks),
    close: () => sessions.close(),
  };
}

interface EncodedAnswer {
  prompt: Int32Array;
  answer: Int32Array;
  /** Of the answer, tokens. */
  length: number;
  cut: boolean;
}

function encodeAnswer(
  encoder: Encoder,
  { prompt, completion, ...row }: AnswerToScore,
): EncodedAnswer {
  const { ids, promptLength, cut } = encoder.encodeExample(prompt, completion, row);
  const [asked, answer] = [ids.subarray(0, promptLength), ids.subarray(promptLength)];
  return { prompt: asked, answer, length: answer.length, cut: cut !== undefined };
}

/**
 * Answers to one prompt share a row, in which it is computed once, as far as a row may grow.
 * @param tokens of a row, at most; a single answer always fits
 */
function rowsOf(
  encoded: readonly EncodedAnswer[],
  tokens: number,
): { row: LaidRow; answers: number[] }[] {
  const groups: { answers: number[]; length: number }[] = [];
  const open = new Map<string, (typeof groups)[number]>();
  encoded.forEach(({ prompt, answer }, i) => {
    const key = prompt.join();
    const group = open.get(key);
    if (group && answer.length > 0 && group.length + answer.length <= tokens) {
      group.answers.push(i);
      group.length += answer.length;
      return;
    }
    const begun = { answers: [i], length: prompt.length + answer.length };
    groups.push(begun);
    // an empty answer is read at the prompt's end, in a row of its own
    if (answer.length > 0 && prompt.length > 0) open.set(key, begun);
  });
  return groups.map(({ answers }) => {
    const [{ prompt, answer }] = answers.map((i) => encoded[i]!) as [EncodedAnswer];
    return {
      answers,
      row:
        answers.length === 1
          ? layAtEnd(Int32Array.from([...prompt, ...answer]))
          : layAnswersAtEnd(
              prompt,
              answers.map((i) => encoded[i]!.answer),
            ),
    };
  });
}

/** @param fingerprint of the function's file */
export const functionScorer = (source: RewardSource, fingerprint: string): AnswerScorer => ({
  name: source.name,
  fingerprint,
  kind: "function",
  async score(answers, { signal, onDone } = {}) {
    signal?.throwIfAborted();
    const scores = await source.score(answers.map(asRollout));
    onDone?.(answers.length);
    return answers.map(({ completion }, i) => ({
      score: scores[i]!,
      length: wordsOf(completionText(completion)),
      cut: false,
    }));
  },
  close: () => source.close(),
});

const wordsOf = (text: string): number => text.split(/\s+/).filter((word) => word !== "").length;

function asRollout({ prompt, completion, extra }: AnswerToScore): Rollout {
  const record: PromptRecord = {
    kind: "prompt",
    prompt,
    place: {},
    ...(extra === undefined ? {} : { extra }),
  };
  return {
    prompt: { record, ids: new Int32Array() },
    ids: new Int32Array(),
    text: completionText(completion),
    stopped: true,
  } as Rollout;
}

/** Answers that are scored between two entries of a cache. */
const CHUNK = 64;

/**
 * The same scorer, which keeps what it gave and computes nothing twice: an evaluation that was cut
 * off goes on behind its last chunk.
 */
export function cachedScorer(scorer: AnswerScorer, cache: AnswerCache): AnswerScorer {
  const keep =
    (how: string, score: NonNullable<AnswerScorer["scoreAlone"]>) =>
    async (
      answers: readonly AnswerToScore[],
      { signal, onDone }: ScoreHooks = {},
    ): Promise<AnswerScore[]> => {
      const known = new Map<string, number>();
      const unique = answers.filter((answer) => {
        const key = contentKey(answer);
        if (known.has(key)) return false;
        known.set(key, known.size);
        return true;
      });
      const scores: AnswerScore[] = [];
      for (let start = 0; start < unique.length; start += CHUNK) {
        const chunk = unique.slice(start, start + CHUNK);
        const { answer } = await cache.answer(
          answerKey("scores", how, scorer.fingerprint, chunk.map(contentKey)),
          {
            accepts: (kept): kept is AnswerScore[] =>
              Array.isArray(kept) && kept.length === chunk.length,
            ask: () => score(chunk, { signal }),
          },
        );
        checkScores(answer, chunk, scorer.name);
        scores.push(...answer);
        onDone?.(Math.round((scores.length * answers.length) / unique.length));
      }
      return answers.map((answer) => scores[known.get(contentKey(answer))!]!);
    };
  const { scoreAlone } = scorer;
  return {
    ...scorer,
    score: keep("together", (answers, hooks) => scorer.score(answers, hooks)),
    ...(scoreAlone ? { scoreAlone: keep("alone", scoreAlone) } : {}),
    close: () => scorer.close(),
  };
}

const contentKey = (answer: AnswerToScore): string =>
  createHash("sha256").update(JSON.stringify(answer)).digest("base64url");

/** A NaN in one score must not end as a silent NaN in a report. */
function checkScores(
  scores: readonly AnswerScore[],
  answers: readonly AnswerToScore[],
  name: string,
): void {
  const wrong = scores.findIndex(({ score }) => !Number.isFinite(score));
  if (wrong >= 0)
    throw new AttuneError("numeric", `the reward ${name} is no number`, {
      got: `${scores[wrong]!.score} for ${completionText(answers[wrong]!.completion).slice(0, 80)}`,
      expected: "a finite number for every answer",
    });
}
