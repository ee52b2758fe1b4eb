/**
 * What a method reads, for errors: the columns that it needs and how a data set's own names are
 * given to it.
 */
import { AttuneError, nearest } from "../../core/errors.ts";
import type { Row } from "../readers/row.ts";
import type { RecordKind } from "../records.ts";
import { FORMAT_NAMES } from "./names.ts";

interface Need {
  /** The columns, in the plainest form. */
  readonly columns: readonly string[];
  /** Other forms, in words. */
  readonly or?: string;
  /** Kinds of record that do. */
  readonly from: readonly RecordKind[];
}

const NEEDS: Readonly<Record<RecordKind, Need>> = {
  preference: { columns: ["prompt", "chosen", "rejected"], from: ["preference", "ranked"] },
  demonstration: {
    columns: ["prompt", "completion"],
    or: "messages, or text",
    from: ["demonstration", "conversation", "text", "preference", "ranked", "unpaired"],
  },
  conversation: {
    columns: ["messages"],
    from: ["conversation", "demonstration", "preference", "ranked", "unpaired"],
  },
  text: { columns: ["text"], from: ["text"] },
  unpaired: {
    columns: ["prompt", "completion", "label"],
    or: "pairs: prompt, chosen, rejected",
    from: ["unpaired", "preference", "ranked"],
  },
  ranked: { columns: ["prompt", "completions"], from: ["ranked"] },
  prompt: {
    columns: ["prompt"],
    or: "messages",
    from: ["prompt", "demonstration", "conversation", "preference", "ranked", "unpaired"],
  },
};

/** `prompt, completion (or messages, or text)`. */
export function neededColumns(kind: RecordKind): string {
  const { columns, or } = NEEDS[kind];
  return `columns ${columns.join(", ")}${or === undefined ? "" : ` (or ${or})`}`;
}

/** Whether records of a kind give a method what it needs. */
export const satisfiesNeed = (kind: RecordKind, needs: RecordKind): boolean =>
  NEEDS[needs].from.includes(kind);

/** Names that people give to what a column holds. */
const SYNONYMS: Readonly<Record<string, readonly string[]>> = {
  prompt: [
    "question",
    "query",
    "instruction",
    "input",
    "request",
    "user",
    "problem",
    "context",
    "prompt_text",
  ],
  completion: [
    "answer",
    "response",
    "output",
    "reply",
    "assistant",
    "target",
    "solution",
    "completion_text",
  ],
  chosen: [
    "better",
    "preferred",
    "good",
    "best",
    "win",
    "winner",
    "winning",
    "accepted",
    "positive",
    "chosen_response",
    "response_chosen",
    "answer_chosen",
  ],
  rejected: [
    "worse",
    "dispreferred",
    "bad",
    "worst",
    "lose",
    "loser",
    "losing",
    "negative",
    "rejected_response",
    "response_rejected",
    "answer_rejected",
  ],
  messages: ["conversation", "dialog", "dialogue", "chat", "turns", "message"],
  label: ["tag", "thumbs", "feedback", "liked", "desirable", "is_chosen", "good"],
  text: ["content", "body", "document"],
};

/**
 * `--columns prompt=question,chosen=better,rejected=COLUMN`, guessed where a name says it;
 * undefined where nothing is missing, or guessed.
 */
export function renameHint(
  kind: RecordKind,
  names: readonly string[],
  { guessed = false }: { guessed?: boolean } = {},
): string | undefined {
  const missing = NEEDS[kind].columns.filter((column) => !names.includes(column));
  if (missing.length === 0) return undefined;
  const free = names.filter((name) => !NEEDS[kind].columns.includes(name));
  const pairs = missing.map((column) => {
    const guess =
      free.find((name) => SYNONYMS[column]?.includes(name.toLowerCase())) ?? nearest(column, free);
    if (guess !== undefined) free.splice(free.indexOf(guess), 1);
    return `${column}=${guess ?? "COLUMN"}`;
  });
  if (guessed && pairs.every((pair) => pair.endsWith("=COLUMN"))) return undefined;
  return `say which columns hold them: --columns ${pairs.join(",")}`;
}

/**
 * The same where nobody says what the columns are to hold, and the names tell it of every one;
 * pairs before answers.
 */
export function guessedColumns(names: readonly string[]): string | undefined {
  const hints = (["preference", "unpaired", "demonstration"] as const).map((kind) =>
    renameHint(kind, names),
  );
  return hints.find((hint) => hint !== undefined && !hint.includes("=COLUMN"));
}

/**
 * The error for a row that lacks what a method needs, whatever format it is nearest to; undefined
 * where it lacks nothing.
 * @param of what is wrong: all of the data, or this row
 */
export function lackingError(
  { columns, place }: Row,
  kind: RecordKind,
  of: "data" | "row",
): AttuneError | undefined {
  const names = Object.keys(columns);
  const hint = renameHint(kind, names);
  if (hint === undefined) return undefined;
  const missing = NEEDS[kind].columns.filter((column) => !names.includes(column));
  return new AttuneError("data", `the ${of} has no column ${missing.join(", ")}`, {
    ...place,
    got: names.length === 0 ? "no columns" : names.join(", "),
    expected:
      neededColumns(kind) +
      (of === "row" ? "" : `, or one of the formats ${FORMAT_NAMES.join(", ")}`),
    hint,
  });
}
