/** The logic of the examples, by hand-computed values. */
import { expect, test } from "vitest";
import { bestOfNPoints, curveOf } from "../examples/over-optimisation/curves.ts";

test("best-of-n by hand: two requests with two answers each", () => {
  // best of 1: gold means 0.5 and 0.5; best of 2: the answers with proxy 3 and 2, gold 1 and 0
  const points = bestOfNPoints([[1, 3], [2, 0]], [[0, 1], [0, 1]]);
  expect(points.map(({ distance }) => distance)).toEqual([0, Math.sqrt(Math.log(2) - 0.5)]);
  expect(points.map(({ gold }) => gold)).toEqual([0, 0]);
  // proxies 1.5 more deviations: means 2 and 1, bests 3 and 2; deviation of 1, 3, 2, 0 is sqrt(1.25)
  expect(points[1]!.proxy).toBeCloseTo(1 / Math.sqrt(1.25), 12);
});

test("a curve that follows Gao's law exactly gives back its coefficients, and explains all of it", () => {
  const law = (d: number): number => d * (8 - 3 * d);
  const points = [0, 0.4, 0.8, 1.2, 1.6].map((distance) => ({ distance, gold: law(distance), proxy: distance }));
  const { fit, explained } = curveOf("best-of-n", 250, points);
  expect(fit.alpha.estimate).toBeCloseTo(8, 9);
  expect(fit.beta.estimate).toBeCloseTo(3, 9);
  expect(fit.peakDistance).toBeCloseTo(8 / 6, 9);
  expect(explained).toBeCloseTo(1, 9);
});
