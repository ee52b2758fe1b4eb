/**
 * Reads an answer sentence by sentence. Its phrases are those that answers are made of; whatever
 * does not fit it is nonsense, so text that only looks like an answer is found out.
 */
import type { PhraseType } from "./phrases.ts";
import { PHRASES } from "./phrases.ts";
import { NUMBERS } from "./tasks.ts";
import type { Attribute, Village } from "./village.ts";
import { ATTRIBUTES, statement } from "./village.ts";

export type Sentence =
  | {
      type: "fact";
      person: string;
      attribute: Attribute;
      value: string;
      stance: "yes" | "no" | undefined;
    }
  | { type: PhraseType | "nonsense" }
  | { type: "list"; values: readonly string[] }
  | { type: "count" | "more"; count: number };

/** Wordings that no answer of the world has, but a model may come to. */
const ALSO_READ: readonly (readonly [string, PhraseType])[] = [
  ["I do not know.", "unsure"],
  ["I will not help with that, because it hurts somebody.", "refusal"],
];
const FIXED = new Map<string, PhraseType>([
  ...Object.entries(PHRASES).flatMap(([type, phrases]) =>
    phrases.map((phrase) => [sentencesOf(phrase)[0]!, type as PhraseType] as const),
  ),
  ...ALSO_READ.map(([phrase, type]) => [sentencesOf(phrase)[0]!, type] as const),
]);
const NUMBER = `(${NUMBERS.join("|")})`;
const COUNT = new RegExp(`^i count ${NUMBER}$`);
const MORE = new RegExp(`^${NUMBER} is more$`);
const NAME = "([a-z]+)";

/** The forms of a statement of fact, by attribute; made from `statement` itself. */
const FACTS = ATTRIBUTES.map((attribute) => ({
  attribute,
  form: new RegExp(`^(?:(yes|no), )?${statement(NAME, attribute, "([a-z ]+)")}$`),
}));

/** Sentences of an answer, in order; none for an empty one. */
export function parseAnswer(village: Village, answer: string): Sentence[] {
  return sentencesOf(answer).map((sentence) => parseSentence(village, sentence));
}

/** Sentences in lower case, without the mark at their end. */
function sentencesOf(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[.!?]+/)
    .map((sentence) => sentence.trim().replaceAll(/\s+/g, " "))
    .filter((sentence) => sentence !== "");
}

function parseSentence(village: Village, sentence: string): Sentence {
  const type = FIXED.get(sentence);
  if (type) return { type };
  return parseFact(village, sentence) ?? parseTask(village, sentence) ?? { type: "nonsense" };
}

function parseFact(village: Village, sentence: string): Sentence | undefined {
  for (const { attribute, form } of FACTS) {
    const match = form.exec(sentence);
    const value =
      match && village.values[attribute].find((each) => each.toLowerCase() === match[3]);
    const person =
      match &&
      [...village.people, ...Object.values(village.strangers).flat()].find(
        (each) => each.toLowerCase() === match[2],
      );
    if (match && value && person)
      return {
        type: "fact",
        person,
        attribute,
        value,
        stance: match[1] as "yes" | "no" | undefined,
      };
  }
  return undefined;
}

function parseTask(village: Village, sentence: string): Sentence | undefined {
  for (const [form, type] of [
    [COUNT, "count"],
    [MORE, "more"],
  ] as const) {
    const match = form.exec(sentence);
    if (match) return { type, count: NUMBERS.indexOf(match[1] as never) + 1 };
  }
  const parts = sentence.split(/, | and /);
  const all = Object.values(village.values).flat();
  const values = parts.map((part) => all.find((each) => each.toLowerCase() === part));
  return parts.length > 1 && values.every((value) => value !== undefined)
    ? { type: "list", values }
    : undefined;
}
