/**
 * Renders conversations with a model's own chat template (Jinja), and turns them into ids in such a way that text from
 * data or users cannot act as a control token.
 */
import { Template } from "@huggingface/jinja";
import type { ErrorPlace } from "../core/errors.ts";
import { AttuneError } from "../core/errors.ts";
import { wallClock } from "../core/wall-clock.ts";
import type { Message, TemplateInputs } from "./messages.ts";
import type { EncodeOptions, Slices } from "./pipeline.ts";
import { finish } from "./pipeline.ts";
import { strftime } from "./strftime.ts";
import { namedTemplate } from "./templates.ts";
import type { TextPart } from "./text-parts.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface RenderOptions extends TemplateInputs {
  /** End with the opening of an assistant turn. */
  generationPrompt: boolean;
  /** The row, for errors. */
  place?: ErrorPlace;
}

/** Local date and time as {@link wallClock} writes it: fixed, or asked for each time. */
export type TemplateTime = string | (() => string);

export interface ChatTemplateOptions {
  /** For `strftime_now`. Default now. */
  time?: TemplateTime;
}

export interface ChatTemplate {
  readonly source: string;
  /** Changes whenever what is rendered may. */
  readonly fingerprint: string;
  render(messages: readonly Message[], options: RenderOptions): string;
  /** Ids of rendered text; `continues` where it goes on after other text of the template. */
  encode(rendered: RenderedText, options?: EncodeOptions): number[];
  /** The same, slice by slice. */
  encodeSlices(rendered: RenderedText, options?: EncodeOptions): Slices<number[]>;
  /** Renders with every content that holds a control token kept apart. */
  renderSafely(messages: readonly Message[], options: RenderOptions): RenderedText;
}

/** Rendered text in which marks stand for contents that must be encoded as ordinary characters. */
export interface RenderedText {
  readonly text: string;
  readonly guarded: readonly string[];
}

/** A part of a rendered text. */
export function sliceRendered({ text, guarded }: RenderedText, start: number, end?: number): RenderedText {
  return { text: text.slice(start, end), guarded };
}

const OPEN = "\uE000";
const CLOSE = "\uE001";
const MARK = /\uE000(\d+)\uE001/;

/** White space at the ends stays outside, since templates trim contents. */
function mark(content: string, index: number): string {
  const start = content.length - content.trimStart().length;
  return `${content.slice(0, start)}${OPEN}${index}${CLOSE}${content.slice(Math.max(start, content.trimEnd().length))}`;
}

const readsClock = (source: string): boolean => source.includes("strftime_now");

/** A message as transformers hands it to a template, which may read a thought by either name. */
function templateMessage({ weight: _weight, ...message }: Message): Record<string, unknown> {
  const { reasoning_content: thought } = message;
  return thought === undefined ? message : { thinking: thought, ...message };
}

/**
 * Contents are encoded together with the text around them, which gives exactly the ids of the whole text, except that a
 * control token written in a content stays ordinary characters.
 */
export function createChatTemplate(tokenizer: Tokenizer, { time = wallClock() }: ChatTemplateOptions = {}): ChatTemplate {
  const source = tokenizer.chatTemplate ?? namedTemplate("plain", tokenizer);
  let template: Template;
  try {
    template = new Template(`{% set strftime_now = wall_clock_strftime %}${source}`);
  } catch (cause) {
    throw new AttuneError("model", "the chat template cannot be read", { got: cause instanceof Error ? cause.message : String(cause), cause });
  }
  const render = (messages: readonly Message[], { generationPrompt, tools, templateArguments = {}, place = {} }: RenderOptions): string => {
    try {
      return template.render({
        messages: messages.map(templateMessage),
        tools: tools ?? null,
        documents: null,
        wall_clock_strftime: (format: string) => strftime(typeof time === "string" ? time : time(), format),
        add_generation_prompt: generationPrompt,
        ...tokenizer.namedTokens,
        ...templateArguments,
      });
    } catch (cause) {
      throw new AttuneError("data", "the chat template refuses this conversation", { ...place, got: `${messages.map(({ role }) => role).join(", ")}: ${cause instanceof Error ? cause.message : String(cause)}`, cause });
    }
  };
  const isUnsafe = (text: string): boolean => text.includes(OPEN) || tokenizer.controlTokens.some((token) => text.includes(token));
  const encodeSlices: ChatTemplate["encodeSlices"] = ({ text, guarded }, encodeOptions) => {
    const parts = text.split(MARK).map((part, index): TextPart => (index % 2 === 1 ? { text: guarded[Number(part)]!, plain: true } : { text: part, plain: false }));
    return tokenizer.encodeSlices(parts, encodeOptions);
  };
  return {
    source,
    fingerprint: JSON.stringify([source, readsClock(source) ? String(time) : null]),
    render,
    renderSafely(messages, options) {
      const guarded: string[] = [];
      const guard = (text: string): string => (isUnsafe(text) ? mark(text, guarded.push(text.trim()) - 1) : text);
      const marked = messages.map(({ name, ...message }) => ({ ...message, content: guard(message.content), ...(name === undefined ? {} : { name: guard(name) }) }));
      return { text: render(marked, options), guarded };
    },
    encode: (rendered, encodeOptions) => finish(encodeSlices(rendered, encodeOptions)),
    encodeSlices,
  };
}
