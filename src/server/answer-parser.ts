/**
 * What a served model's words are made of: calls and thoughts in its family's form, in whole
 * answers and in growing ones.
 */
import { randomInt } from "node:crypto";
import type { ChatTemplate } from "../text/chat-template.ts";
import { createChatTemplate } from "../text/chat-template.ts";
import type { Encoder } from "../text/encoder.ts";
import type { ToolCall } from "../text/messages.ts";
import type { AnswerReader, ParsedAnswer } from "../text/tool-calls.ts";
import { answerReader } from "../text/tool-calls.ts";

/** How an answer is read. */
export interface ParsingRules {
  /** Calls are taken out of it; `one` keeps the first alone. */
  calls: "none" | "one" | "all";
  /** The prompt has opened a thought. */
  openThought: boolean;
}

export interface ParsedMessage {
  content: string;
  reasoning: string | undefined;
  calls: readonly IdentifiedCall[];
}

export interface IdentifiedCall {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
}

const THOUGHT_OPEN = "<think>";
const THOUGHT_CLOSE = "</think>";
/** Tokens at a prompt's end in which an opened thought is looked for. */
const PROMPT_END = 8;

export class AnswerParser {
  readonly template: ChatTemplate;
  readonly reader: AnswerReader;
  private readonly encoder: Encoder;
  private readonly unsaid: ReadonlySet<number>;

  constructor(encoder: Encoder) {
    const { tokenizer } = encoder;
    this.encoder = encoder;
    this.template = createChatTemplate(tokenizer);
    this.reader = answerReader(this.template, tokenizer);
    this.unsaid = new Set(
      tokenizer.controlTokens
        .filter((token) => !this.reader.marks.includes(token))
        .flatMap((token) => tokenizer.idOf(token) ?? []),
    );
  }

  /** Whether tools can be shown to the model, and its calls be read. */
  get callsTools(): boolean {
    return this.template.skills.tools && this.reader.form !== undefined;
  }

  /** Marks of calls and thoughts are text here. */
  readonly decode = (ids: readonly number[]): string =>
    this.encoder.tokenizer.decode(ids.filter((id) => !this.unsaid.has(id)));

  opensThought(prompt: Int32Array): boolean {
    return (
      this.reader.thoughts &&
      this.decode([...prompt.subarray(-PROMPT_END)])
        .trimEnd()
        .endsWith(THOUGHT_OPEN)
    );
  }

  read(text: string, { calls, openThought }: ParsingRules): ParsedMessage {
    const parsed: ParsedAnswer = this.reader.read(text, { calls: calls !== "none", openThought });
    const found = parsed.tool_calls ?? [];
    return {
      content: parsed.content,
      reasoning: parsed.reasoning_content,
      calls: (calls === "one" ? found.slice(0, 1) : found).map((call) => this.named(call)),
    };
  }

  /** The call with an identifier; Mistral's templates take only nine letters and digits. */
  private named({ id, function: { name, arguments: given } }: ToolCall): IdentifiedCall {
    const own = this.reader.form === "mistral" ? randomLetters(9) : `call_${randomLetters(24)}`;
    return {
      id: id ?? own,
      type: "function",
      function: { name, arguments: JSON.stringify(given) },
    };
  }

  /** Reads an answer while it grows. */
  parseGrowing(reading: ParsingRules): GrowingAnswerParser {
    return new GrowingAnswerParser(this, reading);
  }
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const randomLetters = (count: number): string =>
  Array.from({ length: count }, () => LETTERS[randomInt(LETTERS.length)]).join("");

/** What of an answer is certain and was not given out before. */
export interface AnswerDelta {
  content: string;
  reasoning: string;
}

/**
 * A growing answer in its parts. What may yet become a mark, or white space that may yet be the
 * end, waits; once a call may have begun, all waits for the answer's end, where calls are known
 * from words.
 */
export class GrowingAnswerParser {
  private readonly parser: AnswerParser;
  private readonly reading: ParsingRules;
  /** What has been given out so far. */
  private readonly told: AnswerDelta = { content: "", reasoning: "" };

  constructor(parser: AnswerParser, reading: ParsingRules) {
    this.parser = parser;
    this.reading = reading;
  }

  /** @param text of the answer so far */
  read(text: string): AnswerDelta {
    const { thought, rest } = this.parts(text);
    return {
      reasoning: this.more("reasoning", thought),
      content: this.more("content", rest === undefined ? "" : this.certain(rest)),
    };
  }

  /** @param text of the whole answer */
  end(text: string): AnswerDelta & Pick<ParsedMessage, "calls"> {
    const { content, reasoning = "", calls } = this.parser.read(text, this.reading);
    // what surrounds calls is trimmed, and what was told of it is not taken back
    const said = this.told.content.trimStart();
    const left = content.trimStart();
    return {
      reasoning: this.more("reasoning", reasoning),
      content:
        this.told.content === "" ? content : left.startsWith(said) ? left.slice(said.length) : "",
      calls,
    };
  }

  private more(part: keyof AnswerDelta, text: string): string {
    const piece = text.slice(this.told[part].length);
    this.told[part] = text.length > this.told[part].length ? text : this.told[part];
    return piece;
  }

  /** The thought as far as it is certain, and what follows it. */
  private parts(text: string): { thought: string; rest: string | undefined } {
    const { reader } = this.parser;
    const opened = /^\s*<think>/.exec(text);
    if (!reader.thoughts) return { thought: "", rest: text };
    if (opened === null && THOUGHT_OPEN.startsWith(text.trimStart()))
      return { thought: "", rest: undefined };
    if (opened === null && !this.reading.openThought) return { thought: "", rest: text };
    const from = opened?.[0].length ?? 0;
    const close = text.indexOf(THOUGHT_CLOSE, from);
    const thought =
      close < 0 ? withoutBeginning(text.slice(from), THOUGHT_CLOSE) : text.slice(from, close);
    return {
      thought: thought.trim(),
      rest: close < 0 ? undefined : text.slice(close + THOUGHT_CLOSE.length).replace(/^\n+/, ""),
    };
  }

  /** The part of a text that is content, whatever comes after it. */
  private certain(rest: string): string {
    const { opening } = this.parser.reader;
    if (this.reading.calls === "none" || opening === undefined) return rest;
    if (opening === "{")
      return /^\s*(\{|<\|?p?|$)/.test(rest) || rest.trimStart().startsWith("<|python_tag|>")
        ? ""
        : rest;
    const begun = rest.indexOf(opening);
    return (begun >= 0 ? rest.slice(0, begun) : withoutBeginning(rest, opening)).trimEnd();
  }
}

/** The text without an end that may be the beginning of the mark. */
function withoutBeginning(text: string, mark: string): string {
  for (let length = Math.min(mark.length - 1, text.length); length > 0; length--)
    if (text.endsWith(mark.slice(0, length))) return text.slice(0, -length);
  return text;
}
