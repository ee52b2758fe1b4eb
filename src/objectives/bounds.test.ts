/**
 * Every loss is finite, with finite slopes, for all finite float32 inputs: run by ONNX Runtime, and
 * evaluated by the interpreter.
 */
import { constantFrom, float, oneof, record, sample } from "fast-check";
import type { Arbitrary } from "fast-check";
import { describe, expect, test } from "vitest";
import type { MetricsOf, Objective } from "../models/plans/plan.ts";
import { LARGEST_LOG_RATIO } from "./bounds.ts";
import type { NumbersOf } from "./evaluate.ts";
import { evaluatorOf } from "./evaluate.ts";
import { k1, k2, k3 } from "./kl.ts";
import { ktoObjective } from "./kto.ts";
import { pairEvaluator, pairObjective } from "./pairs.ts";
import type { PairTerms, PreferenceLoss } from "./preference-loss.ts";
import { checkHyperparameters, defaultHyperparameters } from "./preference-options.ts";
import type { PreferenceHyperparameters, PreferenceLossName } from "./preference.ts";
import { PREFERENCE_LOSSES, PREFERENCE_LOSS_TABLE } from "./preference.ts";
import type { PolicyHyperparameters } from "./ppo.ts";
import { policyObjective, valueObjective } from "./ppo.ts";
import { rewardObjective } from "./reward.ts";
import { sequencePolicyObjective } from "./sequence-policy.ts";
import { sftObjective } from "./sft.ts";
import { runObjective } from "./testing.ts";

const LARGEST = 3.4028234663852886e38;
const float32Range = { noNaN: true, noDefaultInfinity: true } as const;
/**
 * Log-probabilities of tokens or answers: 0, hardly below it, ordinary, and down to float32's end.
 */
const logp: Arbitrary<number> = oneof(
  constantFrom(
    0,
    -0,
    -1.401298464324817e-45,
    -1.1754943508222875e-38,
    -1e-8,
    -5.960464477539063e-8,
    -1e-7,
    -88,
    -89,
    -104,
    -710,
    -1e4,
    -1e15,
    -1e20,
    -1e38,
    -LARGEST,
  ),
  float({ ...float32Range, min: Math.fround(-60), max: 0 }),
  float({ ...float32Range, max: 0 }),
);
/** Scores, margins, values and advantages. */
const number: Arbitrary<number> = oneof(
  constantFrom(0, 1, -1, 88, -88, 89, -89, 1e4, -1e4, 1e15, -1e15, 1e19, -1e19, LARGEST, -LARGEST),
  float({ ...float32Range, min: Math.fround(-60), max: Math.fround(60) }),
  float(float32Range),
);
const ROWS = 400;
const draw = <T>(arbitrary: Arbitrary<T>): T[] => sample(arbitrary, { seed: 8, numRuns: ROWS });
const indices = (count = ROWS): number[] => Array.from({ length: count }, (_, i) => i);

interface Inputs<O extends Objective> {
  readout: number[];
  inputs: NumbersOf<O>;
  /** What is lost by itself, for messages, and for which numbers are ordinary. */
  rows: readonly object[];
}

/**
 * Each loss is finite on ONNX Runtime and in the interpreter, and the same where its row is
 * ordinary; slopes and the sum are finite.
 */
async function expectFinite<O extends Objective>(
  objective: O,
  { readout, inputs, rows }: Inputs<O>,
): Promise<void> {
  const run = await runObjective(objective, readout, inputs);
  const { loss, values } = evaluatorOf(objective)(readout, inputs);
  expect([run.loss, loss].filter((value) => !Number.isFinite(value))).toEqual([]);
  const wrong = run.slope.findIndex((value) => !Number.isFinite(value));
  expect(wrong < 0 ? "finite" : { slope: run.slope[wrong], readout: readout[wrong] }).toBe(
    "finite",
  );
  const name = "losses" as keyof MetricsOf<O>;
  const compared = rows.map((row, i) => ({
    row,
    ran: run.metrics[name][i]!,
    interpreted: values[name][i]!,
  }));
  const isWrong = ({ row, ran, interpreted }: (typeof compared)[number]): boolean => {
    if (!Number.isFinite(ran) || !Number.isFinite(interpreted)) return true;
    const ordinary = Object.values(row).every((value) => Math.abs(Number(value)) <= 100);
    return ordinary && Math.abs(ran - interpreted) > 1e-3 * Math.max(1, Math.abs(interpreted));
  };
  expect(compared.filter(isWrong)).toEqual([]);
}

/** Every number that a loss reads, changed alone, at two betas. */
function settingsOf(loss: PreferenceLoss): PreferenceHyperparameters[] {
  const { beta: _, ...others } = loss.hyperparameters;
  const changes = Object.entries(others).flatMap(([name, { type, default: usual }]) =>
    [usual, 20 * usual, 60 * usual, 0.1]
      .filter((value) => type.safeParse(value).success)
      .map((value) => ({ [name]: value })),
  );
  return [0.05, 5].flatMap((beta) =>
    [{}, ...changes].map((change) => ({ ...defaultHyperparameters(), ...change, beta })),
  );
}

describe.each(PREFERENCE_LOSSES)("%s", (type) => {
  const loss = PREFERENCE_LOSS_TABLE[type];

  test.each(settingsOf(loss).filter((hyper) => checkHyperparameters([type], hyper) === undefined))(
    "%o",
    async (hyper) => {
      const tokens = constantFrom(1, 2, 7, 1000);
      const pairs = draw(
        record<PairTerms<number>>({
          chosen: logp,
          rejected: logp,
          referenceChosen: logp,
          referenceRejected: logp,
          chosenTokens: tokens,
          rejectedTokens: tokens,
          p: loss.softLabels ? constantFrom(0, 0.3, 0.5, 1) : constantFrom(1),
        }),
      );
      await expectFinite(pairObjective([{ type, weight: 1 }], hyper), {
        readout: pairs.flatMap(({ chosen, rejected }) => [chosen, rejected]),
        inputs: {
          sequence: indices(2 * ROWS),
          reference: pairs.flatMap((pair) => [pair.referenceChosen, pair.referenceRejected]),
          lengths: pairs.flatMap((pair) => [pair.chosenTokens, pair.rejectedTokens]),
          p: pairs.map(({ p }) => p),
          scale: pairs.map(() => 1 / ROWS),
          sftSlope: pairs.flatMap(() => [-1 / ROWS, 0]),
        },
        rows: pairs,
      });
    },
  );
});

test("reward model, KTO and supervised loss", async () => {
  const pairs = draw(
    record({ chosen: number, rejected: number, p: constantFrom(0, 0.5, 1), margin: number }),
  );
  await expectFinite(rewardObjective({ centerCoefficient: 0.01 }), {
    readout: pairs.flatMap(({ chosen, rejected }) => [chosen, rejected]),
    inputs: {
      chosen: pairs.map((_, i) => 2 * i),
      rejected: pairs.map((_, i) => 2 * i + 1),
      p: pairs.map(({ p }) => p),
      margin: pairs.map(({ margin }) => margin),
      scale: pairs.map(() => 1 / ROWS),
    },
    rows: pairs,
  });

  const weights = { beta: 0.1, desirableWeight: 1.2, undesirableWeight: 0.8 };
  for (const z0 of [0, 3, LARGEST]) {
    const answers = draw(
      record({ logp, reference: logp, label: constantFrom(-1, 1), z0: constantFrom(z0) }),
    );
    await expectFinite(ktoObjective(weights), {
      readout: answers.map(({ logp }) => logp),
      inputs: {
        sequence: indices(),
        reference: answers.map(({ reference }) => reference),
        label: answers.map(({ label }) => label),
        scale: answers.map(() => 1 / ROWS),
        z0: [z0],
      },
      rows: answers,
    });
  }

  const logps = draw(logp);
  // A mean over the tokens of a step: the slopes of all of them add up to -1 at most.
  await expectFinite(sftObjective, {
    readout: logps,
    inputs: { slope: logps.map(() => -1 / ROWS) },
    rows: [],
  });
});

const limits = [20, LARGEST_LOG_RATIO];
const policies: PolicyHyperparameters[] = limits.flatMap((logRatioLimit) =>
  [
    undefined,
    { coef: 0.1, estimator: "k2" as const, correction: true },
    { coef: 0.1, estimator: "k3" as const, correction: true },
  ].map((lossKl) => ({
    clipRange: 0.2,
    clipRangeHigh: 0.28,
    dualClip: lossKl ? 0 : 3,
    logRatioLimit,
    lossKl,
  })),
);

test.each(policies)("token policy %o", async (hyper) => {
  const tokens = draw(record({ logp, oldLogp: logp, advantage: number, reference: logp }));
  await expectFinite(policyObjective(hyper), {
    readout: tokens.map(({ logp }) => logp),
    inputs: {
      oldLogps: tokens.map(({ oldLogp }) => oldLogp),
      advantages: tokens.map(({ advantage }) => advantage),
      weight: tokens.map(() => 1 / ROWS),
      reference: tokens.map(({ reference }) => reference),
    },
    rows: tokens,
  });
});

test.each(limits)("answer policy, log-ratio within %d, and the critic", async (logRatioLimit) => {
  const answers = draw(record({ logp, oldLogp: logp, advantage: number }));
  await expectFinite(sequencePolicyObjective({ clipRange: 0.2, logRatioLimit }), {
    readout: answers.map(({ logp }) => logp),
    inputs: {
      oldLogps: answers.map(({ oldLogp }) => oldLogp),
      sequence: indices(),
      advantages: answers.map(({ advantage }) => advantage),
      weight: answers.map(() => 1 / ROWS),
    },
    rows: answers,
  });

  for (const clipRangeValue of [0, 0.2]) {
    const values = draw(record({ value: number, oldValue: number, target: number }));
    await expectFinite(valueObjective({ clipRangeValue }), {
      readout: values.map(({ value }) => value),
      inputs: {
        oldValues: values.map(({ oldValue }) => oldValue),
        returns: values.map(({ target }) => target),
        weight: values.map(() => 1 / ROWS),
      },
      rows: values,
    });
  }
});

test("estimators of the KL", () => {
  const ratios = draw(record({ policy: logp, reference: logp })).map(
    ({ policy, reference }) => policy - reference,
  );
  for (const estimate of [k1, k2, k3])
    expect(ratios.filter((ratio) => !Number.isFinite(estimate(ratio)))).toEqual([]);
});

test("beyond the bounds a loss stays at its limit: certain answers and hopeless ones", () => {
  const pair = {
    chosen: 0,
    rejected: -50,
    referenceChosen: 0,
    referenceRejected: 0,
    chosenTokens: 5,
    rejectedTokens: 5,
    p: 1,
  };
  const lossOf = (type: PreferenceLossName, given: PairTerms<number>, discopopTau = 0.05) => {
    const hyper = { ...defaultHyperparameters(), beta: 1, discopopTau };
    return pairEvaluator([{ type, weight: 1 }], hyper)([given]).losses[0]!;
  };
  // Odds of 2^24 for the chosen answer and e^-10 against it for the other.
  expect(lossOf("orpo", pair)).toBeCloseTo(Math.log1p(2 ** -24 * Math.exp(-10)), 15);
  // log-ratio modulated: far below 0 the logistic loss alone is left.
  for (const x of [-59.9, -60.1, -88, -89, -1000])
    expect(lossOf("discopop", { ...pair, chosen: x, rejected: 0 })).toBeCloseTo(-x, 9);
  expect(lossOf("discopop", { ...pair, chosen: -300, rejected: 0 }, 1)).toBeCloseTo(301, 9);
});
