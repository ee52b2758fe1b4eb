import { describe, expect, test } from "vitest";
import { configForContext, contextNote, longestContext } from "./context.ts";
import { BlockwisePlan } from "./plans/blockwise.ts";
import { readModelConfig } from "./registry.ts";
import { WholePlan } from "./plans/whole.ts";
import { ropeFrequencies } from "./rope.ts";
import { randomBatch, randomModel, TINY_CONFIGS } from "./testing.ts";

const { config } = readModelConfig(TINY_CONFIGS["phi3"]!);
const used = (context: number): [string, number] => {
  const chosen = configForContext(config, context);
  return [chosen.layerKinds[0]!.rope!.longrope!.factors, chosen.maxPositions];
};

describe("short and long RoPE factors", () => {
  test("a model is opened for its short ones, and longer contexts ask for the long ones", () => {
    expect([used(0), used(256), used(257), used(1024)]).toEqual([
      ["short", 256],
      ["short", 256],
      ["long", 1024],
      ["long", 1024],
    ]);
    expect([config.maxPositions, longestContext(config)]).toEqual([256, 1024]);
    expect(configForContext(configForContext(config, 1024), 9)).toEqual(config);
  });

  test("the long ones turn slower, and are spoken of", () => {
    const long = configForContext(config, 300);
    const [few, many] = [config, long].map(({ layerKinds: [kind], headSize }) =>
      ropeFrequencies(kind!.rope!, headSize),
    );
    few!.forEach((frequency, i) => expect(many![i]! / frequency).toBeCloseTo(0.5, 12));
    expect(contextNote(config)).toBeUndefined();
    expect(contextNote(long)).toMatch(/texts of every length .* beyond 256 tokens/);
  });

  test("texts beyond what the short ones serve are refused, not computed wrongly", async () => {
    const message =
      /take other RoPE factors.*\n {2}got: 257 tokens\n {2}expected: at most 256\n {2}try: loadModel/;
    const model = randomModel(TINY_CONFIGS["phi3"]!);
    for (const Plan of [BlockwisePlan, WholePlan]) {
      const plan = new Plan({ model, reads: "tokens", maxLength: 257 });
      await expect(plan.score(randomBatch(model, 1, 256))).resolves.toBeDefined();
      await expect(plan.score(randomBatch(model, 1, 257))).rejects.toThrow(message);
      await plan.close();
    }
  });

  test("models with one set of factors are left as they are", () => {
    for (const type of Object.keys(TINY_CONFIGS).filter((each) => each !== "phi3")) {
      const own = readModelConfig(TINY_CONFIGS[type]!).config;
      expect(configForContext(own, 1e9)).toBe(own);
    }
  });
});
