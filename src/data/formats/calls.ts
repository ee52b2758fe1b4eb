/**
 * Calls of tools inside messages, as formats write them: OpenAI's `tool_calls` with arguments as
 * JSON text, transformers' with an object, the legacy `function_call`, and ShareGPT's turns
 * `function_call` whose text is the call.
 * Sources: OpenAI API reference (chat messages), transformers docs (tool use), LLaMA-Factory
 * data/README.md.
 */
import { AttuneError, preview } from "../../core/errors.ts";
import { holdsBigInteger, stringifyExactly } from "../../core/json.ts";
import type { ToolCall } from "../../text/messages.ts";
import type { Row } from "../readers/row.ts";
import { asObject, parsedColumn } from "./columns.ts";
import type { Notes } from "./format.ts";
import { isAbsent } from "./marks.ts";

export interface CallSource {
  readonly column: string;
  readonly row: Row;
  readonly notes: Notes;
}

const EXPECTED =
  '{"type": "function", "function": {"name": text, "arguments": an object, or its JSON text}}';

function wrong(
  { column, row }: CallSource,
  what: string,
  got: unknown,
  expected = EXPECTED,
): AttuneError {
  return new AttuneError("data", `the column ${column} holds ${what}`, {
    ...row.place,
    got: preview(got),
    expected,
  });
}

/** The calls of a message; undefined where it has none. @throws AttuneError `data` */
export function readCalls(
  message: Readonly<Record<string, unknown>>,
  source: CallSource,
): readonly ToolCall[] | undefined {
  const { tool_calls: calls, function_call: legacy } = message;
  if (!isAbsent(calls) && !isAbsent(legacy))
    throw wrong(source, "a message with both tool_calls and function_call", message, "one of them");
  if (!isAbsent(legacy)) return [readCall(legacy, source)];
  if (isAbsent(calls)) return undefined;
  if (!Array.isArray(calls))
    throw wrong(source, "tool_calls that are no list", calls, `[${EXPECTED}]`);
  return calls.map((item) => readCall(item, source));
}

/**
 * The calls that a turn's text or value is, as in ShareGPT.
 * @throws AttuneError `data` where it is none
 */
export function readCallTurn(value: unknown, source: CallSource): readonly ToolCall[] {
  const parsed =
    typeof value === "string"
      ? parsedColumn(value, source.row, () =>
          wrong(
            source,
            "a turn function_call whose text is no JSON",
            value,
            '{"name": text, "arguments": {...}}',
          ),
        )
      : value;
  const items = [parsed].flat();
  if (items.length === 0)
    throw wrong(
      source,
      "a turn function_call without a call",
      value,
      '{"name": text, "arguments": {...}}',
    );
  return items.map((item) => readCall(item, source));
}

function readCall(item: unknown, source: CallSource): ToolCall {
  const object = asObject(item);
  if (object === undefined) throw wrong(source, "something that is no tool call", item);
  // transformers takes the function without its wrapping too
  const { id, type, function: inner = object } = object;
  const called = asObject(inner);
  if ((type ?? "function") !== "function" || called === undefined)
    throw wrong(source, "a tool call that is no call of a function", item);
  const { name, arguments: given = called["parameters"] } = called;
  if (typeof name !== "string" || name === "")
    throw wrong(source, "a tool call without a name", item);
  if (id !== undefined && id !== null && typeof id !== "string")
    throw wrong(source, "a tool call whose id is no text", item);
  return {
    ...(typeof id === "string" ? { id } : {}),
    type: "function",
    function: { name, arguments: readArguments(given, source) },
  };
}

function readArguments(given: unknown, source: CallSource): Readonly<Record<string, unknown>> {
  if (given === undefined || given === null || given === "") return {};
  const fault = (): AttuneError =>
    wrong(
      source,
      "a tool call whose arguments are no JSON object",
      given,
      "an object, or its JSON text",
    );
  const object = asObject(
    typeof given === "string"
      ? parsedColumn(given, source.row, fault)
      : withoutPadding(given, source.row),
  );
  if (object === undefined) throw fault();
  if (holdsBigInteger(object))
    throw wrong(
      source,
      "a tool call with an integer beyond 2^53, which a template cannot be given",
      given,
      "such numbers as texts",
    );
  return object;
}

/**
 * Parquet gives every object of a column the keys of all others, as nulls. Elsewhere a null was
 * written by somebody.
 */
export function withoutPadding(value: unknown, { place }: Row): unknown {
  return /\.parquet$/i.test(place.file ?? "") ? withoutNulls(value) : value;
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  const object = asObject(value);
  if (object === undefined) return value;
  return Object.fromEntries(
    Object.entries(object).flatMap(([key, item]) =>
      item === null ? [] : [[key, withoutNulls(item)]],
    ),
  );
}

/** OpenAI's form: arguments as JSON text. */
export function callsWithText(calls: readonly ToolCall[]): unknown[] {
  return calls.map((call) => ({
    ...call,
    function: { name: call.function.name, arguments: stringifyExactly(call.function.arguments) },
  }));
}

/** ShareGPT's form: the text of a turn. */
export function callTurnText(calls: readonly ToolCall[]): string {
  const items = calls.map(({ function: called }) => ({
    name: called.name,
    arguments: called.arguments,
  }));
  return stringifyExactly(items.length === 1 ? items[0] : items);
}
