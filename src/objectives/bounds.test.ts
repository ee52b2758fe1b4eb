/**
 * Every loss is finite, with finite slopes, for all finite float32 inputs: as the graph that is
 * run, and as its plain twin.
 */
import { constantFrom, float, oneof, record, sample } from "fast-check";
import type { Arbitrary } from "fast-check";
import { describe, expect, test } from "vitest";
import { float32, int64 } from "../core/tensor.ts";
import type { HostTensor } from "../core/tensor.ts";
import type { Objective } from "../models/plans/plan.ts";
import type { Tensors } from "../runtime/session.ts";
import { LARGEST_LOG_RATIO } from "./bounds.ts";
import { k1, k2, k3 } from "./kl.ts";
import { ktoObjective, plainKtoLoss } from "./kto.ts";
import { pairObjective } from "./pairs.ts";
import type { PairTerms, PreferenceHyperparameters } from "./preference.ts";
import { PREFERENCE_LOSSES, PREFERENCE_LOSS_TABLE } from "./preference.ts";
import type { PolicyHyperparameters } from "./ppo.ts";
import { plainPolicyLoss, plainValueLoss, policyObjective, valueObjective } from "./ppo.ts";
import { plainRewardLoss, rewardObjective } from "./reward.ts";
import { plainSequenceLoss, sequencePolicyObjective } from "./sequence-policy.ts";
import { sftObjective } from "./sft.ts";
import { evaluateObjective } from "./testing.ts";

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
const vector = (values: readonly number[]): HostTensor<"float32"> =>
  float32([values.length], [...values]);
const indices = (count = ROWS): HostTensor<"int64"> =>
  int64(
    [count],
    Array.from({ length: count }, (_, i) => i),
  );

/**
 * Runs the graph; each loss is finite and, where inputs are ordinary, that of the plain twin;
 * slopes and the sum are finite.
 */
async function expectFinite<T extends Record<string, number>>(
  objective: Objective,
  {
    readout,
    inputs,
    rows,
    twin,
  }: { readout: number[]; inputs: Tensors; rows: readonly T[]; twin: (row: T) => number },
): Promise<void> {
  const results = await evaluateObjective(objective, readout, inputs);
  for (const name of ["loss", "slope"]) {
    const wrong = [...(results[name]!.data as Float32Array)].findIndex(
      (value) => !Number.isFinite(value),
    );
    expect(
      wrong < 0
        ? "finite"
        : { name, value: results[name]!.data[wrong], wrong, readout: readout[wrong] },
    ).toBe("finite");
  }
  const compared = rows.map((row, i) => ({
    row,
    graph: results["losses"]!.data[i] as number,
    plain: twin(row),
  }));
  const isWrong = ({ row, graph, plain }: (typeof compared)[number]): boolean => {
    if (!Number.isFinite(graph) || !Number.isFinite(plain)) return true;
    const ordinary = Object.values(row).every((value) => Math.abs(value) <= 100);
    return ordinary && Math.abs(graph - plain) > 1e-3 * Math.max(1, Math.abs(plain));
  };
  expect(compared.filter(isWrong)).toEqual([]);
}

describe.each(PREFERENCE_LOSSES)("%s", (type) => {
  const loss = PREFERENCE_LOSS_TABLE[type];
  const settings: PreferenceHyperparameters[] = [0.05, 5].flatMap((beta) =>
    [0.05, 1, 3].map((discopopTau) => ({
      beta,
      discopopTau,
      labelSmoothing: 0.1,
      simpoGamma: 0.5,
    })),
  );
  const used = loss.uses.includes("discopopTau")
    ? settings
    : settings.filter(({ discopopTau }) => discopopTau === 1);

  test.each(used)("%o", async (hyper) => {
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
    const inputs: Tensors = {
      sequence: indices(2 * ROWS),
      reference: float32(
        [ROWS, 2],
        pairs.flatMap((pair) => [pair.referenceChosen, pair.referenceRejected]),
      ),
      lengths: float32(
        [ROWS, 2],
        pairs.flatMap((pair) => [pair.chosenTokens, pair.rejectedTokens]),
      ),
      p: vector(pairs.map(({ p }) => p)),
      scale: vector(pairs.map(() => 1 / ROWS)),
      sftSlope: vector(pairs.flatMap(() => [-1 / ROWS, 0])),
    };
    await expectFinite(pairObjective([{ type, weight: 1 }], hyper), {
      readout: pairs.flatMap(({ chosen, rejected }) => [chosen, rejected]),
      inputs,
      rows: pairs as (PairTerms<number> & Record<string, number>)[],
      twin: (pair) => loss.plain(pair, hyper),
    });
  });
});

test("reward model, KTO and supervised loss", async () => {
  const pairs = draw(
    record({ chosen: number, rejected: number, p: constantFrom(0, 0.5, 1), margin: number }),
  );
  const hyper = { centerCoefficient: 0.01 };
  const readout = pairs.flatMap(({ chosen, rejected }) => [chosen, rejected]);
  const inputs: Tensors = {
    chosen: int64(
      [ROWS],
      pairs.map((_, i) => 2 * i),
    ),
    rejected: int64(
      [ROWS],
      pairs.map((_, i) => 2 * i + 1),
    ),
    p: vector(pairs.map(({ p }) => p)),
    margin: vector(pairs.map(({ margin }) => margin)),
    scale: vector(pairs.map(() => 1 / ROWS)),
  };
  await expectFinite(rewardObjective(hyper), {
    readout,
    inputs,
    rows: pairs,
    twin: (pair) => plainRewardLoss(pair, hyper),
  });

  const weights = { beta: 0.1, desirableWeight: 1.2, undesirableWeight: 0.8 };
  for (const z0 of [0, 3, LARGEST]) {
    const answers = draw(
      record({ logp, reference: logp, label: constantFrom(-1, 1), z0: constantFrom(z0) }),
    );
    const kto: Tensors = {
      sequence: indices(),
      reference: vector(answers.map(({ reference }) => reference)),
      label: vector(answers.map(({ label }) => label)),
      scale: vector(answers.map(() => 1 / ROWS)),
      z0: float32([], [z0]),
    };
    await expectFinite(ktoObjective(weights), {
      readout: answers.map(({ logp }) => logp),
      inputs: kto,
      rows: answers,
      twin: ({ logp, reference, label }) =>
        plainKtoLoss({ logRatio: logp - reference, desirable: label > 0, z0 }, weights),
    });
  }

  const logps = draw(logp);
  // A mean over the tokens of a step: the slopes of all of them add up to -1 at most.
  await expectFinite(sftObjective, {
    readout: logps,
    inputs: { slope: vector(logps.map(() => -1 / ROWS)) },
    rows: [],
    twin: () => 0,
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
  const inputs: Tensors = {
    oldLogps: vector(tokens.map(({ oldLogp }) => oldLogp)),
    advantages: vector(tokens.map(({ advantage }) => advantage)),
    weight: vector(tokens.map(() => 1 / ROWS)),
    ...(hyper.lossKl ? { reference: vector(tokens.map(({ reference }) => reference)) } : {}),
  };
  await expectFinite(policyObjective(hyper), {
    readout: tokens.map(({ logp }) => logp),
    inputs,
    rows: tokens,
    twin: (token) => plainPolicyLoss(token, hyper).loss,
  });
  expect(tokens.filter((token) => !Number.isFinite(plainPolicyLoss(token, hyper).kl))).toEqual([]);
});

test.each(limits)("answer policy, log-ratio within %d, and the critic", async (logRatioLimit) => {
  const hyper = { clipRange: 0.2, logRatioLimit };
  const answers = draw(record({ logp, oldLogp: logp, advantage: number }));
  const inputs: Tensors = {
    oldLogps: vector(answers.map(({ oldLogp }) => oldLogp)),
    sequence: indices(),
    advantages: vector(answers.map(({ advantage }) => advantage)),
    weight: vector(answers.map(() => 1 / ROWS)),
  };
  await expectFinite(sequencePolicyObjective(hyper), {
    readout: answers.map(({ logp }) => logp),
    inputs,
    rows: answers,
    twin: ({ logp, oldLogp, advantage }) =>
      plainSequenceLoss({ moved: logp - oldLogp, advantage }, hyper).loss,
  });

  for (const clipRangeValue of [0, 0.2]) {
    const values = draw(record({ value: number, oldValue: number, target: number }));
    const critic: Tensors = {
      oldValues: vector(values.map(({ oldValue }) => oldValue)),
      returns: vector(values.map(({ target }) => target)),
      weight: vector(values.map(() => 1 / ROWS)),
    };
    await expectFinite(valueObjective({ clipRangeValue }), {
      readout: values.map(({ value }) => value),
      inputs: critic,
      rows: values,
      twin: (token) => plainValueLoss(token, { clipRangeValue }).loss,
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
  const hyper = { beta: 1, labelSmoothing: 0, simpoGamma: 0, discopopTau: 0.05 };
  // Odds of 2^24 for the chosen answer and e^-10 against it for the other.
  expect(PREFERENCE_LOSS_TABLE.orpo.plain(pair, hyper)).toBeCloseTo(
    Math.log1p(2 ** -24 * Math.exp(-10)),
    15,
  );
  const margin = (x: number) =>
    PREFERENCE_LOSS_TABLE.discopop.plain({ ...pair, chosen: x, rejected: 0 }, hyper);
  // log-ratio modulated: far below 0 the logistic loss alone is left.
  for (const x of [-59.9, -60.1, -88, -89, -1000]) expect(margin(x)).toBeCloseTo(-x, 9);
  expect(
    PREFERENCE_LOSS_TABLE.discopop.plain(
      { ...pair, chosen: -300, rejected: 0 },
      { ...hyper, discopopTau: 1 },
    ),
  ).toBeCloseTo(301, 9);
});
