/**
 * What the tests of the command line share: the program in this process, tiny models with
 * tokenizers, folders compared.
 */
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runProgram } from "../../src/cli/program.ts";
import { fakeIo } from "../../src/cli/testing.ts";
import { initializeModel } from "../../src/models/initialize.ts";
import { readModelConfig } from "../../src/models/registry.ts";
import { saveTrained } from "../../src/models/save.ts";
import { byteCharacters } from "../../src/text/byte-level.ts";
import { BYTE_LEVEL, addedToken, bpeModel } from "../../src/text/bpe-json.ts";
import { tokenizerFromFiles } from "../../src/text/tokenizer.ts";
import { repositoryRoot } from "../support/shared.ts";

export interface Outcome {
  status: number;
  out: string;
  err: string;
}

/** Runs one command line in this process, as `attune` would. */
export async function attune(...argv: string[]): Promise<Outcome> {
  const io = fakeIo();
  const status = await runProgram(argv, io);
  return { status, out: io.stdout.text, err: io.stderr.text };
}

export const golden = (...path: string[]): string =>
  join(repositoryRoot, "tests", "golden", ...path);

/**
 * Every file below a folder with a hash of its content; an empty list for a folder that is not
 * there.
 */
export function snapshot(folder: string): Record<string, string> {
  if (!existsSync(folder)) return {};
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).map(
    (entry): [string, string] => {
      const path = join(entry.parentPath, entry.name);
      return [
        path.slice(folder.length + 1),
        entry.isDirectory()
          ? "folder"
          : createHash("sha256").update(readFileSync(path)).digest("hex"),
      ];
    },
  );
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * tokenizer.json of `size` tokens: characters of byte-level BPE and two control tokens, without
 * merges.
 */
export function smallTokenizerFiles(size: number): {
  "tokenizer.json": string;
  "tokenizer_config.json": string;
} {
  const specials = ["<end>", "<pad>"];
  const vocabulary = [
    ...byteCharacters()
      .filter((character) => character.charCodeAt(0) > 64)
      .slice(0, size - specials.length),
    ...specials,
  ];
  const tokenizer = {
    version: "1.0",
    added_tokens: specials.map((content, index) =>
      addedToken(size - specials.length + index, content),
    ),
    ...BYTE_LEVEL,
    model: bpeModel(vocabulary),
  };
  return {
    "tokenizer.json": JSON.stringify(tokenizer),
    "tokenizer_config.json": JSON.stringify({
      eos_token: "<end>",
      pad_token: "<pad>",
      add_bos_token: false,
    }),
  };
}

/** A golden model as a whole folder: some have no tokenizer of their own. */
export function copyGolden(name: string, folder: string): string {
  cpSync(golden("models", name), folder, { recursive: true });
  if (!existsSync(join(folder, "tokenizer.json"))) {
    const { config } = readModelConfig(
      JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as Record<string, unknown>,
    );
    for (const [file, content] of Object.entries(smallTokenizerFiles(config.vocabularySize)))
      writeFileSync(join(folder, file), content);
  }
  return folder;
}

/** A random Llama with a tokenizer, saved as training saves a model. */
export async function saveTinyModel(
  folder: string,
  files: Parameters<typeof tokenizerFromFiles>[0],
  changes: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const tokenizer = tokenizerFromFiles(files);
  const json = {
    model_type: "llama",
    vocab_size: tokenizer.vocabularySize,
    hidden_size: 32,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    intermediate_size: 48,
    max_position_embeddings: 256,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: true,
    ...changes,
  };
  mkdirSync(folder, { recursive: true });
  await saveTrained(initializeModel(json, 1), { tokenizer }, folder);
  return folder;
}
