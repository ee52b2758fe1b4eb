/**
 * Hostile chat templates are rendered or refused, in bounded work and memory. ATTUNE_FUZZ_RUNS says
 * how many (npm run fuzz: all), ATTUNE_FUZZ_SEED which.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createChatTemplate } from "../../src/text/chat-template.ts";
import type { Message, TemplateInputs } from "../../src/text/messages.ts";
import { byteTokenizer } from "../../src/text/testing.ts";
import { repositoryRoot } from "../support/shared.ts";
import { survivors } from "./survivors.ts";
import { hostileTemplates } from "./templates-fuzz.ts";

const SEED = Number(process.env["ATTUNE_FUZZ_SEED"] ?? 1);
const RUNS = Math.min(1000, Number(process.env["ATTUNE_FUZZ_RUNS"] ?? 25));

const folder = join(repositoryRoot, "src", "text", "golden", "templates");
const published = readdirSync(folder)
  .filter((name) => name.endsWith(".jinja"))
  .map((name) => readFileSync(join(folder, name), "utf8"));
const tokenizer = byteTokenizer();
const messages: Message[] = [
  { role: "system", content: "be kind" },
  { role: "user", content: "a <end> b" },
  {
    role: "assistant",
    content: "c",
    tool_calls: [
      { id: "abcdefghi", type: "function", function: { name: "f", arguments: { a: [1, "x"] } } },
    ],
  },
  { role: "tool", content: "d", tool_call_id: "abcdefghi" },
];
const tools: NonNullable<TemplateInputs["tools"]> = [
  {
    type: "function",
    function: { name: "f", description: "g", parameters: { type: "object", properties: {} } },
  },
];

test(`${RUNS} hostile templates are rendered or refused`, () => {
  const { read, refused } = survivors("templates", hostileTemplates(published), {
    seed: SEED,
    runs: RUNS,
    codes: ["model", "data"],
    work(chatTemplate) {
      const template = createChatTemplate({ ...tokenizer, chatTemplate });
      const rendered = template.render(messages, { generationPrompt: true, tools });
      tokenizer.encode(rendered);
      // most of them lose something of the row, which is refused then
      if (messages.every(({ content }) => rendered.includes(content)))
        template.encode(template.renderSafely(messages, { generationPrompt: true, tools }));
    },
  });
  // both outcomes, or the fuzzer has lost its point
  expect(Math.min(read, refused)).toBeGreaterThan(0);
});
