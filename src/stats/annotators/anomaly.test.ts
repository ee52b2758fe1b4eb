import { expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import { wilson } from "../intervals.ts";
import { detectAnomalies } from "./anomaly.ts";
import { accuracyOfOne, labelNoise } from "./label-noise.ts";
import { drawShownVotes } from "./testing.ts";

test("the sided one and the contrary one are named among ordinary annotators", () => {
  const planted = { 0: "left", 1: "contrary" } as const;
  const crowd = drawShownVotes(3, {
    annotators: 14,
    votesEach: 60,
    overlap: 3,
    accuracy: [0.8, 0.9],
    planted,
  });
  const found = detectAnomalies(crowd.votes, { items: crowd.items, annotators: 14 });
  for (const [j, kind] of Object.entries(planted)) {
    const { flagged, kind: named, after, evidence } = found[Number(j)]!;
    expect([flagged, named]).toEqual([true, kind]);
    expect(after).toBeLessThanOrEqual(40);
    expect(evidence).toBeGreaterThanOrEqual(20);
  }
  expect(found.filter(({ flagged }) => flagged).length).toBe(2);
});

test("nothing is said of sides and lengths that nobody knows, and of no votes", () => {
  const crowd = drawShownVotes(4, {
    annotators: 6,
    votesEach: 30,
    overlap: 3,
    accuracy: [0.8, 0.9],
    planted: { 0: "left" },
  });
  const bare = crowd.votes.map(({ item, annotator, label }) => ({ item, annotator, label }));
  const found = detectAnomalies(bare, { items: crowd.items, annotators: 7 });
  expect(found.every(({ kind }) => kind === "random" || kind === "contrary")).toBe(true);
  expect(found[6]).toEqual({ flagged: false, evidence: 0, kind: "random", votes: 0 });
  expect(detectAnomalies([], { items: 0, annotators: 1 })[0]!.flagged).toBe(false);
  expect(() => detectAnomalies([], { items: 0, annotators: 1, level: 0 })).toThrow(RangeError);
});

test("label noise follows from how often two agree", () => {
  expect(accuracyOfOne(1)).toBe(1);
  expect(accuracyOfOne(0.5)).toBe(0.5);
  expect(accuracyOfOne(0.3)).toBe(0.5);
  // 0.8² + 0.2²
  expect(accuracyOfOne(0.68)).toBeCloseTo(0.8, 12);
  const items = Array.from({ length: 50 }, (_, i) => (i < 34 ? ["a", "a"] : ["a", "b"]));
  const { agreement, ceiling, noise } = labelNoise(items);
  expect(agreement).toEqual(wilson(34, 50));
  expect(ceiling.estimate).toBeCloseTo(0.8, 12);
  expect(ceiling.low).toBeCloseTo(accuracyOfOne(agreement.low), 12);
  expect(noise.high).toBeCloseTo(1 - ceiling.low, 12);
  expect(labelNoise([["a"]]).ceiling.noClaim).toBe("no item has two labels");
});

test("who agree less often than by chance tell nothing of noise", () => {
  const items = Array.from({ length: 60 }, (_, i) => (i % 6 === 0 ? ["a", "a"] : ["a", "b"]));
  const { agreement, ceiling, noise } = labelNoise(items);
  expect(agreement.high).toBeLessThan(0.5);
  expect(ceiling).toMatchObject({
    low: 0.5,
    high: 1,
    noClaim: expect.stringContaining("less often than by chance") as string,
  });
  expect(noise).toMatchObject({ low: 0, high: 0.5, noClaim: ceiling.noClaim });
});

test("no model shows more than the ceiling, however unequally hard the items are", () => {
  const random = new Random(9);
  const shares = Array.from({ length: 4000 }, () => 0.5 + 0.5 * random.uniform() ** 2);
  const draw = (q: number): number => (random.chance(q) ? 1 : 0);
  const labels = shares.map((q) => [draw(q), draw(q), draw(q)]);
  const best = shares.reduce((sum, q) => sum + q, 0) / shares.length;
  const { agreement, ceiling } = labelNoise(labels);
  expect(best).toBeLessThan(ceiling.high);
  expect(best).toBeGreaterThan(agreement.low);
});
