/**
 * Prompts that are harmful or only look so, and answers that people labelled as compliance or
 * refusal.
 *
 * Source: XSTest's columns (paul-rottger/exaggerated-safety): `type` (those that begin with
 * contrast_ are unsafe), `label` safe or unsafe, `final_label` 1_full_compliance, 2_full_refusal,
 * 3_partial_refusal; OpenAI's moderation samples, where a category with 1 makes a prompt unsafe.
 */
import { AttuneError, preview } from "../../core/errors.ts";
import { compact } from "../../data/records.ts";
import type { Row } from "../../data/readers/row.ts";
import type { Remarks } from "../behaviour/measured.ts";
import { columnOf, fileOf, hasColumn, textOf, unreadable } from "../behaviour/rows.ts";
import type { RefusalLabel } from "../refusal.ts";
import type { Outcome } from "./outcome.ts";

export type Safety = "safe" | "unsafe";

export interface HarmPrompt {
  readonly prompt: string;
  readonly safety: Safety;
  /** A kind of prompt, to be looked at by itself. */
  readonly type?: string;
  /** The file that it stands in, without folders. */
  readonly file?: string;
}

const PROMPT = ["prompt", "question", "instruction", "goal", "behavior", "text"];
/** Columns whose name says what a 1 or a true means. */
const NAMED: Readonly<Record<string, Safety>> = {
  is_safe: "safe",
  safe: "safe",
  is_unsafe: "unsafe",
  unsafe: "unsafe",
  is_harmful: "unsafe",
  harmful: "unsafe",
};
/** Columns that hold words: of a 1 they do not say which it is. */
const WORDED = ["label", "safety"];
const SAFETY_WORDS: Readonly<Record<string, Safety>> = {
  safe: "safe",
  harmless: "safe",
  benign: "safe",
  unsafe: "unsafe",
  harmful: "unsafe",
};
const YES = new Set(["1", "true", "yes"]);
const NO = new Set(["0", "false", "no"]);
const TYPE = ["type", "category", "subset"];
const CATEGORIES = ["S", "H", "V", "HR", "SH", "S3", "H2", "V2"];
const SAFE_TYPES = new Set([
  "homonyms",
  "figurative_language",
  "safe_targets",
  "safe_contexts",
  "definitions",
  "nons_group_real_discr",
  "real_group_nons_discr",
  "historical_events",
  "privacy_public",
  "privacy_fictional",
]);

/** What rows without a word on it are taken for. */
export type Assumption = Safety | "refuse";

/**
 * Whether a prompt is safe, by whatever column says so; undefined where none does.
 * @throws AttuneError `data` for a truth value in a column whose name does not say of what
 */
export function safetyOf(row: Row): Safety | undefined {
  for (const [name, yes] of Object.entries(NAMED)) {
    const word = wordIn(row, name);
    if (word === undefined) continue;
    if (SAFETY_WORDS[word] !== undefined) return SAFETY_WORDS[word];
    if (YES.has(word)) return yes;
    if (NO.has(word)) return yes === "safe" ? "unsafe" : "safe";
  }
  for (const name of WORDED) {
    const word = wordIn(row, name);
    if (word === undefined) continue;
    if (SAFETY_WORDS[word] !== undefined) return SAFETY_WORDS[word];
    if (YES.has(word) || NO.has(word))
      throw new AttuneError("data", `nothing says whether ${word} is safe or unsafe`, {
        ...row.place,
        column: name,
        got: preview(columnOf(row, [name])),
        expected: "safe or unsafe; or 1 and 0 in a column called safe, unsafe or harmful",
        hint: `rename the column ${name} to what its 1 means: unsafe, harmful or safe`,
      });
  }
  const type = textOf(row, ["type"]);
  if (type !== undefined && type.startsWith("contrast_")) return "unsafe";
  if (type !== undefined && SAFE_TYPES.has(type)) return "safe";
  const marks = CATEGORIES.filter((name) => hasColumn(row, [name]));
  if (marks.length === 0) return undefined;
  return marks.some((name) => Number(columnOf(row, [name])) === 1) ? "unsafe" : "safe";
}

const wordIn = (row: Row, name: string): string | undefined =>
  textOf(row, [name])?.trim().toLowerCase();

function typeOf(row: Row): string | undefined {
  const type = textOf(row, TYPE);
  if (type !== undefined) return type;
  const marked = CATEGORIES.filter((name) => Number(columnOf(row, [name])) === 1);
  return marked.length > 0 ? marked.join("+") : undefined;
}

/** @throws AttuneError `data` where no row is a prompt of which it is known whether it is safe */
export function readHarmPrompts(
  rows: readonly Row[],
  assumption: Assumption,
  remarks: Remarks,
): HarmPrompt[] {
  const prompts = rows.flatMap((row): HarmPrompt[] => {
    const prompt = textOf(row, PROMPT);
    const said = safetyOf(row);
    if (prompt === undefined) {
      remarks.add("no prompt", row.place);
      return [];
    }
    if (said === undefined && assumption === "refuse") {
      remarks.add("nothing says whether the prompt is safe", prompt);
      return [];
    }
    if (said === undefined)
      remarks.add(`taken for ${assumption}, as was said: no column tells`, prompt);
    const safety = said ?? (assumption as Safety);
    const type = typeOf(row);
    return [compact({ prompt, safety, type, file: fileOf(row) }) as HarmPrompt];
  });
  if (prompts.length === 0)
    throw unreadable(
      rows,
      "prompt with type (XSTest's), label safe or unsafe, or OpenAI's categories; or --assume says " +
        "what all prompts are",
    );
  return prompts;
}

/** A prompt with the answer, and what was told of it. */
export interface ToldAnswer {
  readonly prompt: HarmPrompt;
  readonly answer: string;
  readonly found: Outcome;
}

export interface LabelledAnswer {
  readonly prompt?: string;
  readonly answer: string;
  readonly label: RefusalLabel;
  readonly safety?: Safety;
}

const ANSWER = ["completion", "answer", "response", "output", "text"];
const LABEL = ["final_label", "refusal", "human_label", "label"];

/** Labels as XSTest and people write them; hyphens and underscores stand for spaces. */
const LABEL_WORDS: Readonly<Record<RefusalLabel, string>> = {
  none:
    "1 full compliance|full compliance|compliance|complies|complied|comply|none|no refusal|" +
    "non refusal|not refusal|not a refusal|not refused|not refusing|answered",
  partial: "3 partial refusal|partial refusal|partial|partially refused",
  full:
    "2 full refusal|full refusal|refusal|refuses|refused|refuse|full|fully refused|" +
    "non compliance|noncompliance|no compliance|not compliance|not complied|non compliant|" +
    "not compliant",
};
/** What stands for a label in a column of one name alone. */
const SHORT: Readonly<Record<string, Readonly<Record<string, RefusalLabel>>>> = {
  final_label: { 1: "none", 2: "full", 3: "partial" },
  refusal: { 1: "full", true: "full", yes: "full", 0: "none", false: "none", no: "none" },
};

/** A label, by the words that are known and no others; undefined for another word. */
export function refusalLabel(word: string, column = "label"): RefusalLabel | undefined {
  const text = word
    .trim()
    .toLowerCase()
    .replaceAll(/[\s_-]+/g, " ");
  const [label] =
    Object.entries(LABEL_WORDS).find(([, words]) => words.split("|").includes(text)) ?? [];
  return (label as RefusalLabel | undefined) ?? SHORT[column]?.[text];
}

/** @throws AttuneError `data` for a label that is not known */
function labelOf(row: Row): { column: string; label: RefusalLabel } | undefined {
  const column = LABEL.find((name) => textOf(row, [name]) !== undefined);
  if (column === undefined) return undefined;
  const word = textOf(row, [column])!;
  const label = refusalLabel(word, column);
  if (label !== undefined) return { column, label };
  throw new AttuneError("data", "a label that is neither compliance nor full or partial refusal", {
    ...row.place,
    column,
    got: preview(word),
    expected:
      "full compliance, partial refusal or full refusal; 1, 2 or 3 under final_label (XSTest's); " +
      "1 or 0, yes or no, true or false under refusal",
  });
}

/**
 * Labelled answers; rows that are not labelled yet are left out and remarked.
 * @throws AttuneError `data` for a label that is not known
 */
export function readLabelled(rows: readonly Row[], remarks: Remarks): LabelledAnswer[] {
  return rows.flatMap((row): LabelledAnswer[] => {
    const answer = textOf(row, ANSWER);
    const found = labelOf(row);
    if (answer === undefined || found === undefined) {
      remarks.add(
        found === undefined ? "a labelled answer without a label" : "a label without an answer",
        answer ?? row.place,
      );
      return [];
    }
    const { column, label } = found;
    const prompt = textOf(row, ["prompt", "question"]);
    const type = textOf(row, ["type"]);
    const untold = textOf(row, ["safety"]) === undefined && type === undefined;
    // a column that says whether it was refused does not say whether it is safe
    const rest = { ...row, columns: { ...row.columns, [column]: undefined } };
    const safety = untold ? undefined : safetyOf(rest);
    return [
      {
        ...(prompt === undefined ? {} : { prompt }),
        answer,
        label,
        ...(safety === undefined ? {} : { safety }),
      },
    ];
  });
}
