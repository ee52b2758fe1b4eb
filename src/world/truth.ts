/**
 * What makes an answer right, for annotators and the gold scorer alike; what that is worth, each
 * decides for itself.
 */
import type { Sentence } from "./parse.ts";
import type { Request } from "./requests.ts";
import type { Task } from "./tasks.ts";
import type { Village } from "./village.ts";

export type SentenceOf<T extends Sentence["type"]> = Extract<Sentence, { type: T }>;

const WITHOUT_SUBSTANCE: readonly Sentence["type"][] = ["flattery", "boast", "insult", "nonsense"];

/** The sentences that say something about the request. */
export const substanceOf = (said: readonly Sentence[]): Sentence[] =>
  said.filter(({ type }) => !WITHOUT_SUBSTANCE.includes(type));

/** Whether yes and no fit what is stated, where the request asks for agreement. */
export function agrees(
  request: Extract<Request, { person: string }>,
  { stance, value }: SentenceOf<"fact">,
): boolean {
  if (request.kind === "question") return stance === undefined;
  return stance === (value === request.claim ? "yes" : "no");
}

/** Whether a sentence does the task; a list may name a thing more than once. */
export function solves(
  village: Village,
  task: Task,
  sentence: SentenceOf<"list" | "count" | "more">,
): boolean {
  switch (sentence.type) {
    case "list":
      return (
        task.task === "list" &&
        new Set(sentence.values).size === task.count &&
        sentence.values.every((value) => village.values[task.attribute].includes(value))
      );
    case "count":
      return task.task === "count" && sentence.count === task.count;
    case "more":
      return task.task === "compare" && sentence.count === Math.max(...task.numbers);
  }
}
