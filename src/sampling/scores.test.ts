import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { float32 } from "../core/tensor.ts";
import { createGraph } from "../graph/op-table.ts";
import { Session } from "../runtime/session.ts";
import type { SamplingOptions } from "./choose.ts";
import { chooseToken, inverseTemperature } from "./choose.ts";
import { Scores, blockSize, buildScores } from "./scores.ts";

/** Logits like a model's: a few likely tokens and a long tail. */
function randomLogits(vocabulary: number, seed: number, deviation: number): Float32Array {
  return Random.for(seed, "logits").fillNormal(new Float32Array(vocabulary), deviation);
}

test("a block is the divisor nearest to the root", () => {
  for (const [vocabulary, sizes] of [
    [49_152, [192, 256]],
    [32_000, [160, 200]],
    [50_257, [29, 1733]],
    [251, [1, 251]],
    [1, [1]],
  ] as const)
    expect(sizes).toContain(blockSize(vocabulary));
});

describe.each([61, 256, 1500, 4099, 50_257])("%d tokens", (vocabulary) => {
  const options: SamplingOptions[] = [
    { temperature: 0, topK: 0, topP: 1 },
    { temperature: 1, topK: 0, topP: 1 },
    { temperature: 0.3, topK: 0, topP: 1 },
    { temperature: 3, topK: 0, topP: 1 },
    { temperature: 1, topK: 5, topP: 1 },
    { temperature: 0.7, topK: 0, topP: 0.9 },
    { temperature: 2, topK: 0, topP: 0.99 },
    { temperature: 1.5, topK: 40, topP: 0.8 },
    { temperature: 0.05, topK: 0, topP: 0.5 },
    { temperature: 1, topK: 0, topP: 1, minP: 0.05 },
  ];
  test.each(options)("the same draw is the same token as by the plain form: %o", (sampling) => {
    for (let trial = 0; trial < 8; trial++) {
      const logits = randomLogits(vocabulary, trial, [0, 0.5, 2, 6][trial % 4]!);
      const scores = Scores.of(logits, inverseTemperature(sampling));
      const [random, same] = [new Random(trial), new Random(trial)];
      for (let draw = 0; draw < 3; draw++) {
        const expected = chooseToken(logits, sampling, random);
        const chosen = scores.choose(sampling, same);
        expect(chosen.id).toBe(expected.id);
        expect(chosen.logp).toBeCloseTo(expected.logp, 4);
      }
      expect(same.state()).toEqual(random.state());
    }
  });

  test("the most likely tokens are told in order", () => {
    const logits = randomLogits(vocabulary, 3, 2);
    const sorted = Array.from(logits.keys()).toSorted((a, b) => logits[b]! - logits[a]! || a - b);
    for (const count of [1, 5, 50])
      expect(
        Scores.of(logits, 1)
          .mostLikely(count)
          .map(({ id }) => id),
      ).toEqual(sorted.slice(0, count));
  });
});

test("draws follow the distribution", () => {
  const logits = randomLogits(40, 1, 1.5);
  const scores = Scores.of(logits, 1);
  const random = new Random(2);
  const draws = 40_000;
  const counts = new Float64Array(40);
  for (let i = 0; i < draws; i++)
    counts[scores.choose({ temperature: 1, topK: 0, topP: 1 }, random).id]!++;
  const statistic = counts.reduce(
    (total, count, id) =>
      total +
      (count - draws * Math.exp(scores.logp(id))) ** 2 / (draws * Math.exp(scores.logp(id))),
    0,
  );
  // chi-squared with 39 degrees of freedom: 0.999 quantile
  expect(statistic).toBeLessThan(72.1);
});

test("top-k and top-p leave no other token, top-p as a share of what top-k leaves", () => {
  const scores = Scores.of(Float32Array.from([0.4, 0.3, 0.2, 0.1], Math.log), 1);
  const random = new Random(5);
  const seen = (sampling: SamplingOptions): number[] =>
    [...new Set(Array.from({ length: 300 }, () => scores.choose(sampling, random).id))].toSorted();
  expect(seen({ temperature: 1, topK: 3, topP: 1 })).toEqual([0, 1, 2]);
  expect(seen({ temperature: 1, topK: 0, topP: 0.65 })).toEqual([0, 1]);
  expect(seen({ temperature: 1, topK: 2, topP: 0.55 })).toEqual([0]);
});

test("the graph's numbers are those of the plain form, row by row", async () => {
  const [rows, width, vocabulary] = [3, 8, 60];
  const graph = createGraph();
  const hidden = graph.input("hidden", "float32", ["batch", width]);
  const head = graph.input("head", "float32", [vocabulary, width]);
  const session = await Session.create(
    graph,
    buildScores(hidden, head, graph.input("inverse", "float32", ["batch", 1])),
    { device: "cpu" },
  );
  const random = new Random(4);
  const inverse = [1, 4, 0.25];
  const { logits, maxima, sums } = await session.run({
    hidden: float32([rows, width], random.fillNormal(new Float32Array(rows * width))),
    head: float32([vocabulary, width], random.fillNormal(new Float32Array(vocabulary * width), 3)),
    inverse: float32([rows, 1], inverse),
  });
  const blocks = vocabulary / blockSize(vocabulary);
  for (let row = 0; row < rows; row++) {
    const expected = Scores.of(
      (logits!.data as Float32Array).slice(row * vocabulary, (row + 1) * vocabulary),
      inverse[row]!,
    );
    expect([...(maxima!.data as Float32Array).subarray(row * blocks, (row + 1) * blocks)]).toEqual([
      ...expected.maxima,
    ]);
    expected.sums.forEach((sum, block) =>
      expect((sums!.data as Float32Array)[row * blocks + block]).toBeCloseTo(sum, 5),
    );
  }
  await session.close();
});

test("numbers that are no numbers give some token and no endless search", () => {
  const logits = new Float32Array(64).fill(NaN);
  const scores = new Scores(
    logits,
    new Float32Array(8).fill(NaN),
    new Float32Array(8).fill(NaN),
    1,
  );
  for (const sampling of [
    { temperature: 0, topK: 0, topP: 1 },
    { temperature: 1, topK: 0, topP: 1 },
  ])
    expect(scores.choose(sampling, new Random(0)).id).toBe(0);
});
