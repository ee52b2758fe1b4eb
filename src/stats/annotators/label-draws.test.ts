import { expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import { drawBeta } from "./beta-draws.ts";
import { fitDawidSkene } from "./dawid-skene.ts";
import { drawLabels } from "./label-draws.ts";
import { drawCrowd } from "./testing.ts";

test("beta draws have their mean and variance", () => {
  const random = new Random(3);
  for (const [a, b] of [
    [3, 1],
    [0.5, 0.5],
    [40, 7],
  ] as const) {
    const drawn = Array.from({ length: 20_000 }, () => drawBeta(a, b, random));
    const mean = drawn.reduce((sum, x) => sum + x, 0) / drawn.length;
    const variance = drawn.reduce((sum, x) => sum + (x - mean) ** 2, 0) / drawn.length;
    expect(mean).toBeCloseTo(a / (a + b), 1.9);
    expect(variance / ((a * b) / ((a + b) ** 2 * (a + b + 1)))).toBeCloseTo(1, 1);
  }
});

test("with many votes they say what Dawid and Skene's maximum says", () => {
  const crowd = drawCrowd(5, { annotators: 8, votesEach: 900, overlap: 3, accuracy: [0.6, 0.95] });
  const drawn = drawLabels(crowd.votes, { items: crowd.items, annotators: 8, symmetric: true });
  const fit = fitDawidSkene(crowd.votes, {
    items: crowd.items,
    annotators: 8,
    classes: 2,
    confusion: "one-coin",
    classShares: "uniform",
  });
  for (let j = 0; j < 8; j++) {
    expect(drawn.accuracies[j]!.estimate).toBeCloseTo(fit.accuracies[j]!.estimate, 1.5);
    expect(Math.abs(drawn.accuracies[j]!.low - fit.accuracies[j]!.low)).toBeLessThan(0.03);
    expect(Math.abs(drawn.accuracies[j]!.high - fit.accuracies[j]!.high)).toBeLessThan(0.03);
  }
  let apart = 0;
  for (let i = 0; i < crowd.items; i++)
    apart = Math.max(apart, Math.abs(drawn.posterior[i]! - fit.posterior[2 * i]!));
  expect(apart).toBeLessThan(0.05);
});

test("one vote of somebody unknown is as good as people are; gold is certain; no vote says nothing", () => {
  const { posterior, low, high } = drawLabels([{ item: 0, annotator: 0, label: 0 }], {
    items: 3,
    annotators: 1,
    gold: new Map([[2, 1]]),
    symmetric: true,
    draws: 4000,
  });
  expect(posterior[0]).toBeCloseTo(0.75, 1.5);
  expect(low[0]).toBeLessThan(0.4);
  expect(high[0]).toBeGreaterThan(0.97);
  expect(posterior[1]).toBeNaN();
  expect([posterior[2], low[2], high[2]]).toEqual([0, 0, 0]);
});

test("of classes that mean something, a strict annotator's yes says more than his no", () => {
  const random = new Random(9);
  const votes = Array.from({ length: 1200 }, (_, item) => {
    const good = random.chance(0.7);
    return [0, 1, 2, 3].map((annotator) => ({
      item,
      annotator,
      // the first one accepts little: 50% of the good ones, 2% of the bad ones
      label: random.chance(annotator === 0 ? (good ? 0.5 : 0.02) : good ? 0.9 : 0.15) ? 0 : 1,
    }));
  }).flat();
  const { posterior } = drawLabels(
    [...votes, { item: 1200, annotator: 0, label: 0 }, { item: 1201, annotator: 0, label: 1 }],
    { items: 1202, annotators: 4, symmetric: false },
  );
  expect(posterior[1200]).toBeGreaterThan(0.95);
  expect(posterior[1201]).toBeGreaterThan(0.4);
});

/** How often the posterior that the true accuracies give lies within the interval. */
function coverage(seed: number, votesEach: number): { inside: number; all: number } {
  const crowd = drawCrowd(seed, { annotators: 8, votesEach, overlap: 3, accuracy: [0.5, 0.95] });
  const { low, high } = drawLabels(crowd.votes, {
    items: crowd.items,
    annotators: 8,
    symmetric: true,
    seed,
  });
  const odds = new Float64Array(crowd.items);
  for (const { item, annotator, label } of crowd.votes) {
    const a = crowd.accuracies[annotator]!;
    odds[item]! += (label === 0 ? 1 : -1) * Math.log(a / (1 - a));
  }
  const truths = Array.from(odds, (each) => 1 / (1 + Math.exp(-each)));
  return {
    inside: truths.filter((p, i) => p >= low[i]! && p <= high[i]!).length,
    all: crowd.items,
  };
}

test(
  "the intervals of labels cover what the true accuracies say in 95 of 100 cases",
  { tags: ["dear"] },
  () => {
    for (const votesEach of [60, 300]) {
      const totals = { inside: 0, all: 0 };
      for (let seed = 0; seed < 60; seed++) {
        const { inside, all } = coverage(seed, votesEach);
        totals.inside += inside;
        totals.all += all;
      }
      const share = totals.inside / totals.all;
      expect(share, `${votesEach} votes each`).toBeGreaterThan(0.92);
      expect(share, `${votesEach} votes each`).toBeLessThan(0.98);
    }
  },
);
