/**
 * What is wrong with a set of answers as a whole: empty ones, one answer to everything, and answers
 * that never end. Nothing can be concluded from comparing such answers, and little is learned from
 * them.
 */

import { countOf } from "../core/counts.ts";

export interface SeenAnswer {
  text: string;
  /** Whether it ended by itself; undefined where nobody knows. */
  stopped?: boolean | undefined;
  /** Answers to one prompt have one of these; each its own where left out. */
  prompt?: unknown;
}

/** Shares above which answers are at fault, and answers or prompts that this takes. */
export const ANSWER_LIMITS = {
  /** Nobody asks for empty answers: a few are a sign of a wrong template or stop token. */
  empty: { share: 0.1, least: 1 },
  /** Tasks with two possible answers have the same one half of the time. */
  identical: { share: 0.9, least: 5 },
  /** Base models cut some; more than half means that the answers were not seen to their end. */
  cut: { share: 0.5, least: 4 },
} as const;

export type AnswerFaultKind = keyof typeof ANSWER_LIMITS;

export interface AnswerFault {
  kind: AnswerFaultKind;
  /** Answers with the fault, of `n` to so many prompts. */
  count: number;
  n: number;
  prompts: number;
  /** One of the answers, shortened. */
  example: string;
}

const EXAMPLE_LENGTH = 60;

/** Faults of answers that were drawn alike. */
export function answerFaults(answers: readonly SeenAnswer[]): AnswerFault[] {
  const n = answers.length;
  if (n === 0) return [];
  const prompts = new Set(answers.map(({ prompt }, index) => prompt ?? index)).size;
  const empty = answers.filter(({ text }) => text.trim() === "");
  const cut = answers.filter(({ stopped }) => stopped === false);
  const same = mostFrequent(answers.filter(({ text }) => text.trim() !== ""));
  const found: readonly (readonly [AnswerFaultKind, readonly SeenAnswer[], number])[] = [
    ["empty", empty, n],
    ["identical", same, prompts],
    ["cut", cut, n],
  ];
  return found.flatMap(([kind, those, size]): AnswerFault[] => {
    const { share, least } = ANSWER_LIMITS[kind];
    return size >= least && those.length / n > share
      ? [{ kind, count: those.length, n, prompts, example: shortened(those[0]!.text) }]
      : [];
  });
}

function mostFrequent(answers: readonly SeenAnswer[]): SeenAnswer[] {
  const groups = new Map<string, SeenAnswer[]>();
  for (const answer of answers) {
    const group = groups.get(answer.text);
    if (group) group.push(answer);
    else groups.set(answer.text, [answer]);
  }
  return [...groups.values()].reduce<SeenAnswer[]>(
    (most, group) => (group.length > most.length ? group : most),
    [],
  );
}

function shortened(text: string): string {
  const characters = [...text.trim()];
  return JSON.stringify(
    characters.length > EXAMPLE_LENGTH
      ? `${characters.slice(0, EXAMPLE_LENGTH - 1).join("")}…`
      : characters.join(""),
  );
}

const HINTS: Readonly<Record<AnswerFaultKind, string>> = {
  empty: "another --template or another model may answer",
  identical: "a higher temperature, or a model that was trained less far",
  cut: "more --max-new-tokens, or a model that was taught to end its answers",
};

/** `7 of 8 answers are empty`, with an example where there is something to see. */
export function faultText({ kind, count, n, prompts, example }: AnswerFault): string {
  const of = `${count} of ${countOf(n, "answer")}`;
  if (kind === "empty")
    return n === 1 ? "the answer is empty" : `${of} ${count === 1 ? "is" : "are"} empty`;
  if (kind === "identical")
    return `${of} to ${countOf(prompts, "prompt")} are one and the same: ${example}`;
  return `${of} did not end by themselves and were cut, such as ${example}`;
}

/** A fault as a warning: its stable name, and what to do. */
export const faultWarning = (fault: AnswerFault): { id: string; message: string } => ({
  id: `${fault.kind}-answers`,
  message: `${faultText(fault)}; ${HINTS[fault.kind]}`,
});
