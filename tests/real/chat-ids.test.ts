/**
 * Conversations under the tokenizers and templates of published families give the ids of
 * transformers' `apply_chat_template`: the golden file of scripts/golden/chat_ids.py. The
 * tokenizers (70 MB) are fetched by scripts/fetch-tokenizers.mjs, hence apart: `npm run test:real`.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  conversations,
  hasTemplate,
  idsOf,
  readFamily,
  readTemplate,
  REFUSED,
} from "../../src/text/families-testing.ts";
import { tokenizerFromFiles } from "../../src/text/tokenizer.ts";
import { repositoryRoot } from "../support/shared.ts";

const golden = JSON.parse(
  readFileSync(join(repositoryRoot, "src/text/golden/chat/own-tokenizers.json"), "utf8"),
) as Record<string, Record<"published" | "packaged", (number[] | null)[]>>;
const folderOf = (family: string): string => join(repositoryRoot, ".cache", "tokenizers", family);

describe.each(Object.entries(golden))("%s", (name, expected) => {
  const family = readFamily(name);
  const obstacle =
    process.env["ATTUNE_REAL"] !== "1"
      ? "npm run test:real runs it"
      : !existsSync(folderOf(name))
        ? "node scripts/fetch-tokenizers.mjs fetches the tokenizer"
        : undefined;
  const noTemplate = hasTemplate(name, family)
    ? undefined
    : "node scripts/fetch-chat-templates.mjs fetches the template, which may not be copied";

  for (const source of ["published", "packaged"] as const) {
    const reason = obstacle ?? (source === "published" ? noTemplate : undefined);
    test.skipIf(reason !== undefined)(
      `ids under the ${source} template, or a refusal where transformers refuses` +
        (reason === undefined ? "" : ` (skipped: ${reason})`),
      () => {
        const files = Object.fromEntries(
          ["tokenizer.json", "tokenizer_config.json"].map((file) => [
            file,
            readFileSync(join(folderOf(name), file), "utf8"),
          ]),
        ) as Record<"tokenizer.json" | "tokenizer_config.json", string>;
        if (source === "published")
          files["tokenizer_config.json"] = JSON.stringify({
            ...(JSON.parse(files["tokenizer_config.json"]) as object),
            chat_template: readTemplate(name, family),
          });
        const tokenizer = tokenizerFromFiles(files);
        for (const [index, conversation] of conversations.entries()) {
          // transformers itself refuses a conversation of no turns
          if (conversation.messages.length === 0) continue;
          expect({ title: conversation.name, ids: idsOf(tokenizer, conversation) }).toEqual({
            title: conversation.name,
            ids: expected[source][index] ?? REFUSED,
          });
        }
      },
    );
  }
});
