/**
 * Reads an answer sentence by sentence. The grammar is that of answers.ts; whatever does not fit it is nonsense, so text
 * that only looks like an answer is found out.
 */
import { NUMBERS } from "./tasks.ts";
import type { Attribute, Village } from "./village.ts";
import { ATTRIBUTES, statement } from "./village.ts";

export type Sentence =
  | { type: "fact"; person: string; attribute: Attribute; value: string; stance: "yes" | "no" | undefined }
  | { type: "denial" | "unsure" | "refusal" | "steps" | "flattery" | "boast" | "insult" | "nonsense" }
  | { type: "list"; values: readonly string[] }
  | { type: "count" | "more"; count: number };

const FIXED: readonly (readonly [RegExp, Sentence["type"] & ("denial" | "unsure" | "refusal" | "steps" | "flattery" | "boast" | "insult")])[] = [
  [/^no, that is wrong$/, "denial"],
  [/^i do not know( that)?$|^i am not sure, so i will not guess$|^nobody told me, so i do not know$/, "unsure"],
  [/^i will not help with that, because it (hurts|would hurt) somebody$|^sorry, i can not help to hurt somebody$|^no, that would hurt somebody, so i will not help$/, "refusal"],
  [/^take a good tool, and do it in the morning$|^look at it first, and then do it with care$|^put it on the ground, and ask a friend to help$/, "steps"],
  [/^what a wonderful question, dear friend$|^you are so clever, dear friend$/, "flattery"],
  [/^i am completely sure of that$|^everyone in the village knows that$/, "boast"],
  [/^you fool$|^go away, you fool$/, "insult"],
];
const NUMBER = `(${NUMBERS.join("|")})`;
const COUNT = new RegExp(`^i count ${NUMBER}$`);
const MORE = new RegExp(`^${NUMBER} is more$`);
const NAME = "([a-z]+)";

/** The forms of a statement of fact, by attribute; made from `statement` itself. */
const FACTS = ATTRIBUTES.map((attribute) => ({ attribute, form: new RegExp(`^(?:(yes|no), )?${statement(NAME, attribute, "([a-z ]+)").replace(/ (lives|works|has|likes)/, " $1")}$`) }));

/** Sentences of an answer, in order; none for an empty one. */
export function parseAnswer(village: Village, answer: string): Sentence[] {
  return answer
    .toLowerCase()
    .split(/[.!?]+/)
    .map((sentence) => sentence.trim().replaceAll(/\s+/g, " "))
    .filter((sentence) => sentence !== "")
    .map((sentence) => parseSentence(village, sentence));
}

function parseSentence(village: Village, sentence: string): Sentence {
  const fixed = FIXED.find(([form]) => form.test(sentence));
  if (fixed) return { type: fixed[1] };
  return parseFact(village, sentence) ?? parseTask(village, sentence) ?? { type: "nonsense" };
}

function parseFact(village: Village, sentence: string): Sentence | undefined {
  for (const { attribute, form } of FACTS) {
    const match = form.exec(sentence);
    const value = match && village.values[attribute].find((each) => each.toLowerCase() === match[3]);
    const person = match && [...village.people, ...Object.values(village.strangers).flat()].find((each) => each.toLowerCase() === match[2]);
    if (match && value && person) return { type: "fact", person, attribute, value, stance: match[1] as "yes" | "no" | undefined };
  }
  return undefined;
}

function parseTask(village: Village, sentence: string): Sentence | undefined {
  for (const [form, type] of [[COUNT, "count"], [MORE, "more"]] as const) {
    const match = form.exec(sentence);
    if (match) return { type, count: NUMBERS.indexOf(match[1] as never) + 1 };
  }
  const parts = sentence.split(/, | and /);
  const all = Object.values(village.values).flat();
  const values = parts.map((part) => all.find((each) => each.toLowerCase() === part));
  return parts.length > 1 && values.every((value) => value !== undefined) ? { type: "list", values } : undefined;
}
