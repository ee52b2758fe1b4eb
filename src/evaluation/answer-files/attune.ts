/**
 * attune's own answers: a prompt and its answer a row, as `attune compare` writes them, as
 * `attune generate --json` prints them, or as most people would write them by hand.
 */
import { AttuneError, preview } from "../../core/errors.ts";
import { readInstruction } from "../../data/formats/alpaca.ts";
import * as column from "../../data/formats/columns.ts";
import { readTextOrMessages } from "../../data/formats/messages.ts";
import type { Row } from "../../data/readers/row.ts";
import { compact } from "../../data/records.ts";
import { completionText } from "../../text/messages.ts";
import type { Message, Prompt } from "../../text/messages.ts";
import type { SetAnswer } from "../compare/answer-set.ts";
import type { AnswerFormat, FileNotes, FileToRead } from "./format.ts";
import { Answers, otherColumns, scoreOf } from "./format.ts";

const PROMPTS = ["promptText", "prompt", "question", "instruction", "input"] as const;
/** `instruction` with these is Alpaca's. */
const ALPACA = ["instruction", "input", "system", "history"] as const;
/** The model's own first: beside one of these, `answer` is mostly the right one. */
const ANSWERS = ["completion", "response", "generation", "output", "answer", "text"] as const;
const MODELS = ["model", "generator", "model_name"] as const;
const KEYS = ["key", "id", "prompt_id", "question_id"] as const;
const REST = ["cluster", "stopped", "tokens", "sample", "messages"] as const;
/** What `attune generate --json` prints besides. */
const GENERATED = ["type", "ids", "logps", "finish", "alternatives", "prompt"] as const;

/** Columns that are scores without being named as such, the usual one first. */
const SCORES = ["score", "correct", "acc", "accuracy", "exact_match", "reward"];

const isGiven = (row: Row, name: string): boolean => row.columns[name] !== undefined;
const first = (row: Row, names: readonly string[]): string | undefined =>
  names.find((name) => isGiven(row, name));
/** A line of `--json` that is no answer: a note, progress, the end. */
const isEvent = ({ columns }: Row): boolean =>
  typeof columns["type"] === "string" &&
  columns["type"] !== "result" &&
  columns["promptText"] === undefined &&
  !ANSWERS.some((name) => name !== "text" && columns[name] !== undefined);

export const attuneAnswers: AnswerFormat = {
  name: "attune",
  title:
    "attune's own: prompt and completion (or answer), also what `attune generate --json` prints",
  needs: "prompt and completion",
  detect: (row) =>
    !isEvent(row) &&
    (Array.isArray(row.columns["messages"]) ||
      (first(row, PROMPTS) !== undefined && first(row, ANSWERS) !== undefined)),
  read({ rows, name, notes, metric }: FileToRead) {
    const answers = new Answers();
    const metrics = new Set<string>();
    for (const row of rows) {
      if (isEvent(row)) continue;
      const answer = readRow(row, notes);
      if (answer === undefined) continue;
      for (const [key, value] of Object.entries(answer.columns ?? {}))
        if ((SCORES.includes(key) || key === metric) && scoreOf(value) !== undefined)
          metrics.add(key);
      const model = first(row, MODELS);
      answers.add(model === undefined ? name : column.text(row, model), answer);
    }
    return {
      answers: answers.byModel,
      votes: [],
      metrics: [...metrics].toSorted((a, b) => SCORES.indexOf(a) - SCORES.indexOf(b)),
    };
  },
};

function readRow(row: Row, notes: FileNotes): SetAnswer | undefined {
  const generated = isGiven(row, "promptText");
  const texts = generated ? undefined : conversation(row, notes);
  const [prompt, text] = texts ?? [promptOf(row, notes), answerOf(row, notes)];
  if (text === undefined) {
    notes.count("left out: rows without an answer", row.place);
    return undefined;
  }
  const { cluster, stopped, finish, tokens, ids } = row.columns;
  const key = first(row, KEYS);
  if (texts === undefined && !generated) noteReference(row, notes);
  const read = [
    ...promptColumns(row),
    first(row, MODELS) ?? "",
    key ?? "",
    ...REST,
    ...(generated ? GENERATED : ["finish"]),
    answerColumn(row) ?? "",
  ];
  return compact({
    prompt,
    text,
    key: key === undefined ? undefined : String(row.columns[key]),
    cluster: typeof cluster === "string" || typeof cluster === "number" ? cluster : undefined,
    tokens:
      typeof tokens === "number"
        ? tokens
        : generated && Array.isArray(ids)
          ? ids.length
          : undefined,
    stopped:
      typeof stopped === "boolean"
        ? stopped
        : typeof finish === "string"
          ? finish === "stop"
          : undefined,
    columns: otherColumns(row, read, notes),
    place: row.place,
  }) as SetAnswer;
}

/** The turns before the last answer, and the answer. */
function conversation(row: Row, notes: FileNotes): [Prompt, string] | undefined {
  if (!Array.isArray(row.columns["messages"]) || first(row, ANSWERS) !== undefined)
    return undefined;
  const messages = readTextOrMessages(row, "messages", noteOn(notes, row)) as Message[];
  const last = messages.at(-1)!;
  if (last.role !== "assistant" || messages.length < 2)
    throw new AttuneError("data", "the conversation does not end in an answer", {
      ...row.place,
      got: preview(last),
      expected: "turns of which the last is the assistant's",
    });
  return [messages.slice(0, -1), last.content];
}

/** The columns that make the prompt. */
function promptColumns(row: Row): readonly string[] {
  if (isGiven(row, "promptText")) return ["promptText"];
  if (isGiven(row, "messages")) return ["messages"];
  const name = first(row, PROMPTS) ?? "prompt";
  return name === "instruction" && typeof row.columns[name] === "string" ? ALPACA : [name];
}

function promptOf(row: Row, notes: FileNotes): Prompt {
  const columns = promptColumns(row);
  if (columns === ALPACA) return readInstruction(row);
  // what `attune generate --json` prints keeps its conversation beside the text
  const name = isGiven(row, "messages") ? "messages" : columns[0]!;
  return readTextOrMessages(row, name, noteOn(notes, row));
}

const answerColumn = (row: Row): string | undefined =>
  first(row, isGiven(row, "promptText") ? ["text"] : ANSWERS);

/** Which of two columns is the model's is a guess. */
function noteReference(row: Row, notes: FileNotes): void {
  const name = answerColumn(row);
  const [other] = ANSWERS.filter((each) => each !== name && typeof row.columns[each] === "string");
  if (name !== undefined && other !== undefined)
    notes.count(`the model's answer is taken from ${name}, and not from ${other}`, row.place);
}

function answerOf(row: Row, notes: FileNotes): string | undefined {
  const name = answerColumn(row);
  if (name === undefined || row.columns[name] === null) return undefined;
  return completionText(readTextOrMessages(row, name, noteOn(notes, row)));
}

export const noteOn = (notes: FileNotes, { place }: Row): { note(what: string): void } => ({
  note: (what) => notes.count(`not kept: ${what}`, place),
});
