/**
 * Hostile tokenizers are read or refused, in bounded time and memory, and so is what they make of
 * texts.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tokenizerFromFiles } from "../../src/text/tokenizer.ts";
import { repositoryRoot } from "../support/shared.ts";
import { survivors } from "./survivors.ts";
import { hostileTokenizers } from "./tokenizers-fuzz.ts";

const SEED = Number(process.env["ATTUNE_FUZZ_SEED"] ?? 1);
const RUNS = Math.min(1000, Number(process.env["ATTUNE_FUZZ_RUNS"] ?? 25));

const folder = join(repositoryRoot, "src", "text", "golden");
const golden = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .map(
    (name) =>
      (
        JSON.parse(readFileSync(join(folder, name), "utf8")) as {
          tokenizer: Record<string, unknown>;
        }
      ).tokenizer,
  );
/** What makes expressions with repetitions within repetitions run without end. */
const TEXTS = [
  `${"a".repeat(60)}!`,
  `${" ".repeat(3000)}x`,
  "aaaa bbbb \n\n 1234 éé 🙂 the answer <end>",
  `${"ab".repeat(500)}=`,
  "x".repeat(3000),
];

test(`${RUNS} hostile tokenizers are read or refused`, () => {
  const { read, refused } = survivors("tokenizers", hostileTokenizers(golden), {
    seed: SEED,
    runs: RUNS,
    codes: ["model"],
    work({ json, config }) {
      const tokenizer = tokenizerFromFiles(
        { "tokenizer.json": json, "tokenizer_config.json": config },
        "hostile",
      );
      for (const text of TEXTS) tokenizer.decode(tokenizer.encodePlain(text));
    },
  });
  expect(Math.min(read, refused)).toBeGreaterThan(0);
});
