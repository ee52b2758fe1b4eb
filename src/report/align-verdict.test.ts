import { describe, expect, test } from "vitest";
import type { EvaluatedModel } from "../evaluation/evaluated-model.ts";
import { exampleSection } from "./align-report.ts";
import { alignVerdict } from "./align-verdict.ts";

const PROMPTS = 40;
const model = (
  name: string,
  score: (index: number) => number,
  text = (index: number): string => `${name} says ${index}`,
): EvaluatedModel => ({
  name,
  answers: Array.from({ length: PROMPTS }, (_, i) => ({
    prompt: `prompt ${i}`,
    text: text(i),
    tokens: 5,
    stopped: true,
    logRatio: 0,
    score: score(i),
  })),
});
const noise = (index: number): number => ((index * 7) % 5) / 10;
const sft = model("sft", () => 1);
const base = model("base", (i) => -1 - noise(i));
const dpo = model("dpo", (i) => 1.5 + noise(i));
const ppo = model("ppo", (i) => (i % 2 === 0 ? 1.5 : 0.5) + noise(i) / 10 - 0.02);
const judged = (models: readonly EvaluatedModel[], optimised = false) =>
  alignVerdict(models, { reward: { name: "held-out reward", optimised } });

describe("the verdict on a pipeline", () => {
  test("an untrained model that is worse than sft makes no stage worse", () => {
    const { conclusion, sentence } = judged([sft, base, dpo]);
    expect(conclusion).toBe("better");
    expect(sentence).toMatch(
      /^Judged by held-out reward: sft wins 100\.0% \[93\.0, 100\.0\] of 40 prompts against the untrained/,
    );
    expect(sentence).toContain(". dpo is better than sft: it wins 100.0%");
    expect(judged([sft, base, ppo]).conclusion).toBe("not distinguishable");
  });

  test("names the stage that is worse", () => {
    const worse = model("kto", (i) => 0.5 - noise(i));
    const { conclusion, conclusions, sentence } = judged([sft, base, dpo, worse]);
    expect([conclusion, conclusions]).toEqual(["worse", ["better", "worse"]]);
    expect(sentence).toContain("dpo is better than sft");
    expect(sentence).toContain("kto is worse than sft: it wins 0.0%");
    expect(sentence).not.toContain("base is");
  });

  test("of many stages one that is ahead by chance is no verdict: all of them are counted", () => {
    // 27 wins of 40: p 0.025 alone
    const lucky = model("lucky", (i) => (i % 40 < 27 ? 1.5 : 0.5));
    expect(judged([sft, lucky]).conclusion).toBe("better");
    const even = Array.from({ length: 4 }, (_, k) =>
      model(`even${k}`, (i) => ((i + k) % 2 === 0 ? 1.5 : 0.5)),
    );
    const { conclusion, sentence } = judged([sft, lucky, ...even]);
    expect(conclusion).toBe("not distinguishable");
    expect(sentence).toContain(
      "lucky is not distinguishable from sft, with all comparisons counted (Holm's correction)",
    );
  });

  test("a first stage that stands alone is compared with the untrained model", () => {
    expect(judged([sft, base]).conclusion).toBe("better");
    expect(judged([base, dpo]).sentence).toContain("dpo is better than base");
  });

  test("a judge that was optimised against decides nothing", () => {
    const { conclusion, sentence } = judged([sft, base, dpo], true);
    expect(conclusion).toBe("no conclusion");
    expect(sentence).toContain("dpo wins 100.0%");
    expect(sentence).not.toContain("is better");
  });

  test("a critic's win rates decide, controls left out", () => {
    const raw = { estimate: 0.8, low: 0.7, high: 0.9, n: 40, wins: 32, ties: 0, losses: 8 };
    const entry = (name: string, estimate: number, control = false) => ({
      name,
      control,
      raw: { ...raw, estimate, low: estimate - 0.1, high: estimate + 0.1, pValue: 0.001 },
      lengthControlled: { ...raw, slope: 0 },
      positionBias: 0,
      flipped: raw,
      unjudged: 0,
    });
    const { conclusion, sentence } = alignVerdict([sft, base, dpo], {
      critic: {
        name: "critic",
        optimised: false,
        entries: [entry("base", 0.03), entry("dpo", 0.8), entry("constant answer", 0.1, true)],
      } as never,
    });
    expect(conclusion).toBe("better");
    expect(sentence).toBe(
      "Judged by critic: sft wins 97.0% [87.0, 107.0] of 40 prompts against the untrained model. " +
        "dpo is better than sft: it wins 80.0% [70.0, 90.0] of 40 prompts.",
    );
  });
});

test("examples are prompts on which trained models differ", () => {
  const same = (from: number) => (index: number) => (index < from ? "the same" : `new ${index}`);
  const [one, two] = [
    model(
      "sft",
      () => 0,
      () => "the same",
    ),
    model("dpo", () => 0, same(20)),
  ];
  const { parts } = exampleSection([one, base, two]);
  const [text, examples] = parts;
  expect(text).toEqual({
    kind: "text",
    text: "sft, dpo: the answers differ on 20 of 40 prompts, of which these are the first 8.",
  });
  expect(examples).toMatchObject({ examples: { length: 8 } });
  expect(examples).toMatchObject({
    examples: expect.arrayContaining([expect.objectContaining({ prompt: "prompt 20" })]) as unknown,
  });
});
