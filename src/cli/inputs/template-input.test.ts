/**
 * Training and use match: what a run was trained on is what `generate`, `serve`, roll-outs, rewards
 * and judges feed its result.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { recordsAs } from "../../data/dataset.ts";
import { openModel } from "../../models/open.ts";
import { saveTrained } from "../../models/save.ts";
import { TINY_CONFIGS, randomModel } from "../../models/testing.ts";
import type { Encoder } from "../../text/encoder.ts";
import { createEncoder } from "../../text/encoder.ts";
import { withTemplate } from "../../text/templates.ts";
import { byteTokenizer } from "../../text/testing.ts";
import { dpoConfig } from "../../training/offline/dpo.config.ts";
import { resolveConfig } from "../../training/configs.ts";
import type { CommandContext } from "../command.ts";
import { openForGeneration } from "./model-to-answer.ts";
import { openRoles } from "./reward-input.ts";
import { openEncoder } from "./template-input.ts";
import { readTemplate } from "../../training/open-encoder.ts";
import { openInput } from "../training/training-input.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-templates-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = (name: string): string => join(folder, name);
const notes: string[] = [];
const progress = { update() {}, end() {} };
const context = {
  reporter: { progress: () => progress, note: (text: string) => notes.push(text), warn() {} },
  signal: new AbortController().signal,
  templateTime: "2026-01-02T03:04:05",
} as unknown as CommandContext;

const TEXTS = { prompt: "hi", chosen: "yes", rejected: "no" };
const TURNS = {
  prompt: [{ role: "user", content: "hi" }],
  chosen: [{ role: "assistant", content: "yes" }],
  rejected: [{ role: "assistant", content: "no" }],
};

beforeAll(async () => {
  const own = byteTokenizer();
  const size = { vocab_size: own.vocabularySize, hidden_size: 64, max_position_embeddings: 128 };
  for (const [name, tokenizer] of [
    ["instruct", own],
    ["base", withTemplate(own, "none")],
  ] as const)
    await saveTrained(
      randomModel({ ...TINY_CONFIGS["llama"]!, ...size }, 3),
      { tokenizer },
      path(name),
    );
  writeFileSync(path("texts.jsonl"), `${JSON.stringify(TEXTS)}\n`.repeat(4));
  writeFileSync(path("turns.jsonl"), `${JSON.stringify(TURNS)}\n`.repeat(4));
  writeFileSync(
    path("own.jinja"),
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}<end>{% endfor %}{% if " +
      "add_generation_prompt %}<assistant>{% endif %}",
  );
  mkdirSync(path("folder"));
});

let runs = 0;
/** What a trainer is given, and what is used of the run that it makes. */
async function trainAndUse(
  model: string,
  data: string,
  template: string,
): Promise<{ trained: Encoder; used: Encoder[] }> {
  const options = { model: path(model), data: path(data), maxLength: 96, heldOut: 0, template };
  const input = await openInput(resolveConfig("dpo", options), "preference", context);
  const run = path(`run-${runs++}`);
  await saveTrained({ ...input.opened.model, scoreHead: undefined as never }, input.encoder, run);
  const answering = await openForGeneration(
    { model: run, precision: "float32", template: "auto" },
    { conversations: true },
    context,
  );
  const texts = await openForGeneration(
    { model: run, precision: "float32", template: "auto" },
    { conversations: false },
    context,
  );
  const roles = await openRoles(
    {
      model: run,
      reward: [],
      heldOutReward: "",
      adapter: "lora",
      precision: "float32",
      maxLength: 96,
      rewardTimeout: 1,
      trustText: false,
      template: "auto",
    },
    [],
    context,
  );
  const direct = await openRoles(
    {
      model: path(model),
      reward: [],
      heldOutReward: "",
      adapter: "lora",
      precision: "float32",
      maxLength: 96,
      rewardTimeout: 1,
      trustText: false,
      template,
    },
    recordsAs({ records: input.train }, "prompt"),
    context,
  );
  const evaluated = createEncoder((await openModel(run, { merge: true })).tokenizer, {
    maxLength: 96,
  });
  return {
    trained: input.encoder,
    used: [
      texts.encoder,
      roles.encoder,
      direct.encoder,
      evaluated,
      ...(input.encoder.hasTemplate ? [answering.encoder] : []),
    ],
  };
}

describe.each([
  ["instruct", "texts.jsonl", "auto"],
  ["instruct", "texts.jsonl", "none"],
  ["instruct", "turns.jsonl", "model"],
  ["instruct", "texts.jsonl", "plain"],
  ["base", "texts.jsonl", "auto"],
  ["base", "turns.jsonl", "auto"],
  ["base", "texts.jsonl", "plain"],
  ["base", "texts.jsonl", "own.jinja"],
])("%s, %s, --template %s", (model, data, template) => {
  test("the ids of the training's prompt are those that its result is fed, for texts and for turns", async () => {
    const { trained, used } = await trainAndUse(
      model,
      data,
      template === "own.jinja" ? path(template) : template,
    );
    const pair = trained.encodePair("hi", "yes", "no");
    expect(used.length).toBeGreaterThanOrEqual(4);
    for (const encoder of used) {
      expect(encoder.encodePrompt("hi")).toEqual(pair.prompt);
      expect(encoder.encodePrompt([{ role: "user", content: "hi" }])).toEqual(
        trained.encodePrompt([{ role: "user", content: "hi" }]),
      );
      expect(encoder.encodeExample("hi", "yes").ids).toEqual(
        Int32Array.from([...pair.prompt, ...pair.chosen]),
      );
      expect(encoder.stopIds).toEqual(trained.stopIds);
    }
  });
});

test("what is chosen is said, with the token that ends answers; a model without a template meets conversations with plain", () => {
  const own = byteTokenizer();
  const bare = withTemplate(own, "none");
  const said = (tokenizer: typeof own, template: string, conversations: boolean): string => {
    notes.length = 0;
    openEncoder(tokenizer, { template, conversations, maxLength: 64 }, context);
    return notes.join("\n");
  };
  expect(said(own, "auto", false)).toBe('chat template: the model\'s own; answers end in "<end>"');
  expect(said(own, "none", false)).toBe(
    "chat template: none, so texts are plain texts, and the model's own is left out; answers " +
      'end in "<end>"',
  );
  expect(said(bare, "auto", false)).toBe(
    'chat template: none, so texts are plain texts; answers end in "<end>"',
  );
  expect(said(bare, "auto", true)).toMatch(
    new RegExp(
      String.raw`^chat template: plain \(User: \.\.\. Assistant: \.\.\.\), since the model ` +
        "has none of its own and is given conversations",
    ),
  );
  expect(said(bare, "plain", true)).toBe('chat template: plain; answers end in "<end>"');
});

test("a template that is not there, is no file, or is no Jinja is refused with what there is", () => {
  expect(() => readTemplate("chatmll")).toThrow(
    /there is no such chat template[^]*auto, model, none, plain, chatml, llama3[^]*did you mean chatml/,
  );
  expect(() => readTemplate(path("folder"))).toThrow(/this is no file with a chat template/);
  writeFileSync(path("broken.jinja"), "{% for %}");
  expect(() =>
    openEncoder(
      byteTokenizer(),
      { template: path("broken.jinja"), conversations: false, maxLength: 64 },
      context,
    ),
  ).toThrow(/broken\.jinja: the chat template cannot be read/);
  expect(dpoConfig.options.some(({ flag }) => flag === "--template")).toBe(true);
});
