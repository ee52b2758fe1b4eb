/** Top-k, top-p and min-p: which tokens are kept, and how often each is drawn. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { TINY_CONFIGS, randomModel } from "../models/testing.ts";
import { createEncoder } from "../text/encoder.ts";
import { byteTokenizer } from "../text/testing.ts";
import type { SamplingOptions } from "./choose.ts";
import { chooseToken, inverseTemperature } from "./choose.ts";
import type { GenerationRequest } from "./request.ts";
import { BatchingEngine } from "./engine.ts";
import { Scores } from "./scores.ts";

type Case = [
  name: string,
  temperature: number,
  topK: number,
  topP: number,
  minP: number,
  edge: { count: number } | { mask: string },
  most: number,
  least: number,
];
const golden = JSON.parse(
  readFileSync(new URL("golden/warpers.json", import.meta.url), "utf8"),
) as { logits: Record<string, number[]>; cases: Case[] };

const shares = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.88, 0.9, 0.95, 0.99, 0.999];
const randomLogits = (vocabulary: number, seed: number, deviation: number): Float32Array =>
  Random.for(seed, "logits").fillNormal(new Float32Array(vocabulary), deviation);
const scoresOf = (logits: Float32Array, sampling: SamplingOptions): Scores =>
  Scores.of(logits, inverseTemperature(sampling));

/** Probabilities after the filters, each filter written out over the whole vocabulary. */
function reference(
  logits: ArrayLike<number>,
  { temperature, topK, topP, minP = 0 }: SamplingOptions,
): number[] {
  const softmax = (values: readonly number[]): number[] => {
    const largest = Math.max(...values);
    const total = values.reduce((sum, value) => sum + Math.exp(value - largest), 0);
    return values.map((value) => Math.exp(value - largest) / total);
  };
  let scores = Array.from(logits, (logit) => logit / temperature);
  const remove = (test: (id: number) => boolean): void =>
    void (scores = scores.map((score, id) => (test(id) ? -Infinity : score)));
  if (topK > 0) {
    const least = scores.toSorted((a, b) => b - a)[Math.min(topK, scores.length) - 1]!;
    remove((id) => scores[id]! < least);
  }
  if (topP < 1) {
    const probabilities = softmax(scores);
    const before = new Map<number, number>();
    let mass = 0;
    for (const id of Array.from(scores.keys()).toSorted(
      (a, b) => probabilities[b]! - probabilities[a]! || a - b,
    )) {
      before.set(id, mass);
      mass += probabilities[id]!;
    }
    remove((id) => before.get(id)! >= topP);
  }
  const probabilities = softmax(scores);
  const most = Math.max(...probabilities);
  remove((id) => probabilities[id]! < minP * most);
  return softmax(scores);
}

test("transformers' warpers keep the same tokens with the same probabilities, ties among them", () => {
  for (const [name, temperature, topK, topP, minP, edge, most, least] of golden.cases) {
    const sampling = { temperature, topK, topP, minP };
    const kept = scoresOf(Float32Array.from(golden.logits[name]!), sampling).kept(sampling);
    const weights = kept.map((id) => golden.logits[name]![id]! / temperature);
    const total = Math.log(weights.reduce((sum, weight) => sum + Math.exp(weight), 0));
    const mask = kept.reduce((bits, id) => bits | (1n << BigInt(id)), 0n).toString(16);
    expect({ sampling, name, edge: "mask" in edge ? { mask } : { count: kept.length } }).toEqual({
      sampling,
      name,
      edge,
    });
    expect(Math.max(...weights) - total).toBeCloseTo(most, 8);
    expect(Math.min(...weights) - total).toBeCloseTo(least, 8);
  }
  expect(golden.cases.length).toBe(1620);
});

test.each([
  [61, [0.5, 2, 6], shares],
  [1500, [0.5, 2, 6], shares],
  [32_000, [3], [0.5, 0.7, 0.999]],
])(
  "top-p of %d tokens keeps its share of the whole vocabulary, and nothing more",
  (vocabulary, deviations, ps) => {
    for (const deviation of deviations) {
      for (const topP of ps) {
        const sampling = { temperature: 1, topK: 0, topP };
        const logits = randomLogits(vocabulary, 3, deviation);
        const expected = reference(logits, sampling);
        expect([...scoresOf(logits, sampling).kept(sampling)].toSorted((a, b) => a - b)).toEqual(
          Array.from(expected.keys()).filter((id) => expected[id]! > 0),
        );
      }
    }
  },
);

/**
 * Draws beside the expected shares: chi-squared as a standard normal deviate (Wilson and Hilferty
 * 1931); infinite where something was drawn that must not be.
 */
function surprise(counts: ArrayLike<number>, expected: readonly number[]): number {
  const draws = Array.from(counts).reduce((a, b) => a + b, 0);
  let [statistic, cells, rest, restCount] = [0, 0, 0, 0];
  const add = (count: number, mean: number): void => {
    statistic += (count - mean) ** 2 / mean;
    cells++;
  };
  for (const [id, share] of expected.entries()) {
    if (share === 0 && counts[id]! > 0) return Infinity;
    if (share * draws >= 5) add(counts[id]!, share * draws);
    else [rest, restCount] = [rest + share * draws, restCount + counts[id]!];
  }
  if (rest > 0) add(restCount, Math.max(rest, 1e-9));
  const freedom = Math.max(1, cells - 1);
  return (Math.cbrt(statistic / freedom) - (1 - 2 / (9 * freedom))) / Math.sqrt(2 / (9 * freedom));
}

const combinations: SamplingOptions[] = [0.5, 1, 1.8].flatMap((temperature) =>
  [0, 8].flatMap((topK) =>
    [1, 0.95, 0.7, 0.3].flatMap((topP) =>
      [0, 0.15].map((minP) => ({ temperature, topK, topP, minP })),
    ),
  ),
);

test.each(combinations)("draws follow the distribution that is left: %o", (sampling) => {
  const logits = randomLogits(60, 1, 1.5);
  const scores = scoresOf(logits, sampling);
  const [random, same] = [new Random(2), new Random(2)];
  const counts = new Float64Array(60);
  for (let draw = 0; draw < 4000; draw++) {
    const { id, logp } = scores.choose(sampling, random);
    counts[id]!++;
    if (draw >= 40) continue;
    const plain = chooseToken(logits, sampling, same);
    expect(id).toBe(plain.id);
    // Reported is log p over the whole vocabulary at the temperature, whatever was left out.
    for (const each of [logp, plain.logp])
      expect(each).toBeCloseTo(
        Math.log(reference(logits, { ...sampling, topK: 0, topP: 1, minP: 0 })[id]!),
        5,
      );
  }
  expect(surprise(counts, reference(logits, sampling))).toBeLessThan(3.7);
});

describe("requests of other options in one batch", () => {
  const encoder = createEncoder(byteTokenizer(), { maxLength: 32 });
  const model = randomModel(
    { ...TINY_CONFIGS["llama"]!, hidden_size: 64, vocab_size: encoder.tokenizer.vocabularySize },
    3,
    0.3,
  );
  const prompt = encoder.encodePrompt("Hi");
  const mixed = combinations
    .filter(({ temperature }) => temperature !== 0.5)
    .map((sampling, index): GenerationRequest => ({
      ...sampling,
      prompt,
      samples: 400,
      maxNewTokens: 1,
      stopTexts: [],
      seed: index,
    }));

  /** How often each token follows the prompt, for each request. */
  async function frequencies(slots: number): Promise<Float64Array[]> {
    const engine = await BatchingEngine.create(model, encoder, { slots, room: 32 });
    const answers = await Promise.all(mixed.map((request) => engine.submit(request).answers));
    await engine.close();
    return answers.map((samples) => {
      const counts = new Float64Array(encoder.tokenizer.vocabularySize);
      for (const { ids } of samples) counts[ids[0]!]!++;
      return counts;
    });
  }

  test("each draws from its own distribution, alone as together", async () => {
    const engine = await BatchingEngine.create(model, encoder, { slots: 1, room: 32 });
    const [whole] = await engine.submit({
      prompt,
      temperature: 0,
      topK: 0,
      topP: 1,
      maxNewTokens: 1,
      stopTexts: [],
      seed: 0,
      alternatives: encoder.tokenizer.vocabularySize,
    }).answers;
    await engine.close();
    const logits = new Float64Array(encoder.tokenizer.vocabularySize);
    for (const { id, logp } of whole!.alternatives![0]!) logits[id] = logp;
    const [alone, together] = [await frequencies(1), await frequencies(24)];
    expect(together).toEqual(alone);
    mixed.forEach((sampling, index) =>
      expect(surprise(together[index]!, reference(logits, sampling))).toBeLessThan(3.7),
    );
  });
});

test("numbers that are no numbers, masked tokens and the coldest temperature give a token", () => {
  const filters: SamplingOptions[] = [
    { temperature: 1, topK: 0, topP: 0.5 },
    { temperature: 1, topK: 3, topP: 1 },
    { temperature: 1, topK: 0, topP: 1, minP: 0.1 },
    { temperature: 1e-310, topK: 0, topP: 0.9 },
  ];
  const masked = new Float32Array(64).fill(-Infinity);
  masked[7] = 1;
  for (const sampling of filters) {
    expect(
      scoresOf(new Float32Array(64).fill(NaN), sampling).choose(sampling, new Random(0)).id,
    ).toBe(0);
    for (const seed of [0, 1, 2]) {
      for (const { id, logp } of [
        scoresOf(masked, sampling).choose(sampling, new Random(seed)),
        chooseToken(masked, sampling, new Random(seed)),
      ]) {
        expect(id).toBe(7);
        expect(logp).toBeCloseTo(0, 12);
      }
    }
  }
});
