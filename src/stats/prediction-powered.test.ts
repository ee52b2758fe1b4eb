/** Few labels and many predictions: against ppi_py, and coverage whatever the predictions are worth. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { shareInterval } from "./intervals.ts";
import { predictionPoweredDifference, predictionPoweredShare } from "./prediction-powered.ts";
import type { PartlyLabelled } from "./prediction-powered.ts";

const { powered: golden } = JSON.parse(
  readFileSync(new URL("./golden/estimators.json", import.meta.url), "utf8"),
) as { powered: (PartlyLabelled & { weight: number | null; estimate: number; error: number })[] };

test("estimate and error are ppi_py's, with its weight and with given ones", () => {
  for (const { weight, estimate, error, ...cases } of golden) {
    const found = predictionPoweredShare(cases, weight === null ? {} : { weight });
    expect(found.estimate).toBeCloseTo(estimate, 12);
    expect(found.standardError).toBeCloseTo(error, 10);
  }
  expect(golden).toHaveLength(9);
});

interface Drawn extends PartlyLabelled {
  truth: number;
}

function draw(
  random: Random,
  { n, others, share, right }: { n: number; others: number; share: number; right: number },
): Drawn {
  const truth = (): number => (random.chance(share) ? 1 : 0);
  const guess = (value: number): number => (random.chance(right) ? value : 1 - value);
  const labels = Array.from({ length: n }, truth);
  const unlabelled = Array.from({ length: others }, () => guess(truth()));
  return { labels, predictions: labels.map(guess), unlabelled, truth: share };
}

test.each([
  [12, 300, 0.5, 0.5],
  [20, 300, 0.03, 0.95],
  [30, 300, 0.2, 0.8],
  [30, 300, 0.9, 1],
])("%d labels, %d others, share %d, predictions right in %d: covers", (n, others, share, right) => {
  const random = Random.for(1, "powered", n, String(share), String(right));
  const rounds = 600;
  let covered = 0;
  for (let round = 0; round < rounds; round++) {
    const { low, high } = predictionPoweredShare(draw(random, { n, others, share, right }));
    if (low <= share && share <= high) covered++;
  }
  expect(covered / rounds).toBeGreaterThan(0.92);
});

test("good predictions narrow the interval, worthless ones do not widen it much", () => {
  const random = new Random(5);
  const widthOf = ({ low, high }: { low: number; high: number }): number => high - low;
  const good = draw(random, { n: 60, others: 2000, share: 0.4, right: 0.95 });
  const found = predictionPoweredShare(good);
  expect(widthOf(found)).toBeLessThan(0.7 * widthOf(shareInterval(good.labels)));
  expect(found.worthLabels).toBeGreaterThan(120);
  const blind = draw(random, { n: 60, others: 2000, share: 0.4, right: 0.5 });
  expect(widthOf(predictionPoweredShare(blind))).toBeLessThan(
    1.1 * widthOf(shareInterval(blind.labels)),
  );
});

test("a difference of two systems that answered the same cases covers, also in clusters", () => {
  const random = new Random(6);
  const rounds = 300;
  let covered = 0;
  const make = (groups: number): { a: number[]; b: number[]; clusters: number[] } => {
    const clusters = Array.from({ length: groups * 4 }, (_, i) => Math.floor(i / 4));
    const own = clusters.map(() => random.uniform());
    const u = clusters.map((group) => (random.chance(0.5) ? own[group]! : random.uniform()));
    return { a: u.map((x) => (x < 0.6 ? 1 : 0)), b: u.map((x) => (x > 0.55 ? 1 : 0)), clusters };
  };
  const guess = (value: number): number => (random.chance(0.85) ? value : 1 - value);
  for (let round = 0; round < rounds; round++) {
    const [few, many] = [make(15), make(100)];
    const part = (labels: number[], others: number[]): PartlyLabelled => ({
      labels,
      predictions: labels.map(guess),
      unlabelled: others.map(guess),
    });
    const { low, high } = predictionPoweredDifference(part(few.a, many.a), part(few.b, many.b), {
      clusters: few.clusters,
      unlabelledClusters: many.clusters,
    });
    if (low <= 0.15 && 0.15 <= high) covered++;
  }
  expect(covered / rounds).toBeGreaterThan(0.92);
});

test.each([undefined, 0.5, 1])("weight %s without other cases: the labels alone", (weight) => {
  const [labels, predictions] = [
    [1, 0, 1, 1, 0, 1],
    [1, 1, 1, 0, 0, 1],
  ];
  const found = predictionPoweredShare(
    { labels, predictions, unlabelled: [] },
    weight === undefined ? {} : { weight },
  );
  expect(found).toMatchObject({ estimate: 4 / 6, weight: 0, worthLabels: 6 });
  expect(found.noClaim).toBeUndefined();
  expect(found.low).toBeGreaterThan(0.1);
  expect(found.high).toBeLessThan(1);
  if (weight === undefined) return;
  expect(predictionPoweredShare({ labels, predictions, unlabelled: [1] }, { weight }).noClaim).toBe(
    "1 without a label",
  );
});

test("labels that are no random part of all allow no claim, and no interval is without a width", () => {
  const zeros = Array.from({ length: 300 }, () => 0);
  const ones = zeros.map(() => 1);
  const found = predictionPoweredShare(
    { labels: zeros, predictions: ones, unlabelled: zeros },
    { weight: 1 },
  );
  expect(found).toMatchObject({
    low: 0,
    high: 1,
    noClaim: expect.stringContaining("no random part") as string,
  });
});

test("one label, none, none but predictions: what is claimed and what is not", () => {
  const none = predictionPoweredShare({ labels: [], predictions: [], unlabelled: [1, 0] });
  expect(none).toMatchObject({ estimate: 0.5, low: 0, high: 1, noClaim: "0 labelled" });
  expect(
    predictionPoweredShare({ labels: [1], predictions: [1], unlabelled: [1, 0] }),
  ).toMatchObject({ low: 0, high: 1, noClaim: "1 labelled" });
  const labelsAlone = predictionPoweredShare({
    labels: [1, 1, 0, 1],
    predictions: [1, 1, 0, 1],
    unlabelled: [],
  });
  expect(labelsAlone).toMatchObject({ estimate: 0.75, weight: 0 });
  const perfect = predictionPoweredShare({
    labels: [1, 1, 1, 1],
    predictions: [1, 1, 1, 1],
    unlabelled: [1, 1, 1],
  });
  expect(perfect).toMatchObject({ estimate: 1, high: 1 });
  expect(perfect.low).toBeLessThan(0.8);
  expect(
    predictionPoweredShare(
      { labels: [1, 0, 1, 0], predictions: [1, 0, 1, 1], unlabelled: [1, 0] },
      { clusters: ["a", "a", "b", "b"] },
    ),
  ).toMatchObject({ low: 0, high: 1, noClaim: "2 independent groups" });
  expect(() => predictionPoweredShare({ labels: [2], predictions: [1], unlabelled: [] })).toThrow(
    /in \[0, 1\]; got 2/,
  );
  expect(() => predictionPoweredShare({ labels: [1], predictions: [], unlabelled: [] })).toThrow(
    /1 labels for 0/,
  );
});
