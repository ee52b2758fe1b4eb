/** Tokenizers of each kind, through GGUF metadata and back. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { tokenizerFilesFromGguf } from "../../text/gguf-tokenizer.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import { tokenizerFromFiles } from "../../text/tokenizer.ts";
import { ggufVocabulary } from "./gguf-vocabulary.ts";

interface Golden {
  tokenizer: object;
  config: object;
  cases: { text: string; ids: number[]; plain?: number[] }[];
}

const readGolden = (name: string): Golden =>
  JSON.parse(
    readFileSync(new URL(`../../text/golden/${name}.json`, import.meta.url), "utf8"),
  ) as Golden;
const open = ({ tokenizer, config }: Golden): Tokenizer =>
  tokenizerFromFiles({
    "tokenizer.json": JSON.stringify(tokenizer),
    "tokenizer_config.json": JSON.stringify(config),
  });

test.each([
  ["gpt2", "gpt-2"],
  ["smollm", "smollm"],
  ["llama3", "llama-bpe"],
  ["qwen2", "qwen2"],
  ["tekken", "tekken"],
  ["llama2", "default"],
])("%s comes back with the same ids", (name, pre) => {
  const golden = readGolden(name);
  const tokenizer = open(golden);
  const metadata = ggufVocabulary(tokenizer, tokenizer.vocabularySize + 3);
  expect(metadata.get("ggml.pre")?.value).toBe(pre);
  const read = tokenizerFromFiles(
    tokenizerFilesFromGguf(
      new Map([...metadata].map(([key, { value }]) => [`tokenizer.${key}`, value])),
    ),
  );
  expect(read.addsBos).toBe(tokenizer.addsBos);
  expect([read.bosId, read.eosId, read.padId]).toEqual([
    tokenizer.bosId,
    tokenizer.eosId,
    tokenizer.padId,
  ]);
  for (const { text, ids, plain = ids } of golden.cases)
    expect([read.encode(text), read.encodePlain(text)], JSON.stringify(text)).toEqual([ids, plain]);
});

test.each(["words", "spaces", "metaspace", "added"])(
  "%s is refused, since no GGUF file can hold it",
  (name) => {
    const tokenizer = open(readGolden(name));
    expect(() => ggufVocabulary(tokenizer, tokenizer.vocabularySize)).toThrow(
      /a GGUF file cannot hold this model's tokenizer/,
    );
  },
);
