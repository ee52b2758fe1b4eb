/**
 * PPO's maths: exact values, properties, and equality with the PyTorch implementation in
 * scripts/golden/ppo.py.
 */
import { readFileSync } from "node:fs";
import { array, assert, double, property, tuple } from "fast-check";
import { describe, expect, test } from "vitest";
import { mean } from "../stats/intervals.ts";
import {
  explainedVariance,
  generalisedAdvantages,
  normaliseScore,
  penaliseMissingStop,
  tokenRewards,
  whiten,
} from "./advantages.ts";
import { evaluatorOf } from "./evaluate.ts";
import { adaptKlCoefficient, isNegative, k1, k2, k3 } from "./kl.ts";
import { policyObjective, valueObjective } from "./ppo.ts";
import { runObjective } from "./testing.ts";

interface Golden {
  advantages: {
    lengths: number[];
    logprobs: number[][];
    reference: number[][];
    values: number[][];
    scores: number[];
    cases: {
      beta: number;
      gamma: number;
      lambda: number;
      whiten_rewards: boolean;
      rewards: number[][];
      used: number[][];
      advantages: number[][];
      returns: number[][];
      whitened: number[][];
    }[];
  };
  policy: {
    logprobs: number[];
    old: number[];
    advantages: number[];
    cases: {
      clip: number;
      dual: number;
      limit: number;
      losses: number[];
      gradient: number[];
      ratio: number[];
      clipfrac: number;
      approxkl: number;
    }[];
  };
  value: {
    values: number[];
    old: number[];
    returns: number[];
    cases: { clip: number; losses: number[]; gradient: number[]; clipfrac: number }[];
  };
  adaptive: {
    initial: number;
    target: number;
    horizon: number;
    answers: number;
    observed: number[];
    coefficients: number[];
  };
  kl: { log_ratios: number[]; k1: number[]; k2: number[]; k3: number[] };
}
const golden = JSON.parse(
  readFileSync(new URL("../../tests/golden/ppo-maths.json", import.meta.url), "utf8"),
) as Golden;

function expectEqual(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance = 1e-12,
): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++)
    expect(
      Math.abs(actual[i]! - expected[i]!),
      `entry ${i}: ${actual[i]} and ${expected[i]}`,
    ).toBeLessThan(tolerance * Math.max(1, Math.abs(expected[i]!)));
}

describe("KL", () => {
  test("estimators: golden values; 0 at the reference; k3 is never negative", () => {
    const { log_ratios: ratios } = golden.kl;
    expectEqual(ratios.map(k1), golden.kl.k1);
    expectEqual(ratios.map(k2), golden.kl.k2);
    expectEqual(ratios.map(k3), golden.kl.k3);
    expect([k1(0), k2(0), k3(0)]).toEqual([0, 0, 0]);
    assert(property(double({ min: -20, max: 20, noNaN: true }), (x) => k3(x) >= 0));
  });

  test("k1 and k3 estimate the same divergence", () => {
    const [p, q] = [
      [0.5, 0.3, 0.2],
      [0.2, 0.5, 0.3],
    ];
    const exact = p.reduce((sum, x, i) => sum + x * Math.log(x / q[i]!), 0);
    const expected = (estimator: (d: number) => number): number =>
      p.reduce((sum, x, i) => sum + x * estimator(Math.log(x / q[i]!)), 0);
    expect(expected(k1)).toBeCloseTo(exact, 12);
    expect(expected(k3)).toBeCloseTo(exact, 12);
  });

  test("a KL below 0 is told from noise", () => {
    const draw = (shift: number): number[] =>
      Array.from({ length: 64 }, (_, i) => shift + Math.sin(i * 12.9898) * 2);
    expect([draw(-3), draw(-0.02), draw(0), draw(2)].map(isNegative)).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(isNegative(draw(0).map((x) => x * 1e-9))).toBe(false);
  });

  test("the adaptive weight follows the golden sequence", () => {
    const { initial, target, horizon, answers, observed, coefficients } = golden.adaptive;
    let beta = initial;
    expectEqual(
      observed.map(
        (kl) => (beta = adaptKlCoefficient(beta, { observed: kl, answers }, { target, horizon })),
      ),
      coefficients,
    );
  });
});

describe("rewards and advantages", () => {
  const { logprobs, reference, values, scores, cases } = golden.advantages;

  test.each(cases)(
    "beta $beta, gamma $gamma, lambda $lambda: equal to padded PyTorch",
    (expected) => {
      const rewards = scores.map((score, i) =>
        tokenRewards(
          logprobs[i]!.map((logp, t) => logp - reference[i]![t]!),
          score,
          expected.beta,
        ),
      );
      rewards.forEach((each, i) => expectEqual(each, expected.rewards[i]!));
      const used = expected.whiten_rewards ? whiten(rewards, { keepMean: true }) : rewards;
      used.forEach((each, i) => expectEqual(each, expected.used[i]!));
      const results = used.map((each, i) => generalisedAdvantages(each, values[i]!, expected));
      results.forEach(({ advantages, returns }, i) => {
        expectEqual(advantages, expected.advantages[i]!);
        expectEqual(returns, expected.returns[i]!);
      });
      whiten(results.map(({ advantages }) => advantages)).forEach((each, i) =>
        expectEqual(each, expected.whitened[i]!),
      );
    },
  );

  const sequence = array(double({ min: -5, max: 5, noNaN: true }), { minLength: 1, maxLength: 12 });

  test("gamma = lambda = 1: the sum of the rewards to come, less the value", () => {
    assert(
      property(
        array(
          tuple(double({ min: -5, max: 5, noNaN: true }), double({ min: -5, max: 5, noNaN: true })),
          { minLength: 1, maxLength: 12 },
        ),
        (tokens) => {
          const [rewards, predicted] = [tokens.map(([r]) => r), tokens.map(([, v]) => v)];
          const { advantages } = generalisedAdvantages(rewards, predicted, { gamma: 1, lambda: 1 });
          return tokens.every(
            (_, t) =>
              Math.abs(
                advantages[t]! - (rewards.slice(t).reduce((sum, r) => sum + r, 0) - predicted[t]!),
              ) < 1e-9,
          );
        },
      ),
    );
  });

  test("lambda = 0: the one-step error", () => {
    const { advantages } = generalisedAdvantages([1, 2, 3], [0.5, 0.25, 2], {
      gamma: 0.5,
      lambda: 0,
    });
    expectEqual(advantages, [1 + 0.5 * 0.25 - 0.5, 2 + 0.5 * 2 - 0.25, 3 - 2]);
  });

  test("whitening: mean 0 and variance 1 over all tokens; the mean stays where it is to be kept", () => {
    assert(
      property(array(sequence, { minLength: 2, maxLength: 5 }), (sequences) => {
        const all = sequences.flat();
        if (Math.max(...all) - Math.min(...all) < 0.1) return true;
        const white = whiten(sequences.map((each) => Float64Array.from(each))).flatMap((each) => [
          ...each,
        ]);
        const kept = whiten(
          sequences.map((each) => Float64Array.from(each)),
          { keepMean: true },
        ).flatMap((each) => [...each]);
        const variance = white.reduce((sum, x) => sum + x * x, 0) / (white.length - 1);
        return (
          Math.abs(mean(white)) < 1e-9 &&
          Math.abs(variance - 1) < 1e-2 &&
          Math.abs(mean(kept) - mean(all)) < 1e-9
        );
      }),
    );
    expect(whiten([Float64Array.of(3)]).map((each) => [...each])).toEqual([[0]]);
  });

  test("scores: normalised, clipped, less the penalty of an answer that does not end", () => {
    const scale = { mean: 2, deviation: 0.5, clip: 3 };
    expect([2, 2.5, 100, -100].map((score) => normaliseScore(score, scale))).toEqual([0, 1, 3, -3]);
    expect(normaliseScore(100, { ...scale, clip: 0 })).toBe(196);
    expect([penaliseMissingStop(0.5, true, 1), penaliseMissingStop(0.5, false, 1)]).toEqual([
      0.5, -0.5,
    ]);
  });

  test("explained variance: 1 for a perfect critic, 0 for its mean, below 0 for a bad one", () => {
    const returns = [1, 2, 4];
    expect(explainedVariance(returns, returns)).toBe(1);
    expect(explainedVariance([5, 5, 5], returns)).toBeCloseTo(0, 12);
    expect(explainedVariance([-1, -2, -4], returns)).toBeLessThan(0);
    expect(explainedVariance([1, 2], [3, 3])).toBeNaN();
  });
});

describe("policy loss", () => {
  const { logprobs, old, advantages, cases } = golden.policy;
  const inputs = { oldLogps: old, advantages, weight: logprobs.map(() => 1 / logprobs.length) };

  test.each(cases)(
    "clip $clip, dual $dual, limit $limit: ONNX Runtime, the interpreter and PyTorch agree",
    async (expected) => {
      const objective = policyObjective({
        clipRange: expected.clip,
        dualClip: expected.dual,
        logRatioLimit: expected.limit,
      });
      const given = { ...inputs, reference: old };
      const { values } = evaluatorOf(objective)(logprobs, given);
      expectEqual(values.losses, expected.losses);
      expectEqual(values.ratio, expected.ratio);
      expect(mean(values.clipped)).toBeCloseTo(expected.clipfrac, 12);
      expect(mean(logprobs.map((logp, i) => k2(logp - old[i]!)))).toBeCloseTo(
        expected.approxkl,
        10,
      );
      const run = await runObjective(objective, logprobs, given);
      expectEqual(run.metrics.losses, expected.losses, 2e-5);
      expectEqual(run.slope, expected.gradient, 1e-5);
      expect(Math.abs(run.loss / mean(expected.losses) - 1)).toBeLessThan(1e-4);
    },
  );

  test("at the start the ratio is 1, nothing is clipped, and the loss of whitened advantages is 0", () => {
    const white = [...whiten([Float64Array.from(advantages)])[0]!];
    const objective = policyObjective({ clipRange: 0.2, dualClip: 0, logRatioLimit: 20 });
    const { values } = evaluatorOf(objective)(old, {
      ...inputs,
      advantages: white,
      reference: old,
    });
    expect(new Set(values.ratio)).toEqual(new Set([1]));
    expect(new Set(values.clipped)).toEqual(new Set([0]));
    expect(mean(values.losses)).toBeCloseTo(0, 12);
  });

  test("dual clip bounds the loss of a bad token, however likely it has become", () => {
    const moves = Array.from({ length: 251 }, (_, i) => i / 10 - 5);
    const bad = {
      oldLogps: moves.map(() => 0),
      advantages: moves.map(() => -1),
      weight: moves.map(() => 1),
      reference: moves.map(() => 0),
    };
    for (const dualClip of [2, 3, 5]) {
      const objective = policyObjective({ clipRange: 0.2, dualClip, logRatioLimit: 20 });
      const { losses } = evaluatorOf(objective)(moves, bad).values;
      expect(Math.max(...losses)).toBe(dualClip);
    }
  });
});

describe("value loss", () => {
  const { values, old, returns, cases } = golden.value;

  test.each(cases)(
    "clip $clip: ONNX Runtime, the interpreter and PyTorch agree",
    async (expected) => {
      const objective = valueObjective({ clipRangeValue: expected.clip });
      const inputs = { oldValues: old, returns, weight: values.map(() => 1 / values.length) };
      const evaluated = evaluatorOf(objective)(values, inputs).values;
      expectEqual(evaluated.losses, expected.losses);
      expect(mean(evaluated.clipped)).toBeCloseTo(expected.clipfrac, 12);
      const run = await runObjective(objective, values, inputs);
      expectEqual(run.metrics.losses, expected.losses, 2e-5);
      expectEqual(run.slope, expected.gradient, 1e-5);
    },
  );
});
