import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { calibration, reliabilityBins } from "./calibration.ts";

const predictions = [0.9, 0.8, 0.35, 0.6, 0.05, 0.55, 0.7, 0.2];
const happened = [1, 1, 0, 0, 0, 1, 1, 1];

test("log loss and Brier score equal scikit-learn 1.9.1's", () => {
  const result = calibration(predictions, happened);
  expect(result.brier).toBeCloseTo(0.1834375, 12);
  expect(result.logLoss).toBeCloseTo(0.5363526083068311, 12);
  expect(result.entropy).toBe(0);
});

test("the calibration error of two bins, by hand", () => {
  // Below a half: predicted 0.2, happened 1/3. Above: predicted 0.71, happened 4/5.
  const { expectedCalibrationError, maximumCalibrationError, bins } = calibration(
    predictions,
    happened,
    { bins: 2, binning: "equal-width" },
  );
  expect(bins.map(({ from, to, observed }) => [from, to, observed.n])).toEqual([
    [0, 0.5, 3],
    [0.5, 1, 5],
  ]);
  expect(expectedCalibrationError).toBeCloseTo((3 * (1 / 3 - 0.2) + 5 * (0.8 - 0.71)) / 8, 12);
  expect(maximumCalibrationError).toBeCloseTo(1 / 3 - 0.2, 12);
});

describe("bins", () => {
  test("of equal count hold every prediction once and never part equal ones", () => {
    const random = new Random(3);
    const many = Array.from({ length: 1003 }, () => Math.round(random.uniform() * 40) / 40);
    const bins = reliabilityBins(
      many,
      many.map((p) => (random.chance(p) ? 1 : 0)),
    );
    expect(bins.reduce((sum, { observed }) => sum + observed.n, 0)).toBe(1003);
    for (let i = 1; i < bins.length; i++) expect(bins[i]!.from).toBeGreaterThan(bins[i - 1]!.to);
    expect(bins.length).toBeGreaterThanOrEqual(8);
  });

  test("of equal width leave empty ones out, and 1.0 belongs to the last", () => {
    expect(
      reliabilityBins([0.05, 1], [0, 1], { binning: "equal-width" }).map(({ from, to }) => [
        from,
        to,
      ]),
    ).toEqual([
      [0, 0.1],
      [0.9, 1],
    ]);
  });
});

test("true probabilities are calibrated, overconfident ones are not", () => {
  const random = new Random(4);
  const truth = Array.from({ length: 20_000 }, () => random.uniform());
  const outcomes = truth.map((p) => (random.chance(p) ? 1 : 0));
  const honest = calibration(truth, outcomes);
  expect(honest.expectedCalibrationError).toBeLessThan(0.015);
  const inside = honest.bins.filter(
    ({ predicted, observed }) => observed.low <= predicted && predicted <= observed.high,
  ).length;
  expect(inside).toBeGreaterThanOrEqual(8);
  const sure = calibration(
    truth.map((p) => (p < 0.5 ? p / 3 : 1 - (1 - p) / 3)),
    outcomes,
  );
  expect(sure.expectedCalibrationError).toBeGreaterThan(0.1);
  expect(sure.logLoss).toBeGreaterThan(honest.logLoss);
});

test("soft targets: the entropy is the floor of the log loss, reached by the targets themselves", () => {
  const targets = [0.7, 0.5, 1, 0.1];
  const perfect = calibration(targets, targets);
  expect(perfect.logLoss).toBeCloseTo(perfect.entropy, 12);
  expect(perfect.entropy).toBeGreaterThan(0);
  expect(calibration([0.6, 0.5, 0.9, 0.2], targets).logLoss).toBeGreaterThan(perfect.entropy);
});

test("ruled out and yet happened costs infinitely much; no numbers, no score; bad numbers are refused", () => {
  expect(calibration([0], [1]).logLoss).toBe(Infinity);
  expect(calibration([], [])).toMatchObject({
    logLoss: NaN,
    expectedCalibrationError: NaN,
    bins: [],
  });
  expect(() => calibration([0.5, NaN], [1, 1])).toThrow(/number 2 of 2 is not finite/);
  expect(() => calibration([1.5], [1])).toThrow(/takes probabilities; got 1.5/);
  expect(() => calibration([0.5], [])).toThrow(RangeError);
});
