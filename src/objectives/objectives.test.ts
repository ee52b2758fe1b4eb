/**
 * Objectives of pairs and of single answers: ONNX Runtime's values are the interpreter's, its
 * slopes central differences of the interpreter, and each starts at its exact value.
 */
import { assert, double, property } from "fast-check";
import { describe, expect, test } from "vitest";
import type { NumbersOf } from "./evaluate.ts";
import { evaluatorOf } from "./evaluate.ts";
import type { KtoObjective } from "./kto.ts";
import { ktoObjective } from "./kto.ts";
import type { PairObjective } from "./pairs.ts";
import { pairEvaluator, pairObjective } from "./pairs.ts";
import type { PairTerms } from "./preference-loss.ts";
import { defaultHyperparameters } from "./preference-options.ts";
import type { PreferenceHyperparameters, PreferenceLossName } from "./preference.ts";
import { PREFERENCE_LOSSES, PREFERENCE_LOSS_TABLE } from "./preference.ts";
import type { RewardObjective } from "./reward.ts";
import { rewardObjective } from "./reward.ts";
import { faultsOf, farthest, runObjective } from "./testing.ts";

const HYPER: PreferenceHyperparameters = {
  ...defaultHyperparameters(),
  labelSmoothing: 0.1,
  simpoGamma: 0.5,
};

/** Tokens of the chosen answer are read as two parts. */
function pairInputs(pairs: readonly PairTerms<number>[]): {
  readout: number[];
  inputs: NumbersOf<PairObjective>;
} {
  const readout = pairs.flatMap((pair) => [pair.chosen * 0.25, pair.chosen * 0.75, pair.rejected]);
  return {
    readout,
    inputs: {
      sequence: pairs.flatMap((_, i) => [2 * i, 2 * i, 2 * i + 1]),
      reference: pairs.flatMap((pair) => [pair.referenceChosen, pair.referenceRejected]),
      lengths: pairs.flatMap((pair) => [pair.chosenTokens, pair.rejectedTokens]),
      p: pairs.map((pair) => pair.p),
      scale: pairs.map(() => 1 / pairs.length),
      sftSlope: readout.map(() => 0),
    },
  };
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

/** One loss of one pair. */
const lossOf = (
  type: PreferenceLossName,
  pair: PairTerms<number>,
  hyper: PreferenceHyperparameters = HYPER,
): number => pairEvaluator([{ type, weight: 1 }], hyper)([pair]).losses[0]!;

describe.each(PREFERENCE_LOSSES)("%s", (type) => {
  const loss = PREFERENCE_LOSS_TABLE[type];
  const pairs = loss.softLabels
    ? examplePairs.map((pair, i) => ({ ...pair, p: [1, 0.5, 0.7][i]! }))
    : examplePairs;

  test("ONNX Runtime agrees with the interpreter, and its slopes with differences", async () => {
    const { readout, inputs } = pairInputs(pairs);
    expect(await faultsOf(pairObjective([{ type, weight: 1 }], HYPER), readout, inputs)).toEqual(
      [],
    );
  });

  test("pairs alone have the losses that they have among tokens", () => {
    const { readout, inputs } = pairInputs(pairs);
    const { values } = evaluatorOf(pairObjective([{ type, weight: 1 }], HYPER))(readout, inputs);
    expect(
      farthest(pairEvaluator([{ type, weight: 1 }], HYPER)(pairs).losses, values.losses, 1e-12),
    ).toBeUndefined();
  });

  test.runIf(loss.start)("starts at its exact value", () => {
    const start = { ...examplePairs[0]!, referenceChosen: -12.5, referenceRejected: -9 };
    for (const beta of [0.1, 0.5])
      expect(lossOf(type, start, { ...HYPER, beta })).toBeCloseTo(
        loss.start!({ ...HYPER, beta }),
        10,
      );
  });
});

test("known starting values", () => {
  const start = (name: PreferenceLossName) => PREFERENCE_LOSS_TABLE[name].start!(HYPER);
  expect(start("sigmoid")).toBeCloseTo(Math.LN2, 12);
  expect(start("ipo")).toBeCloseTo(25, 10);
  expect(start("sppo_hard")).toBeCloseTo(50, 10);
  expect(start("nca_pair")).toBeCloseTo(1.386294, 6);
  expect(start("hinge")).toBe(1);
});

test("a mixture adds its losses by weight, and has the metrics of each", () => {
  const { losses, metrics } = pairEvaluator(
    [
      { type: "ipo", weight: 0.25 },
      { type: "orpo", weight: 2 },
    ],
    HYPER,
  )(examplePairs);
  examplePairs.forEach((pair, i) => {
    expect(losses[i]).toBeCloseTo(0.25 * lossOf("ipo", pair) + 2 * lossOf("orpo", pair), 12);
    const odds = (mean: number): number => Math.log(Math.exp(mean) / (1 - Math.exp(mean)));
    const chosen = odds(pair.chosen / pair.chosenTokens);
    expect(metrics.log_odds_chosen![i]).toBeCloseTo(
      chosen - odds(pair.rejected / pair.rejectedTokens),
      10,
    );
  });
  expect(pairEvaluator([{ type: "ipo", weight: 1 }], HYPER)(examplePairs).metrics).toEqual({});
});

test("an SFT term adds the negative log-likelihood of chosen tokens", async () => {
  const { readout, inputs } = pairInputs(examplePairs);
  const objective = pairObjective([{ type: "sigmoid", weight: 0.8 }], HYPER);
  const sftSlope = readout.map((_, i) => (i % 3 === 2 ? 0 : -0.5));
  const [without, mixed] = [
    await runObjective(objective, readout, inputs),
    await runObjective(objective, readout, { ...inputs, sftSlope }),
  ];
  const added = examplePairs.reduce((total, pair) => total - 0.5 * pair.chosen, 0);
  expect(mixed.loss - without.loss).toBeCloseTo(added, 4);
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
    lossOf("sigmoid", { ...pair, chosen: agree + delta }, { ...HYPER, beta });
  expect((at(1e-3) - at(-1e-3)) / 2e-3).toBeCloseTo(0, 8);
});

describe("the reward loss", () => {
  const inputs: NumbersOf<RewardObjective> = {
    chosen: [0, 2, 0],
    rejected: [1, 0, 3],
    p: [1, 0.7, 1],
    margin: [0, 0.5, 0],
    scale: [1, 1, 0.5],
  };

  test.each([0, 0.01])("ONNX Runtime and differences agree, centring %d", async (coefficient) => {
    const objective = rewardObjective({ centerCoefficient: coefficient });
    expect(await faultsOf(objective, [0.5, -1, 2, 0.5], inputs)).toEqual([]);
  });

  test("equal scores give ln 2, and the sum is pulled to 0", () => {
    const alone = { chosen: [0], rejected: [1], p: [1], margin: [0], scale: [1] };
    const lossAt = (centerCoefficient: number): number =>
      evaluatorOf(rewardObjective({ centerCoefficient }))([3, 3], alone).loss;
    expect(lossAt(0)).toBeCloseTo(Math.LN2, 12);
    expect(lossAt(0.01)).toBeCloseTo(Math.LN2 + 0.01 * 36, 12);
  });
});

describe("KTO", () => {
  const hyper = { beta: 0.1, desirableWeight: 1.2, undesirableWeight: 0.8 };
  const inputs: NumbersOf<KtoObjective> = {
    sequence: [0, 1],
    reference: [-7, -3],
    label: [1, -1],
    scale: [0.5, 0.5],
    z0: [0.4],
  };

  test("ONNX Runtime agrees with the interpreter, and its slopes with differences", async () => {
    expect(await faultsOf(ktoObjective(hyper), [-5, -9], inputs)).toEqual([]);
  });

  test("each side has its weight, and the start is 0.5", () => {
    const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
    const { values } = evaluatorOf(ktoObjective(hyper))([-5, -9], inputs);
    expect(values.losses[0]).toBeCloseTo(1.2 * (1 - sigmoid(0.1 * (2 - 0.4))), 12);
    expect(values.losses[1]).toBeCloseTo(0.8 * (1 - sigmoid(-0.1 * (-6 - 0.4))), 12);
    const plain = ktoObjective({ beta: 0.1, desirableWeight: 1, undesirableWeight: 1 });
    const start = evaluatorOf(plain)([-7, -3], { ...inputs, z0: [0] });
    expect([...start.values.losses]).toEqual([0.5, 0.5]);
  });
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
        expect(lossOf("sigmoid", pair)).toBeCloseTo(lossOf("sigmoid", swapped), 9);
      },
    ),
  );
});
