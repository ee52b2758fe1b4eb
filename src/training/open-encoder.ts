/** The encoders of a run, by the options that say how rows become ids. */
import { readFileSync, statSync } from "node:fs";
import { AttuneError } from "../core/errors.ts";
import type { Model } from "../models/model.ts";
import type { Encoder, EncoderOptions } from "../text/encoder.ts";
import { createEncoder } from "../text/encoder.ts";
import type { Prompt } from "../text/messages.ts";
import type { TemplateChoice } from "../text/templates.ts";
import { TEMPLATE_WORDS, isTemplateName, nearTemplate } from "../text/templates.ts";
import type { Tokenizer } from "../text/tokenizer.ts";

/** Larger than any template; what is larger is another kind of file. */
const MOST_BYTES = 1_000_000;

/**
 * The chat template that an option names: a word of {@link TEMPLATE_WORDS}, or a file of Jinja.
 * @throws AttuneError `config`
 */
export function readTemplate(option: string): TemplateChoice {
  if (option === "auto" || option === "model" || option === "none" || isTemplateName(option))
    return option;
  const stats = statSync(option, { throwIfNoEntry: false });
  if (stats?.isFile() && stats.size <= MOST_BYTES) return { jinja: readFileSync(option, "utf8") };
  const near = nearTemplate(option);
  throw new AttuneError(
    "config",
    stats ? "this is no file with a chat template" : "there is no such chat template",
    {
      file: option,
      expected: `${TEMPLATE_WORDS.join(", ")}, or a file with a Jinja template`,
      ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
    },
  );
}

/** What a record says, in whatever form; a part of every data record. */
interface RecordTexts {
  prompt?: Prompt;
  messages?: unknown;
  completion?: unknown;
  chosen?: unknown;
  completions?: readonly { completion: unknown }[];
}

/** Whether records hold messages, which need a template to be read at all. */
export const holdConversations = (records: readonly object[]): boolean =>
  (records as readonly RecordTexts[]).some(
    ({ prompt, messages, completion, chosen, completions }) =>
      [prompt, messages, completion, chosen, completions?.[0]?.completion].some(Array.isArray),
  );

export interface TemplateRequest extends Omit<EncoderOptions, "template"> {
  /** The template as it was given: a word or a file. */
  template: string;
  /** Whether what is encoded holds messages. */
  conversations: boolean;
}

export interface TemplatedEncoder {
  encoder: Encoder;
  choice: TemplateChoice;
  /** Whether a model without a template of its own meets conversations with the template `plain`. */
  falls: boolean;
}

/**
 * The encoder of a model by the option `template`.
 * @throws AttuneError `config` or `model` for a template that does not fit, with the file that it is
 * from
 */
export function encoderByTemplate(
  tokenizer: Tokenizer,
  { template: given, conversations, ...options }: TemplateRequest,
): TemplatedEncoder {
  const choice = readTemplate(given);
  const falls = choice === "auto" && tokenizer.chatTemplate === undefined && conversations;
  const template = falls ? "plain" : choice;
  try {
    return { encoder: createEncoder(tokenizer, { ...options, template }), choice, falls };
  } catch (error) {
    if (!(error instanceof AttuneError) || typeof template !== "object") throw error;
    throw new AttuneError("config", error.what, { ...error.details, file: given, cause: error });
  }
}

/** A reward model reads with the template that it was trained with, as long as its context is. */
export const rewardEncoder = (
  { model, tokenizer }: { model: Model; tokenizer: Tokenizer },
  {
    maxLength,
    trustText,
    templateTime,
  }: Required<Pick<EncoderOptions, "maxLength" | "trustText" | "templateTime">>,
): Encoder => {
  const longest = Math.min(maxLength, model.config.maxPositions);
  return createEncoder(tokenizer, { maxLength: longest, trustText, templateTime });
};
