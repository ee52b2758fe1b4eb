/** `--template`: which chat template prompts meet, said once at the start. */
import type { Encoder } from "../../text/encoder.ts";
import type { TemplateChoice } from "../../text/templates.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import type { TemplateRequest } from "../../training/open-encoder.ts";
import { encoderByTemplate } from "../../training/open-encoder.ts";
import type { CommandContext } from "../command.ts";

export interface EncoderInput extends TemplateRequest {
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
  { role, ...request }: EncoderInput,
  { reporter }: Pick<CommandContext, "reporter">,
): Encoder {
  const { encoder, choice, falls } = encoderByTemplate(tokenizer, request);
  const { template } = request;
  const own = tokenizer.chatTemplate !== undefined;
  const described = describe(encoder, { choice, template, falls, own });
  reporter.note(role === undefined ? described : `${role}: ${described}`);
  return encoder;
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
