/**
 * Published evaluation sets, read as prompts or as demonstrations with their labels kept under
 * `extra`: XSTest (prompts and labelled completions), OpenAI's moderation samples, Anthropic's
 * model-written evaluations. They are not written.
 * Sources: paul-rottger/exaggerated-safety; openai/moderation-api-release; anthropics/evals.
 */
import type { DataRecord } from "../records.ts";
import { compact } from "../records.ts";
import type { Row } from "../readers/row.ts";
import * as column from "./columns.ts";
import type { DataFormat } from "./format.ts";
import { extraOf, hasColumns } from "./format.ts";

export const xstest: DataFormat = {
  name: "xstest",
  title: "XSTest: prompts that are or only look unsafe, and labelled answers",
  shapes: [
    { kind: "demonstration", required: ["prompt", "completion"], optional: ["final_label"] },
    { kind: "prompt", required: ["prompt"], optional: ["label", "focus"] },
  ],
  metadata: [
    "id",
    "type",
    "label",
    "focus",
    "note",
    "annotation_1",
    "annotation_2",
    "agreement",
    "final_label",
  ],
  detect: (row) =>
    hasColumns(row, "prompt", "type") &&
    (hasColumns(row, "focus", "label") || hasColumns(row, "completion", "final_label")),
  read(row) {
    const prompt = [{ role: "user" as const, content: column.text(row, "prompt") }];
    const extra = withColumns(row, xstest, ["label", "focus", "final_label"]);
    if (!hasColumns(row, "completion")) return { kind: "prompt", prompt, extra, place: row.place };
    return {
      kind: "demonstration",
      prompt,
      completion: [{ role: "assistant", content: column.text(row, "completion").trim() }],
      extra,
      place: row.place,
    };
  },
  writes: [],
  keeps: [],
};

const CATEGORIES = ["S", "H", "V", "HR", "SH", "S3", "H2", "V2"];

export const openaiModeration: DataFormat = {
  name: "openai-moderation",
  title: "OpenAI's moderation samples: prompts with harm categories",
  shapes: [{ kind: "prompt", required: ["prompt"], optional: CATEGORIES }],
  metadata: [],
  detect: (row) =>
    hasColumns(row, "prompt") &&
    CATEGORIES.some((name) => hasColumns(row, name)) &&
    Object.keys(row.columns).every((name) => name === "prompt" || CATEGORIES.includes(name)),
  read: (row) => ({
    kind: "prompt",
    prompt: [{ role: "user", content: column.text(row, "prompt") }],
    extra: withColumns(row, openaiModeration, CATEGORIES),
    place: row.place,
  }),
  writes: [],
  keeps: [],
};

export const anthropicEvals: DataFormat = {
  name: "anthropic-evals",
  title: "Anthropic's model-written evaluations: questions with the answer that shows a behaviour",
  shapes: [
    {
      kind: "prompt",
      required: ["question", "answer_matching_behavior", "answer_not_matching_behavior"],
      optional: ["statement", "label_confidence"],
    },
    { kind: "prompt", required: ["prompt", "corrects", "incorrects"] },
  ],
  metadata: [],
  detect: (row) =>
    hasColumns(row, "question", "answer_matching_behavior") ||
    hasColumns(row, "prompt", "corrects", "incorrects"),
  read(row): DataRecord {
    const name = hasColumns(row, "question") ? "question" : "prompt";
    const kept = [
      "answer_matching_behavior",
      "answer_not_matching_behavior",
      "statement",
      "label_confidence",
      "corrects",
      "incorrects",
    ];
    return {
      kind: "prompt",
      prompt: [{ role: "user", content: column.text(row, name) }],
      extra: withColumns(row, anthropicEvals, kept),
      place: row.place,
    };
  },
  writes: [],
  keeps: [],
};

/** The metadata together with columns of the format that no record has a place for. */
function withColumns(
  row: Row,
  format: DataFormat,
  names: readonly string[],
): Record<string, unknown> {
  return {
    ...extraOf(row, format),
    ...compact(Object.fromEntries(names.map((name) => [name, row.columns[name] ?? undefined]))),
  };
}
