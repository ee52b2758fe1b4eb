/**
 * What a task makes of a document: its question, its target, its choices.
 * Source: ConfigurableTask in lm_eval/api/task.py 0.4.13 (doc_to_text, doc_to_target,
 * doc_to_choice).
 */
import { AttuneError, preview } from "../../core/errors.ts";
import type { Document, Split } from "./documents.ts";
import { readLiteral } from "./python-literal.ts";
import type { TaskFile } from "./task-file.ts";
import type { TaskFields } from "./task-schema.ts";
import { TaskTemplate } from "./task-template.ts";

/** The number of a choice, a text, or several texts or numbers of which each is right. */
export type Target = string | number | readonly (string | number)[];

/** A document with where its columns come from. */
export interface Doc {
  readonly document: Document;
  readonly split: Split;
  /** Place in its split, from 1. */
  readonly row: number;
}

export const isDigits = (text: string): boolean => /^\p{Nd}+$/u.test(text);

/** What a fewshot example may say otherwise. */
export type Sources = Pick<
  TaskFields["fewshot_config"],
  "doc_to_text" | "doc_to_target" | "doc_to_choice" | "gen_prefix"
>;

export class TaskDocuments {
  readonly task: TaskFile;
  private readonly templates = new Map<string, TaskTemplate>();

  constructor(task: TaskFile) {
    this.task = task;
  }

  /** A text, or the number of the choice that is right where the choices are questions. */
  text(doc: Doc, { doc_to_text: own }: Sources = {}): string | number {
    const { doc_to_text: source, doc_to_choice: choices } = this.task.fields;
    const from = own ?? source;
    if (typeof from === "number") return from;
    if (doc.split.columns.has(from)) {
      const value = doc.document[from];
      if (typeof value === "string" || (typeof value === "number" && choices !== undefined))
        return value;
      throw this.error(doc, `the question (doc_to_text: ${from}) is no text`, value);
    }
    const text = this.rendered(from, doc);
    return isDigits(text) && choices !== undefined ? Number(text) : text;
  }

  target(doc: Doc, { doc_to_target: own }: Sources = {}): Target | null {
    const { doc_to_target: source, doc_to_choice: choices } = this.task.fields;
    const from = own ?? source;
    if (typeof from === "number" || typeof from !== "string") return from;
    if (doc.split.columns.has(from)) {
      const value = doc.document[from];
      if (typeof value === "bigint") return Number(value);
      if (value === null || typeof value === "string" || typeof value === "number") return value;
      if (typeof value === "boolean") return Number(value);
      if (Array.isArray(value)) return value as (string | number)[];
      throw this.error(
        doc,
        `the target (doc_to_target: ${from}) is neither text nor number`,
        value,
      );
    }
    const text = this.rendered(from, doc);
    if (isDigits(text) && choices !== undefined) return Number(text);
    if (text.length < 2 || !text.startsWith("[") || !text.endsWith("]")) return text;
    const read = readLiteral(text);
    return Array.isArray(read) ? (read as (string | number)[]) : text;
  }

  /** @throws AttuneError `data` where they are no list of texts */
  choices(doc: Doc, { doc_to_choice: own }: Sources = {}): readonly string[] {
    const from = own ?? this.task.fields.doc_to_choice!;
    if (Array.isArray(from)) return from;
    if (typeof from === "object") return Object.values(from);
    const value = doc.split.columns.has(from)
      ? doc.document[from]
      : readLiteral(this.rendered(from, doc));
    if (
      Array.isArray(value) &&
      value.length > 0 &&
      value.every((each): each is string => typeof each === "string")
    )
      return value;
    throw this.error(
      doc,
      `the choices (doc_to_choice: ${preview(from)}) are no list of texts`,
      value,
    );
  }

  /** A template, or the name of a column; nothing where it is not said. */
  field(doc: Doc, from: string | null | undefined): string {
    if (!from) return "";
    if (!Object.hasOwn(doc.document, from)) return this.rendered(from, doc);
    const value = doc.document[from];
    if (typeof value === "string") return value;
    throw this.error(doc, `the column ${from} is no text`, value);
  }

  private rendered(source: string, { document, split, row }: Doc): string {
    let template = this.templates.get(source);
    if (template === undefined) {
      template = new TaskTemplate(source, { file: this.task.file });
      this.templates.set(source, template);
    }
    return template.render(document, { fractions: split.fractions, row });
  }

  error({ row }: Pick<Doc, "row">, what: string, got: unknown): AttuneError {
    return new AttuneError("data", `document ${row}: ${what}`, {
      file: this.task.file,
      got: preview(got),
    });
  }
}
