/**
 * What a data set holds and what is odd about it: counts, lengths, duplicates, ties, contexts that
 * differ, contradictions, prompts that leak between parts, and how far "take the shorter" or "take
 * the longer" would get.
 */
import { wilson } from "../stats/intervals.ts";
import type { Completion, Prompt } from "../text/messages.ts";
import { completionText, promptText } from "../text/messages.ts";
import { convertRecord } from "./conversions.ts";
import type { Dataset, DataSource, LoadOptions } from "./dataset.ts";
import { loadDataset } from "./dataset.ts";
import { shortPath } from "./files.ts";
import { promptKey } from "./split.ts";
import type { DataRecord, PreferenceRecord, RecordOf } from "./records.ts";
import { SPLITS } from "./records.ts";

export interface InspectOptions extends LoadOptions {
  /** Counts tokens too: the number of tokens of a text. */
  readonly countTokens?: (text: string) => number;
  /** How many records to show. */
  readonly examples?: number;
  /** Characters of each text of an example. */
  readonly exampleLength?: number;
}

/** What is told of a list of lengths. */
export interface Summary {
  readonly count: number;
  readonly mean: number;
  readonly min: number;
  readonly median: number;
  /** The smallest length that 95% of the others do not exceed. */
  readonly p95: number;
  readonly max: number;
}

/** A share with its 95% interval (Wilson). */
export interface Share {
  readonly count: number;
  readonly of: number;
  readonly share: number;
  readonly low: number;
  readonly high: number;
}

export interface PreferenceFacts {
  readonly pairs: number;
  /** Ties: pairs with p = 0.5. */
  readonly ties: number;
  /** Pairs with a probability other than 0, 0.5 and 1. */
  readonly probabilities: number;
  readonly margins: number;
  readonly contextsDiffer: number;
  /** Pairs of which another row says the opposite. */
  readonly contradictions: number;
  /**
   * Of the pairs that are no ties: the better answer is the shorter, the longer, or as long, in
   * characters.
   */
  readonly chosenShorter: Share;
  readonly chosenLonger: Share;
  readonly sameLength: number;
  readonly annotators: number;
  readonly clusters: number;
}

export interface Leak {
  readonly between: readonly [string, string];
  /** Prompts that are in both. */
  readonly prompts: number;
  readonly examples: readonly string[];
}

export interface Inspection {
  readonly source: string;
  readonly format: string;
  readonly rows: number;
  readonly records: number;
  readonly counts: Dataset["counts"];
  readonly files: Dataset["files"];
  readonly hash: string;
  readonly dropped: Dataset["dropped"];
  readonly warnings: readonly string[];
  /** By part of a record: prompt, chosen, rejected, completion, messages, text. */
  readonly lengths: Readonly<Record<string, { characters: Summary; tokens?: Summary }>>;
  readonly duplicates: {
    /** Records whose prompt an earlier record has. */
    readonly prompts: number;
    /** Records that say the same as an earlier one. */
    readonly records: number;
  };
  readonly preferences?: PreferenceFacts;
  readonly labels?: { readonly desirable: number; readonly undesirable: number };
  readonly parts: Readonly<Record<string, number>>;
  readonly leaks: readonly Leak[];
  readonly examples: readonly {
    readonly place: string;
    readonly kind: string;
    readonly parts: Readonly<Record<string, string>>;
  }[];
}

/**
 * Reads a data set, bad rows left out and counted, and looks it over.
 * @throws AttuneError `data`
 */
export async function inspectDataset(
  source: string | readonly DataSource[],
  options: InspectOptions = {},
): Promise<Inspection> {
  const dataset = await loadDataset(source, { onBad: "drop", ...options });
  return inspectRecords(dataset, options);
}

/** Looks over what was loaded already. */
export function inspectRecords(
  dataset: Dataset,
  { countTokens, examples = 3, exampleLength = 200 }: InspectOptions = {},
): Inspection {
  const { source, format, rows, records, counts, files, hash, dropped, warnings } = dataset;
  // several answers to one prompt are judged as their pairs
  const pairs = records.flatMap((record) =>
    record.kind === "preference" || record.kind === "ranked"
      ? convertRecord(record, "preference")!
      : [],
  );
  const judged = records.filter((record) => record.kind === "unpaired");
  const desirable = judged.filter(({ label }) => label).length;
  return {
    source,
    format,
    rows,
    records: records.length,
    counts,
    files,
    hash,
    dropped,
    warnings,
    lengths: measureLengths(records, countTokens),
    duplicates: {
      prompts: repeats(records.map(promptKey)),
      records: repeats(records.map(contentKey)),
    },
    ...(pairs.length === 0 ? {} : { preferences: preferenceFacts(pairs) }),
    ...(judged.length === 0
      ? {}
      : { labels: { desirable, undesirable: judged.length - desirable } }),
    parts: Object.fromEntries(
      SPLITS.map(
        (split) => [split, records.filter((record) => record.split === split).length] as const,
      ).filter(([, count]) => count > 0),
    ),
    leaks: findLeaks(records),
    examples: spread(records, examples).map((record) => ({
      place: placeOf(record),
      kind: record.kind,
      parts: shorten(partsOf(record), exampleLength),
    })),
  };
}

const content = (value: Prompt | Completion): string =>
  typeof value === "string" ? value : value.map((message) => message.content).join("");

/** The texts of a record whose lengths matter. */
function textsOf(record: DataRecord): [string, string][] {
  switch (record.kind) {
    case "preference":
      return [
        ["prompt", content(record.prompt)],
        ["chosen", content(record.chosen)],
        ["rejected", content(record.rejected)],
      ];
    case "demonstration":
    case "unpaired":
      return [
        ["prompt", content(record.prompt)],
        ["completion", content(record.completion)],
      ];
    case "ranked":
      return [
        ["prompt", content(record.prompt)],
        ...record.completions.map(({ completion }): [string, string] => [
          "completion",
          content(completion),
        ]),
      ];
    case "conversation":
      return [["messages", content(record.messages)]];
    case "text":
      return [["text", record.text]];
    case "prompt":
      return [["prompt", content(record.prompt)]];
  }
}

function measureLengths(
  records: readonly DataRecord[],
  countTokens?: (text: string) => number,
): Inspection["lengths"] {
  const texts = new Map<string, string[]>();
  for (const record of records) {
    for (const [part, text] of textsOf(record)) {
      const list = texts.get(part);
      if (list === undefined) texts.set(part, [text]);
      else list.push(text);
    }
  }
  const measured = [...texts].map(
    ([part, list]) =>
      [
        part,
        {
          characters: summarize(list.map((text) => text.length)),
          ...(countTokens === undefined ? {} : { tokens: summarize(list.map(countTokens)) }),
        },
      ] as const,
  );
  return Object.fromEntries(measured);
}

/** @param lengths one at least */
export function summarize(lengths: readonly number[]): Summary {
  const sorted = lengths.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!;
  return {
    count: sorted.length,
    mean: sorted.reduce((sum, length) => sum + length, 0) / sorted.length,
    min: sorted[0]!,
    median: at(0.5),
    p95: at(0.95),
    max: sorted.at(-1)!,
  };
}

function repeats(keys: readonly string[]): number {
  return keys.length - new Set(keys).size;
}

function contentKey(record: DataRecord): string {
  const label =
    record.kind === "unpaired"
      ? String(record.label)
      : record.kind === "preference"
        ? String(record.p)
        : "";
  return JSON.stringify([record.kind, label, ...textsOf(record).map(([, text]) => text)]);
}

function preferenceFacts(pairs: readonly PreferenceRecord[]): PreferenceFacts {
  const decided = pairs.filter(({ p }) => p !== 0.5);
  const differences = decided.map(
    ({ p, chosen, rejected }) =>
      Math.sign(p - 0.5) * (content(chosen).length - content(rejected).length),
  );
  const shorter = differences.filter((difference) => difference < 0).length;
  const longer = differences.filter((difference) => difference > 0).length;
  return {
    pairs: pairs.length,
    ties: pairs.length - decided.length,
    probabilities: pairs.filter(({ p }) => p !== 0 && p !== 0.5 && p !== 1).length,
    margins: pairs.filter(({ margin }) => margin !== undefined).length,
    contextsDiffer: pairs.filter(({ contextsDiffer }) => contextsDiffer === true).length,
    contradictions: countContradictions(decided),
    chosenShorter: shareOf(shorter, decided.length),
    chosenLonger: shareOf(longer, decided.length),
    sameLength: decided.length - shorter - longer,
    annotators: distinct(pairs.map(({ annotator }) => annotator)),
    clusters: distinct(pairs.map(({ cluster }) => cluster)),
  };
}

function distinct(values: readonly (string | undefined)[]): number {
  return new Set(values.filter((value) => value !== undefined)).size;
}

function shareOf(count: number, of: number): Share {
  if (of === 0) return { count, of, share: NaN, low: 0, high: 1 };
  const { low, high } = wilson(count, of);
  return { count, of, share: count / of, low, high };
}

function countContradictions(pairs: readonly PreferenceRecord[]): number {
  const key = (record: PreferenceRecord, better: Completion, worse: Completion): string =>
    JSON.stringify([promptKey(record), content(better), content(worse)]);
  const ordered = pairs.map((record) =>
    record.p > 0.5
      ? { record, better: record.chosen, worse: record.rejected }
      : { record, better: record.rejected, worse: record.chosen },
  );
  const seen = new Set(ordered.map(({ record, better, worse }) => key(record, better, worse)));
  return ordered.filter(({ record, better, worse }) => seen.has(key(record, worse, better))).length;
}

/** Prompts that are in two parts of the data set; in two files, where the files tell no parts. */
function findLeaks(records: readonly DataRecord[]): Leak[] {
  const partOf = (record: DataRecord): string => record.split ?? shortPath(record.place.file ?? "");
  const parts = new Map<string, Map<string, DataRecord>>();
  for (const record of records) {
    const part = parts.get(partOf(record));
    if (part === undefined) parts.set(partOf(record), new Map([[promptKey(record), record]]));
    else if (!part.has(promptKey(record))) part.set(promptKey(record), record);
  }
  const names = [...parts.keys()];
  return names.flatMap((a, index) =>
    names.slice(index + 1).flatMap((b): Leak[] => {
      const shared = [...parts.get(a)!].filter(([key]) => parts.get(b)!.has(key));
      const examples = shared
        .slice(0, 3)
        .map(([key, record]) => `${placeOf(record)} and ${placeOf(parts.get(b)!.get(key)!)}`);
      return shared.length === 0 ? [] : [{ between: [a, b], prompts: shared.length, examples }];
    }),
  );
}

function placeOf({ place }: DataRecord): string {
  return `${shortPath(place.file ?? "")}:${place.row ?? ""}`;
}

/** Records evenly spread over the data set. */
function spread<T>(items: readonly T[], count: number): T[] {
  const wanted = Math.min(count, items.length);
  return Array.from(
    { length: wanted },
    (_, index) => items[Math.floor((index * items.length) / wanted)]!,
  );
}

function partsOf(record: DataRecord): Record<string, string> {
  switch (record.kind) {
    case "preference":
      return {
        prompt: promptText(record.prompt),
        chosen: completionText(record.chosen),
        rejected: completionText(record.rejected),
        ...(record.p === 1 ? {} : { p: String(record.p) }),
      };
    case "demonstration":
      return { prompt: promptText(record.prompt), completion: completionText(record.completion) };
    case "unpaired":
      return {
        prompt: promptText(record.prompt),
        completion: completionText(record.completion),
        label: record.label ? "desirable" : "undesirable",
      };
    case "ranked":
      return { prompt: promptText(record.prompt), ...answers(record) };
    case "conversation":
      return { messages: promptText(record.messages) };
    case "text":
      return { text: record.text };
    case "prompt":
      return { prompt: promptText(record.prompt) };
  }
}

function answers({ completions }: RecordOf<"ranked">): Record<string, string> {
  return Object.fromEntries(
    completions.map(({ completion, rank, score }, index) => {
      const scored = score === undefined ? "" : ` (score ${score})`;
      const placed = rank === undefined ? scored : ` (rank ${rank})`;
      return [`answer ${index + 1}${placed}`, completionText(completion)];
    }),
  );
}

/** Long texts lose their middle: the end of a prompt is what it asks. */
function shorten(parts: Record<string, string>, length: number): Record<string, string> {
  const cut = (text: string): string =>
    text.length <= length
      ? text
      : `${text.slice(0, Math.ceil(length / 2)).trimEnd()} … ` +
        `${text.slice(text.length - Math.floor(length / 2)).trimStart()}`;
  return Object.fromEntries(Object.entries(parts).map(([name, text]) => [name, cut(text)]));
}
