/**
 * How often comparisons are wrong where the truth is known. `npm run test:compare` measures it over
 * the whole grid; figures are in docs/results.md.
 *
 * @module-tag dear
 */
import { expect, test } from "vitest";
import {
  accusations,
  drawnVerdicts,
  peekedVerdicts,
  worldVerdicts,
} from "./testing/simulations.ts";

/** A share at most 5%, or covered at least 93%, and three standard errors of so many rounds. */
const most = (rounds: number): number => 0.05 + 3 * Math.sqrt((0.05 * 0.95) / rounds);
const least = (rounds: number): number => 0.93 - 3 * Math.sqrt((0.93 * 0.07) / rounds);
const logit = (p: number): number => Math.log(p / (1 - p));

test.each([
  ["each prompt by itself", {}],
  ["4 of 10 are ties", { ties: 0.4 }],
  ["clusters of 5", { clusterSize: 5 }],
  ["a judge of probabilities", { soft: true }],
])("verdicts and intervals on drawn judgements: %s", (_, shape) => {
  const rounds = 300;
  const even = drawnVerdicts({ quality: 0, prompts: 100, ...shape }, { rounds, seed: 1 });
  expect(even.wrong).toBeLessThan(most(rounds));
  const better = drawnVerdicts({ quality: 1.5, prompts: 100, ...shape }, { rounds, seed: 2 });
  expect(better.wrong).toBeLessThan(0.01);
  expect(better.found).toBeGreaterThan(0.8);
  for (const { covered, coveredAtEqualLength } of [even, better]) {
    expect(covered).toBeGreaterThan(least(rounds));
    expect(coveredAtEqualLength).toBeGreaterThan(least(rounds));
  }
});

test("where the truth is at the margin, equality is claimed in at most 5%; within it mostly", () => {
  const rounds = 300;
  const found = (rate: number) =>
    drawnVerdicts({ quality: logit(rate), prompts: 800 }, { rounds, seed: 3, margin: 0.05 });
  expect(found(0.55).wrong).toBeLessThan(most(rounds));
  expect(found(0.5).found).toBeGreaterThan(0.7);
});

test("equality errs in at most 5% also where nearly all are ties and the others wins", () => {
  const rounds = 1500;
  const { wrong } = drawnVerdicts(
    { quality: 40, ties: 0.9, prompts: 400 },
    { rounds, seed: 11, margin: 0.05 },
  );
  expect(wrong).toBeLessThan(most(rounds));
});

test("a length effect is taken out, and the interval holds what is left", () => {
  const rounds = 200;
  const { coveredAtEqualLength } = drawnVerdicts(
    { quality: 0.6, prompts: 200, lengthEffect: 1.5, longer: 0.6 },
    { rounds, seed: 4 },
  );
  expect(coveredAtEqualLength).toBeGreaterThan(least(rounds));
});

test("looking after every prompt keeps the error, with a margin too", async () => {
  const rounds = 100;
  const even = await peekedVerdicts({ quality: 0, prompts: 300 }, { rounds, seed: 5 });
  expect(even.wrong).toBeLessThan(most(rounds));
  const atMargin = await peekedVerdicts(
    { quality: logit(0.65), prompts: 200 },
    { rounds, seed: 6, margin: 0.15 },
  );
  expect(atMargin.wrong).toBeLessThan(most(rounds));
  const clear = await peekedVerdicts({ quality: 1.5, prompts: 300 }, { rounds: 40, seed: 7 });
  expect(clear.found).toBe(1);
  expect(clear.used).toBeLessThan(0.4);
});

test.each([
  ["gold", 0],
  ["noisy", 1.5],
])("200 pairs of models on the world with a known true difference: %s", async (_, noise) => {
  const { pairs, wrong, covered, told, different } = await worldVerdicts({
    pairs: 200,
    prompts: 100,
    noise,
    seed: 8,
  });
  expect(wrong / pairs).toBeLessThanOrEqual(0.05);
  expect(covered / pairs).toBeGreaterThan(least(pairs));
  expect(told / different).toBeGreaterThan(0.25);
});

test("judges with a planted weakness are named for it, noisy ones are not accused", async () => {
  const rounds = 60;
  const prompts = 100;
  const noisy = await accusations({ noise: 2 }, { rounds, prompts, seed: 9 });
  expect(noisy.accused).toBeLessThan(most(rounds));
  for (const [weakness, id] of [
    [{ length: 1 }, "padded"],
    [{ flattery: 2 }, "flattering"],
    [{ firstPlace: 1.5 }, "first-place"],
  ] as const) {
    const found = await accusations({ noise: 0.5, ...weakness }, { rounds: 10, prompts, seed: 10 });
    expect(found.by[id]).toBe(1);
  }
});
