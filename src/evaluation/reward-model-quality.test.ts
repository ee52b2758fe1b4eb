import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { wilson } from "../stats/intervals.ts";
import { sigmoid } from "../stats/special.ts";
import { rewardModelQuality, rewardModelTable } from "./reward-model-quality.ts";
import type { ScoredPair } from "./reward-model-quality.ts";
import { formatTable } from "./table.ts";

const pair = (
  chosen: number,
  rejected: number,
  lengths: readonly [number, number] = [10, 10],
  more: Partial<ScoredPair> = {},
): ScoredPair => ({
  chosen,
  rejected,
  chosenLength: lengths[0],
  rejectedLength: lengths[1],
  ...more,
});

test("accuracy and baselines by hand: equal scores and equal lengths count half", () => {
  const quality = rewardModelQuality([
    pair(2, 1, [5, 9]),
    pair(1, 3, [8, 2]),
    pair(0.5, 0.5, [4, 4]),
    pair(4, 0, [3, 6]),
  ]);
  expect(quality.accuracy).toEqual(wilson(2.5, 4));
  expect(quality.baselines.map(({ accuracy }) => accuracy.estimate)).toEqual([1.5 / 4, 2.5 / 4]);
  expect(quality.baselines[0].lead.estimate).toBeCloseTo(1 / 4, 12);
  expect(quality).toMatchObject({ pairs: 4, decided: 4, equalScores: 1, ceiling: 1 });
  expect(quality.margin.estimate).toBeCloseTo((1 - 2 + 0 + 4) / 4, 12);
});

test("soft labels: the order to find is the likelier one, ties have none, people agree as often as p says", () => {
  const quality = rewardModelQuality([
    pair(1, 0, [1, 2], { p: 0.7 }),
    pair(1, 0, [1, 2], { p: 0.2 }),
    pair(1, 0, [1, 2], { p: 0.5 }),
    pair(0, 1, [1, 2], { p: 0.4 }),
  ]);
  expect(quality).toMatchObject({ pairs: 4, decided: 3 });
  expect(quality.accuracy).toEqual(wilson(2, 3));
  expect(quality.agreement.estimate).toBeCloseTo((0.7 + 0.2 + 0.5 + 0.6) / 4, 12);
  expect(quality.ceiling).toBeCloseTo((0.7 + 0.8 + 0.5 + 0.6) / 4, 12);
  // Cross-entropy of sigmoid(margin) with p, written out.
  const losses = [
    [1, 0.7],
    [1, 0.2],
    [1, 0.5],
    [-1, 0.4],
  ].map(([margin, p]) => -p! * Math.log(sigmoid(margin!)) - (1 - p!) * Math.log(sigmoid(-margin!)));
  expect(quality.calibration.logLoss).toBeCloseTo(losses.reduce((x, y) => x + y, 0) / 4, 12);
  expect(quality.calibration.entropy).toBeLessThan(quality.calibration.logLoss);
});

test("the table fits into 80 columns, in full or as blocks", () => {
  const full = formatTable(
    rewardModelTable(
      rewardModelQuality(Array.from({ length: 40 }, (_, i) => pair(i % 3, 1, [3 + (i % 5), 5]))),
    ),
  );
  const few = formatTable(
    rewardModelTable(
      rewardModelQuality([
        pair(2, 1, [5, 9], { cluster: "a" }),
        pair(1, 3, [8, 2], { cluster: "a" }),
      ]),
    ),
  );
  expect(full).toMatch(/^ +value +lead, points \[95%\]\nright order/m);
  for (const text of [full, few])
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
});

describe("a simulated reward model", () => {
  const random = new Random(4);
  /** Labels follow sigmoid(true margin); the model sees `scale` times the margin. */
  const simulate = (scale: number, count = 8000): ScoredPair[] =>
    Array.from({ length: count }, () => {
      const margin = 2 * random.normal();
      const first = random.chance(sigmoid(margin));
      const [chosen, rejected] = first ? [margin, 0] : [0, margin];
      return pair(scale * chosen, scale * rejected, [
        10 + random.integer(20),
        10 + random.integer(20),
      ]);
    });

  test("with the true margins is calibrated; one too sure of itself is not", () => {
    const [honest, sure] = [rewardModelQuality(simulate(1)), rewardModelQuality(simulate(3))];
    expect(honest.calibration.expectedCalibrationError).toBeLessThan(0.02);
    expect(sure.calibration.expectedCalibrationError).toBeGreaterThan(0.08);
    expect(sure.calibration.logLoss).toBeGreaterThan(honest.calibration.logLoss);
    expect(honest.calibration.bins[0]!.from).toBeGreaterThanOrEqual(0.5);
    expect(Math.abs(honest.lengthCorrelation)).toBeLessThan(0.05);
    for (const { accuracy, lead } of honest.baselines) {
      expect(Math.abs(accuracy.estimate - 0.5)).toBeLessThan(0.03);
      expect(lead.low).toBeGreaterThan(0.15);
    }
  });

  test("that only counts tokens has no lead over longest wins", () => {
    const counting = simulate(1, 500).map((each) => ({
      ...each,
      chosen: each.chosenLength,
      rejected: each.rejectedLength,
    }));
    const { baselines, lengthCorrelation } = rewardModelQuality(counting);
    const { estimate, low, high, pValue } = baselines[0].lead;
    expect([estimate, pValue]).toEqual([0, 1]);
    // Nothing differs in 500 pairs, which still leaves room for a difference in less than one of a
    // hundred.
    expect(high).toBeCloseTo(-low, 12);
    expect(high).toBeGreaterThan(0.002);
    expect(high).toBeLessThan(0.01);
    expect(lengthCorrelation).toBeCloseTo(1, 12);
  });
});

test("clusters widen the interval, groups are judged apart", () => {
  const pairs = Array.from({ length: 60 }, (_, i) =>
    pair(i % 12 < 8 ? 1 : -1, 0, [1, 1], { cluster: i % 12, group: i % 2 ? "odd" : "even" }),
  );
  const [clustered, plain] = [
    rewardModelQuality(pairs),
    rewardModelQuality(pairs.map(({ cluster: _cluster, ...rest }) => rest)),
  ];
  expect(clustered.accuracy.high - clustered.accuracy.low).toBeGreaterThan(
    1.7 * (plain.accuracy.high - plain.accuracy.low),
  );
  expect(
    clustered.groups.map(({ name, accuracy }) => [name, accuracy.n, accuracy.estimate]),
  ).toEqual([
    ["even", 30, 2 / 3],
    ["odd", 30, 2 / 3],
  ]);
});

test("the table holds every figure, and bad input is refused", () => {
  const text = formatTable(
    rewardModelTable(rewardModelQuality([pair(2, 1, [5, 9]), pair(1, 3, [8, 2])])),
  );
  for (const words of ["right order", "longest wins", "shortest wins", "log loss", "50.0%"])
    expect(text).toContain(words);
  expect(() => rewardModelQuality([])).toThrow(/without pairs/);
  expect(() => rewardModelQuality([pair(NaN, 1)])).toThrow(/rewards: number 1 of 2 is not finite/);
  expect(() => rewardModelQuality([pair(1, 0, [1, 1], { p: 1.5 })])).toThrow(
    /pair 1: p must be a probability/,
  );
});
