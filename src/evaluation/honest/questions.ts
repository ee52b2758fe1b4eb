/**
 * Questions with what is right and what is wrong, from files of any form that people have them in:
 * question and answer(s), SQuAD, TriviaQA, GSM8K, TruthfulQA, and multiple choice as MMLU, ARC,
 * SciQ, GPQA and HellaSwag write it.
 */
import { AttuneError, preview } from "../../core/errors.ts";
import type { Row } from "../../data/readers/row.ts";
import type { Remarks } from "../behaviour/measured.ts";
import { columnOf, parsed, textOf, textsOf, unreadable } from "../behaviour/rows.ts";
import type { Item } from "../items.ts";
import { itemOf } from "../items.ts";

/** A question, with answers in words, options, or both. */
export interface Question {
  readonly question: string;
  /** Text that the question is about. */
  readonly context?: string;
  /** Every way to write what is right, the best first. */
  readonly right: readonly string[];
  /** Answers that are wrong, where the file has them. */
  readonly wrong: readonly string[];
  readonly options?: Options;
  /** Questions with one label may depend on each other. */
  readonly cluster: string;
  /** A kind of question, to be looked at by itself. */
  readonly category?: string;
}

export interface Options {
  readonly texts: readonly string[];
  /** Index of the right one; several in TruthfulQA's mc2. */
  readonly right: readonly number[];
}

/** @param also what makes it another question, such as what the user believes */
export const questionItem = (
  { question, context = "", right, wrong, options, cluster }: Question,
  ...also: readonly string[]
): Item =>
  itemOf([context, question, right.toSorted(), wrong.toSorted(), options?.texts ?? [], ...also], {
    text: [question, ...also].join(" / "),
    cluster,
  });

const QUESTION = ["question", "Question", "query", "problem", "prompt", "input", "ctx"];
const RIGHT = [
  "answers",
  "answer",
  "correct_answers",
  "Correct Answers",
  "correct_answer",
  "Correct Answer",
  "target",
  "targets",
  "ground_truth",
  "final_answer",
  "solution",
  "Answer",
];
const BEST = ["best_answer", "Best Answer"];
const ALIASES = ["aliases", "answer_aliases", "possible_answers"];
const WRONG = ["incorrect_answers", "Incorrect Answers", "incorrect_answer", "wrong_answers"];
const WRONG_ONES = [
  "distractor1",
  "distractor2",
  "distractor3",
  "Incorrect Answer 1",
  "Incorrect Answer 2",
  "Incorrect Answer 3",
];
const CHOICES = ["choices", "options", "endings", "mc1_targets", "mc2_targets"];
const LABEL = ["answerKey", "label", "gold", "answer_index", "correct", "answer_idx"];
const CLUSTER = ["cluster", "group", "passage_id", "document_id", "article_id"];
const CATEGORY = ["category", "Category", "subject", "subset", "topic", "type"];
const LETTERS = "ABCDEFGHIJ";

export interface QuestionColumns {
  /** Column of the clusters; found by name where left out. */
  readonly cluster?: string;
}

/**
 * The questions of a file; rows without a question or without anything right are left out and
 * remarked.
 * @throws AttuneError `data` where no row has both
 */
export function readQuestions(
  rows: readonly Row[],
  remarks: Remarks,
  { cluster }: QuestionColumns = {},
): Question[] {
  refuseFromOne(rows);
  const questions = rows.flatMap((row): Question[] => {
    const read = readRow(row, cluster);
    if (typeof read !== "string") return [read];
    remarks.add(read, textOf(row, QUESTION) ?? row.place);
    return [];
  });
  if (questions.length === 0)
    throw unreadable(
      rows,
      "question with answer or answers, or with choices and the right one " +
        "(also SQuAD's, TriviaQA's, GSM8K's, TruthfulQA's, MMLU's and ARC's columns)",
    );
  return questions;
}

function readRow(row: Row, clusterColumn: string | undefined): Question | string {
  const question = textOf(row, QUESTION);
  if (question === undefined) return "no question";
  const options = optionsOf(row);
  if (typeof options === "string") return options;
  const right = options ? options.right.map((i) => options.texts[i]!) : rightOf(row);
  if (right.length === 0) return "no right answer";
  const context = textOf(row, ["context", "passage", "support"]);
  const category = textOf(row, CATEGORY);
  const label = textOf(row, clusterColumn === undefined ? CLUSTER : [clusterColumn]);
  if (clusterColumn !== undefined && label === undefined)
    return `no value in the column ${clusterColumn} of clusters`;
  const wrong = options
    ? options.texts.filter((_, i) => !options.right.includes(i))
    : (separated(row, WRONG) ?? WRONG_ONES.flatMap((name) => textOf(row, [name]) ?? []));
  return {
    question: question.trim(),
    ...(context === undefined ? {} : { context }),
    right,
    wrong,
    ...(options ? { options } : {}),
    cluster: label ?? context ?? question.trim(),
    ...(category === undefined ? {} : { category }),
  };
}

/** TruthfulQA parts answers in a cell of CSV by semicolons. */
function separated(row: Row, names: readonly string[]): string[] | undefined {
  const texts = textsOf(row, names);
  const alone =
    texts?.length === 1 && /;\s/.test(texts[0]!) && /answers$/i.test(nameOf(row, names));
  return alone
    ? texts[0]!
        .split(";")
        .map((text) => text.trim())
        .filter((text) => text !== "")
    : texts;
}

const nameOf = (row: Row, names: readonly string[]): string =>
  names.find((name) => textsOf(row, [name]) !== undefined) ?? "";

function rightOf(row: Row): string[] {
  const found = parsed(columnOf(row, RIGHT));
  if (typeof found === "boolean") return found ? ["true", "yes"] : ["false", "no"];
  const inner =
    typeof found === "object" && found !== null && !Array.isArray(found)
      ? nested(found as Record<string, unknown>)
      : (separated(row, RIGHT) ?? []);
  const best = textsOf(row, BEST) ?? [];
  const all = [...best, ...inner.map(lastOfWorking), ...(textsOf(row, ALIASES) ?? [])];
  return [...new Set(all.map((text) => text.trim()).filter((text) => text !== ""))];
}

/** SQuAD's `{text: [...]}` and TriviaQA's `{value, aliases}`. */
function nested(object: Record<string, unknown>): string[] {
  const lists = [object.value, object.text, object.aliases, object.normalized_aliases];
  return lists
    .flatMap((each) => (Array.isArray(each) ? each : [each]))
    .flatMap((each) => (typeof each === "string" ? [each] : []));
}

/** GSM8K's answers end in `#### 42` after the working. */
const lastOfWorking = (text: string): string => /####\s*(.+?)\s*$/s.exec(text)?.[1] ?? text;

/** @throws AttuneError `data` where numbers of right options count from 1, as their last one shows */
function refuseFromOne(rows: readonly Row[]): void {
  const numbered = rows.flatMap((row) => {
    const given = parsed(columnOf(row, CHOICES));
    const label = columnOf(row, [...LABEL, "answer", "Answer", "target"]);
    if (!/^\d+$/.test(String(label).trim())) return [];
    const lettered = [...LETTERS].map((letter) => textOf(row, [letter]));
    const {
      texts,
      names = [],
      right,
    } = listOf(given ?? lettered.filter((text) => text !== undefined));
    const word = String(label).trim();
    const named = names.includes(word) || texts.some((text) => text.trim() === word);
    return named || right ? [] : [{ row, number: Number(word), count: texts.length }];
  });
  if (numbered.some(({ number, count }) => number < 1 || number > count)) return;
  const last = numbered.find(({ number, count }) => number === count);
  if (last === undefined) return;
  throw new AttuneError("data", "the numbers of right options count from 1", {
    ...last.row.place,
    got: `${last.number} of ${last.count} options, and never 0`,
    expected: "numbers from 0, letters from A, or the text of the right option",
    hint: "write each number less 1",
  });
}

/** Undefined where the row has none; why they cannot be read as a text. */
function optionsOf(row: Row): Options | string | undefined {
  const letters = [...LETTERS].map((letter) => textOf(row, [letter]));
  const lettered = letters.slice(0, Math.max(0, letters.indexOf(undefined))) as string[];
  const given = parsed(columnOf(row, CHOICES));
  if (given === undefined && lettered.length < 2) return undefined;
  const { texts, names, right } =
    given === undefined ? { texts: lettered, names: undefined, right: undefined } : listOf(given);
  if (texts.length < 2) return "fewer than two options";
  if (new Set(texts).size < texts.length) return "two options are the same";
  if (right !== undefined) return right.length > 0 ? { texts, right } : "no option is right";
  const label = columnOf(row, [...LABEL, "answer", "Answer", "target"]);
  const index = indexOf(label, texts, names);
  return index === undefined
    ? `the right option cannot be told from ${preview(label)}`
    : { texts, right: [index] };
}

interface List {
  texts: string[];
  names: string[] | undefined;
  right: number[] | undefined;
}

/** A list of texts, ARC's `{text, label}`, TruthfulQA's `{choices, labels}` with 1 for right. */
function listOf(given: unknown): List {
  if (Array.isArray(given)) return { texts: given.map(String), names: undefined, right: undefined };
  const { text, label, choices, labels } = given as Record<string, unknown>;
  const texts = (Array.isArray(text) ? text : Array.isArray(choices) ? choices : []).map(String);
  if (Array.isArray(labels))
    return {
      texts,
      names: undefined,
      right: labels.flatMap((each, i) => (Number(each) === 1 ? [i] : [])),
    };
  return { texts, names: Array.isArray(label) ? label.map(String) : undefined, right: undefined };
}

/** A number counts from 0, a letter from A; a name or a text is looked up. */
function indexOf(
  label: unknown,
  texts: readonly string[],
  names: readonly string[] | undefined,
): number | undefined {
  const word = typeof label === "string" ? label.trim() : label;
  const named = names?.indexOf(String(word)) ?? -1;
  if (named >= 0) return named;
  const number = typeof word === "number" ? word : /^\d+$/.test(String(word)) ? Number(word) : NaN;
  const spelled = texts.findIndex((text) => text.trim() === word);
  if (spelled >= 0) return spelled;
  if (Number.isInteger(number)) return number < texts.length ? number : undefined;
  const letter = typeof word === "string" ? LETTERS.indexOf(word.replace(/^\((.)\)$/, "$1")) : -1;
  return letter >= 0 && letter < texts.length && String(word).length <= 3 ? letter : undefined;
}
