import { assert, double, property } from "fast-check";
import { describe, expect, test } from "vitest";
import { float32, int64 } from "../core/tensor.ts";
import type { Tensors } from "../runtime/session.ts";
import { ktoObjective, plainKtoLoss } from "./kto.ts";
import { pairObjective } from "./pairs.ts";
import type { PairTerms, PreferenceHyperparameters, PreferenceLoss } from "./preference.ts";
import { PREFERENCE_LOSSES, PREFERENCE_LOSS_TABLE } from "./preference.ts";
import { plainRewardLoss, rewardObjective } from "./reward.ts";
import { evaluateObjective } from "./testing.ts";

const HYPER: PreferenceHyperparameters = {
  beta: 0.1,
  labelSmoothing: 0.1,
  simpoGamma: 0.5,
  discopopTau: 0.05,
};

function pairInputs(pairs: readonly PairTerms<number>[]) {
  const readout = pairs.flatMap((pair) => [pair.chosen * 0.25, pair.chosen * 0.75, pair.rejected]);
  const inputs: Tensors = {
    sequence: int64(
      [readout.length],
      pairs.flatMap((_, i) => [2 * i, 2 * i, 2 * i + 1]),
    ),
    reference: float32(
      [pairs.length, 2],
      pairs.flatMap((pair) => [pair.referenceChosen, pair.referenceRejected]),
    ),
    lengths: float32(
      [pairs.length, 2],
      pairs.flatMap((pair) => [pair.chosenTokens, pair.rejectedTokens]),
    ),
    p: float32(
      [pairs.length],
      pairs.map((pair) => pair.p),
    ),
    scale: float32(
      [pairs.length],
      pairs.map(() => 1 / pairs.length),
    ),
    sftSlope: float32(
      [readout.length],
      readout.map(() => 0),
    ),
  };
  return { readout, inputs };
}

const examplePairs: PairTerms<number>[] = [
  {
    chosen: -12.5,
    rejected: -9,
    referenceChosen: -13,
    referenceRejected: -8.5,
    chosenTokens: 7,
    rejectedTokens: 5,
    p: 1,
  },
  {
    chosen: -3,
    rejected: -40,
    referenceChosen: -20,
    referenceRejected: -10,
    chosenTokens: 3,
    rejectedTokens: 11,
    p: 1,
  },
  {
    chosen: -30,
    rejected: -4,
    referenceChosen: -5,
    referenceRejected: -25,
    chosenTokens: 9,
    rejectedTokens: 2,
    p: 1,
  },
];

describe.each(PREFERENCE_LOSSES)("%s", (type) => {
  const loss: PreferenceLoss = PREFERENCE_LOSS_TABLE[type];

  test("graph equals plain numbers, and its slope a central difference", async () => {
    const pairs = loss.softLabels
      ? examplePairs.map((pair, i) => ({ ...pair, p: [1, 0.5, 0.3][i]! }))
      : examplePairs;
    const { readout, inputs } = pairInputs(pairs);
    const objective = pairObjective([{ type, weight: 1 }], HYPER);
    const results = await evaluateObjective(objective, readout, inputs);
    const expected = pairs.map((pair) => loss.plain(pair, HYPER));
    expected.forEach((value, i) =>
      expect(Math.abs((results["losses"]!.data[i] as number) - value)).toBeLessThan(
        2e-5 * Math.max(1, Math.abs(value)),
      ),
    );
    const h = 1e-4;
    pairs.forEach((pair, i) => {
      const at = (delta: number): number =>
        loss.plain({ ...pair, chosen: pair.chosen + delta }, HYPER);
      const difference = (at(h) - at(-h)) / (2 * h) / pairs.length;
      expect(Math.abs((results["slope"]!.data[3 * i] as number) - difference)).toBeLessThan(
        1e-4 * Math.max(1, Math.abs(difference)),
      );
    });
  });

  test.runIf(loss.start)("starts at its exact value", () => {
    const start = { ...examplePairs[0]!, referenceChosen: -12.5, referenceRejected: -9 };
    for (const beta of [0.1, 0.5])
      expect(loss.plain(start, { ...HYPER, beta })).toBeCloseTo(
        loss.start!({ ...HYPER, beta }),
        10,
      );
  });
});

test("known starting values", () => {
  const start = (name: keyof typeof PREFERENCE_LOSS_TABLE) =>
    (PREFERENCE_LOSS_TABLE[name] as PreferenceLoss).start!(HYPER);
  expect(start("sigmoid")).toBeCloseTo(Math.LN2, 12);
  expect(start("ipo")).toBeCloseTo(25, 10);
  expect(start("sppo_hard")).toBeCloseTo(50, 10);
  expect(start("nca_pair")).toBeCloseTo(1.386294, 6);
  expect(start("hinge")).toBe(1);
});

test("an SFT term adds the negative log-likelihood of chosen tokens", async () => {
  const { readout, inputs } = pairInputs(examplePairs);
  const plainLoss = await evaluateObjective(
    pairObjective([{ type: "sigmoid", weight: 0.8 }], HYPER),
    readout,
    inputs,
  );
  const sftSlope = float32(
    [readout.length],
    readout.map((_, i) => (i % 3 === 2 ? 0 : -0.5)),
  );
  const mixed = await evaluateObjective(
    pairObjective([{ type: "sigmoid", weight: 0.8 }], HYPER),
    readout,
    { ...inputs, sftSlope },
  );
  const added = examplePairs.reduce((total, pair) => total - 0.5 * pair.chosen, 0);
  expect((mixed["loss"]!.data[0] as number) - (plainLoss["loss"]!.data[0] as number)).toBeCloseTo(
    added,
    4,
  );
});

test("cDPO's gradient is zero where the model agrees with the label noise", () => {
  const beta = 0.1;
  const agree = Math.log(0.9 / 0.1) / beta;
  const pair = {
    chosen: agree,
    rejected: 0,
    referenceChosen: 0,
    referenceRejected: 0,
    chosenTokens: 1,
    rejectedTokens: 1,
    p: 1,
  };
  const at = (delta: number): number =>
    PREFERENCE_LOSS_TABLE.sigmoid.plain({ ...pair, chosen: agree + delta }, { ...HYPER, beta });
  expect((at(1e-3) - at(-1e-3)) / 2e-3).toBeCloseTo(0, 8);
});

test("reward loss: graph equals plain numbers; equal scores give ln 2", async () => {
  const scores = [0.5, -1, 2, 0.5];
  const rows = [
    [0, 1, 1, 0],
    [2, 0, 0.7, 0.5],
    [0, 3, 1, 0],
  ] as const;
  const inputs: Tensors = {
    chosen: int64(
      [3],
      rows.map(([c]) => c),
    ),
    rejected: int64(
      [3],
      rows.map(([, r]) => r),
    ),
    p: float32(
      [3],
      rows.map(([, , p]) => p),
    ),
    margin: float32(
      [3],
      rows.map(([, , , m]) => m),
    ),
    scale: float32([3], [1, 1, 1]),
  };
  const results = await evaluateObjective(
    rewardObjective({ centerCoefficient: 0.01 }),
    scores,
    inputs,
  );
  rows.forEach(([c, r, p, margin], i) => {
    expect(results["losses"]!.data[i]).toBeCloseTo(
      plainRewardLoss(
        { chosen: scores[c]!, rejected: scores[r]!, p, margin },
        { centerCoefficient: 0.01 },
      ),
      5,
    );
  });
  expect(
    plainRewardLoss({ chosen: 3, rejected: 3, p: 1, margin: 0 }, { centerCoefficient: 0 }),
  ).toBeCloseTo(Math.LN2, 12);
});

test("KTO: graph equals plain numbers, and starts at 0.5", async () => {
  const hyper = { beta: 0.1, desirableWeight: 1.2, undesirableWeight: 0.8 };
  const logps = [-5, -9];
  const inputs: Tensors = {
    sequence: int64([2], [0, 1]),
    reference: float32([2], [-7, -3]),
    label: float32([2], [1, -1]),
    scale: float32([2], [0.5, 0.5]),
    z0: float32([], [0.4]),
  };
  const results = await evaluateObjective(ktoObjective(hyper), logps, inputs);
  expect(results["losses"]!.data[0]).toBeCloseTo(
    plainKtoLoss({ logRatio: 2, desirable: true, z0: 0.4 }, hyper),
    6,
  );
  expect(results["losses"]!.data[1]).toBeCloseTo(
    plainKtoLoss({ logRatio: -6, desirable: false, z0: 0.4 }, hyper),
    6,
  );
  expect(
    plainKtoLoss(
      { logRatio: 0, desirable: true, z0: 0 },
      { beta: 0.1, desirableWeight: 1, undesirableWeight: 1 },
    ),
  ).toBe(0.5);
});

test("soft labels of 0.5 do not prefer a side", () => {
  assert(
    property(
      double({ min: -50, max: -0.1, noNaN: true }),
      double({ min: -50, max: -0.1, noNaN: true }),
      (chosen, rejected) => {
        const pair = {
          chosen,
          rejected,
          referenceChosen: -9,
          referenceRejected: -4,
          chosenTokens: 3,
          rejectedTokens: 4,
          p: 0.5,
        };
        const swapped = {
          ...pair,
          chosen: rejected,
          rejected: chosen,
          referenceChosen: -4,
          referenceRejected: -9,
          chosenTokens: 4,
          rejectedTokens: 3,
        };
        const plainLoss = PREFERENCE_LOSS_TABLE.sigmoid.plain;
        expect(plainLoss(pair, HYPER)).toBeCloseTo(plainLoss(swapped, HYPER), 9);
      },
    ),
  );
});
