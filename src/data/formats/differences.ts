/**
 * What differs between a record and the same record read back from a written row: what the writing
 * lost, in words.
 */
import { stringifyExactly } from "../../core/json.ts";
import type { Message } from "../../text/messages.ts";
import type { DataRecord, RankedRecord } from "../records.ts";
import type { DataFormat, MessagePart, ProvenanceField } from "./format.ts";
import { lostFields, MESSAGE_PARTS, PART_WORDS, PROVENANCE, swapped } from "./format.ts";
import { completionMessages, promptMessages } from "./messages.ts";

/**
 * Judgements may be written either way round: the better one first, of ties the one that was seen
 * first.
 */
function upright(record: DataRecord): DataRecord {
  if (record.kind !== "preference") return record;
  return record.p < 0.5 || (record.p === 0.5 && record.side === "second")
    ? swapped(record)
    : record;
}

/** The prompt and each answer, or the whole conversation. */
function sidesOf(record: DataRecord): (string | readonly Message[])[] {
  switch (record.kind) {
    case "text":
      return [record.text];
    case "conversation":
      return [record.messages];
    case "prompt":
      return [record.prompt];
    case "preference":
      return [record.prompt, record.chosen, record.rejected];
    case "ranked":
      return [record.prompt, ...record.completions.map(({ completion }) => completion)];
    default:
      return [record.prompt, record.completion];
  }
}

const same = (a: unknown, b: unknown): boolean =>
  stringifyExactly(sorted(a)) === stringifyExactly(sorted(b));

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value ?? null;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, sorted(item)] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** @param back as the format reads what it wrote */
export function differences(record: DataRecord, back: DataRecord, format: DataFormat): string[] {
  const [before, after] = [upright(record), upright(back)];
  const known = lostFields(record, format);
  if (before.kind !== after.kind) return [...known, `that it is ${before.kind} data`];
  const fields = before as DataRecord & Partial<Record<ProvenanceField, unknown>>;
  const others = after as DataRecord & Partial<Record<ProvenanceField, unknown>>;
  const lost = PROVENANCE.filter(
    (name) =>
      !known.includes(name) &&
      name !== "extra" &&
      fields[name] !== undefined &&
      !same(fields[name], others[name]) &&
      !isPlain(name, fields[name]),
  );
  const [sides, backSides] = [sidesOf(before), sidesOf(after)];
  const words =
    sides.length === backSides.length
      ? sides.flatMap((side, index) => sideDifferences(side, backSides[index]!, index, format))
      : ["how many answers there are"];
  const ranks =
    before.kind === "ranked" && after.kind === "ranked" ? rankDifferences(before, after) : [];
  return [
    ...new Set([...known, ...lost, ...words, ...ranks, ...extraDifferences(before, after, format)]),
  ];
}

/** Differences in what a format keeps under `extra`; a table turns its numbers into texts. */
function extraDifferences(
  { extra = {} }: DataRecord,
  { extra: after = {} }: DataRecord,
  { keeps, keepsExtra }: DataFormat,
): string[] {
  const kept = Object.keys(extra).filter((key) =>
    keepsExtra === undefined ? keeps.includes("extra") : keepsExtra.includes(key),
  );
  return kept
    .filter((key) => !same(extra[key], after[key]))
    .map(
      (key) => `that ${key} is ${Array.isArray(extra[key]) ? "a list" : `a ${typeof extra[key]}`}`,
    );
}

/** A tie that ends up as one, and a plain label, say what they did. */
const isPlain = (name: ProvenanceField, value: unknown): boolean =>
  name === "p" && (value === 0 || value === 1);

function sideDifferences(
  before: string | readonly Message[],
  after: string | readonly Message[],
  index: number,
  format: DataFormat,
): string[] {
  const form =
    typeof before === "string" && typeof after !== "string"
      ? ["that texts are texts, not turns"]
      : [];
  if (typeof before === "string" && typeof after === "string") return textDifference(before, after);
  const turns = (side: string | readonly Message[]): readonly Message[] =>
    index === 0 ? promptMessages(side) : completionMessages(side);
  const [a, b] = [turns(before), turns(after)];
  if (a.length !== b.length) return [...form, "where turns end"];
  return [...form, ...a.flatMap((message, turn) => turnDifferences(message, b[turn]!, format))];
}

function turnDifferences(
  before: Message,
  after: Message,
  { keepsParts = [] }: DataFormat,
): string[] {
  const role = before.role === after.role ? [] : [`the role ${before.role}`];
  const ids =
    before.tool_calls?.some(({ id }, index) => id !== after.tool_calls?.[index]?.id) === true
      ? [PART_WORDS.tool_call_id]
      : [];
  const bare = ({ tool_calls, ...rest }: Message): Partial<Record<MessagePart, unknown>> => ({
    ...rest,
    tool_calls: tool_calls?.map(({ function: called }) => called),
  });
  const parts = MESSAGE_PARTS.filter(
    (part) =>
      (keepsParts as readonly MessagePart[]).includes(part) &&
      !same(bare(before)[part], bare(after)[part]),
  ).map((part) => PART_WORDS[part]);
  return [...role, ...ids, ...parts, ...textDifference(before.content, after.content)];
}

function textDifference(before: string, after: string): string[] {
  if (before === after) return [];
  return [before.trim() === after.trim() ? "space around texts" : "words of a text"];
}

function rankDifferences(before: RankedRecord, after: RankedRecord): string[] {
  const of = ({ completions }: RankedRecord, name: "rank" | "score" | "model"): unknown[] =>
    completions.map((each) => each[name]);
  const lost = (["rank", "score", "model"] as const).filter((name) =>
    of(before, name).some(
      (value, index) => value !== undefined && value !== of(after, name)[index],
    ),
  );
  return lost.map((name) => ({ rank: "ranks", score: "scores", model: "names of models" })[name]);
}
