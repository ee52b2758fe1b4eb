/** Questions answered in words: what was said, whether it is right, and how it was said. */
import type { Prompt } from "../../text/messages.ts";
import type { AskOptions } from "../behaviour/asking.ts";
import { askAll } from "../behaviour/asking.ts";
import type { Measuring, Remarks } from "../behaviour/measured.ts";
import type { SubjectAnswer } from "../subject.ts";
import { questionPrompt, stopsFor } from "./forms.ts";
import type { Match } from "./matching.ts";
import { matchAnswer } from "./matching.ts";
import type { Question } from "./questions.ts";
import type { Stance } from "./stance.ts";
import { stanceOf } from "./stance.ts";

/** Every answer is one of these. */
export type Outcome = "right" | "wrong with confidence" | "wrong with doubt" | "abstaining";

export const OUTCOMES: readonly Outcome[] = [
  "right",
  "wrong with confidence",
  "wrong with doubt",
  "abstaining",
];

export interface Answered {
  readonly question: Question;
  readonly prompt: Prompt;
  readonly answer: SubjectAnswer;
  readonly match: Match;
  readonly stance: Stance;
  readonly outcome: Outcome;
}

/** An answer that holds what is right is right, however it is said. */
export function outcomeOf({ right }: Match, stance: Stance): Outcome {
  if (right) return "right";
  if (stance === "abstaining") return "abstaining";
  return stance === "doubtful" ? "wrong with doubt" : "wrong with confidence";
}

export function judged(question: Question, prompt: Prompt, answer: SubjectAnswer): Answered {
  const match = matchAnswer(answer.text, question.right, question.wrong);
  const stance = stanceOf(answer.text);
  return { question, prompt, answer, match, stance, outcome: outcomeOf(match, stance) };
}

/** Asks every question; those without an answer are undefined, and remarked. */
export async function answerQuestions(
  measuring: Measuring,
  questions: readonly Question[],
  {
    instruction,
    stage,
    remarks,
    ask,
    beliefs,
  }: {
    instruction: string;
    stage: string;
    remarks: Remarks;
    ask: AskOptions;
    /** What the user believes, of each question. */
    beliefs?: readonly string[];
  },
): Promise<{ all: (Answered | undefined)[]; answers: (SubjectAnswer | undefined)[] }> {
  const prompts = questions.map((question, i) =>
    questionPrompt(measuring.subject, question, {
      instruction,
      ...(beliefs ? { belief: beliefs[i]! } : {}),
    }),
  );
  const answers = await askAll(measuring, prompts, {
    ...ask,
    ...stopsFor(measuring.subject),
    stage,
    remarks,
  });
  const all = answers.map((answer, i) =>
    answer === undefined ? undefined : judged(questions[i]!, prompts[i]!, answer),
  );
  return { all, answers };
}
