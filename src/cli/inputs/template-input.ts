/** `--template`: which chat template prompts meet, said once at the start. */
import { AttuneError } from "../../core/errors.ts";
import type { Encoder, EncoderOptions } from "../../text/encoder.ts";
import { createEncoder } from "../../text/encoder.ts";
import type { TemplateChoice } from "../../text/templates.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import { fallsBackToPlain, readTemplate } from "../../training/open-encoder.ts";
import type { CommandContext } from "../command.ts";

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
  const falls = fallsBackToPlain(choice, tokenizer, { conversations });
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
