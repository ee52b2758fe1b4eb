/**
 * Instructions that a program can check: the 25 kinds of IFEval.
 *
 * Source: instruction_following_eval of google-research, as lm-evaluation-harness 0.4.13 keeps it
 * (Zhou et al., arXiv 2311.07911); tests/golden/ifeval.json holds what its code says.
 * Differences:
 * 1. An argument that is missing, or that an instruction does not know, is refused; the original
 *    draws one at random.
 * 2. Keywords are texts; the original reads them as patterns, so that "3.5" finds "345".
 * 3. `letter_frequency` counts any character; the original draws a letter where it is none of a to
 *    z.
 * 4. Languages by language.ts, sentences by sentences.ts. NaN and Infinity are no JSON.
 */
import { languageOf } from "./language.ts";
import {
  countOfText,
  holdsWord,
  isLower,
  isUpper,
  literal,
  stripped,
  withoutPrefix,
  withoutSuffix,
  WORDS,
} from "./python-text.ts";
import { countSentences, wordTokens } from "./sentences.ts";

type Value = string | number | readonly string[];
/** Arguments of an instruction by name. */
export type InstructionArguments = Readonly<Record<string, Value>>;
type Kind = "text" | "count" | "texts" | "relation";

/** A kind of instruction, as its row names it. */
export interface Instruction {
  /** The arguments that it reads, with what each must be. */
  readonly takes: Readonly<Record<string, Kind>>;
  /** Whether an answer, which is not empty, follows it. */
  readonly follows: (answer: string, given: InstructionArguments) => boolean;
}

export const RELATIONS = ["less than", "at least"] as const;

const count = (given: InstructionArguments, name: string): number => given[name] as number;
const text = (given: InstructionArguments, name: string): string => given[name] as string;
const texts = (given: InstructionArguments, name: string): readonly string[] =>
  given[name] as readonly string[];

/** Whether a number is "less than" or "at least" another. */
const related = (found: number, relation: string, threshold: number): boolean =>
  relation === "less than" ? found < threshold : found >= threshold;

const matches = (answer: string, pattern: RegExp): string[] => answer.match(pattern) ?? [];

const OPTIONS = ["My answer is yes.", "My answer is no.", "My answer is maybe."];
const FENCES = ["```json", "```Json", "```JSON", "```"];

function isJson(answer: string): boolean {
  const opened = FENCES.reduce(withoutPrefix, answer.trim());
  try {
    JSON.parse(withoutSuffix(opened, "```").trim());
    return true;
  } catch {
    return false;
  }
}

/** Parts by a divider; undefined where one between two others is empty. */
function parts(answer: string, divider: RegExp | string): string[] | undefined {
  const all = answer.split(divider);
  const inner = all.slice(1, -1);
  return inner.some((part) => part.trim() === "") ? undefined : all.filter((part) => part.trim());
}

function firstWordOf(paragraph: string): string {
  const word = paragraph.split(/\s+/)[0]!.replace(/^'+/, "").replace(/^"+/, "");
  return word.replace(/[.,?!'"].*$/s, "").toLowerCase();
}

function nthParagraph(answer: string, given: InstructionArguments): boolean {
  const paragraphs = answer.split("\n\n");
  const filled = paragraphs.filter((paragraph) => paragraph.trim() !== "").length;
  const nth = count(given, "nth_paragraph");
  const paragraph = nth <= filled ? paragraphs[nth - 1]!.trim() : "";
  return (
    paragraph !== "" &&
    filled === count(given, "num_paragraphs") &&
    firstWordOf(paragraph) === text(given, "first_word").toLowerCase()
  );
}

function highlights(answer: string): number {
  const single = matches(answer, /\*[^\n*]*\*/g).filter((part) => stripped(part, "*").trim());
  const double = matches(answer, /\*\*[^\n*]*\*\*/g).filter((part) => part.slice(2, -2).trim());
  return single.length + double.length;
}

function hasPostscript(answer: string, marker: string): boolean {
  const lower = answer.toLowerCase();
  if (marker === "P.P.S") return /p\.\s?p\.\s?s/.test(lower);
  if (marker === "P.S.") return /p\.\s?s\./.test(lower);
  return lower.includes(marker.toLowerCase());
}

/** Followed too where no language can be told, as in the original. */
const isIn = (answer: string, language: string): boolean =>
  [language, undefined].includes(languageOf(answer));

const keywords: Readonly<Record<string, Instruction>> = {
  "keywords:existence": {
    takes: { keywords: "texts" },
    follows: (answer, given) =>
      texts(given, "keywords").every((word) => countOfText(answer, word) > 0),
  },
  "keywords:frequency": {
    takes: { keyword: "text", frequency: "count", relation: "relation" },
    follows: (answer, given) =>
      related(
        countOfText(answer, text(given, "keyword").trim()),
        text(given, "relation"),
        count(given, "frequency"),
      ),
  },
  "keywords:forbidden_words": {
    takes: { forbidden_words: "texts" },
    follows: (answer, given) =>
      !texts(given, "forbidden_words").some((word) => holdsWord(answer, word)),
  },
  "keywords:letter_frequency": {
    takes: { letter: "text", let_frequency: "count", let_relation: "relation" },
    follows: (answer, given) =>
      related(
        answer.toLowerCase().split(text(given, "letter").toLowerCase()).length - 1,
        text(given, "let_relation"),
        count(given, "let_frequency"),
      ),
  },
};

const lengths: Readonly<Record<string, Instruction>> = {
  "length_constraints:number_sentences": {
    takes: { num_sentences: "count", relation: "relation" },
    follows: (answer, given) =>
      related(countSentences(answer), text(given, "relation"), count(given, "num_sentences")),
  },
  "length_constraints:number_paragraphs": {
    takes: { num_paragraphs: "count" },
    follows: (answer, given) =>
      parts(answer, /\s?\*\*\*\s?/)?.length === count(given, "num_paragraphs"),
  },
  "length_constraints:number_words": {
    takes: { num_words: "count", relation: "relation" },
    follows: (answer, given) =>
      related(matches(answer, WORDS).length, text(given, "relation"), count(given, "num_words")),
  },
  "length_constraints:nth_paragraph_first_word": {
    takes: { num_paragraphs: "count", nth_paragraph: "count", first_word: "text" },
    follows: nthParagraph,
  },
};

const contents: Readonly<Record<string, Instruction>> = {
  "detectable_content:number_placeholders": {
    takes: { num_placeholders: "count" },
    follows: (answer, given) =>
      matches(answer, /\[[^\n]*?\]/g).length >= count(given, "num_placeholders"),
  },
  "detectable_content:postscript": {
    takes: { postscript_marker: "text" },
    follows: (answer, given) => hasPostscript(answer, text(given, "postscript_marker").trim()),
  },
  "detectable_format:number_bullet_lists": {
    takes: { num_bullets: "count" },
    follows: (answer, given) =>
      matches(answer, /(?<![^\n])\s*\*[^*][^\n]*/g).length +
        matches(answer, /(?<![^\n])\s*-[^\n]*/g).length ===
      count(given, "num_bullets"),
  },
  "detectable_format:constrained_response": {
    takes: {},
    follows: (answer) => OPTIONS.some((option) => answer.includes(option)),
  },
  "detectable_format:number_highlighted_sections": {
    takes: { num_highlights: "count" },
    follows: (answer, given) => highlights(answer) >= count(given, "num_highlights"),
  },
  "detectable_format:multiple_sections": {
    takes: { section_spliter: "text", num_sections: "count" },
    follows: (answer, given) =>
      matches(
        answer,
        new RegExp(`${literal(text(given, "section_spliter").trim())}\\s?\\p{Nd}+`, "gu"),
      ).length >= count(given, "num_sections"),
  },
  "detectable_format:json_format": { takes: {}, follows: isJson },
  "detectable_format:title": {
    takes: {},
    follows: (answer) =>
      matches(answer, /<<[^\n]+>>/g).some((title) => title.replace(/^<+|>+$/g, "").trim() !== ""),
  },
};

const wholes: Readonly<Record<string, Instruction>> = {
  "language:response_language": {
    takes: { language: "text" },
    follows: (answer, given) => isIn(answer, text(given, "language")),
  },
  "combination:two_responses": {
    takes: {},
    follows(answer) {
      const both = parts(answer, "******");
      return both?.length === 2 && both[0]!.trim() !== both[1]!.trim();
    },
  },
  "combination:repeat_prompt": {
    takes: { prompt_to_repeat: "text" },
    follows: (answer, given) =>
      answer.trim().toLowerCase().startsWith(text(given, "prompt_to_repeat").trim().toLowerCase()),
  },
  "startend:end_checker": {
    takes: { end_phrase: "text" },
    follows: (answer, given) =>
      stripped(answer.trim(), '"')
        .toLowerCase()
        .endsWith(text(given, "end_phrase").trim().toLowerCase()),
  },
  "startend:quotation": {
    takes: {},
    follows: (answer) => /^".*"$/s.test(answer.trim()),
  },
  "change_case:capital_word_frequency": {
    takes: { capital_frequency: "count", capital_relation: "relation" },
    follows: (answer, given) =>
      related(
        wordTokens(answer).filter(isUpper).length,
        text(given, "capital_relation"),
        count(given, "capital_frequency"),
      ),
  },
  "change_case:english_capital": {
    takes: {},
    follows: (answer) => isUpper(answer) && isIn(answer, "en"),
  },
  "change_case:english_lowercase": {
    takes: {},
    follows: (answer) => isLower(answer) && isIn(answer, "en"),
  },
  "punctuation:no_comma": { takes: {}, follows: (answer) => !answer.includes(",") },
};

/** Every kind of instruction by the name that data give it. */
export const INSTRUCTIONS: Readonly<Record<string, Instruction>> = {
  ...keywords,
  ...lengths,
  ...contents,
  ...wholes,
};

/** Why an argument is not what an instruction reads; undefined where it is. */
export function whyWrongArgument(value: unknown, kind: Kind): string | undefined {
  if (kind === "count")
    return Number.isInteger(value) && (value as number) >= 0 ? undefined : "a whole number from 0";
  if (kind === "text")
    return typeof value === "string" && value.trim() !== "" ? undefined : "a text";
  if (kind === "relation")
    return RELATIONS.some((each) => each === value) ? undefined : RELATIONS.join(" or ");
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === "string")
    ? undefined
    : "a list of texts";
}
