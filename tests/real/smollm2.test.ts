/**
 * SmolLM2-135M-Instruct, read from GGUF, against llama.cpp and transformers on the same file: token
 * ids, greedy continuations, logits. The golden files were written by
 * scripts/golden/smollm2_greedy.py and smollm2_logits.py; tests/golden/README.md says what `exact`
 * is. Takes a minute or two and the model, hence apart: `npm run test:real`.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { int64 } from "../../src/core/tensor.ts";
import type { OpenedModel } from "../../src/models/open.ts";
import { openModel } from "../../src/models/open.ts";
import { BlockwisePlan } from "../../src/models/plans/blockwise.ts";
import { WholePlan } from "../../src/models/plans/whole.ts";
import { makeTrainable } from "../../src/models/trainable.ts";
import { sftObjective } from "../../src/objectives/sft.ts";
import { Decoder } from "../../src/sampling/decoder.ts";
import { GREEDY, generate } from "../../src/sampling/generate.ts";
import { createChatTemplate } from "../../src/text/chat-template.ts";
import type { Encoder } from "../../src/text/encoder.ts";
import { createEncoder } from "../../src/text/encoder.ts";
import type { Message } from "../../src/text/messages.ts";
import { joinRows, packExamples } from "../../src/training/layout.ts";
import { repositoryRoot } from "../support/shared.ts";

interface Run {
  ids: number[];
  text: string;
  /** The five best logits of the first token. */
  first: [id: number, logit: number][];
}

interface Greedy {
  stop_ids: number[];
  max_tokens: number;
  prompts: { text: string; ids: number[]; messages?: Message[]; exact: Run }[];
}

interface Logits {
  ids: number[];
  tokens: number[][];
  logits: number[][];
  log_sum_exp: number[];
}

const golden = <T>(name: string): T =>
  JSON.parse(readFileSync(join(repositoryRoot, "tests/golden", name), "utf8")) as T;
const greedy = golden<Greedy>("smollm2-greedy.json");
const transformers = golden<Logits>("smollm2-logits.json");
const path =
  process.env["ATTUNE_SMOLLM2_GGUF"] ||
  join(repositoryRoot, ".cache", "smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf");

/** Why the tests cannot run; undefined where they can. */
function obstacle(): string | undefined {
  if (process.env["ATTUNE_REAL"] !== "1") return "npm run test:real runs it";
  return existsSync(path) ? undefined : `there is no ${path}; scripts/fetch-smollm2.mjs fetches it`;
}

const reason = obstacle();
if (reason !== undefined) console.log(`skipped: the real model; ${reason}`);

/** Float32 through 30 layers; the largest difference on an AVX-512 machine was 1.6e-6. */
const TOLERANCE = 1e-5;

/** The largest difference, relative to the largest value of all. */
function worst(actual: readonly number[], expected: readonly number[]): number {
  expect(actual).toHaveLength(expected.length);
  const size = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((x, index) => Math.abs(x - actual[index]!))) / size;
}

describe.skipIf(reason !== undefined)("SmolLM2-135M-Instruct", () => {
  let opened: OpenedModel;
  let encoder: Encoder;

  beforeAll(async () => {
    opened = await openModel(path);
    encoder = createEncoder(opened.tokenizer, { maxLength: 256 });
  });

  const promptIds = ({ text, messages }: Greedy["prompts"][number]): Int32Array =>
    encoder.encodePrompt(messages ?? text, { plain: true });

  test("token ids of twenty prompts, their text in the model's own template, and the tokens that end an answer", () => {
    expect(greedy.prompts).toHaveLength(20);
    const template = createChatTemplate(opened.tokenizer);
    for (const prompt of greedy.prompts) {
      expect([...promptIds(prompt)], prompt.text).toEqual(prompt.ids);
      if (prompt.messages)
        expect(template.render(prompt.messages, { generationPrompt: true })).toBe(prompt.text);
      expect(encoder.decodeCompletion(prompt.exact.ids), prompt.text).toBe(prompt.exact.text);
    }
    expect([...encoder.stopIds].toSorted((a, b) => a - b)).toEqual(greedy.stop_ids);
  });

  test("greedy continuations of twenty prompts equal llama.cpp's, token by token", async () => {
    const answers = await generate(opened.model, encoder, greedy.prompts.map(promptIds), {
      ...GREEDY,
      maxNewTokens: greedy.max_tokens,
      batchSize: 20,
    });
    greedy.prompts.forEach(({ text, exact }, index) =>
      expect(answers[index]!.ids, text).toEqual(exact.ids),
    );
  });

  test("logits of each prompt's first token equal llama.cpp's", async () => {
    const decoder = await Decoder.create(opened.model, { maxLength: 64 });
    const prefixes = await decoder.read(greedy.prompts.map((prompt) => ({ ids: prompt.ids })));
    for (const [index, { text, exact }] of greedy.prompts.entries()) {
      const difference = worst(
        exact.first.map(([id]) => prefixes[index]!.scores.logits[id]!),
        exact.first.map(([, logit]) => logit),
      );
      expect(difference, text).toBeLessThan(TOLERANCE);
    }
  });

  test("decoding: the twenty best logits at every place of a prompt equal transformers'", async () => {
    const decoder = await Decoder.create(opened.model, { maxLength: 64 });
    const prefixes = await decoder.read(
      transformers.ids.map((_, index) => ({ ids: transformers.ids.slice(0, index + 1) })),
    );
    const logits = transformers.tokens.flatMap((tokens, place) =>
      tokens.map((token) => prefixes[place]!.scores.logits[token]!),
    );
    expect(worst(logits, transformers.logits.flat())).toBeLessThan(TOLERANCE);
  });

  test.each(["whole", "block"] as const)(
    "training, %s plan: log-probabilities of the same tokens equal transformers'",
    async (kind) => {
      const { model } = opened;
      const options = {
        model,
        trainable: makeTrainable(model, []),
        objective: sftObjective,
        reads: "tokens",
        maxLength: 64,
      } as const;
      const plan = kind === "whole" ? new WholePlan(options) : new BlockwisePlan(options);
      const ids = Int32Array.from(transformers.ids);
      const { batch } = joinRows(
        [packExamples([{ ids, supervised: new Uint8Array(ids.length).fill(1) }])],
        { padId: 0 },
      );
      const places = transformers.tokens.flatMap((tokens, place) => tokens.map(() => place));
      const { readout } = await plan.score({
        ...batch,
        selected: int64([places.length], places),
        targets: int64([places.length], transformers.tokens.flat()),
      });
      const expected = transformers.logits.flatMap((row, place) =>
        row.map((logit) => logit - transformers.log_sum_exp[place]!),
      );
      expect(worst([...readout], expected)).toBeLessThan(TOLERANCE);
    },
  );
});
