/** Checked access to the columns of a row. */
import type { ErrorPlace } from "../../core/errors.ts";
import { AttuneError, preview } from "../../core/errors.ts";
import type { Message, Prompt } from "../../text/messages.ts";
import { ROLES } from "../../text/messages.ts";
import type { Row } from "../rows.ts";

function fault({ place }: Row, column: string, what: string, got: unknown, expected: string): AttuneError {
  return new AttuneError("data", `the column ${column} ${what}`, { ...place, got: preview(got), expected });
}

export function text(row: Row, column: string): string {
  const value = row.columns[column];
  if (typeof value !== "string") throw fault(row, column, "is no text", value, "a text");
  return value;
}

export function optionalText(row: Row, column: string): string {
  const value = row.columns[column];
  return value === undefined || value === null ? "" : text(row, column);
}

export function number(row: Row, column: string, range: { min?: number; max?: number } = {}): number {
  const value = row.columns[column];
  const { min = -Infinity, max = Infinity } = range;
  if (typeof value !== "number" || !(value >= min && value <= max)) throw fault(row, column, "is out of range", value, `a number${range.max === undefined ? "" : ` from ${min} to ${max}`}`);
  return value;
}

export function boolean(row: Row, column: string): boolean {
  const value = row.columns[column];
  if (value === true || value === 1) return true;
  if (value === false || value === 0) return false;
  throw fault(row, column, "is no truth value", value, "true or false");
}

const ROLE_ALIASES: Readonly<Record<string, Message["role"]>> = { human: "user", gpt: "assistant", model: "assistant", bot: "assistant", observation: "tool", function: "tool" };

/** Reads one message, also in ShareGPT's spelling (`from`, `value`). */
export function message(value: unknown, column: string, place: ErrorPlace): Message {
  const { role, content, from, value: words } = (value ?? {}) as Record<string, unknown>;
  const name = role ?? from;
  const known = typeof name === "string" ? (ROLE_ALIASES[name] ?? ROLES.find((candidate) => candidate === name)) : undefined;
  const body = content ?? words;
  if (known === undefined || typeof body !== "string") {
    throw new AttuneError("data", `the column ${column} holds something that is no message`, { ...place, got: preview(value), expected: `{"role": ${ROLES.join(" | ")}, "content": text}` });
  }
  return { role: known, content: body };
}

export function messages(row: Row, column: string): Message[] {
  const value = row.columns[column];
  if (!Array.isArray(value) || value.length === 0) throw fault(row, column, "is no conversation", value, "a list of messages");
  return value.map((item) => message(item, column, row.place));
}

/** A text, or a list of messages (also a single message object). */
export function textOrMessages(row: Row, column: string): Prompt {
  const value = row.columns[column];
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return messages(row, column);
  if (typeof value === "object" && value !== null) return [message(value, column, row.place)];
  throw fault(row, column, "is neither a text nor a conversation", value, "a text, or a list of messages");
}
