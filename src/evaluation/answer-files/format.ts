/** What a format of answers must say, and what all formats share. */
import type { ErrorPlace } from "../../core/errors.ts";
import { AttuneError, formatPlace } from "../../core/errors.ts";
import { countOf } from "../../core/counts.ts";
import type { Row } from "../../data/readers/row.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import type { SetAnswer } from "../compare/answer-set.ts";

/** What a file gives, by the name of the model that wrote it. */
export interface ReadFile {
  answers: ReadonlyMap<string, readonly SetAnswer[]>;
  /** Judgements of pairs of these answers. */
  votes: readonly PreferenceRecord[];
  /** Columns of the answers that are scores, the usual one first. */
  metrics: readonly string[];
}

export interface FileToRead {
  /** As it was given. */
  file: string;
  rows: readonly Row[];
  /** What a model is called whose answers carry no name. */
  name: string;
  notes: FileNotes;
  /** The score that is asked for, where a format has answers that depend on it. */
  metric?: string | undefined;
}

/** A format that answers are written in. */
export interface AnswerFormat {
  readonly name: string;
  /** For people: what it is and where it comes from. */
  readonly title: string;
  /** The columns that it reads, for messages. */
  readonly needs: string;
  /** Whether a row looks like this format. */
  detect(row: Row): boolean;
  /** @throws AttuneError `data` with file and row for what is wrong with it */
  read(file: FileToRead): ReadFile;
}

/** Counts what was left out or guessed, by a short text, with the first place. */
export class FileNotes {
  private readonly found = new Map<string, { count: number; first: ErrorPlace }>();
  private readonly plain = new Set<string>();

  /** @param what such as "rows without an answer" */
  count(what: string, place: ErrorPlace): void {
    const known = this.found.get(what);
    if (known) known.count++;
    else this.found.set(what, { count: 1, first: place });
  }

  /** Something about the whole file. */
  say(text: string): void {
    this.plain.add(text);
  }

  /** Sentences, each once. */
  get texts(): string[] {
    return [
      ...this.plain,
      ...[...this.found].map(
        ([what, { count, first }]) =>
          `${what} (${countOf(count, "row")}, the first at ${formatPlace(first)})`,
      ),
    ];
  }
}

/** Collects answers by model. */
export class Answers {
  private readonly sets = new Map<string, SetAnswer[]>();
  private readonly seen = new Set<string>();

  add(model: string, answer: SetAnswer): void {
    const set = this.sets.get(model);
    if (set) set.push(answer);
    else this.sets.set(model, [answer]);
  }

  /** As {@link add}, for files that repeat an answer with every vote on it. */
  addOnce(model: string, answer: SetAnswer): void {
    const key = JSON.stringify([model, answer.prompt, answer.text]);
    if (this.seen.has(key)) return;
    this.seen.add(key);
    this.add(model, answer);
  }

  get byModel(): ReadonlyMap<string, readonly SetAnswer[]> {
    return this.sets;
  }
}

/** Columns that are neither read nor empty are said once, and kept. */
export function otherColumns(
  { columns, place }: Row,
  read: readonly string[],
  notes: FileNotes,
): Record<string, unknown> | undefined {
  const others = Object.entries(columns).filter(
    ([name, value]) => !read.includes(name) && value !== null && value !== undefined,
  );
  for (const [name] of others)
    notes.count(
      `the column ${name} is no part of an answer, and kept for --group and functions that judge`,
      place,
    );
  return others.length === 0 ? undefined : Object.fromEntries(others);
}

/** A score as a number: 0 to 1 for true and false. */
export function scoreOf(value: unknown): number | undefined {
  if (typeof value === "boolean") return Number(value);
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** @throws AttuneError `data` */
export function nothingToRead(file: string, what: string, hint?: string): never {
  throw new AttuneError("data", what, { file, ...(hint === undefined ? {} : { hint }) });
}
