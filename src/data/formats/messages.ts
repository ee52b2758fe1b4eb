/**
 * Messages as formats write them: `{role, content}`, ShareGPT's `{from, value}`, and content given as a list of parts.
 * Tool calls and images cannot be trained on yet, and are refused rather than lost.
 */
import { AttuneError, preview } from "../../core/errors.ts";
import type { Completion, Message, Prompt, Role } from "../../text/messages.ts";
import { ROLES } from "../../text/messages.ts";
import { BAD_ROWS, BadRow } from "../bad-row.ts";
import type { Row } from "../readers/row.ts";
import { asObject, fault, value } from "./columns.ts";
import type { Notes } from "./format.ts";

/** ShareGPT's and other tools' names of the roles. */
const ALIASES: Readonly<Record<string, Role>> = { human: "user", prompter: "user", gpt: "assistant", chatgpt: "assistant", bing: "assistant", bard: "assistant", model: "assistant", bot: "assistant", observation: "tool" };
const READ_KEYS = new Set(["role", "from", "content", "value", "name"]);
const EXPECTED = `{"role": "${ROLES.join(" | ")}", "content": text}`;

export function readMessage(item: unknown, column: string, row: Row, notes: Notes): Message {
  const object = asObject(item);
  const role = readRole(object?.["role"] ?? object?.["from"]);
  if (object === undefined || role === undefined) throw fault(row, column, "holds something that is no message", item, EXPECTED);
  for (const [key, found] of Object.entries(object)) {
    if (READ_KEYS.has(key) || found === null || (Array.isArray(found) && found.length === 0)) continue;
    if (key === "tool_calls" || key === "function_call") throw new AttuneError("data", `the column ${column} holds a tool call, which is not supported yet`, { ...row.place, got: preview(found), hint: "leave such conversations out" });
    notes.note(`the key ${key} of messages`);
  }
  const name = object["name"];
  return { role, content: readContent(object, column, row), ...(typeof name === "string" ? { name } : {}) };
}

function readRole(found: unknown): Role | undefined {
  if (typeof found !== "string") return undefined;
  return ROLES.find((role) => role === found) ?? (Object.hasOwn(ALIASES, found) ? ALIASES[found] : undefined);
}

function readContent(object: Record<string, unknown>, column: string, row: Row): string {
  const content = object["content"] ?? object["value"];
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) throw fault(row, column, "holds something that is no message", object, EXPECTED);
  return content
    .map((part): string => {
      const { type, text, image } = asObject(part) ?? {};
      if ((type !== undefined && type !== "text") || (image !== undefined && image !== null)) throw new BadRow(BAD_ROWS.image, row.place);
      if (typeof text !== "string") throw fault(row, column, "holds something that is no message", object, EXPECTED);
      return text;
    })
    .join("");
}

/** A list of messages, not empty. */
export function readMessages(row: Row, column: string, notes: Notes): Message[] {
  return messagesOf(value(row, column), column, row, notes);
}

/** As {@link readMessages}, of a value that was looked up already. */
export function messagesOf(found: unknown, column: string, row: Row, notes: Notes): Message[] {
  if (!Array.isArray(found) || found.length === 0) throw fault(row, column, "is no conversation", found, `a list of messages, each ${EXPECTED}`);
  return found.map((item) => readMessage(item, column, row, notes));
}

/** A text, a list of messages, or a single message. */
export function readTextOrMessages(row: Row, column: string, notes: Notes): Prompt {
  const found = value(row, column);
  if (typeof found === "string") return found;
  if (Array.isArray(found)) return readMessages(row, column, notes);
  if (asObject(found) !== undefined) return [readMessage(found, column, row, notes)];
  throw fault(row, column, "is neither a text nor a conversation", found, "a text, or a list of messages");
}

/** A completion: as {@link readTextOrMessages}, every turn the assistant's. */
export function readCompletion(row: Row, column: string, notes: Notes): Completion {
  const completion = readTextOrMessages(row, column, notes);
  const stranger = typeof completion === "string" ? undefined : completion.find(({ role }) => role !== "assistant");
  if (stranger !== undefined) throw fault(row, column, `holds a turn of the ${stranger.role}`, stranger.content, "the assistant's turns alone; what comes before belongs into prompt");
  return completion;
}

/** A prompt as messages: a plain text is what the user says. */
export function promptMessages(prompt: Prompt): readonly Message[] {
  return typeof prompt === "string" ? [{ role: "user", content: prompt }] : prompt;
}

/** A completion as messages: a plain text is what the assistant says. */
export function completionMessages(completion: Completion): readonly Message[] {
  return typeof completion === "string" ? [{ role: "assistant", content: completion }] : completion;
}

/** `{role, content}` without absent keys, in the order that people expect. */
export function plainMessages(messages: readonly Message[]): Message[] {
  return messages.map(({ role, content, name }) => ({ role, content, ...(name === undefined ? {} : { name }) }));
}

export function sameMessage(a: Message | undefined, b: Message | undefined): boolean {
  return a !== undefined && b !== undefined && a.role === b.role && a.content === b.content && a.name === b.name;
}
