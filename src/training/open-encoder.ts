/** The encoder of a run, by the options that say how rows become ids. */
import { readFileSync, statSync } from "node:fs";
import { AttuneError } from "../core/errors.ts";
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

/** Whether a model without a template of its own meets the template `plain` instead. */
export const fallsBackToPlain = (
  choice: TemplateChoice,
  { chatTemplate }: Tokenizer,
  { conversations }: { conversations: boolean },
): boolean => choice === "auto" && chatTemplate === undefined && conversations;
