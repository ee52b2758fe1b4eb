/** Ids of conversations under the chat templates of published models equal transformers'. Golden files: scripts/golden/chat_templates.py. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { repositoryRoot } from "../../tests/support/shared.ts";
import { join } from "node:path";
import { AttuneError } from "../core/errors.ts";
import { createChatTemplate } from "./chat-template.ts";
import type { Message, TemplateInputs } from "./messages.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { tokenizerFromFiles } from "./tokenizer.ts";

interface Conversation {
  name: string;
  messages: Message[];
  tools: NonNullable<TemplateInputs["tools"]> | null;
  arguments: Record<string, unknown>;
  generationPrompt: boolean;
}

interface Family {
  tokenizer: string;
  added: string[];
  config: Record<string, string>;
  template: "here" | "trl";
  cases: { name: string; ids: number[] | null }[];
}

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`golden/${name}.json`, import.meta.url), "utf8"), keepWholeNumbers);
/** 12345678901234567 is no number of JavaScript's. */
function keepWholeNumbers(key: string, value: unknown): unknown {
  return key === "big" ? 12345678901234567n : value;
}

const conversations = read("chat/conversations") as Conversation[];
const FAMILIES = ["llama3_1", "gemma3", "qwen2_5", "qwen3", "mistral_nemo", "mistral_small", "phi3", "phi4_mini", "phi4_mini_llamacpp", "smollm2", "smollm3"] as const;
const TIME = "2026-05-04T13:07:59";

/** Templates that may not be copied lie where scripts/fetch-chat-templates.mjs puts them. */
const templateFile = (name: string, where: Family["template"]): string => (where === "here" ? join(repositoryRoot, "src", "text", "golden", "templates", `${name}.jinja`) : join(repositoryRoot, ".cache", "chat-templates", `${name}.jinja`));

function openFamily(name: string, { tokenizer, added, config, template }: Family): Tokenizer {
  const { tokenizer: json } = read(tokenizer) as { tokenizer: { added_tokens: { id: number; content: string; special: boolean }[]; model: { vocab: Record<string, number> } } };
  let next = Math.max(...Object.values(json.model.vocab), ...json.added_tokens.map(({ id }) => id)) + 1;
  for (const content of added) {
    const known = json.added_tokens.find((token) => token.content === content);
    if (known) known.special = true;
    else json.added_tokens.push({ id: next++, content, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false } as (typeof json.added_tokens)[number]);
  }
  return tokenizerFromFiles({ "tokenizer.json": JSON.stringify(json), "tokenizer_config.json": JSON.stringify({ ...config, add_bos_token: false, chat_template: readFileSync(templateFile(name, template), "utf8") }) });
}

describe.each(FAMILIES)("%s", (name) => {
  const family = read(`chat/${name}`) as Family;
  const missing = !existsSync(templateFile(name, family.template));
  // a skipped test is told by its name
  const needs = missing ? " (skipped: node scripts/fetch-chat-templates.mjs fetches the template, which may not be copied)" : "";

  test.skipIf(missing)(`ids of every conversation, or a refusal where transformers refuses${needs}`, () => {
    const tokenizer = openFamily(name, family);
    const template = createChatTemplate(tokenizer, { time: TIME });
    const outcome = ({ messages, tools, arguments: templateArguments, generationPrompt }: Conversation): number[] | string => {
      try {
        const text = template.render(messages, { generationPrompt, templateArguments, ...(tools === null ? {} : { tools }) });
        return tokenizer.encode(text);
      } catch (error) {
        if (error instanceof AttuneError) return error.what;
        throw error;
      }
    };
    for (const [index, { name: title, ids }] of family.cases.entries()) {
      const conversation = conversations[index]!;
      // transformers itself refuses a conversation of no turns
      if (conversation.messages.length === 0) continue;
      expect({ title, ids: outcome(conversation) }).toEqual({ title, ids: ids ?? "the chat template refuses this conversation" });
    }
  });

  test.skipIf(missing)("what is rendered safely is the same text, or is refused because something in it is lost", () => {
    const template = createChatTemplate(openFamily(name, family), { time: TIME });
    const lost: string[] = [];
    for (const { name: title, messages, tools, arguments: templateArguments, generationPrompt } of conversations) {
      const options = { generationPrompt, templateArguments, ...(tools === null ? {} : { tools }) };
      try {
        expect(template.renderSafely(messages, options).text).toBe(template.render(messages, options));
      } catch (error) {
        if (!(error instanceof AttuneError)) throw error;
        if (error.what.includes("does not write")) lost.push(`${title}: ${error.what.slice("the chat template does not write ".length)}`);
      }
    }
    expect(lost).toMatchSnapshot();
  });
});
