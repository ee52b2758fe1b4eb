/** What a data format must say, and what all formats share. */
import type { Completion, Message, Prompt } from "../../text/messages.ts";
import type { DataRecord, PreferenceRecord, RecordKind } from "../records.ts";
import type { BadReason } from "../bad-row.ts";
import type { Row } from "../readers/row.ts";
import type { FormatName } from "./names.ts";

/** One set of columns that a format is written in. */
export interface Shape {
  readonly kind: RecordKind;
  readonly required: readonly string[];
  readonly optional?: readonly string[];
}

/** What a record may carry besides prompt, completions and label. */
export const PROVENANCE = [
  "p",
  "margin",
  "annotator",
  "side",
  "models",
  "cluster",
  "source",
  "split",
  "extra",
  "comparisons",
  "tools",
  "templateArguments",
] as const;
export type ProvenanceField = (typeof PROVENANCE)[number];

/** What a message may carry besides role and content. */
export const MESSAGE_PARTS = [
  "name",
  "tool_calls",
  "tool_call_id",
  "reasoning_content",
  "weight",
] as const satisfies readonly (keyof Message)[];
export type MessagePart = (typeof MESSAGE_PARTS)[number];
export const PART_WORDS: Readonly<Record<MessagePart, string>> = {
  name: "names of speakers",
  tool_calls: "calls of tools",
  tool_call_id: "ids of calls",
  reasoning_content: "thoughts",
  weight: "marks of answers that are not learned",
};

export interface DataFormat {
  readonly name: FormatName;
  /** For people: what it is and where it comes from. */
  readonly title: string;
  readonly shapes: readonly Shape[];
  /** Further columns that its files are known to have; kept under `extra`. */
  readonly metadata: readonly string[];
  /** Columns that repeat what others say; not kept. */
  readonly derived?: readonly string[];
  /** What a null in a required column means, where it means something. */
  readonly nullReasons?: Readonly<Record<string, BadReason>>;
  /**
   * Reasons for which its files leave rows out by nature; such rows are counted and never stop the
   * reading.
   */
  readonly leavesOut?: readonly BadReason[];
  /** Whether a row looks like this format. */
  detect(row: Row): boolean;
  /**
   * @throws AttuneError `data` for a missing column or a wrong type; BadRow for a row that cannot
   * be used
   */
  read(row: Row, notes: Notes): DataRecord;
  /** Several records of one row, where it has judgements of several people. */
  readAll?(row: Row, notes: Notes): DataRecord[];
  /** Names of columns are its users' own: it says itself what it does not keep. */
  readonly knowsAllColumns?: true;
  /** Kinds of record that it can hold; empty for a format that is only read. */
  readonly writes: readonly RecordKind[];
  /** What of the provenance it holds; everything else a write loses. */
  readonly keeps: readonly ProvenanceField[];
  /**
   * What of its messages it holds besides role and content; nothing where left out. A record with
   * calls cannot go where they are not held.
   */
  readonly keepsParts?: readonly MessagePart[];
  /** How it writes the column tools, where it has one: a list, or its JSON text. */
  readonly toolColumn?: "list" | "text";
  /** It holds ties, though not other probabilities. */
  readonly keepsTies?: boolean;
  /** Names under `extra` that it holds, where it does not hold all. */
  readonly keepsExtra?: readonly string[];
  /** Further losses of a write, in words. */
  readonly loses?: readonly string[];
  write?(record: DataRecord): WrittenRow;
}

/** Counts things that were read but not kept, by a short text. */
export interface Notes {
  note(what: string): void;
}

/** A row, or why a record cannot be expressed. */
export type WrittenRow =
  | { readonly row: Readonly<Record<string, unknown>> }
  | { readonly leftOut: string };

/** Columns of published data sets that describe a row; kept under `extra` in every format. */
const COMMON_METADATA: ReadonlySet<string> = new Set([
  "id",
  "idx",
  "index",
  "uid",
  "uuid",
  "row_id",
  "prompt_id",
  "question_id",
  "conversation_id",
  "dataset",
  "subset",
  "split",
  "category",
  "categories",
  "topic",
  "type",
  "task",
  "language",
  "lang",
  "model",
  "models",
  "generator",
  "chosen_model",
  "rejected_model",
  "score_chosen",
  "score_rejected",
  "chosen_score",
  "rejected_score",
  "chosen_rating",
  "rejected_rating",
  "chosen-rating",
  "rejected-rating",
  "chosen-model",
  "rejected-model",
  "timestamp",
  "tstamp",
  "created_at",
  "updated_at",
  "created",
  "metadata",
  "meta",
  "tags",
  "url",
  "license",
  "num_tokens",
  "num_turns",
]);

/** Columns that a format reads into records, in any of its shapes. */
export function shapeColumns({ shapes }: DataFormat): string[] {
  return [...new Set(shapes.flatMap(columnsOf))];
}

export function columnsOf({ required, optional }: Shape): string[] {
  return [...required, ...(optional ?? [])];
}

/** Whether a column describes a row instead of being read into its record. */
export function isMetadataColumn(name: string, format: DataFormat): boolean {
  return COMMON_METADATA.has(name) || format.metadata.includes(name);
}

export function hasColumns({ columns }: Row, ...names: readonly string[]): boolean {
  return names.every((name) => columns[name] !== undefined && columns[name] !== null);
}

/** The columns of a row that are kept aside; undefined where there are none. */
export function extraOf({ columns }: Row, format: DataFormat): Record<string, unknown> | undefined {
  const isRead = (name: string): boolean =>
    format.shapes.some(
      (shape) => shape.required.includes(name) || shape.optional?.includes(name) === true,
    );
  const entries = Object.entries(columns).filter(
    ([name, value]) =>
      value !== null && value !== undefined && isMetadataColumn(name, format) && !isRead(name),
  );
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/**
 * Fields of a record and parts of its messages that a format does not hold; a plain label (p of 0
 * or 1) is no loss.
 */
export function lostFields(
  record: DataRecord,
  { keeps, keepsParts, keepsTies, keepsExtra }: DataFormat,
): string[] {
  const fields = record as DataRecord & Partial<Record<ProvenanceField, unknown>>;
  const lost = PROVENANCE.filter((name) => {
    if (keeps.includes(name) || fields[name] === undefined) return false;
    if (name === "extra")
      return Object.keys(record.extra!).some((key) => keepsExtra?.includes(key) !== true);
    return !(
      name === "p" &&
      (fields.p === 0 || fields.p === 1 || (keepsTies === true && fields.p === 0.5))
    );
  });
  return [
    ...lost,
    ...MESSAGE_PARTS.filter(
      (part) => keepsParts?.includes(part) !== true && hasPart(record, part),
    ).map((part) => PART_WORDS[part]),
  ];
}

/** Every message of a record. */
export function messagesIn(record: DataRecord): Message[] {
  const turns = (side: Prompt | Completion): readonly Message[] =>
    typeof side === "string" ? [] : side;
  switch (record.kind) {
    case "text":
      return [];
    case "conversation":
      return [...record.messages];
    case "prompt":
      return [...turns(record.prompt)];
    case "preference":
      return [record.prompt, record.chosen, record.rejected].flatMap(turns);
    case "ranked":
      return [record.prompt, ...record.completions.map(({ completion }) => completion)].flatMap(
        turns,
      );
    default:
      return [record.prompt, record.completion].flatMap(turns);
  }
}

const hasPart = (record: DataRecord, part: MessagePart): boolean =>
  messagesIn(record).some((message) => message[part] !== undefined);

/** Why a record cannot go into a format: without its calls a conversation says something else. */
export function callsWithoutPlace(
  record: DataRecord,
  { keepsParts }: DataFormat,
): string | undefined {
  return keepsParts?.includes("tool_calls") !== true && hasPart(record, "tool_calls")
    ? "a turn that calls a tool"
    : undefined;
}

/** Kinds of record that have the field; all where it is not named. */
const FIELD_KINDS: Readonly<Partial<Record<ProvenanceField, readonly RecordKind[]>>> = {
  p: ["preference"],
  margin: ["preference"],
  side: ["preference"],
  models: ["preference"],
  annotator: ["preference", "unpaired", "ranked"],
  comparisons: ["ranked"],
};

/** What writing a format always loses, in words; for help texts. */
export function lossesOf({
  keeps,
  keepsParts,
  keepsTies,
  keepsExtra,
  writes,
  loses,
}: DataFormat): string[] {
  const lost = PROVENANCE.filter(
    (field) =>
      !keeps.includes(field) &&
      (FIELD_KINDS[field] ?? writes).some((kind) => writes.includes(kind)),
  );
  const words: Partial<Record<ProvenanceField, string>> = {
    templateArguments: "template arguments",
    ...(keepsTies === true ? {} : { p: "p and ties" }),
    ...(keepsExtra === undefined ? {} : { extra: `extra but for ${keepsExtra.join(", ")}` }),
  };
  const parts = writes.every((kind) => kind === "text")
    ? []
    : MESSAGE_PARTS.filter((part) => keepsParts?.includes(part) !== true).map(
        (part) => PART_WORDS[part],
      );
  return [...lost.map((field) => words[field] ?? field), ...parts, ...(loses ?? [])];
}

export const TIE = "a tie: the format knows only a better and a worse one";

/**
 * The pair with the better completion as chosen; undefined for a tie. For formats without
 * probabilities.
 */
export function withBetterAsChosen(record: PreferenceRecord): PreferenceRecord | undefined {
  if (record.p === 0.5) return undefined;
  return record.p > 0.5 ? record : swapped(record);
}

/** The same judgement with chosen and rejected exchanged. */
export function swapped(record: PreferenceRecord): PreferenceRecord {
  const { chosen, rejected, p, margin, side, models } = record;
  return {
    ...record,
    chosen: rejected,
    rejected: chosen,
    p: 1 - p,
    ...(margin === undefined ? {} : { margin: -margin }),
    ...(side === undefined ? {} : { side: side === "first" ? "second" : "first" }),
    ...(models === undefined
      ? {}
      : { models: { chosen: models.rejected, rejected: models.chosen } }),
  };
}
