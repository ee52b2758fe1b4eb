/**
 * What a chat template is given, each text with a number of its own by which it is found again in
 * what was rendered.
 */
import type { Text } from "./jinja/data-text.ts";
import { dataText } from "./jinja/data-text.ts";
import type { Value } from "./jinja/values.ts";
import { Dict, List } from "./jinja/values.ts";
import type { Message, TemplateInputs, ToolCall } from "./messages.ts";

/**
 * How much of a text must come out: `whole`; `answer`, a turn that may lose a thought at its
 * beginning to a template that takes thoughts away; `free`, nothing.
 */
export type TextRequirement = "whole" | "answer" | "free";

export interface Source {
  readonly text: string;
  readonly need: TextRequirement;
  /** What the text is, in words for messages. */
  readonly name: string;
}

export class TemplateData {
  readonly sources: Source[] = [];
  /** Characters of all texts. */
  size = 0;

  private text(text: string, need: TextRequirement, name: string): Text {
    this.size += text.length;
    return dataText(text, this.sources.push({ text, need, name }) - 1);
  }

  /** Any JSON; `need` holds for its texts and keys. */
  value(value: unknown, need: TextRequirement, name: string): Value {
    if (value === null || value === undefined) return null;
    if (typeof value === "string") return this.text(value, need, name);
    // from 1e21 on JavaScript and Python both write floats
    if (typeof value === "number")
      return Number.isInteger(value) && Math.abs(value) < 1e21 ? BigInt(value) : value;
    if (typeof value === "boolean" || typeof value === "bigint") return value;
    if (Array.isArray(value)) return new List(value.map((each) => this.value(each, need, name)));
    return new Dict(
      Object.entries(value as object).map(
        ([key, each]) => [this.text(key, need, name), this.value(each, need, name)] as const,
      ),
    );
  }

  /** Roles are attune's own words, so templates may make control tokens of them. */
  message(
    message: Message,
    { place, mayLoseThought }: { place: number; mayLoseThought: boolean },
  ): Value {
    const {
      role,
      content,
      name,
      tool_calls: calls,
      tool_call_id: answers,
      reasoning_content: thought,
    } = message;
    const of = (what: string): string => `${what} of message ${place} (${role})`;
    const entries: [string, Value][] = [
      ["role", role],
      [
        "content",
        this.text(
          content,
          role === "assistant" && mayLoseThought ? "answer" : "whole",
          of("the content"),
        ),
      ],
    ];
    if (name !== undefined) entries.push(["name", this.text(name, "free", of("the name"))]);
    if (calls !== undefined)
      entries.push([
        "tool_calls",
        new List(calls.map((call) => this.call(call, of("a tool call")))),
      ]);
    if (answers !== undefined)
      entries.push(["tool_call_id", this.text(answers, "free", of("the call's id"))]);
    if (thought !== undefined) {
      const text = this.text(thought, mayLoseThought ? "free" : "whole", of("the thought"));
      // transformers gives both names, as templates read one or the other
      entries.unshift(["thinking", text]);
      entries.push(["reasoning_content", text]);
    }
    return new Dict(entries);
  }

  private call({ id, type, function: { name, arguments: given } }: ToolCall, of: string): Value {
    const called = new Dict([
      ["name", this.text(name, "whole", of)],
      ["arguments", this.value(given, "whole", `an argument of ${of}`)],
    ]);
    return new Dict([
      ...(id === undefined ? [] : [["id", this.text(id, "free", of)] as const]),
      ["type", type],
      ["function", called],
    ]);
  }

  /**
   * The names of tools must come out; the rest of their schemas is the template's to choose from.
   */
  tools(tools: NonNullable<TemplateInputs["tools"]>): Value {
    return new List(tools.map((tool) => this.tool(tool)));
  }

  private tool(tool: Readonly<Record<string, unknown>>): Value {
    const entries = Object.entries(tool).map(([key, value]): [Text, Value] => {
      const isName = key === "name" && typeof value === "string";
      const isFunction =
        key === "function" && typeof value === "object" && value !== null && !Array.isArray(value);
      const each = isFunction
        ? this.tool(value as Record<string, unknown>)
        : this.value(value, isName ? "whole" : "free", "the name of a tool");
      // keys of OpenAI's form are nobody's words
      return [TOOL_KEYS.has(key) ? key : this.text(key, "free", "a key"), each];
    });
    return new Dict(entries);
  }
}

const TOOL_KEYS: ReadonlySet<string> = new Set([
  "type",
  "function",
  "name",
  "description",
  "parameters",
]);
