/**
 * Tool calls in what a model wrote, in the forms in which families write them. Which form a model
 * has is found by showing its template a call and reading it back; a template that describes a form
 * and never writes it (SmolLM3) is known by its words.
 *
 * What cannot be read as a call stays content, so nothing that a model wrote is lost.
 */
import { AttuneError } from "../core/errors.ts";
import type { ChatTemplate } from "./chat-template.ts";
import { scanJson } from "./json-scan.ts";
import type { Message, TemplateInputs, ToolCall } from "./messages.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface ParsedAnswer {
  content: string;
  reasoning_content?: string;
  tool_calls?: readonly ToolCall[];
}

/** A call as a form reads it; arguments that are no object make it none. */
interface FoundCall {
  name: string;
  arguments: Record<string, unknown>;
  id?: string;
}

interface Found {
  content: string;
  calls: readonly FoundCall[];
}

interface CallForm {
  readonly name: string;
  /**
   * Texts that open or close calls. Where they are control tokens, they must be decoded as text.
   */
  readonly marks: readonly string[];
  /** Text that a call begins with; a brace where it has no mark of its own. */
  readonly opening: string;
  /** Undefined where there is no call of this form. */
  read(text: string): Found | undefined;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * `{"name": ..., "arguments": {...}}`; Llama's key is `parameters`, and some models write the
 * arguments as a text of JSON.
 */
function callOf(value: unknown): FoundCall | undefined {
  if (!isObject(value) || typeof value["name"] !== "string") return undefined;
  const given = value["arguments"] ?? value["parameters"] ?? {};
  const read =
    typeof given === "string"
      ? given.trim() === ""
        ? {}
        : scanJson(given.trim(), 0)?.value
      : given;
  if (!isObject(read)) return undefined;
  return {
    name: value["name"],
    arguments: read,
    ...(typeof value["id"] === "string" ? { id: value["id"] } : {}),
  };
}

/** One call or a list of them. */
function callsOf(value: unknown): FoundCall[] | undefined {
  const calls = (Array.isArray(value) ? value : [value]).map(callOf);
  return calls.length > 0 && calls.every((call) => call !== undefined) ? calls : undefined;
}

const skipSpace = (text: string, start: number): number =>
  start + /^\s*/.exec(text.slice(start))![0].length;

/**
 * Every `open ... close`, read by `inside`; text between them stays. A model that stops before
 * `close` has still made its call.
 */
function readMarked(
  text: string,
  [open, close]: readonly [string, string],
  inside: (text: string) => FoundCall[] | undefined,
): Found | undefined {
  const calls: FoundCall[] = [];
  let content = "";
  let done = 0;
  for (
    let start = text.indexOf(open);
    start >= 0;
    start = text.indexOf(open, start + open.length)
  ) {
    if (start < done) continue;
    const end = text.indexOf(close, start + open.length);
    const found = inside(text.slice(start + open.length, end < 0 ? text.length : end));
    if (found === undefined) continue;
    calls.push(...found);
    content += text.slice(done, start);
    done = end < 0 ? text.length : end + close.length;
  }
  return calls.length === 0 ? undefined : { content: (content + text.slice(done)).trim(), calls };
}

function jsonInside(text: string): FoundCall[] | undefined {
  const found = scanJson(text, skipSpace(text, 0));
  return found !== undefined && text.slice(found.end).trim() === ""
    ? callsOf(found.value)
    : undefined;
}

/**
 * `<function=NAME><parameter=KEY>value</parameter></function>`; values that are JSON and no text
 * are read as such.
 */
function elementsInside(text: string): FoundCall[] | undefined {
  const match = /^\s*<function=([^>\n]+)>([\s\S]*?)(?:<\/function>\s*)?$/.exec(text);
  if (match === null) return undefined;
  const given = [...match[2]!.matchAll(/<parameter=([^>\n]+)>\n?([\s\S]*?)\n?<\/parameter>/g)].map(
    ([, key, value]) => [key!, plainValue(value!)] as const,
  );
  return [{ name: match[1]!, arguments: Object.fromEntries(given) }];
}

function plainValue(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" ? text : value;
  } catch {
    return text;
  }
}

/**
 * `[TOOL_CALLS] [{...}]` of Mistral up to its small models of 2025, `[TOOL_CALLS]NAME[ARGS]{...}`
 * of later ones.
 */
function readMistral(text: string): Found | undefined {
  const open = "[TOOL_CALLS]";
  const start = text.indexOf(open);
  if (start < 0) return undefined;
  const content = text.slice(0, start).trim();
  const listed = scanJson(text, skipSpace(text, start + open.length));
  if (listed !== undefined) {
    const calls = callsOf(listed.value);
    return calls && { content: `${content}${text.slice(listed.end)}`.trim(), calls };
  }
  const pieces = text.slice(start + open.length).split(open);
  const calls = pieces.map((piece): FoundCall | undefined => {
    const named = /^\s*([\w.-]+?)\s*(?:\[CALL_ID\]([\w-]+))?\s*(?:\[ARGS\])?\s*(?=\{)/.exec(piece);
    const given = named === null ? undefined : scanJson(piece, named[0].length)?.value;
    return isObject(given)
      ? {
          name: named![1]!,
          arguments: given,
          ...(named![2] === undefined ? {} : { id: named![2] }),
        }
      : undefined;
  });
  return calls.every((call) => call !== undefined) ? { content, calls } : undefined;
}

/** Llama 3.1: the whole answer is a call, or several with semicolons between them. */
function readBareJson(text: string): Found | undefined {
  const calls: FoundCall[] = [];
  const tag = "<|python_tag|>";
  const body = text.trim().startsWith(tag) ? text.trim().slice(tag.length) : text;
  for (let at = skipSpace(body, 0); at < body.length; at = skipSpace(body, at)) {
    const found = scanJson(body, at);
    const call = found && callOf(found.value);
    if (call === undefined) return undefined;
    calls.push(call);
    at = skipSpace(body, found!.end);
    if (body[at] === ";" || body[at] === ",") at++;
  }
  return calls.length === 0 ? undefined : { content: "", calls };
}

export const CALL_FORMS: readonly CallForm[] = [
  {
    name: "mistral",
    marks: ["[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"],
    opening: "[TOOL_CALLS]",
    read: readMistral,
  },
  {
    name: "phi",
    marks: ["<|tool_call|>", "<|/tool_call|>"],
    opening: "<|tool_call|>",
    read: (text) => readMarked(text, ["<|tool_call|>", "<|/tool_call|>"], jsonInside),
  },
  {
    name: "hermes",
    marks: ["<tool_call>", "</tool_call>"],
    opening: "<tool_call>",
    read: (text) => readMarked(text, ["<tool_call>", "</tool_call>"], jsonInside),
  },
  {
    name: "elements",
    marks: ["<tool_call>", "</tool_call>"],
    opening: "<tool_call>",
    read: (text) => readMarked(text, ["<tool_call>", "</tool_call>"], elementsInside),
  },
  { name: "llama", marks: ["<|python_tag|>"], opening: "{", read: readBareJson },
];

/** How a model's answers are taken apart. */
export interface AnswerReader {
  /** How the family writes calls; undefined where that is not known. */
  readonly form: string | undefined;
  /** Control tokens that must be decoded as text for calls and thoughts to be found. */
  readonly marks: readonly string[];
  /**
   * Text with which a call may begin, for streams; a brace counts at the beginning of an answer
   * alone.
   */
  readonly opening: string | undefined;
  /** Whether thoughts are taken out of answers. */
  readonly thoughts: boolean;
  /**
   * @param text of an answer, with its marks
   * @param options `calls: false` leaves calls in the content; `openThought` where the prompt has
   * opened the thought
   */
  read(text: string, options?: { calls?: boolean; openThought?: boolean }): ParsedAnswer;
}

const THOUGHT_OPEN = "<think>";
const THOUGHT_CLOSE = "</think>";

export function answerReader(template: ChatTemplate, tokenizer: Tokenizer): AnswerReader {
  const form = findForm(template, tokenizer);
  const thoughts = template.source.includes(THOUGHT_CLOSE);
  return {
    form: form?.name,
    marks: [...(form?.marks ?? []), ...(thoughts ? [THOUGHT_OPEN, THOUGHT_CLOSE] : [])].filter(
      (mark) => tokenizer.controlTokens.includes(mark),
    ),
    opening: form?.opening,
    thoughts,
    read(text, { calls = true, openThought = false } = {}) {
      const { thought, rest } = thoughts
        ? splitThought(text, openThought)
        : { thought: undefined, rest: text };
      const found = calls ? form?.read(rest) : undefined;
      return {
        content: found?.content ?? rest,
        ...(thought === undefined ? {} : { reasoning_content: thought }),
        ...(found
          ? {
              tool_calls: found.calls.map(({ id, name, arguments: given }) => ({
                ...(id === undefined ? {} : { id }),
                type: "function" as const,
                function: { name, arguments: given },
              })),
            }
          : {}),
      };
    },
  };
}

/** The thought at the beginning of an answer. One that is not closed is all that there is. */
function splitThought(
  text: string,
  isOpen: boolean,
): { thought: string | undefined; rest: string } {
  const start = /^\s*<think>/.exec(text);
  if (start === null && !isOpen) return { thought: undefined, rest: text };
  const from = start?.[0].length ?? 0;
  const close = text.indexOf(THOUGHT_CLOSE, from);
  const thought = text.slice(from, close < 0 ? text.length : close).trim();
  return {
    thought: thought === "" ? undefined : thought,
    rest: close < 0 ? "" : text.slice(close + THOUGHT_CLOSE.length).replace(/^\n+/, ""),
  };
}

const TOOLS: NonNullable<TemplateInputs["tools"]> = [
  {
    type: "function",
    function: {
      name: "attune_tool",
      description: "attune",
      parameters: {
        type: "object",
        properties: { attune_key: { type: "string", description: "attune" } },
        required: ["attune_key"],
      },
    },
  },
];
const ASKED: Message = { role: "user", content: "attune" };
const CALLING: Message = {
  role: "assistant",
  content: "",
  tool_calls: [
    {
      id: "attune123",
      type: "function",
      function: { name: "attune_tool", arguments: { attune_key: "attune value" } },
    },
  ],
};

function findForm(template: ChatTemplate, tokenizer: Tokenizer): CallForm | undefined {
  const written = writtenCall(template, tokenizer);
  const shown =
    written === undefined
      ? undefined
      : CALL_FORMS.find(({ read }) => isProbe(read(written)?.calls));
  if (shown || template.skills.toolCalls) return shown;
  return CALL_FORMS.find(
    ({ name, opening }) => name !== "llama" && template.source.includes(opening),
  );
}

const isProbe = (calls: readonly FoundCall[] | undefined): boolean =>
  calls?.length === 1 &&
  calls[0]!.name === "attune_tool" &&
  calls[0]!.arguments["attune_key"] === "attune value";

/** What the template writes for a call, as a model would have to write it. */
function writtenCall(template: ChatTemplate, { controlTokens }: Tokenizer): string | undefined {
  try {
    const prompt = template.render([ASKED], { tools: TOOLS, generationPrompt: true });
    const whole = template.render([ASKED, CALLING], { tools: TOOLS, generationPrompt: false });
    const start = whole.startsWith(prompt) ? prompt.length : commonLength(prompt, whole);
    const marks = new Set(CALL_FORMS.flatMap((form) => form.marks));
    return controlTokens
      .filter((token) => !marks.has(token))
      .reduce((text, token) => text.replaceAll(token, ""), whole.slice(start));
  } catch (error) {
    // a template that refuses calls has no form of them
    if (error instanceof AttuneError && error.code === "data") return undefined;
    throw error;
  }
}

function commonLength(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at;
}
