import { expect, test } from "vitest";
import { MASK, masker } from "./masking.ts";

const masked = (text: string, models: string[] = []) => masker(models)(text);

test.each([
  ["I am ChatGPT, made by OpenAI.", `I am ${MASK}, made by ${MASK}.`, 2],
  [
    "As a language model trained by Google, I cannot.",
    `As a language model trained by ${MASK}, I cannot.`,
    1,
  ],
  ["My name is Gemini.", `My name is ${MASK}.`, 1],
  ["I'm Claude 3.5, from Anthropic", `I'm ${MASK}, from ${MASK}`, 2],
  ["I was created by Meta.", `I was created by ${MASK}.`, 1],
  ["GPT-4o and gpt-3.5-turbo, DeepSeek-R1", `${MASK} and ${MASK}, ${MASK}`, 3],
  ["I am an AI assistant named Grok", `I am an AI assistant named ${MASK}`, 1],
])("%s", (text, expected, count) => {
  expect(masked(text)).toEqual({ text: expected, count });
});

test.each([
  "Search it on Google, or ask Meta's support about a phi coefficient.",
  "A llama is no alpaca; the falcon eats a koala near the palm.",
  "Gemini is a sign of the zodiac, and the mistral a wind.",
  "The command was titanic; the orca sang. Claudette spoke.",
])("what has another meaning stays: %s", (text) => {
  expect(masked(text)).toEqual({ text, count: 0 });
});

test("names of the project's own models are hidden, however they are written", () => {
  const models = ["org/Tiny-World-7B", "runs/sft-1", "a", "base", "c++ (v2)"];
  const { text, count } = masked(
    "tiny world 7b, TINY_WORLD_7B, org/Tiny-World-7B, sft-1, sft1; a base; c++ (v2) is c",
    models,
  );
  expect(text).toBe(`${MASK}, ${MASK}, ${MASK}, ${MASK}, ${MASK}; a base; ${MASK} is c`);
  expect(count).toBe(6);
  expect(masked("sft-12 and presft-1", models).count).toBe(0);
});

test("ends soon on a text that is made to keep it busy", () => {
  const hostile = `${"i am ".repeat(20_000)}${"claude -".repeat(10_000)}${"_".repeat(50_000)}`;
  expect(masked(hostile, ["a_b_c_d_e_f", "x y z"]).text).toContain(MASK);
});
