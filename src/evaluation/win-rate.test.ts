import { expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { pairedDifference } from "../stats/paired.ts";
import { signFlipTest } from "../stats/sign-flips.ts";
import { rateInterval, ratePValue } from "./win-rate.ts";

/** A little better nine times of ten and much worse once, so that nothing differs on average. */
const skewed = (random: Random, count: number): number[] =>
  Array.from({ length: count }, () => (random.chance(0.9) ? 0.05 : -0.45));

test("soft and skewed outcomes of few prompts: p-values err in at most 5%, flipped signs in 35%", () => {
  const random = new Random(4);
  const rounds = 200;
  const wrong = { flips: 0, rate: 0, difference: 0, clustered: 0 };
  const clusters = Array.from({ length: 40 }, (_, i) => Math.floor(i / 4));
  for (let round = 0; round < rounds; round++) {
    const excess = skewed(random, 10);
    const alike = clusters.map((group) => excess[group]!);
    const zeros = (values: readonly number[]): number[] => values.map(() => 0);
    const within = { range: [-1, 1] as const };
    wrong.flips += Number(signFlipTest(excess) < 0.05);
    wrong.rate += Number(ratePValue(excess.map((x) => 0.5 + x)) < 0.05);
    wrong.difference += Number(pairedDifference(excess, zeros(excess), within).pValue < 0.05);
    wrong.clustered += Number(
      pairedDifference(alike, zeros(alike), { ...within, clusters }).pValue < 0.05,
    );
  }
  expect(wrong.flips / rounds).toBeGreaterThan(0.25);
  // 5%, and three standard errors of so many rounds
  const most = 0.05 + 3 * Math.sqrt((0.05 * 0.95) / rounds);
  for (const name of ["rate", "difference", "clustered"] as const)
    expect(wrong[name] / rounds, name).toBeLessThan(most);
});

test("a p-value is that of flipped signs, or where its interval begins to be clear", () => {
  const won = Array.from({ length: 40 }, (_, i) => (i < 28 ? 1 : 0));
  expect(ratePValue(won)).toBeCloseTo(signFlipTest(won.map((x) => x - 0.5)), 12);
  const near = Array.from({ length: 10 }, () => 0.55);
  const p = ratePValue(near);
  expect(signFlipTest(near.map((x) => x - 0.5))).toBeCloseTo(2 / 1024, 12);
  expect(p).toBeGreaterThan(0.4);
  expect(rateInterval(near, { confidence: 1 - p * 1.01 }).low).toBeGreaterThan(0.5);
  expect(rateInterval(near, { confidence: 1 - p * 0.99 }).low).toBeLessThan(0.5);
});
