/**
 * Messages as formats write them: `{role, content}`, ShareGPT's `{from, value}`, and content given
 * as a list of parts, with the calls, thoughts and marks that they carry. Pictures and other parts
 * that are no text make a bad row.
 */
import { AttuneError, preview } from "../../core/errors.ts";
import type { Completion, Message, Prompt, Role } from "../../text/messages.ts";
import { ROLES } from "../../text/messages.ts";
import { BAD_ROWS, BadRow } from "../bad-row.ts";
import { callsAndThought, compact } from "../records.ts";
import type { Row } from "../readers/row.ts";
import { callsWithText, readCalls, readCallTurn } from "./calls.ts";
import { asObject, fault, value } from "./columns.ts";
import type { MessagePart, Notes } from "./format.ts";
import { isAbsent, MARK_KEYS, readWeight } from "./marks.ts";
import { isMedia, isGiven } from "./media.ts";

/** ShareGPT's and other tools' names of the roles; `function` is OpenAI's legacy name. */
const ALIASES: Readonly<Record<string, Role>> = {
  human: "user",
  prompter: "user",
  gpt: "assistant",
  chatgpt: "assistant",
  bing: "assistant",
  bard: "assistant",
  model: "assistant",
  bot: "assistant",
  observation: "tool",
  function: "tool",
  tool_response: "tool",
  function_response: "tool",
  ipython: "tool",
};
/** Speakers whose words are a call. */
const CALLERS: ReadonlySet<string> = new Set(["function_call", "tool_call"]);
/** The thought before an answer, by DeepSeek's name, OpenRouter's and Ollama's. */
const THOUGHTS = ["reasoning_content", "reasoning", "thinking"] as const;
const READ_KEYS: ReadonlySet<string> = new Set([
  "role",
  "from",
  "content",
  "value",
  "name",
  "tool_calls",
  "function_call",
  "tool_call_id",
  ...THOUGHTS,
  ...MARK_KEYS,
]);
const EXPECTED = `{"role": "${ROLES.join(" | ")}", "content": text}`;

interface Source {
  readonly column: string;
  readonly row: Row;
  readonly notes: Notes;
}

export function readMessage(item: unknown, column: string, row: Row, notes: Notes): Message {
  const object = asObject(item);
  const speaker = object?.["role"] ?? object?.["from"];
  const isCall = typeof speaker === "string" && CALLERS.has(speaker);
  const role = isCall ? "assistant" : readRole(speaker);
  if (object === undefined || role === undefined)
    throw fault(row, column, "holds something that is no message", item, EXPECTED);
  const source = { column, row, notes };
  noteStrangers(object, source);
  const calls = isCall
    ? readCallTurn(object["content"] ?? object["value"], source)
    : readCalls(object, source);
  if (calls !== undefined && role !== "assistant")
    throw fault(row, column, `holds a tool call of the ${role}`, object, "calls of the assistant");
  const thought = readThought(object, role, source);
  return compact({
    role,
    content: isCall
      ? ""
      : readContent(object, source, calls !== undefined || thought !== undefined),
    name: optionalText(object, "name", source),
    tool_calls: calls,
    tool_call_id: role === "tool" ? optionalText(object, "tool_call_id", source) : undefined,
    reasoning_content: thought,
    weight: readWeight(object, role, source),
  }) as Message;
}

/** Keys that have no place are noted; pictures are more than a note. */
function noteStrangers(
  object: Readonly<Record<string, unknown>>,
  { column, row, notes }: Source,
): void {
  for (const [key, found] of Object.entries(object)) {
    if (READ_KEYS.has(key) || isAbsent(found)) continue;
    if (isMedia(key) && isGiven(found))
      throw new BadRow(BAD_ROWS.media, { ...row.place, column }, `${key}: ${preview(found)}`);
    notes.note(`the key ${key} of messages`);
  }
  if (
    object["role"] !== "tool" &&
    !isAbsent(object["tool_call_id"]) &&
    readRole(object["role"] ?? object["from"]) !== "tool"
  )
    notes.note("the key tool_call_id of messages that are no tool's");
}

function readRole(found: unknown): Role | undefined {
  if (typeof found !== "string") return undefined;
  return (
    ROLES.find((role) => role === found) ??
    (Object.hasOwn(ALIASES, found) ? ALIASES[found] : undefined)
  );
}

function optionalText(
  object: Readonly<Record<string, unknown>>,
  key: string,
  { column, row }: Source,
): string | undefined {
  const found = object[key];
  if (found === undefined || found === null) return undefined;
  if (typeof found !== "string")
    throw fault(row, column, `holds a message whose ${key} is no text`, object, "a text");
  return found;
}

function readThought(
  object: Readonly<Record<string, unknown>>,
  role: Role,
  source: Source,
): string | undefined {
  const found = THOUGHTS.flatMap((key) => optionalText(object, key, source) ?? []).filter(
    (text) => text !== "",
  );
  if (new Set(found).size > 1)
    throw fault(
      source.row,
      source.column,
      "holds a message with two different thoughts",
      object,
      `one of ${THOUGHTS.join(", ")}`,
    );
  if (found.length > 0 && role !== "assistant")
    throw fault(
      source.row,
      source.column,
      `holds a thought of the ${role}`,
      object,
      "thoughts of the assistant",
    );
  return found[0];
}

/** @param mayLack the message says something else, so that it needs no words */
function readContent(
  object: Readonly<Record<string, unknown>>,
  { column, row }: Source,
  mayLack: boolean,
): string {
  const content = object["content"] ?? object["value"];
  if (typeof content === "string") return content;
  if (isAbsent(content) && mayLack) return "";
  if (isAbsent(content) && (object["content"] === null || object["value"] === null))
    throw new BadRow(BAD_ROWS.nullContent, row.place);
  if (!Array.isArray(content))
    throw fault(row, column, "holds something that is no message", object, EXPECTED);
  return content
    .map((part): string => {
      const { type, text, image } = asObject(part) ?? {};
      if ((type !== undefined && type !== "text") || (image !== undefined && image !== null))
        throw new BadRow(BAD_ROWS.image, row.place, preview(part));
      if (typeof text !== "string")
        throw fault(row, column, "holds something that is no message", object, EXPECTED);
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
  if (Array.isArray(found) && found.length === 0)
    throw new BadRow(BAD_ROWS.emptyConversation, { ...row.place, column });
  if (!Array.isArray(found))
    throw fault(row, column, "is no conversation", found, `a list of messages, each ${EXPECTED}`);
  return found.map((item) => readMessage(item, column, row, notes));
}

/** A text, a list of messages, or a single message. */
export function readTextOrMessages(row: Row, column: string, notes: Notes): Prompt {
  const found = value(row, column);
  if (typeof found === "string") return found;
  if (Array.isArray(found)) return readMessages(row, column, notes);
  if (asObject(found) !== undefined) return [readMessage(found, column, row, notes)];
  throw fault(
    row,
    column,
    "is neither a text nor a conversation",
    found,
    "a text, or a list of messages",
  );
}

/** A completion: as {@link readTextOrMessages}, every turn the assistant's. */
export function readCompletion(row: Row, column: string, notes: Notes): Completion {
  return checkCompletion(readTextOrMessages(row, column, notes), column, row);
}

/**
 * Losses compare and imitate what the assistant wrote; a tool's words between its turns would be
 * learned with them.
 * @throws AttuneError `data` for another's turn; BadRow for an answer that is marked as none to
 * learn
 */
export function checkCompletion(completion: Completion, column: string, row: Row): Completion {
  if (typeof completion === "string") return completion;
  const stranger = completion.find(({ role }) => role !== "assistant");
  if (stranger?.role === "tool") {
    throw new AttuneError("data", `the column ${column} holds a turn of the tool`, {
      ...row.place,
      got: preview(stranger.content),
      expected: "the assistant's turns alone; what comes before belongs into prompt",
      hint:
        "write the whole conversation as messages, where only the assistant's turns are " +
        'learned, and "weight": 0 marks those that are not',
    });
  }
  if (stranger !== undefined)
    throw fault(
      row,
      column,
      `holds a turn of the ${stranger.role}`,
      stranger.content,
      "the assistant's turns alone; what comes before belongs into prompt",
    );
  if (completion.some(({ weight }) => weight === 0))
    throw new BadRow(BAD_ROWS.unlearned, { ...row.place, column });
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

/**
 * Messages without absent keys, in the order that people expect.
 * @param parts what the format has a place for besides role and content
 * @param calls arguments as an object (TRL) or as JSON text (OpenAI)
 */
export function plainMessages(
  messages: readonly Message[],
  parts: readonly MessagePart[],
  calls: "object" | "text" = "object",
): Message[] {
  return messages.map((message) => {
    const { role, content, tool_calls } = message;
    const rest = Object.fromEntries(
      parts.flatMap((part) => (message[part] === undefined ? [] : [[part, message[part]]])),
    );
    return {
      role,
      content,
      ...rest,
      ...(tool_calls !== undefined && calls === "text" && parts.includes("tool_calls")
        ? { tool_calls: callsWithText(tool_calls) }
        : {}),
    } as Message;
  });
}

export function sameMessage(a: Message | undefined, b: Message | undefined): boolean {
  return (
    a !== undefined &&
    b !== undefined &&
    a.role === b.role &&
    a.content === b.content &&
    a.name === b.name &&
    callsAndThought(a) === callsAndThought(b)
  );
}
