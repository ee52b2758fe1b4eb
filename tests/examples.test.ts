/** The logic of the examples, by hand-computed values. */
import { expect, test } from "vitest";
import { bestOfNLooks, curveOf } from "../examples/over-optimisation/curves.ts";
import sumReward from "../examples/verifiable-reward/reward.ts";
import type { Task } from "../examples/verifiable-reward/tasks.ts";
import { sums } from "../examples/verifiable-reward/tasks.ts";

test("best-of-n by hand: two requests with two answers each", () => {
  const looks = bestOfNLooks(
    [
      [1, 3],
      [2, 0],
    ],
    [
      [0, 1],
      [0.2, 0.6],
    ],
  );
  expect(looks.map(({ distance }) => distance)).toEqual([0, Math.sqrt(Math.log(2) - 0.5)]);
  // one draw: the mean of both answers; best of two: those with proxy 3 and 2
  expect(looks.map(({ totals }) => totals.map((total) => Number(total.toFixed(12))))).toEqual([
    [0.5, 0.4],
    [1, 0.2],
  ]);
  // the best is 1 above the mean in both, and the deviation of 1, 3, 2, 0 is sqrt(1.25)
  expect(looks[1]!.proxy).toBeCloseTo(1 / Math.sqrt(1.25), 12);
});

test("a curve that follows Gao's law exactly gives back its coefficients, and explains all of it", () => {
  const law = (d: number): number => d * (0.08 - 0.03 * d);
  const looks = [0, 0.4, 0.8, 1.2, 1.6].map((distance) => ({
    distance,
    totals: [0.5, 0.6, 0.7].map((start) => start + law(distance)),
    proxy: distance,
  }));
  const { fit, explained, alpha, points } = curveOf("best-of-n", looks, {
    pairs: 250,
    clusters: ["a", "b", "b"],
    seed: 1,
  });
  expect(points[1]!.gold).toBeCloseTo(100 * law(0.4), 9);
  expect(fit.alpha.estimate).toBeCloseTo(8, 9);
  expect(fit.beta.estimate).toBeCloseTo(3, 9);
  expect(fit.peakDistance).toBeCloseTo(8 / 6, 9);
  expect(explained).toBeCloseTo(1, 9);
  expect(alpha).toMatchObject({ low: -Infinity, high: Infinity, noClaim: "2 independent groups" });
});

test("a coefficient's interval counts groups: two requests about one thing tell no more than one", () => {
  const slopes = Array.from({ length: 12 }, (_, i) => 0.06 + 0.004 * ((7 * i) % 11));
  const looksOf = (of: readonly number[]) =>
    [0, 0.4, 0.8, 1.2, 1.6].map((distance) => ({
      distance,
      totals: of.map((slope) => 0.5 + distance * (slope - 0.03 * distance)),
      proxy: distance,
    }));
  const names = slopes.map((_, i) => `thing ${i}`);
  const once = curveOf("best-of-n", looksOf(slopes), {
    pairs: 250,
    clusters: names,
    seed: 1,
  }).alpha;
  const twice = curveOf("best-of-n", looksOf([...slopes, ...slopes]), {
    pairs: 250,
    clusters: [...names, ...names],
    seed: 1,
  }).alpha;
  expect(once.low).toBeLessThan(once.estimate);
  expect(once.high).toBeGreaterThan(once.estimate);
  expect([twice.estimate, twice.low, twice.high].map((value) => value.toFixed(6))).toEqual(
    [once.estimate, once.low, once.high].map((value) => value.toFixed(6)),
  );
});

test("a sum is right alone, half right at the end, and never by accident within another number", async () => {
  const score = (completion: string) =>
    sumReward({ prompt: "", completion, stopped: true, messages: "", extra: { sum: 12 } });
  expect(
    await Promise.all(
      ["12", " 12.\n", "5 + 7 = 12", "112", "12 is not 13", "", "twelve"].map(score),
    ),
  ).toEqual([1, 1, 0.2, 0, 0, 0, 0]);
});

test("no sum is in both parts, in either order", () => {
  const { train, heldOut } = sums(1);
  const key = ({ prompt }: Task): string => prompt[0]!.content.match(/\d+/g)!.toSorted().join("+");
  const seen = new Set(train.map(key));
  expect([train.length, heldOut.length]).toEqual([160, 50]);
  expect(heldOut.filter((task) => seen.has(key(task)))).toEqual([]);
});
