/**
 * Tokenizers of GGUF files against llama.cpp, by files that scripts/golden/gguf_tokenizers.py
 * wrote, and against the Rust library where llama.cpp leaves the model's own tokenizer.
 */
import { readFileSync, readdirSync } from "node:fs";
import { assert, constantFrom, jsonValue, nat, oneof, property } from "fast-check";
import { describe, expect, test } from "vitest";
import { tokenizerFilesFromGguf } from "./gguf-tokenizer.ts";
import { tokenizerFromFiles } from "./tokenizer.ts";

interface Case {
  text: string;
  ids: number[];
  plain?: number[];
}

type Metadata = Record<string, unknown>;

const folder = new URL("golden/", import.meta.url);
const readJson = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(name, folder), "utf8")) as T;
const names = readdirSync(new URL("gguf/", folder)).map((name) => name.replace(".json", ""));
const readGguf = (name: string): { metadata: Metadata; cases: Case[] } => {
  const { metadata, cases } = readJson<{ metadata: Metadata; cases: Case[] }>(`gguf/${name}.json`);
  return {
    metadata: Object.fromEntries(
      Object.entries(metadata).map(([key, value]) => [`tokenizer.${key}`, value]),
    ),
    cases,
  };
};
const open = (metadata: Metadata): ReturnType<typeof tokenizerFromFiles> =>
  tokenizerFromFiles(tokenizerFilesFromGguf(metadata));

/**
 * Beginnings of the texts in which llama.cpp has other ids: it does not normalise, and takes marks
 * for no letters.
 */
const OTHERWISE: Readonly<Record<string, readonly string[]>> = {
  qwen2: ["Ünïcödé"],
  tekken: ["Ünïcödé", "Привет"],
};

test("there are golden files of each kind", () => {
  expect(names).toEqual(["gpt2", "llama2", "llama3", "qwen2", "smollm", "tekken"]);
});

test.each(names)("%s: ids of every text equal llama.cpp's", (name) => {
  const { metadata, cases } = readGguf(name);
  const tokenizer = open(metadata);
  const rust = readJson<{ cases: (Case & { decoded?: string })[] }>(`${name}.json`).cases;
  let different = 0;
  cases.forEach((item, index) => {
    const other = rust[index]!;
    expect(other.text).toBe(item.text);
    const isOther = OTHERWISE[name]?.some((beginning) => item.text.startsWith(beginning)) ?? false;
    if (isOther) {
      different++;
      expect(item.ids).not.toEqual(other.ids);
    }
    const { ids, plain = ids } = isOther ? other : item;
    expect(
      { ids: tokenizer.encode(item.text), plain: tokenizer.encodePlain(item.text) },
      JSON.stringify(item.text),
    ).toEqual({ ids, plain });
    expect(tokenizer.decode(other.ids)).toBe(other.decoded ?? other.text);
  });
  expect(different).toBe(OTHERWISE[name]?.length ?? 0);
});

describe("facts", () => {
  test("BOS: by the key, else by the kind of tokenizer, as llama.cpp does", () => {
    const adds = (name: string, more: Metadata = {}): boolean =>
      open({ ...readGguf(name).metadata, ...more }).addsBos;
    expect(Object.fromEntries(names.map((name) => [name, adds(name)]))).toEqual({
      gpt2: false,
      llama2: true,
      llama3: true,
      qwen2: false,
      smollm: false,
      tekken: true,
    });
    expect(adds("smollm", { "tokenizer.ggml.add_bos_token": true })).toBe(true);
    expect(adds("llama2", { "tokenizer.ggml.add_bos_token": false })).toBe(false);
  });

  test("generation stops at every token that ends an answer", () => {
    const tokenizer = open(readGguf("smollm").metadata);
    expect(tokenizer.extraStopIds.map((id) => tokenizer.tokenOf(id))).toEqual([
      "<|im_end|>",
      "<|endoftext|>",
      "<reponame>",
    ]);
    const llama3 = open(readGguf("llama3").metadata);
    expect(llama3.extraStopIds.map((id) => llama3.tokenOf(id)).toSorted()).toEqual([
      "<|end_of_text|>",
      "<|eot_id|>",
    ]);
  });

  test("a file of an older converter that names no pre-tokenizer is read by its architecture", () => {
    const { metadata, cases } = readGguf("gpt2");
    const { "tokenizer.ggml.pre": _, ...rest } = metadata;
    expect(open({ ...rest, "general.architecture": "gpt2" }).encode(cases[0]!.text)).toEqual(
      cases[0]!.ids,
    );
  });

  test("SentencePiece without a space in front", () => {
    const tokenizer = open({
      ...readGguf("llama2").metadata,
      "tokenizer.ggml.add_space_prefix": false,
    });
    const later = readJson<{ cases: { text: string; ids: number[]; later?: number[] }[] }>(
      "llama2.json",
    ).cases;
    for (const { text, ids, later: expected = ids } of later.filter(
      ({ text: t }) => !t.includes("<"),
    )) {
      expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(expected);
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }
  });
});

describe("broken metadata", () => {
  const key = (name: string): string => `tokenizer.ggml.${name}`;
  test.each<[string, string, Metadata, RegExp]>([
    [
      "a kind that attune does not read",
      "gpt2",
      { [key("model")]: "bert" },
      /kind of tokenizer that attune does not read\n {2}got: "bert"/,
    ],
    ["no tokens", "gpt2", { [key("tokens")]: undefined }, /has no tokenizer\.ggml\.tokens/],
    [
      "tokens that are numbers",
      "gpt2",
      { [key("tokens")]: [1, 2] },
      /tokenizer\.ggml\.tokens of the GGUF file is broken\n {2}got: 1\n {2}expected: a list of texts/,
    ],
    [
      "one token twice",
      "gpt2",
      { [key("tokens")]: ["a", "b", "a"] },
      /a token is there twice.*\n {2}got: "a"/,
    ],
    [
      "types for some tokens only",
      "gpt2",
      { [key("token_type")]: [1] },
      /token_type of the GGUF file is too short/,
    ],
    ["no merges", "gpt2", { [key("merges")]: undefined }, /has no tokenizer\.ggml\.merges/],
    ["a merge of one", "gpt2", { [key("merges")]: ["ab"] }, /merges of the GGUF file is broken/],
    ["no scores", "llama2", { [key("scores")]: undefined }, /has no tokenizer\.ggml\.scores/],
    [
      "scores for some tokens only",
      "llama2",
      { [key("scores")]: [0] },
      /scores of the GGUF file is too short/,
    ],
    [
      "scores that are not numbers",
      "llama2",
      { [key("scores")]: [Number.NaN] },
      /scores of the GGUF file is broken/,
    ],
    [
      "a piece of a million characters",
      "llama2",
      { [key("tokens")]: ["x".repeat(1e6)] },
      /too long\n {2}got: 1,000,000 characters/,
    ],
  ])("%s", (_, name, change, message) => {
    expect(() => open({ ...readGguf(name).metadata, ...change })).toThrow(message);
  });

  test("a value that is replaced by any other is read or refused", () => {
    const files = ["smollm", "llama2"].map((name) => readGguf(name).metadata);
    assert(
      property(
        nat(1),
        nat(30),
        oneof(
          jsonValue({ maxDepth: 2 }),
          constantFrom(new Float32Array(3), 12n, 2n ** 63n, -1n, Number.NaN),
        ),
        (file, index, value) => {
          const metadata = files[file]!;
          const name = Object.keys(metadata)[index % Object.keys(metadata).length]!;
          try {
            const tokenizer = open({ ...metadata, [name]: value });
            tokenizer.decode(tokenizer.encodePlain("Hello ½\n"));
          } catch (error) {
            expect(error, error instanceof Error ? error.stack : "").toMatchObject({
              name: "AttuneError",
              code: "model",
            });
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test("ids of named tokens outside the vocabulary name nothing", () => {
    const tokenizer = open({
      ...readGguf("gpt2").metadata,
      [key("eos_token_id")]: 1e9,
      [key("bos_token_id")]: -1,
      [key("eot_token_id")]: 1e9,
    });
    expect(tokenizer.eosId).toBeUndefined();
    expect(tokenizer.bosId).toBeUndefined();
    expect(tokenizer.extraStopIds.map((id) => tokenizer.tokenOf(id))).toEqual(["<|endoftext|>"]);
  });
});
