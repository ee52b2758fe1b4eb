/**
 * What says whether an answer is good: KTO's `label`, LLaMA-Factory's `kto_tag`, and the names and
 * words that people's own data has for it. A column that looks like one is read as one or refused;
 * passing it over would teach the bad answers.
 */
import { AttuneError, preview } from "../../core/errors.ts";
import type { Row } from "../readers/row.ts";
import { fault, value } from "./columns.ts";
import { hasColumns } from "./format.ts";

const LABELS = new Set([
  "label",
  "labels",
  "kto_tag",
  "kto_label",
  "tag",
  "thumb",
  "thumbs",
  "thumbs_up",
  "thumb_up",
  "feedback",
  "user_feedback",
  "like",
  "liked",
  "is_liked",
  "upvote",
  "upvoted",
  "vote",
  "is_chosen",
  "is_good",
  "good",
  "is_desirable",
  "desirable",
  "is_preferred",
  "preferred",
  "is_positive",
  "positive",
  "accept",
  "accepted",
  "is_accepted",
  "approved",
  "is_correct",
  "binary_label",
  "sentiment",
]);
/** Judgements by degree: which of them are good is not ours to say. */
const DEGREES = new Set([
  "score",
  "scores",
  "rating",
  "ratings",
  "reward",
  "rank",
  "ranks",
  "quality",
  "stars",
  "grade",
  "preference",
  "verdict",
  "judgement",
  "judgment",
  "winner",
  "weight",
  "sample_weight",
]);

const GOOD = [
  "true",
  "1",
  "1.0",
  "+1",
  "yes",
  "y",
  "good",
  "up",
  "thumbs_up",
  "thumbs up",
  "thumb_up",
  "thumbsup",
  "👍",
  "like",
  "liked",
  "desirable",
  "chosen",
  "accept",
  "accepted",
  "approved",
  "positive",
  "pos",
  "upvote",
  "upvoted",
  "preferred",
  "correct",
];
const BAD = [
  "false",
  "0",
  "0.0",
  "-1",
  "no",
  "n",
  "bad",
  "down",
  "thumbs_down",
  "thumbs down",
  "thumb_down",
  "thumbsdown",
  "👎",
  "dislike",
  "disliked",
  "undesirable",
  "rejected",
  "reject",
  "negative",
  "neg",
  "downvote",
  "downvoted",
  "dispreferred",
  "incorrect",
  "wrong",
];
const WORDS = new Map<string, boolean>([
  ...GOOD.map((word) => [word, true] as const),
  ...BAD.map((word) => [word, false] as const),
]);

/** Whether a column's name says that it judges. */
export const looksLikeJudgement = (name: string): boolean =>
  LABELS.has(name.toLowerCase()) || DEGREES.has(name.toLowerCase());

/** Undefined for what is neither. */
export function labelOf(found: unknown): boolean | undefined {
  if (typeof found === "boolean") return found;
  if (typeof found === "number" || typeof found === "string")
    return WORDS.get(String(found).trim().toLowerCase());
  return undefined;
}

/** @throws AttuneError `data` for what is neither good nor bad */
export function readLabel(row: Row, column: string): boolean {
  const label = labelOf(value(row, column));
  if (label !== undefined) return label;
  throw fault(
    row,
    column,
    "is no truth value",
    row.columns[column],
    "true or false, 1 or 0, or words such as good and bad",
  );
}

/**
 * Columns that make a row one judged answer once a label stands beside them, and the label's name
 * there.
 */
const ANSWERS: readonly { readonly columns: readonly string[]; readonly label: string }[] = [
  { columns: ["prompt", "completion"], label: "label" },
  { columns: ["messages"], label: "label" },
  { columns: ["conversations"], label: "label" },
  { columns: ["instruction", "output"], label: "kto_tag" },
];

export interface LabelColumn {
  /** The column's name in the data. */
  readonly name: string;
  /** The column that formats know it as. */
  readonly label: string;
}

/**
 * The column of the rows that is a label under another name; undefined where there is none.
 * @throws AttuneError `data` where there are two
 */
export function findLabel(
  rows: readonly Row[],
  ignored: ReadonlySet<string>,
): LabelColumn | undefined {
  const first = rows[0]!;
  const answer = ANSWERS.find(({ columns }) => hasColumns(first, ...columns));
  if (
    answer === undefined ||
    rows.some(
      (row) =>
        row.columns["label"] !== undefined ||
        row.columns["kto_tag"] !== undefined ||
        row.columns["chosen"] !== undefined,
    )
  )
    return undefined;
  const candidates = Object.keys(first.columns).filter(
    (name) => LABELS.has(name.toLowerCase()) && !ignored.has(name) && isLabel(rows, name),
  );
  const [name, other] = candidates;
  if (name === undefined) return undefined;
  if (other !== undefined)
    throw new AttuneError("data", `the columns ${candidates.join(" and ")} may both be the label`, {
      ...first.place,
      got: preview(first.columns),
      hint: `name it: --columns label=${name}`,
    });
  return { name, label: answer.label };
}

function isLabel(rows: readonly Row[], name: string): boolean {
  const values = rows
    .map(({ columns }) => columns[name])
    .filter((found) => found !== null && found !== undefined);
  return values.length > 0 && values.every((found) => labelOf(found) !== undefined);
}
