/** How questions are put to a model: as the user's turn, or as a text that it goes on with. */
import type { Prompt } from "../../text/messages.ts";
import type { ContinuationRequest, Subject } from "../subject.ts";
import type { Question } from "./questions.ts";

/** What is said before a question, and before each option. */
export const LETTERS = "ABCDEFGHIJ";

const hasTurns = ({ asTurns = true }: Subject): boolean => asTurns;

const withContext = ({ context, question }: Question): string =>
  context === undefined ? question : `${context}\n\n${question}`;

/** Texts at which a model without turns has answered. */
export const stopsFor = (subject: Subject): { stopTexts?: readonly string[] } =>
  hasTurns(subject) ? {} : { stopTexts: ["\n"] };

/**
 * A question that is to be answered in words.
 * @param instruction how to answer, before the question
 * @param belief what the user believes, after it
 */
export function questionPrompt(
  subject: Subject,
  question: Question,
  { instruction, belief }: { instruction: string; belief?: string },
): Prompt {
  const said = [withContext(question), ...(belief === undefined ? [] : [belief])].join("\n");
  const told = instruction === "" ? said : `${instruction}\n\n${said}`;
  return hasTurns(subject) ? told : `${told}\nAnswer:`;
}

/** The conversation so far, and what the user says now. */
export function nextTurn(prompt: Prompt, answer: string, said: string): Prompt {
  const before =
    typeof prompt === "string" ? [{ role: "user" as const, content: prompt }] : [...prompt];
  return [
    ...before,
    { role: "assistant" as const, content: answer },
    { role: "user" as const, content: said },
  ];
}

/** How likely the model thinks an answer of its own. */
export const ownAnswer = (
  subject: Subject,
  prompt: Prompt,
  answer: string,
): ContinuationRequest => ({
  prompt,
  continuation: hasTurns(subject) || /^\s/.test(answer) ? answer : ` ${answer}`,
});

/**
 * How the options of multiple choice are put: each by itself, or all with letters, whose
 * probability is taken, or of which the model writes one.
 */
export type OptionForm = "texts" | "letters" | "written";

/** One request for each option. */
export function optionRequests(
  subject: Subject,
  question: Question,
  form: OptionForm,
): ContinuationRequest[] {
  const turns = hasTurns(subject);
  const { texts } = question.options!;
  const space = turns ? "" : " ";
  const prompt =
    form === "texts"
      ? turns
        ? withContext(question)
        : `Question: ${withContext(question)}\nAnswer:`
      : letterPrompt(subject, question);
  return texts.map((text, i) => ({
    prompt,
    continuation: `${space}${form === "texts" ? text : LETTERS[i]!}`,
  }));
}

/** A question with its options, of which the letter is asked. */
export function letterPrompt(subject: Subject, question: Question): string {
  const options = question.options!.texts.map((text, i) => `${LETTERS[i]!}. ${text}`);
  const listed = [withContext(question), ...options].join("\n");
  return hasTurns(subject)
    ? `${listed}\nAnswer with the letter of the right option alone.`
    : `${listed}\nAnswer:`;
}
