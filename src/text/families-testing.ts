/**
 * Published chat templates with tokenizers that hold their control tokens, for tests: the golden
 * files of scripts/golden/chat_templates.py.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { AttuneError } from "../core/errors.ts";
import { createChatTemplate } from "./chat-template.ts";
import type { Message, TemplateInputs } from "./messages.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { tokenizerFromFiles } from "./tokenizer.ts";

export interface Conversation {
  name: string;
  messages: Message[];
  tools: NonNullable<TemplateInputs["tools"]> | null;
  arguments: Record<string, unknown>;
  generationPrompt: boolean;
}

export interface Family {
  tokenizer: string;
  added: string[];
  config: Record<string, string>;
  template: "here" | "trl";
  cases: { name: string; ids: number[] | null }[];
}

const read = (name: string): unknown =>
  JSON.parse(
    readFileSync(new URL(`golden/${name}.json`, import.meta.url), "utf8"),
    keepWholeNumbers,
  );
/** 12345678901234567 is no number of JavaScript's. */
function keepWholeNumbers(key: string, value: unknown): unknown {
  return key === "big" ? 12345678901234567n : value;
}

export const conversations = read("chat/conversations") as Conversation[];
export const FAMILIES = [
  "llama3_1",
  "gemma3",
  "qwen2_5",
  "qwen3",
  "mistral_nemo",
  "mistral_small",
  "phi3",
  "phi4_mini",
  "phi4_mini_llamacpp",
  "smollm2",
  "smollm3",
] as const;
/** When the golden files were made, as templates see it. */
export const TIME = "2026-05-04T13:07:59";

/** Templates that may not be copied lie where scripts/fetch-chat-templates.mjs puts them. */
const templateFile = (name: string, { template }: Family): string =>
  fileURLToPath(
    new URL(
      template === "here"
        ? `golden/templates/${name}.jinja`
        : `../../.cache/chat-templates/${name}.jinja`,
      import.meta.url,
    ),
  );

export const readFamily = (name: string): Family => read(`chat/${name}`) as Family;

export const hasTemplate = (name: string, family: Family): boolean =>
  existsSync(templateFile(name, family));

/** Ids that a tokenizer with a chat template gives for a conversation, or why it is refused. */
export function idsOf(
  tokenizer: Tokenizer,
  { messages, tools, arguments: templateArguments, generationPrompt }: Conversation,
): number[] | string {
  try {
    const text = createChatTemplate(tokenizer, { time: TIME }).render(messages, {
      generationPrompt,
      templateArguments,
      ...(tools === null ? {} : { tools }),
    });
    return tokenizer.encode(text);
  } catch (error) {
    if (error instanceof AttuneError) return error.what;
    throw error;
  }
}

/** What {@link idsOf} gives where transformers refuses too. */
export const REFUSED = "the chat template refuses this conversation";

export const readTemplate = (name: string, family: Family): string =>
  readFileSync(templateFile(name, family), "utf8");

export function openFamily(name: string, family: Family): Tokenizer {
  const { tokenizer, added, config } = family;
  const { tokenizer: json } = read(tokenizer) as {
    tokenizer: {
      added_tokens: { id: number; content: string; special: boolean }[];
      model: { vocab: Record<string, number> };
    };
  };
  let next =
    Math.max(...Object.values(json.model.vocab), ...json.added_tokens.map(({ id }) => id)) + 1;
  for (const content of added) {
    const known = json.added_tokens.find((token) => token.content === content);
    if (known) known.special = true;
    else
      json.added_tokens.push({
        id: next++,
        content,
        special: true,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
      } as (typeof json.added_tokens)[number]);
  }
  return tokenizerFromFiles({
    "tokenizer.json": JSON.stringify(json),
    "tokenizer_config.json": JSON.stringify({
      ...config,
      add_bos_token: false,
      chat_template: readTemplate(name, family),
    }),
  });
}
