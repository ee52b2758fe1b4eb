/** What may mislead where answers are scored, each with a count and an example. */
import { countOf } from "../../core/counts.ts";
import { preview } from "../../core/errors.ts";
import type { AnswerScore, AnswerToScore } from "../../evaluation/answer-scorer.ts";
import type { Prompt } from "../../text/messages.ts";
import { promptText } from "../../text/messages.ts";

export const shownPrompt = (prompt: Prompt): string =>
  preview(typeof prompt === "string" ? prompt : promptText(prompt));

/** Answers that a reward saw in part. */
export function cutWarnings(
  answers: readonly Pick<AnswerToScore, "prompt">[],
  scores: readonly AnswerScore[],
  { maxLength, reward }: { maxLength: number; reward?: string },
): string[] {
  const cut = scores.flatMap((score, i) => (score.cut ? [i] : []));
  if (cut.length === 0) return [];
  return [
    `${countOf(cut.length, "answer")} of ${scores.length} did not fit into ${maxLength} tokens ` +
      `with the prompt and were cut (--max-length)` +
      `${reward === undefined ? "" : ` before ${reward} saw them`}, such as the one to ` +
      shownPrompt(answers[cut[0]!]!.prompt),
  ];
}

/** Prompts that a model never answers. */
export function unansweredWarnings(
  prompts: readonly Prompt[],
  why: readonly (string | undefined)[],
): string[] {
  const left = why.flatMap((each, i) => (each === undefined ? [] : [i]));
  if (left.length === 0) return [];
  const [first] = left as [number];
  return [
    `${countOf(left.length, "prompt")} of ${prompts.length} have no answer and are left out, such ` +
      `as ${shownPrompt(prompts[first]!)}: ${why[first]!}`,
  ];
}
