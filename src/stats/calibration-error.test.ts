/** The expected calibration error with its bias, and the parts of the Brier score. */
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { calibration, placesInBins } from "./calibration.ts";
import { brierParts, calibrationError } from "./calibration-error.ts";
import { mean } from "./intervals.ts";

interface Case {
  n: number;
  truth: (p: number) => number;
  /** Predictions of one cluster. */
  alike?: number;
}

function draw(
  random: Random,
  { n, truth, alike = 1 }: Case,
): { p: number[]; y: number[]; clusters: number[]; error: number } {
  const clusters = Array.from({ length: n }, (_, i) => Math.floor(i / alike));
  const own = clusters.map(() => random.uniform());
  const p = clusters.map(() => random.uniform());
  const y = p.map((value, i) => {
    const u = alike > 1 && random.chance(0.6) ? own[clusters[i]!]! : random.uniform();
    return u < truth(value) ? 1 : 0;
  });
  const error = placesInBins(p).reduce(
    (sum, places) =>
      sum + Math.abs(places.reduce((all, i) => all + truth(p[i]!) - p[i]!, 0)) / p.length,
    0,
  );
  return { p, y, clusters, error };
}

const calibrated = (p: number): number => p;
const overconfident = (p: number): number => 0.5 + 0.6 * (p - 0.5);

test.each<[string, Case]>([
  ["calibrated", { n: 200, truth: calibrated }],
  ["calibrated, in clusters", { n: 150, truth: calibrated, alike: 5 }],
  ["overconfident", { n: 200, truth: overconfident }],
])(
  "%s: the interval covers, and a calibrated predictor is rejected in at most 5%%",
  (name, how) => {
    const random = Random.for(5, name);
    const rounds = 60;
    let [covered, rejected, plugIn, estimate, truth] = [0, 0, 0, 0, 0];
    for (let round = 0; round < rounds; round++) {
      const { p, y, clusters, error } = draw(random, how);
      const found = calibrationError(p, y, how.alike ? { clusters } : {});
      if (found.error.low <= error + 1e-12 && error <= found.error.high) covered++;
      if (found.pValue < 0.05) rejected++;
      plugIn += found.plugIn / rounds;
      estimate += found.error.estimate / rounds;
      truth += error / rounds;
    }
    expect(covered / rounds).toBeGreaterThan(0.9);
    if (how.truth === calibrated) expect(rejected / rounds).toBeLessThanOrEqual(0.1);
    // the usual figure is too high; what chance adds is mostly taken off
    expect(plugIn - truth).toBeGreaterThan(0.02);
    expect(Math.abs(estimate - truth)).toBeLessThan(0.75 * (plugIn - truth));
  },
);

test("a large error of many predictions is found, and the plug-in is calibration's", () => {
  const { p, y } = draw(new Random(1), { n: 4000, truth: overconfident });
  const found = calibrationError(p, y);
  expect(found.plugIn).toBeCloseTo(calibration(p, y).expectedCalibrationError, 12);
  expect(found.error.low).toBeGreaterThan(0.06);
  expect(found.error.high).toBeLessThan(0.13);
  expect(found.pValue).toBeLessThan(0.001);
  expect(found.ifCalibrated).toBeLessThan(0.03);
  expect(calibrationError(p, y)).toEqual(found);
});

test("few clusters, soft targets, sure predictions and nothing: no NaN but where nothing is", () => {
  expect(calibrationError([], []).error).toMatchObject({
    estimate: NaN,
    low: 0,
    high: 1,
    noClaim: "nothing observed",
  });
  expect(calibrationError([0.5, 0.2], [1, 0], { clusters: ["a", "a"] }).error).toMatchObject({
    low: 0,
    high: 1,
    noClaim: "1 independent group",
  });
  const sure = calibrationError([1, 1, 1, 0, 0], [1, 1, 1, 0, 0]);
  expect(sure.error).toMatchObject({ estimate: 0, low: 0 });
  expect(sure.error.high).toBeGreaterThan(0.2);
  const soft = calibrationError([0.7, 0.3, 0.6, 0.4], [0.8, 0.3, 0.5, 0.4], {
    clusters: [1, 2, 3, 4],
  });
  expect(Object.values(soft.error).every((value) => Number.isFinite(value))).toBe(true);
});

describe("parts of the Brier score", () => {
  const random = new Random(7);
  const { p, y } = draw(random, { n: 500, truth: overconfident });

  test.each(["equal-count", "equal-width"] as const)("sum to it, in bins of %s", (binning) => {
    const parts = brierParts(p, y, { binning });
    expect(parts.reliability - parts.resolution + parts.uncertainty + parts.within).toBeCloseTo(
      parts.brier,
      12,
    );
    expect(parts.brier).toBeCloseTo(calibration(p, y).brier, 12);
    expect(parts.uncertainty).toBeCloseTo(mean(y) * (1 - mean(y)), 12);
  });

  test("by hand: two predictions, each in a bin of its own", () => {
    const parts = brierParts([0.2, 0.2, 0.2, 0.2, 0.8, 0.8], [0, 0, 0, 1, 1, 0], { bins: 2 });
    expect(parts.reliability).toBeCloseTo((4 * 0.05 ** 2 + 2 * 0.3 ** 2) / 6, 12);
    expect(parts.resolution).toBeCloseTo((4 * (1 / 12) ** 2 + 2 * (1 / 6) ** 2) / 6, 12);
    expect(parts.uncertainty).toBeCloseTo(2 / 9, 12);
    expect(parts.within).toBeCloseTo(0, 12);
    // Ferro and Fricker (2012): Σ w v / (n - 1) with v the variance of a bin, and v / (n - 1) of all
    const bias = ((4 / 6) * 0.1875) / 3 + ((2 / 6) * 0.25) / 1;
    expect(parts.corrected.reliability).toBeCloseTo(parts.reliability - bias, 12);
    expect(parts.corrected.resolution).toBeCloseTo(parts.resolution - bias + 2 / 9 / 5, 12);
  });

  test("corrected, reliability of a calibrated predictor is 0 on average", () => {
    const rounds = 200;
    let [raw, corrected] = [0, 0];
    for (let round = 0; round < rounds; round++) {
      const drawn = draw(random, { n: 100, truth: calibrated });
      const parts = brierParts(drawn.p, drawn.y);
      raw += parts.reliability / rounds;
      corrected += parts.corrected.reliability / rounds;
    }
    expect(raw).toBeGreaterThan(0.012);
    expect(Math.abs(corrected)).toBeLessThan(0.003);
  });

  test("of nothing", () => {
    expect(brierParts([], []).brier).toBeNaN();
    expect(brierParts([0.5], [1]).corrected.uncertainty).toBe(0);
  });
});
