/** What the cells of a CSV file mean, by the name of their column. */
import type { ErrorPlace } from "../../core/errors.ts";
import { AttuneError, preview } from "../../core/errors.ts";
import type { Parsing } from "./json-text.ts";
import { parseJsonText } from "./json-text.ts";

const NUMBERS = new Set([
  "p",
  "margin",
  "score_chosen",
  "score_rejected",
  "preference",
  "turn",
  "tstamp",
]);
/** A cell of another column name stays text; so does a `label` that is a word, as in XSTest. */
const BOOLEANS = new Set(["label", "kto_tag"]);
/** Text, or JSON where the cell is a JSON list or object. */
const CONVERSATIONS = new Set([
  "prompt",
  "completion",
  "chosen",
  "rejected",
  "preferred_output",
  "non_preferred_output",
  "preferred_completion",
  "non_preferred_completion",
]);
/**
 * Columns whose empty cells say something: an empty text. Of all others an empty cell is no cell.
 */
const TEXTS = new Set([
  "prompt",
  "completion",
  "chosen",
  "rejected",
  "text",
  "instruction",
  "input",
  "output",
  "output_1",
  "output_2",
  "question",
  "gold",
  "prediction 1",
  "prediction 2",
  "prediction 3",
  "prediction 4",
]);
/** Always JSON. */
const STRUCTURES = new Set([
  "messages",
  "conversations",
  "conversation_a",
  "conversation_b",
  "input_messages",
  "completions",
  "comparisons",
  "models",
  "extra",
  "history",
  "passages",
  "tools",
  "functions",
  "chat_template_kwargs",
]);
const WORDS: Readonly<Record<string, boolean>> = {
  true: true,
  false: false,
  "1": true,
  "0": false,
};

/** The value of a cell; null for an empty one that says nothing. */
export function readCell(name: string, text: string, place: ErrorPlace, parsing: Parsing): unknown {
  if (text.trim() === "" && !TEXTS.has(name)) return null;
  if (NUMBERS.has(name)) return readNumber(text, place);
  if (BOOLEANS.has(name)) return WORDS[text.trim().toLowerCase()] ?? text;
  if (STRUCTURES.has(name)) return parseJsonText(text, place, parsing);
  // `{` alone is common in prose and code: only lists of objects, and objects with a message's
  // keys, are taken for JSON
  if (
    CONVERSATIONS.has(name) &&
    /^\s*(\[\s*\{\s*"|\{\s*"(role|content|from|value)"\s*:)/.test(text)
  )
    return readConversation(text, place, parsing);
  if (name === "input" && /^\s*\{\s*"messages"\s*:/.test(text))
    return readConversation(text, place, parsing);
  return text;
}

function readNumber(text: string, place: ErrorPlace): number {
  const value = Number(text);
  if (Number.isNaN(value))
    throw new AttuneError("data", "the cell is no number", { ...place, got: preview(text) });
  return value;
}

/** JSON where it is a conversation; an answer may be a text that only looks like one. */
function readConversation(text: string, place: ErrorPlace, parsing: Parsing): unknown {
  try {
    let doubled: string | undefined;
    const value = parseJsonText(text, place, {
      ...parsing,
      twice: (key) => void (doubled ??= key),
    });
    if (![value].flat().every(isMessage) && !isInput(value)) return text;
    if (doubled !== undefined) parsing.twice(doubled);
    return value;
  } catch {
    return text;
  }
}

function isMessage(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    (("role" in value && "content" in value) || ("from" in value && "value" in value))
  );
}

function isInput(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    "messages" in value &&
    Array.isArray(value.messages)
  );
}
