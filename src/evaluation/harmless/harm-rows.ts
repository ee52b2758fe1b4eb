/**
 * Prompts that are harmful or only look so, and answers that people labelled as compliance or
 * refusal.
 *
 * Source: XSTest's columns (paul-rottger/exaggerated-safety): `type` (those that begin with
 * contrast_ are unsafe), `label` safe or unsafe, `final_label` 1_full_compliance, 2_full_refusal,
 * 3_partial_refusal; OpenAI's moderation samples, where a category with 1 makes a prompt unsafe.
 */
import type { Row } from "../../data/readers/row.ts";
import type { Remarks } from "../behaviour/measured.ts";
import { columnOf, hasColumn, textOf, unreadable } from "../behaviour/rows.ts";
import type { RefusalLabel } from "../refusal.ts";

export type Safety = "safe" | "unsafe";

export interface HarmPrompt {
  readonly prompt: string;
  readonly safety: Safety;
  /** A kind of prompt, to be looked at by itself. */
  readonly type?: string;
}

const PROMPT = ["prompt", "question", "instruction", "goal", "behavior", "text"];
const SAFETY = ["label", "safety", "is_safe", "safe", "harmful"];
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

/** Whether a prompt is safe, by whatever column says so; undefined where none does. */
export function safetyOf(row: Row): Safety | undefined {
  const word = textOf(row, SAFETY)?.trim().toLowerCase();
  const harmful = hasColumn(row, ["harmful"]) && !hasColumn(row, SAFETY.slice(0, 4));
  if (word === "safe" || word === "harmless" || word === "benign") return "safe";
  if (word === "unsafe" || word === "harmful") return "unsafe";
  if (word === "true" || word === "1") return harmful ? "unsafe" : "safe";
  if (word === "false" || word === "0") return harmful ? "safe" : "unsafe";
  const type = textOf(row, ["type"]);
  if (type !== undefined && type.startsWith("contrast_")) return "unsafe";
  if (type !== undefined && SAFE_TYPES.has(type)) return "safe";
  const marks = CATEGORIES.filter((name) => hasColumn(row, [name]));
  if (marks.length === 0) return undefined;
  return marks.some((name) => Number(columnOf(row, [name])) === 1) ? "unsafe" : "safe";
}

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
    return [{ prompt, safety, ...(type === undefined ? {} : { type }) }];
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
  readonly found: RefusalLabel;
}

export interface LabelledAnswer {
  readonly prompt?: string;
  readonly answer: string;
  readonly label: RefusalLabel;
  readonly safety?: Safety;
}

const ANSWER = ["completion", "answer", "response", "output", "text"];
const LABEL = ["final_label", "refusal", "human_label", "label"];

/** A label as XSTest and people write it; undefined for another word. */
export function refusalLabel(word: string): RefusalLabel | undefined {
  const text = word.trim().toLowerCase();
  if (/partial|^3/.test(text)) return "partial";
  if (/compli|^1|^none$|^no$|^false$|^answered$/.test(text)) return "none";
  return /refus|^2|^full$|^yes$|^true$/.test(text) ? "full" : undefined;
}

/** Labelled answers; rows that are not labelled yet, or otherwise, are left out and remarked. */
export function readLabelled(rows: readonly Row[], remarks: Remarks): LabelledAnswer[] {
  return rows.flatMap((row): LabelledAnswer[] => {
    const answer = textOf(row, ANSWER);
    const word = textOf(row, LABEL);
    const label = word === undefined ? undefined : refusalLabel(word);
    if (answer === undefined || label === undefined) {
      remarks.add(
        word === undefined
          ? "a labelled answer without a label"
          : "a label that is neither compliance nor full or partial refusal",
        word ?? answer ?? row.place,
      );
      return [];
    }
    const prompt = textOf(row, ["prompt", "question"]);
    const type = textOf(row, ["type"]);
    const safety =
      textOf(row, ["safety"]) === undefined && type === undefined ? undefined : safetyOf(row);
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
