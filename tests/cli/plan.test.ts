/**
 * `attune plan METHOD` with a run's own options: which are taken, and what the data add. The
 * generic engine measures nothing.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { planConfigOf, planOptionsOf } from "../../src/planning/method-config.ts";
import { METHODS } from "../../src/planning/work.ts";
import { openModel } from "../../src/models/open.ts";
import { parseConfig } from "../../src/config/sources.ts";
import { createEncoder } from "../../src/text/encoder.ts";
import { TRAINER_CONFIGS } from "../../src/training/configs.ts";
import { attune, copyGolden } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-plan-"));
const path = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Planned {
  promptTokens: number;
  answerTokens: number;
  steps: number;
  batchSize: number;
}

async function plan(method: string, ...more: string[]): Promise<Planned & { err: string }> {
  const { status, out, err } = await attune(
    "plan",
    method,
    "--engine",
    "generic",
    "--json",
    ...more,
  );
  expect([status, status === 0 ? "" : err + out]).toEqual([0, ""]);
  const lines = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string } & Planned);
  return { ...lines.find(({ type }) => type === "result")!, err: out };
}

test.each(METHODS)(
  "%s: every option of the method is an option of its plan, and the defaults are the method's",
  (method) => {
    const paths = new Set(planConfigOf(method).options.map((option) => option.path));
    expect(TRAINER_CONFIGS[method].options.filter((option) => !paths.has(option.path))).toEqual([]);
    const { resolved } = parseConfig(planConfigOf(method), { flags: { model: "smollm2-135m" } });
    const own = TRAINER_CONFIGS[method].fields as unknown as Record<string, { default: unknown }>;
    expect(
      planOptionsOf(method, resolved as unknown as Record<string, unknown>, undefined),
    ).toMatchObject({
      batchSize: own["batchSize"]!.default,
      promptTokens: 128,
      answerTokens: own["maxNewTokens"]?.default ?? 128,
      steps: 100,
      samples: own["samples"]?.default ?? 1,
    });
  },
);

test("data say how long prompts and answers are, and how many steps there are", async () => {
  const model = copyGolden("smollm2", path("model"));
  const rows = Array.from({ length: 20 }, (_, i) => ({
    prompt: `where is the mill${" ?".repeat(i % 4)}`,
    chosen: " by the river .",
    rejected: " no one knows .",
  }));
  writeFileSync(path("pairs.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const encoder = createEncoder((await openModel(model)).tokenizer, { maxLength: 1024 });
  const pairs = rows.map(({ prompt, chosen, rejected }) =>
    encoder.encodePair(prompt, chosen, rejected),
  );
  const mean = (values: number[]): number =>
    Math.round(values.reduce((total, value) => total + value, 0) / values.length);
  const answers = mean(pairs.map(({ chosen, rejected }) => (chosen.length + rejected.length) / 2));

  const made = await plan(
    "dpo",
    "--model",
    model,
    "--data",
    path("pairs.jsonl"),
    "--held-out",
    "0",
    "--batch-size",
    "8",
    "--epochs",
    "2",
    "--beta",
    "0.3",
  );
  expect(made).toMatchObject({
    promptTokens: mean(pairs.map(({ prompt }) => prompt.length)),
    answerTokens: answers,
    steps: 5,
    batchSize: 8,
  });
  // what is given wins over what is measured
  expect(
    await plan(
      "dpo",
      "--model",
      model,
      "--data",
      path("pairs.jsonl"),
      "--prompt-tokens",
      "7",
      "--steps",
      "3",
    ),
  ).toMatchObject({ promptTokens: 7, answerTokens: answers, steps: 3 });
  // answers of the policy are as long as they may be; a roll-out of 8 answers asks 2 prompts
  expect(
    await plan(
      "grpo",
      "--model",
      model,
      "--data",
      path("pairs.jsonl"),
      "--samples",
      "4",
      "--batch-size",
      "8",
      "--max-new-tokens",
      "11",
    ),
  ).toMatchObject({ answerTokens: 11, steps: 10 });
});

test("a shape has no tokenizer: lengths are guessed, and it is said; so is a plan of execution that is not followed", async () => {
  writeFileSync(
    path("texts.jsonl"),
    `${JSON.stringify({ prompt: "x".repeat(80), completion: "y".repeat(40) })}\n`,
  );
  const made = await plan(
    "sft",
    "--model",
    "smollm2-135m",
    "--data",
    path("texts.jsonl"),
    "--held-out",
    "0",
    "--plan",
    "block",
  );
  expect(made).toMatchObject({ promptTokens: 20, answerTokens: 10, steps: 1 });
  expect(made.err).toMatch(/guessed-lengths[^]*4 characters are taken for a token/);
  expect(made.err).toMatch(/plan-not-followed/);
});
