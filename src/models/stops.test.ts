/**
 * What a trained model's files say of where answers end, and which template they carry, against the
 * encoder that it was trained with.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createEncoder } from "../text/encoder.ts";
import { byteTokenizer } from "../text/testing.ts";
import { createAdapter } from "./adapter.ts";
import { ggufVocabulary } from "./export/gguf-vocabulary.ts";
import { openModel, openAdapterOver } from "./open.ts";
import { saveTrained } from "./save.ts";
import { TINY_CONFIGS, randomModel } from "./testing.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-stops-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const json = (...path: string[]): Record<string, unknown> =>
  JSON.parse(readFileSync(join(folder, ...path), "utf8")) as Record<string, unknown>;

const tokenizer = byteTokenizer();
const [pad, bos, end, user] = ["<pad>", "<s>", "<end>", "<user>"].map((token) =>
  tokenizer.idOf(token)!,
);
/** Turns end in another token than texts. */
const TURNS = {
  jinja:
    "{% for m in messages %}<assistant>{{ m.content }}<user>{% endfor %}{% if " +
    "add_generation_prompt %}<assistant>{% endif %}",
};
const model = randomModel({ ...TINY_CONFIGS["llama"]!, vocab_size: tokenizer.vocabularySize }, 3);

test.each([
  ["none", end],
  ["auto", end],
  [TURNS, [user, end]],
] as const)(
  "%j: config.json, generation_config.json and GGUF stop where attune stops",
  async (template, stops) => {
    const encoder = createEncoder(tokenizer, { maxLength: 64, template });
    await saveTrained(model, encoder, join(folder, "whole"));
    expect([encoder.stopIds].flat()).toEqual([stops].flat());
    expect(json("whole", "config.json")["eos_token_id"]).toEqual(stops);
    expect(json("whole", "generation_config.json")).toEqual({
      bos_token_id: bos,
      eos_token_id: stops,
      pad_token_id: pad,
    });
    const metadata = ggufVocabulary(encoder.tokenizer, tokenizer.vocabularySize);
    const gguf = ["eos", "eot"].map((name) => metadata.get(`ggml.${name}_token_id`)?.value);
    expect(gguf).toEqual(template === TURNS ? [end, user] : [end, undefined]);
    const opened = await openModel(join(folder, "whole"));
    expect(createEncoder(opened.tokenizer, { maxLength: 64 }).stopIds).toEqual(encoder.stopIds);
  },
);

test("an adapter is opened with the template that it was trained with, not with its base's", async () => {
  await saveTrained(model, { tokenizer }, join(folder, "base"));
  const { model: base } = await openModel(join(folder, "base"));
  const adapter = createAdapter(
    base.family,
    base.config,
    { rank: 2, alpha: 4, rsLora: false, targets: ["mlp.down_proj"] },
    1,
  );
  for (const template of ["none", TURNS] as const) {
    const encoder = createEncoder(tokenizer, { maxLength: 64, template });
    await saveTrained({ ...base, adapter }, encoder, join(folder, "adapted"));
    for (const opened of [
      await openModel(join(folder, "adapted")),
      await openModel(join(folder, "adapted"), { merge: true }),
      await openAdapterOver(base, join(folder, "adapted")),
    ]) {
      expect(createEncoder(opened.tokenizer!, { maxLength: 64 }).encodePrompt("hi")).toEqual(
        encoder.encodePrompt("hi"),
      );
    }
  }
});
