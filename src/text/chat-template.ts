/**
 * Renders conversations with a model's own chat template as transformers does, and turns them into
 * ids in such a way that text from data or users cannot act as a control token. What a row says and
 * the template does not write is refused.
 */
import { countOf } from "../core/counts.ts";
import type { ErrorPlace } from "../core/errors.ts";
import { AttuneError, preview } from "../core/errors.ts";
import { wallClock } from "../core/wall-clock.ts";
import { LimitError } from "./jinja/budget.ts";
import { Template } from "./jinja/template.ts";
import type { Value } from "./jinja/values.ts";
import { List, TemplateError } from "./jinja/values.ts";
import type { Message, TemplateInputs } from "./messages.ts";
import type { EncodeOptions } from "./pipeline.ts";
import type { Slices } from "./slices.ts";
import { finish } from "./slices.ts";
import type { LostText, RenderedText } from "./rendered.ts";
import { findLost, trustedParts } from "./rendered.ts";
import type { Source } from "./template-data.ts";
import { TemplateData } from "./template-data.ts";
import { namedTemplate } from "./templates.ts";
import { tokenFinder } from "./token-finder.ts";
import type { Tokenizer } from "./tokenizer.ts";

export { sliceRendered } from "./rendered.ts";
export type { RenderedText } from "./rendered.ts";

export interface RenderOptions extends TemplateInputs {
  /** End with the opening of an assistant turn. */
  generationPrompt: boolean;
  /** The caller writes the last turn's thought itself where the template leaves it out. */
  ownThought?: boolean;
  /** The row, for errors. */
  place?: ErrorPlace;
}

/** Local date and time as {@link wallClock} writes it: fixed, or asked for each time. */
export type TemplateTime = string | (() => string);

export interface ChatTemplateOptions {
  /** What `strftime_now` writes; the present time where left out. */
  time?: TemplateTime;
}

/** What a template writes of that which not every template does. */
export interface TemplateSkills {
  readonly tools: boolean;
  readonly toolCalls: boolean;
  /** Thoughts of the turn that is being answered. */
  readonly thoughts: boolean;
}

export interface ChatTemplate {
  readonly source: string;
  /** Changes whenever what is rendered may. */
  readonly fingerprint: string;
  readonly skills: TemplateSkills;
  /** The text that transformers renders. Nothing is checked. */
  render(messages: readonly Message[], options: RenderOptions): string;
  /** Ids of rendered text; `continues` where it goes on after other text of the template. */
  encode(rendered: RenderedText, options?: EncodeOptions): number[];
  /** As `encode`, slice by slice. */
  encodeSlices(rendered: RenderedText, options?: EncodeOptions): Slices<number[]>;
  /**
   * The same text as {@link render}, with what came from data marked.
   * @throws AttuneError `data` where a content, call, tool or thought does not come out
   */
  renderSafely(messages: readonly Message[], options: RenderOptions): RenderedText;
}

interface Rendering extends RenderedText {
  sources: readonly Source[];
}

export function createChatTemplate(
  tokenizer: Tokenizer,
  { time = wallClock() }: ChatTemplateOptions = {},
): ChatTemplate {
  const source = tokenizer.chatTemplate ?? namedTemplate("plain", tokenizer);
  const file = tokenizer.templatePlace;
  const template = parse(source, file);
  const toolTemplate =
    tokenizer.toolTemplate === undefined ? template : parse(tokenizer.toolTemplate, file);
  const clock = typeof time === "string" ? () => time : time;
  const readsClock = [template, toolTemplate].some(({ program }) =>
    program.names.has("strftime_now"),
  );
  const findControl = tokenFinder(tokenizer.controlTokens);

  const run = (
    messages: readonly Message[],
    {
      generationPrompt,
      tools,
      templateArguments = {},
      ownThought = false,
      place = {},
    }: RenderOptions,
  ): Rendering => {
    const used = tools === undefined ? template : toolTemplate;
    const { data, variables } = variablesOf(messages, {
      used,
      tokenizer,
      tools,
      templateArguments,
      generationPrompt,
      ownThought,
    });
    try {
      const text = used.render(variables, { time: clock, inputSize: data.size });
      return {
        ...(typeof text === "string" ? { text, runs: [] } : { text: text.text, runs: text.runs }),
        sources: data.sources,
      };
    } catch (cause) {
      throw renderingError(cause, { file, messages, size: data.size, place });
    }
  };
  let skills: TemplateSkills | undefined;
  const chat: ChatTemplate = {
    source,
    fingerprint: JSON.stringify([
      source,
      tokenizer.toolTemplate ?? null,
      readsClock ? (typeof time === "string" ? time : "now") : null,
    ]),
    get skills() {
      return (skills ??= probe(run));
    },
    render: (messages, options) => run(messages, options).text,
    renderSafely(messages, options) {
      const { sources, text, runs } = run(messages, options);
      const lost = findLost(
        runs,
        sources,
        (options.tools === undefined ? template : toolTemplate).program.texts,
      );
      if (lost) throw lostError(lost, options.place);
      return { text, runs };
    },
    encode: (rendered, options) => finish(chat.encodeSlices(rendered, options)),
    encodeSlices: (rendered, options) =>
      tokenizer.encodeSlices(trustedParts(rendered, findControl), options),
  };
  return chat;
}

function parse(source: string, file: string): Template {
  try {
    return new Template(source);
  } catch (cause) {
    if (!(cause instanceof TemplateError || cause instanceof LimitError)) throw cause;
    throw new AttuneError("model", "the chat template cannot be read", {
      file,
      got: cause.message.slice(0, 200),
      cause,
    });
  }
}

/** What ends a rendering, as an error of the model or of the row; anything else as it is. */
function renderingError(
  cause: unknown,
  {
    file,
    messages,
    size,
    place,
  }: { file: string; messages: readonly Message[]; size: number; place: ErrorPlace },
): unknown {
  if (cause instanceof LimitError)
    return new AttuneError("model", `the chat template is given up: ${cause.message}`, {
      file,
      got: `a conversation of ${countOf(size, "character")}`,
      cause,
    });
  if (!(cause instanceof TemplateError)) return cause;
  return new AttuneError("data", "the chat template refuses this conversation", {
    ...place,
    got: `${messages.map(({ role }) => role).join(", ")}: ${cause.message.slice(0, 200)}`,
    cause,
  });
}

interface Inputs extends Pick<TemplateInputs, "templateArguments"> {
  used: Template;
  tokenizer: Tokenizer;
  tools: TemplateInputs["tools"];
  generationPrompt: boolean;
  ownThought: boolean;
}

/**
 * As transformers passes them: messages, tools, documents, the tokens that have a name, then the
 * row's own arguments.
 */
function variablesOf(
  messages: readonly Message[],
  { used, tokenizer, tools, templateArguments = {}, generationPrompt, ownThought }: Inputs,
): { data: TemplateData; variables: Map<string, Value> } {
  const data = new TemplateData();
  const lastUser = messages.findLastIndex(({ role }) => role === "user");
  const turns = messages.map((message, index) =>
    data.message(mapRole(message, used), {
      place: index + 1,
      mayLoseThought: index <= lastUser || (ownThought && index === messages.length - 1),
    }),
  );
  const variables = new Map<string, Value>([
    ["messages", new List(turns)],
    ["tools", tools === undefined ? null : data.tools(tools)],
    ["documents", null],
    ["add_generation_prompt", generationPrompt],
    ...Object.entries(tokenizer.namedTokens),
  ]);
  for (const [name, value] of Object.entries(templateArguments))
    variables.set(name, data.value(value, "free", `the template argument ${name}`));
  return { data, variables };
}

/**
 * A template that does not speak of developers calls them system, which is what they were called
 * before.
 */
function mapRole(message: Message, { program }: Template): Message {
  return message.role === "developer" && !program.texts.some((text) => text.includes("developer"))
    ? { ...message, role: "system" }
    : message;
}

function lostError(
  { source: { name, text: whole }, text }: LostText,
  place: ErrorPlace = {},
): AttuneError {
  const what = text === whole ? name : `a part of ${name}`;
  return new AttuneError("data", `the chat template does not write ${what}`, {
    ...place,
    got: preview(text, 60),
    hint: "another --template that writes it, or rows without it",
  });
}

const TOOL = {
  type: "function",
  function: {
    name: "attune_tool",
    description: "attune_description",
    parameters: {
      type: "object",
      properties: { attune_key: { type: "string", description: "attune_meaning" } },
      required: ["attune_key"],
    },
  },
};
const ASKED: Message = { role: "user", content: "attune_question" };
/** A call with a tool's answer behind it, since some templates write calls only then. */
const CALLED: readonly Message[] = [
  ASKED,
  {
    role: "assistant",
    content: "",
    tool_calls: [
      {
        id: "attune123",
        type: "function",
        function: { name: "attune_tool", arguments: { attune_key: "attune_value" } },
      },
    ],
  },
  { role: "tool", content: "attune_result", name: "attune_tool", tool_call_id: "attune123" },
];

/** Shows the template what it may or may not write. One that refuses does not write it. */
function probe(
  run: (messages: readonly Message[], options: RenderOptions) => Rendering,
): TemplateSkills {
  const writes = (
    messages: readonly Message[],
    options: Partial<RenderOptions>,
    words: readonly string[],
  ): boolean => {
    try {
      const { text } = run(messages, { generationPrompt: false, ...options });
      return words.every((word) => text.includes(word));
    } catch (error) {
      if (error instanceof AttuneError && error.code === "data") return false;
      throw error;
    }
  };
  return {
    tools: writes([ASKED], { tools: [TOOL] }, ["attune_tool"]),
    toolCalls: writes(CALLED, { tools: [TOOL] }, ["attune_tool", "attune_value"]),
    thoughts: writes(
      [ASKED, { role: "assistant", content: "attune_answer", reasoning_content: "attune_thought" }],
      {},
      ["attune_thought"],
    ),
  };
}
