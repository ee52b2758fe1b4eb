/** Asks the model that is measured for everything that a measure wants, stage by stage. */
import { countOf } from "../../core/counts.ts";
import { answerFaults, faultText } from "../../text/answer-faults.ts";
import type { Prompt } from "../../text/messages.ts";
import type {
  AnswerRequest,
  ContinuationRequest,
  ContinuationScore,
  Hooks,
  NoAnswer,
  SubjectAnswer,
} from "../subject.ts";
import type { Measuring, Remarks } from "./measured.ts";
import { checkMissing, missingOf } from "./missing.ts";

export interface AskOptions {
  maxNewTokens: number;
  temperature: number;
  seed: number;
  /** Texts at which an answer ends. */
  stopTexts?: readonly string[];
}

export const isNoAnswer = (
  reply: SubjectAnswer | ContinuationScore | NoAnswer,
): reply is NoAnswer => "refused" in reply;

/** Why the model tells no log-probabilities; undefined where it does. */
export async function whyScoreless({ subject, signal }: Measuring): Promise<string | undefined> {
  return subject.score === undefined
    ? "the model tells no log-probabilities"
    : subject.whyScoreless?.({ signal });
}

/** The user's turn, or a text to be gone on with where the model knows no turns. */
export const asUser = (content: string): Prompt => content;

function hooksOf({ signal, onProgress }: Measuring, stage: string, total: number): Hooks {
  onProgress?.(stage, 0, total);
  return { signal, onDone: (done) => onProgress?.(stage, done, total) };
}

/**
 * An answer to each prompt, in their order; undefined where there is none, which is remarked.
 * @param stage what progress calls it
 */
export async function askAll(
  measuring: Measuring,
  prompts: readonly Prompt[],
  { stage, remarks, ...options }: AskOptions & { stage: string; remarks: Remarks },
): Promise<(SubjectAnswer | undefined)[]> {
  if (prompts.length === 0) return [];
  const requests = prompts.map((prompt): AnswerRequest => ({ prompt, ...options }));
  const replies = await measuring.subject.answer(
    requests,
    hooksOf(measuring, stage, requests.length),
  );
  return given(replies, measuring, { stage, remarks, what: "no answer" });
}

/** Replies without those that are none, unless these are too many. */
function given<T extends SubjectAnswer | ContinuationScore>(
  replies: readonly (T | NoAnswer)[],
  { maxMissing = 1 }: Measuring,
  { stage, remarks, what }: { stage: string; remarks: Remarks; what: string },
): (T | undefined)[] {
  const found = replies.map((reply) => (isNoAnswer(reply) ? undefined : reply));
  for (const reply of replies) if (isNoAnswer(reply)) remarks.lack(stage, what, reply.refused);
  checkMissing(missingOf(found, remarks.whyMissing(stage)), maxMissing, stage);
  return found;
}

/** The same for log-probabilities. */
export async function scoreAll(
  measuring: Measuring,
  requests: readonly ContinuationRequest[],
  { stage, remarks }: { stage: string; remarks: Remarks },
): Promise<(ContinuationScore | undefined)[]> {
  if (requests.length === 0) return [];
  const replies = await measuring.subject.score!(
    requests,
    hooksOf(measuring, stage, requests.length),
  );
  return given(replies, measuring, { stage, remarks, what: "no log-probability" });
}

/** What is wrong with the answers as a whole, for warnings. */
export function faultTexts(answers: readonly (SubjectAnswer | undefined)[]): string[] {
  const given = answers.filter((answer) => answer !== undefined);
  return answerFaults(given.map(({ text, stopped }) => ({ text, stopped }))).map(faultText);
}

/** Why answers show nothing, whatever was measured; undefined where they may show something. */
export function whyNothing(answers: readonly (SubjectAnswer | undefined)[]): string | undefined {
  const given = answers.filter((answer) => answer !== undefined);
  if (given.length === 0)
    return answers.length === 0
      ? "there is nothing to ask"
      : `the model answered none of ${countOf(answers.length, "prompt")}`;
  const empty = given.filter(({ text }) => text.trim() === "").length;
  return empty === given.length
    ? `all ${countOf(given.length, "answer")} are empty; is the template right?`
    : undefined;
}
