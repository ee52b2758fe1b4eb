/** `--template`: which chat template prompts meet, said once at the start. */
import { readFileSync, statSync } from "node:fs";
import { AttuneError } from "../../core/errors.ts";
import type { Encoder, EncoderOptions } from "../../text/encoder.ts";
import { createEncoder } from "../../text/encoder.ts";
import type { Prompt } from "../../text/messages.ts";
import type { TemplateChoice } from "../../text/templates.ts";
import { TEMPLATE_WORDS, isTemplateName, nearTemplate } from "../../text/templates.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import type { CommandContext } from "../command.ts";

/** Larger than any template; what is larger is another kind of file. */
const MOST_BYTES = 1_000_000;

/** A word of {@link TEMPLATE_WORDS}, or a file's Jinja. @throws AttuneError `config` */
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

export interface EncoderInput extends Omit<EncoderOptions, "template"> {
  /** The template as it was given. */
  template: string;
  /** Whether what is encoded holds messages. */
  conversations: boolean;
  /** Said before what the template is, where there are several models. */
  role?: string;
}

/**
 * The encoder for a model by `--template`. A model without a template meets conversations with the
 * template `plain`, which is then its own.
 * @throws AttuneError `config`, `model`
 */
export function openEncoder(
  tokenizer: Tokenizer,
  { template, conversations, role, ...options }: EncoderInput,
  { reporter }: Pick<CommandContext, "reporter">,
): Encoder {
  const choice = readTemplate(template);
  const falls = choice === "auto" && tokenizer.chatTemplate === undefined && conversations;
  const encoder = create(tokenizer, { ...options, template: falls ? "plain" : choice }, template);
  const own = tokenizer.chatTemplate !== undefined;
  const described = describe(encoder, { choice, template, falls, own });
  reporter.note(role === undefined ? described : `${role}: ${described}`);
  return encoder;
}

function create(tokenizer: Tokenizer, options: EncoderOptions, file: string): Encoder {
  try {
    return createEncoder(tokenizer, options);
  } catch (error) {
    if (!(error instanceof AttuneError) || typeof options.template !== "object") throw error;
    throw new AttuneError("config", error.what, { ...error.details, file, cause: error });
  }
}

function describe(
  { tokenizer, stopIds }: Encoder,
  {
    choice,
    template,
    falls,
    own,
  }: { choice: TemplateChoice; template: string; falls: boolean; own: boolean },
): string {
  const stop = JSON.stringify(tokenizer.tokenOf(stopIds[0]!));
  const turns = `answers end in ${stop}`;
  if (falls)
    return (
      "chat template: plain (User: ... Assistant: ...), since the model has none of its own and " +
      `is given conversations; ${turns}. --template names another`
    );
  if (tokenizer.chatTemplate === undefined)
    return (
      "chat template: none, so texts are plain " +
      `texts${choice === "none" && own ? ", and the model's own is left out" : ""}; ${turns}`
    );
  return (
    `chat template: ${choice === "auto" || choice === "model" ? "the model's own" : template}; ` +
    `${turns}`
  );
}
