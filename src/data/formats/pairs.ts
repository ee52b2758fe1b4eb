/**
 * Takes the prompt out of two whole conversations (TRL's implicit prompt, HH transcripts, Arena
 * battles). The prompt is the longest common beginning that ends before an answer of the assistant.
 *
 * Source: TRL extract_prompt, docs/source/dataset_formats.md.
 * Differences:
 * 1. what is left must be answers of the assistant alone, else the row cannot be compared turn for
 *    turn and is a bad row;
 * 2. of plain texts the common beginning ends at the end of a word, so that no token is cut in two.
 */
import type { ErrorPlace } from "../../core/errors.ts";
import type { Message } from "../../text/messages.ts";
import { BAD_ROWS, BadRow } from "../bad-row.ts";
import { sameMessage } from "./messages.ts";

export interface Pair<T> {
  readonly prompt: T;
  readonly chosen: T;
  readonly rejected: T;
  /** The two differed before their last turn. */
  readonly contextsDiffer?: true;
}

/** @throws BadRow where nothing is common, or where the user says different things */
export function splitConversations(
  chosen: readonly Message[],
  rejected: readonly Message[],
  place: ErrorPlace,
): Pair<readonly Message[]> {
  const limit = Math.min(chosen.length, rejected.length) - 1;
  let common = 0;
  while (common < limit && sameMessage(chosen[common], rejected[common])) common++;
  const answers = (messages: readonly Message[]): boolean =>
    messages.slice(common).every(({ role }) => role === "assistant");
  while (
    common > 0 &&
    (chosen[common]?.role !== "assistant" || rejected[common]?.role !== "assistant")
  )
    common--;
  if (common === 0 || !answers(chosen) || !answers(rejected))
    throw new BadRow(BAD_ROWS.contexts, place);
  if ([chosen, rejected].some((side) => side.slice(common).some(({ weight }) => weight === 0)))
    throw new BadRow(BAD_ROWS.unlearned, place);
  const differ = common < Math.max(chosen.length, rejected.length) - 1;
  return {
    prompt: chosen.slice(0, common),
    chosen: chosen.slice(common),
    rejected: rejected.slice(common),
    ...(differ ? { contextsDiffer: true as const } : {}),
  };
}

/**
 * Splits two plain texts at the end of their last common word.
 * @throws BadRow where they have none
 */
export function splitTexts(chosen: string, rejected: string, place: ErrorPlace): Pair<string> {
  if (chosen === rejected) throw new BadRow(BAD_ROWS.identical, place);
  let common = 0;
  while (common < Math.min(chosen.length, rejected.length) && chosen[common] === rejected[common])
    common++;
  const isSpace = (index: number): boolean => index < chosen.length && /\s/.test(chosen[index]!);
  while (common > 0 && !isSpace(common)) common--;
  // spaces go to the completions: tokenisers join them with the word that follows
  while (common > 0 && isSpace(common - 1)) common--;
  const prompt = chosen.slice(0, common);
  if (prompt.trim() === "") throw new BadRow(BAD_ROWS.noPrompt, place);
  return { prompt, chosen: chosen.slice(common), rejected: rejected.slice(common) };
}
