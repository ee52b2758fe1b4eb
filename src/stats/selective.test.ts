/** Accuracy of the most confident answers, and the area under their risk. */
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { mean } from "./intervals.ts";
import { selective, selectiveAccuracy } from "./selective.ts";

/** All orders of so many places. */
function permutations(count: number): number[][] {
  if (count === 0) return [[]];
  return permutations(count - 1).flatMap((rest) =>
    Array.from({ length: count }, (_, at) => rest.toSpliced(at, 0, count - 1)),
  );
}

const areaOfOrder = (wrong: readonly number[]): number => {
  let errors = 0;
  return mean(wrong.map((value, i) => (errors += value) / (i + 1)));
};

describe("seven answers, of which some are equally sure", () => {
  const confidences = [0.9, 0.5, 0.9, 0.2, 0.5, 0.5, 0.1];
  const right = [true, false, false, true, true, false, false];
  const orders = permutations(7).filter((order) =>
    order.every((place, i) => i === 0 || confidences[order[i - 1]!]! >= confidences[place]!),
  );
  const found = selective(confidences, right, { coverages: [2 / 7, 4 / 7, 1], resamples: 50 });

  test("area and accuracies are means over all orders that their confidences allow", () => {
    expect(orders).toHaveLength(2 * 6);
    const wrongs = orders.map((order) => order.map((place) => (right[place] ? 0 : 1)));
    expect(found.area.estimate).toBeCloseTo(mean(wrongs.map(areaOfOrder)), 12);
    for (const [i, count] of [2, 4, 7].entries())
      expect(found.points[i]!.accuracy.estimate).toBeCloseTo(
        1 - mean(wrongs.map((wrong) => mean(wrong.slice(0, count)))),
        6,
      );
    expect(found.points.map(({ threshold }) => threshold)).toEqual([0.9, 0.5, 0.1]);
  });

  test("the least area is that of all wrong answers last", () => {
    const best = Math.min(
      ...permutations(7).map((order) => areaOfOrder(order.map((place) => (right[place] ? 0 : 1)))),
    );
    expect(found.leastArea).toBeCloseTo(best, 12);
    expect(found.excess.estimate).toBeCloseTo(found.area.estimate - best, 12);
    expect(found.area).toMatchObject({ low: 0, high: 1, noClaim: "7 answers" });
  });
});

test("a confidence that says nothing leaves the error rate everywhere", () => {
  const right = Array.from({ length: 90 }, (_, i) => i % 3 > 0);
  const found = selective(
    right.map(() => 0.8),
    right,
    { resamples: 200 },
  );
  for (const { accuracy } of found.points) expect(accuracy.estimate).toBeCloseTo(2 / 3, 9);
  expect(found.area.estimate).toBeCloseTo(1 / 3, 9);
  expect(found.points.at(-1)!.accuracy.n).toBe(90);
  expect(found.points[0]!.accuracy.high - found.points[0]!.accuracy.low).toBeGreaterThan(0.4);
});

test("Geifman's excess of the best order is its limit", () => {
  const right = Array.from({ length: 4000 }, (_, i) => i % 5 > 0);
  const { excess, leastArea } = selective(right.map(Number), right, { resamples: 20 });
  expect(excess.estimate).toBeCloseTo(0, 12);
  expect(leastArea).toBeCloseTo(0.2 + 0.8 * Math.log(0.8), 3);
});

test("accuracies at chosen coverages cover, in clusters too", () => {
  const random = new Random(2);
  const rounds = 300;
  let covered = 0;
  for (let round = 0; round < rounds; round++) {
    const own = Array.from({ length: 20 }, () => random.uniform());
    const clusters = Array.from({ length: 120 }, (_, i) => i % 20);
    const p = clusters.map((group) => (random.chance(0.5) ? own[group]! : random.uniform()));
    const points = selectiveAccuracy(
      p,
      p.map((value) => random.chance(value)),
      { coverages: [0.5], clusters },
    );
    // the upper half of probabilities that are uniform
    const { low, high } = points[0]!.accuracy;
    if (low <= 0.75 && 0.75 <= high) covered++;
  }
  expect(covered / rounds).toBeGreaterThan(0.92);
});

test("every answer right, none at all, and what is refused", () => {
  const all = selective(
    Array.from({ length: 50 }, (_, i) => i),
    Array.from({ length: 50 }, () => true),
    { resamples: 200 },
  );
  expect(all.area).toMatchObject({ estimate: 0, low: 0 });
  expect(all.area.high).toBeGreaterThan(0.02);
  expect(all.area.high).toBeLessThan(0.3);
  expect(selective([], [])).toMatchObject({
    points: [],
    n: 0,
    area: { low: 0, high: 1, noClaim: "nothing observed" },
  });
  expect(() => selective([0.5], [])).toThrow(/1 confidences for 0 answers/);
  expect(() => selective([NaN], [true])).toThrow(/not finite/);
  expect(() => selective([1], [true], { coverages: [0] })).toThrow(/in \(0, 1\]; got 0/);
});
