import { describe, expect, test } from "vitest";
import { createEncoder } from "./encoder.ts";
import { stopsOf } from "./stops.ts";
import { byteTokenizer } from "./testing.ts";
import { NAMED_TEMPLATES, namedTemplate, withTemplate } from "./templates.ts";
import { tokenizerFromFiles } from "./tokenizer.ts";
import type { TokenizerFiles } from "./tokenizer.ts";

const tokenizer = byteTokenizer();
/** A byte tokenizer with the control tokens of every named template. */
const rich = tokenizerFromFiles(
  withTokens(
    tokenizer.files as unknown as TokenizerFiles,
    Object.values(NAMED_TEMPLATES).flatMap(({ tokens }) => [...tokens]),
  ),
);
const encoderOf = (template: Parameters<typeof withTemplate>[1]) =>
  createEncoder(rich, { maxLength: 512, template });

function withTokens(files: TokenizerFiles, tokens: readonly string[]): TokenizerFiles {
  const json = JSON.parse(files["tokenizer.json"]) as {
    added_tokens: { id: number; content: string }[];
  };
  json.added_tokens.push(
    ...tokens.map((content, index) => ({ ...json.added_tokens[0]!, id: 300 + index, content })),
  );
  return { ...files, "tokenizer.json": JSON.stringify(json) };
}

describe("texts", () => {
  test("are turns where the model has a template: training, use and the pair of both agree", () => {
    const encoder = encoderOf("auto");
    const turns = [{ role: "user", content: "hi" }] as const;
    expect(encoder.hasTemplate).toBe(true);
    expect(encoder.encodePrompt("hi")).toEqual(encoder.encodePrompt(turns));
    expect(encoder.encodeExample("hi", "yo")).toEqual(
      encoder.encodeExample(turns, [{ role: "assistant", content: "yo" }]),
    );
    expect(encoder.encodePair("hi", "a", "b")).toEqual(
      encoder.encodePair(
        turns,
        [{ role: "assistant", content: "a" }],
        [{ role: "assistant", content: "b" }],
      ),
    );
    expect(encoder.encodePair("hi", "a", "b").prompt).toEqual(encoder.encodePrompt("hi"));
  });

  test("stay plain with none, where the model has none, where they are to be continued, and where one text was split", () => {
    const plain = encoderOf("none");
    const ids = [...plain.encodePrompt("hi")];
    expect(plain.hasTemplate).toBe(false);
    expect(rich.decode(ids, { skipSpecial: true })).toBe("hi");
    expect([...encoderOf("auto").encodePrompt("hi", { plain: true })]).toEqual(ids);
    expect([...createEncoder(plain.tokenizer, { maxLength: 512 }).encodePrompt("hi")]).toEqual(ids);
  });
});

test.each([
  ["plain", "<s>User: hi\n\nAssistant:", "<end>"],
  ["chatml", "<s><|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>"],
  [
    "llama3",
    "<s><|start_header_id|>user<|end_header_id|>\n\n" +
      "hi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    "<|eot_id|>",
  ],
] as const)("the template %s", (name, prompt, stop) => {
  const encoder = encoderOf(name);
  expect(rich.decode([...encoder.encodePrompt("hi")])).toBe(prompt);
  expect(rich.tokenOf(encoder.encodeExample("hi", "yo").ids.at(-1)!)).toBe(stop);
  expect(encoder.stopIds[0]).toBe(rich.idOf(stop));
});

test.each([
  ["none"],
  ["chatml"],
  [
    {
      jinja:
        "{% for m in messages %}<user>{{ m.content }}<end>{% endfor %}{% if " +
        "add_generation_prompt %}<assistant>{% endif %}",
    },
  ],
] as const)(
  "files carry the choice, so that opening them again gives the same ids: %j",
  (choice) => {
    const chosen = encoderOf(choice);
    const again = createEncoder(
      tokenizerFromFiles(chosen.tokenizer.files as unknown as TokenizerFiles),
      { maxLength: 512 },
    );
    expect(again.hasTemplate).toBe(chosen.hasTemplate);
    expect(again.encodePrompt("hi")).toEqual(chosen.encodePrompt("hi"));
    expect(again.stopIds).toEqual(chosen.stopIds);
    expect(again.fingerprint).toBe(chosen.fingerprint);
  },
);

test("a template whose tokens the model lacks, and a template of its own that it has not, are refused", () => {
  expect(() => namedTemplate("chatml", tokenizer)).toThrow(
    /chatml needs control tokens[^]*no <\|im_start\|>, <\|im_end\|>[^]*plain/,
  );
  expect(() => withTemplate(withTemplate(tokenizer, "none"), "model")).toThrow(
    /no chat template of its own/,
  );
});

test("stops are the turn's end, EOS, and what the model adds, each once", () => {
  expect(stopsOf(withTemplate(rich, "chatml"))).toEqual({
    turn: rich.idOf("<|im_end|>"),
    text: rich.eosId,
    all: [rich.idOf("<|im_end|>"), rich.eosId],
  });
});
