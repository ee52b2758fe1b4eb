/**
 * Every example of `examples/trainers/` as it is printed, with the compiled package: what it trains
 * is saved, loaded again and asked.
 * @module-tag dear
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exportGguf } from "../src/models/export/gguf.ts";
import { initializeModel } from "../src/models/initialize.ts";
import { byteTokenizer } from "../src/text/testing.ts";
import { TRAINERS } from "../src/training/trainers.ts";
import { repositoryRoot } from "./support/shared.ts";

const examples = join(repositoryRoot, "examples", "trainers");
const names = readdirSync(examples).filter((name) => name.endsWith(".mjs"));
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "attune-examples-"));
  const model = initializeModel(
    {
      model_type: "llama",
      vocab_size: byteTokenizer().vocabularySize,
      hidden_size: 32,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      intermediate_size: 48,
      max_position_embeddings: 512,
      tie_word_embeddings: true,
    },
    1,
  );
  await exportGguf(model, byteTokenizer(), folder);
  const write = (name: string, rows: readonly object[]): void =>
    writeFileSync(join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const pairs = Array.from({ length: 40 }, (_, i) => ({
    prompt: `What is ${i} and ${i}?`,
    chosen: `It is ${2 * i}.`,
    rejected: `Who knows what ${i} is?`,
  }));
  write("pairs.jsonl", pairs);
  write(
    "demonstrations.jsonl",
    pairs.map(({ prompt, chosen }) => ({ prompt, completion: chosen })),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("there is one for every trainer", () => {
  const files = Object.keys(TRAINERS).map((name) => `${name.replaceAll("+", "-plus")}.mjs`);
  expect(names.toSorted()).toEqual(files.toSorted());
});

test.each(names)("%s trains, saves, and is asked, in at most 15 lines", (name) => {
  const text = readFileSync(join(examples, name), "utf8");
  expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(15);
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(examples, name)], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, ATTUNE_CACHE: join(folder, "cache") },
  });
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout.trim()).not.toBe("");
  const made = readdirSync(join(folder, name.replace(".mjs", "")));
  expect(made).toEqual(
    expect.arrayContaining(
      name === "best-of-n.mjs" ? ["best.jsonl", "curve.json"] : ["adapter_model.safetensors"],
    ),
  );
});
