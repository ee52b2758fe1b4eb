/**
 * How long an answer may become behind a prompt: what was asked for, or what the context leaves.
 */
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import { largestOf, smallestOf } from "../core/extremes.ts";

export interface AnswerLimit {
  /** Longest answer that is asked for, tokens. */
  maxNewTokens: number;
  /** Longest prompt and answer together, tokens. */
  maxLength: number;
}

/** @returns tokens; below 1 where the prompt alone fills the room */
export const answerLimit = (
  promptLength: number,
  { maxNewTokens, maxLength }: AnswerLimit,
): number => Math.min(maxNewTokens, maxLength - promptLength);

/**
 * Longest answer to a prompt.
 * @throws AttuneError `usage` where the prompt leaves no room for any
 */
export function limitBehind(promptLength: number, limit: AnswerLimit): number {
  const longest = answerLimit(promptLength, limit);
  if (longest >= 1) return longest;
  throw new AttuneError("usage", "the prompt leaves no room for an answer in the model's context", {
    got: `a prompt of ${countOf(promptLength, "token")}`,
    expected: `fewer than ${limit.maxLength}`,
    hint: "a shorter prompt",
  });
}

/**
 * Room that an answer needs which is judged or learned from: all that was asked for, or half of the
 * context where that is less.
 */
export const neededRoom = ({ maxNewTokens, maxLength }: AnswerLimit): number =>
  Math.min(maxNewTokens, Math.ceil(maxLength / 2));

/**
 * What is said once of answers that cannot become as long as was asked for; undefined where all
 * can.
 */
export function shortenedNote(
  promptLengths: readonly number[],
  limit: AnswerLimit,
): string | undefined {
  const limits = promptLengths
    .map((length) => answerLimit(length, limit))
    .filter((longest) => longest < limit.maxNewTokens);
  if (limits.length === 0) return undefined;
  const [least, most] = [smallestOf(limits), largestOf(limits)];
  const which =
    promptLengths.length === 1
      ? "the answer has"
      : `answers to ${limits.length} of ${countOf(promptLengths.length, "prompt")} have`;
  return (
    `${which} room for ${least === most ? least : `${least} to ${most}`} tokens instead of ` +
    `${limit.maxNewTokens} (a context of ${limit.maxLength})`
  );
}
