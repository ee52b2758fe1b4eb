/**
 * Ids of conversations under the chat templates of published models equal transformers'. Golden
 * files: scripts/golden/chat_templates.py.
 */
import { describe, expect, test } from "vitest";
import { AttuneError } from "../core/errors.ts";
import { createChatTemplate } from "./chat-template.ts";
import {
  conversations,
  FAMILIES,
  hasTemplate,
  idsOf,
  openFamily,
  readFamily,
  REFUSED,
  TIME,
} from "./families-testing.ts";

describe.each(FAMILIES)("%s", (name) => {
  const family = readFamily(name);
  const missing = !hasTemplate(name, family);
  // a skipped test is told by its name
  const needs = missing
    ? " (skipped: node scripts/fetch-chat-templates.mjs fetches the template, which may not be " +
      "copied)"
    : "";

  test.skipIf(missing)(
    `ids of every conversation, or a refusal where transformers refuses${needs}`,
    () => {
      const tokenizer = openFamily(name, family);
      for (const [index, { name: title, ids }] of family.cases.entries()) {
        const conversation = conversations[index]!;
        // transformers itself refuses a conversation of no turns
        if (conversation.messages.length === 0) continue;
        expect({ title, ids: idsOf(tokenizer, conversation) }).toEqual({
          title,
          ids: ids ?? REFUSED,
        });
      }
    },
  );

  test.skipIf(missing)(
    "what is rendered safely is the same text, or is refused because something in it is lost",
    () => {
      const template = createChatTemplate(openFamily(name, family), { time: TIME });
      const lost: string[] = [];
      for (const {
        name: title,
        messages,
        tools,
        arguments: templateArguments,
        generationPrompt,
      } of conversations) {
        const options = {
          generationPrompt,
          templateArguments,
          ...(tools === null ? {} : { tools }),
        };
        try {
          expect(template.renderSafely(messages, options).text).toBe(
            template.render(messages, options),
          );
        } catch (error) {
          if (!(error instanceof AttuneError)) throw error;
          if (error.what.includes("does not write"))
            lost.push(`${title}: ${error.what.slice("the chat template does not write ".length)}`);
        }
      }
      expect(lost).toMatchSnapshot();
    },
  );
});
