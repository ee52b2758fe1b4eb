/** Methods without a critic: advantages against hand-computed and PyTorch values, and the graph forms against their plain twins. */
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { float32, int64 } from "../core/tensor.ts";
import { groupCentred, groupRelative, leaveOneOut, shareOfUninformative, tokenWeight } from "./group-advantages.ts";
import type { PolicyHyperparameters } from "./ppo.ts";
import { plainPolicyLoss, policyObjective } from "./ppo.ts";
import { plainSequenceLoss, sequencePolicyObjective } from "./sequence-policy.ts";
import type { Objective } from "../models/plans/plan.ts";
import type { Tensors } from "../runtime/session.ts";
import { evaluateObjective } from "./testing.ts";

async function runObjective(objective: Objective, readout: readonly number[], inputs: Tensors): Promise<{ loss: number; slope: ArrayLike<number> }> {
  const results = await evaluateObjective(objective, readout, inputs);
  return { loss: results["loss"]!.data[0] as number, slope: results["slope"]!.data as Float32Array };
}

/** Central differences. */
function numericSlopes(loss: (at: readonly number[]) => number, at: readonly number[]): number[] {
  const step = 1e-5;
  return at.map((value, i) => (loss(at.with(i, value + step)) - loss(at.with(i, value - step))) / (2 * step));
}

const close = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-5): void => {
  expect(actual).toHaveLength(expected.length);
  Array.from(expected).forEach((value, i) => expect(Math.abs(actual[i]! - value), `${i}: ${actual[i]} and ${value}`).toBeLessThan(tolerance * Math.max(1, Math.abs(value))));
};

describe("advantages", () => {
  test("leave one out: each reward less the mean of the others", () => {
    close(leaveOneOut([1, 2, 6, 5, 5, 5], 3), [1 - 4, 2 - 3.5, 6 - 1.5, 0, 0, 0]);
  });

  // torch: (r - r.mean()) / (r.std() + 1e-4) for r = [1, 2, 6, 3].
  test("group relative as TRL computes it; equal rewards have no advantage at all", () => {
    close(groupRelative([1, 2, 6, 3, 4, 4, 4, 4], 4, "group"), [-0.92577725, -0.46288863, 1.3886659, 0, 0, 0, 0, 0], 1e-6);
    close(groupRelative([1, 2, 6, 3], 4, "none"), [-2, -1, 3, 0]);
    const scores = [1, 2, 6, 3, 0, 1, 0, 1];
    const centre = scores.reduce((a, b) => a + b) / 8;
    const deviation = Math.sqrt(scores.reduce((total, score) => total + (score - centre) ** 2, 0) / 7);
    close(groupRelative(scores, 4, "batch"), [-2, -1, 3, 0, -0.5, 0.5, -0.5, 0.5].map((x) => x / (deviation + 1e-4)));
    expect(shareOfUninformative([1, 2, 6, 3, 4, 4, 4, 4], 4)).toBe(0.5);
    close(groupCentred([1, 3, 10, 20], 2), [-1, 1, -5, 5]);
  });

  test("weights of tokens add up to the mean that their name says", () => {
    const lengths = [3, 1, 8];
    const total = (kind: Parameters<typeof tokenWeight>[0]): number => lengths.reduce((sum, length) => sum + length * tokenWeight(kind, { length, answers: 3, tokens: 12, longest: 8 }), 0);
    expect(total("grpo")).toBeCloseTo(1, 12);
    expect(total("dapo")).toBeCloseTo(1, 12);
    expect(total("dr_grpo")).toBeCloseTo(12 / 24, 12);
    expect(tokenWeight("grpo", { length: 3, answers: 3, tokens: 12, longest: 8 })).toBeCloseTo(1 / 9, 12);
  });
});

const random = new Random(5);
const COUNT = 24;
const draw = (spread: number): number[] => Array.from({ length: COUNT }, () => spread * (2 * random.uniform() - 1));
const logps = draw(1).map((x) => x - 2);
const old = logps.map((logp, i) => logp + 0.6 * Math.sin(7 * i));
const reference = logps.map((logp, i) => logp + 0.8 * Math.cos(5 * i));
const advantages = draw(2);
const weight = Array.from({ length: COUNT }, (_, i) => 1 / (COUNT + i));
const vector = (values: readonly number[]) => float32([values.length], values);

describe("the token surrogate", () => {
  test.each<[string, PolicyHyperparameters]>([
    ["clip-higher", { clipRange: 0.2, clipRangeHigh: 0.28, dualClip: 0, logRatioLimit: 20 }],
    ["k3 with its correction", { clipRange: 0.2, dualClip: 0, logRatioLimit: 20, lossKl: { coef: 0.3, estimator: "k3", correction: true } }],
    ["k3 without", { clipRange: 0.2, dualClip: 3, logRatioLimit: 20, lossKl: { coef: 0.3, estimator: "k3", correction: false } }],
    ["k2", { clipRange: 0.2, dualClip: 0, logRatioLimit: 20, lossKl: { coef: 0.1, estimator: "k2", correction: false } }],
  ])("%s: graph and plain twin agree, and the slope is the numeric one", async (_name, hyper) => {
    const inputs = { oldLogps: vector(old), advantages: vector(advantages), weight: vector(weight), ...(hyper.lossKl ? { reference: vector(reference) } : {}) };
    const { loss, slope } = await runObjective(policyObjective(hyper), logps, inputs);
    const plain = (at: readonly number[]): number =>
      at.reduce((total, logp, i) => {
        const { loss: surrogate, kl } = plainPolicyLoss({ logp, oldLogp: old[i]!, advantage: advantages[i]!, reference: reference[i]! }, hyper);
        return total + weight[i]! * (surrogate + kl);
      }, 0);
    expect(Math.abs(loss - plain(logps))).toBeLessThan(1e-5);
    close(slope, numericSlopes(plain, logps), 1e-4);
  });

  test("on policy the corrected k3 has the gradient of the KL itself: log pi - log pi_ref plus a term of mean 0", async () => {
    const hyper: PolicyHyperparameters = { clipRange: 0.2, dualClip: 0, logRatioLimit: 20, lossKl: { coef: 1, estimator: "k3", correction: true } };
    const zeros = logps.map(() => 0);
    const { slope } = await runObjective(policyObjective(hyper), logps, { oldLogps: vector(logps), advantages: vector(zeros), weight: vector(logps.map(() => 1)), reference: vector(reference) });
    // d/dlogp of rho (e^-d - 1 + d) at rho = 1 is (e^-d - 1 + d) + (1 - e^-d) = d.
    close(slope, logps.map((logp, i) => logp - reference[i]!), 1e-5);
  });
});

describe("the sequence surrogate", () => {
  test("graph and plain twin agree, and the slope is the numeric one", async () => {
    const hyper = { clipRange: 0.2, logRatioLimit: 20 };
    const sequence = Array.from({ length: COUNT }, (_, i) => (i < 5 ? 0 : i < 6 ? 1 : i < 20 ? 2 : 3));
    const each = [0.7, -1.2, 0.4, -0.5];
    const near = logps.map((logp, i) => logp + 0.05 * Math.sin(3 * i));
    const { loss, slope } = await runObjective(sequencePolicyObjective(hyper), logps, { oldLogps: vector(near), sequence: int64([COUNT], sequence), advantages: vector(each), weight: vector(each.map(() => 0.25)) });
    const plain = (at: readonly number[]): number =>
      each.reduce((total, advantage, answer) => {
        const moved = at.reduce((sum, logp, i) => (sequence[i] === answer ? sum + logp - near[i]! : sum), 0);
        return total + 0.25 * plainSequenceLoss({ moved, advantage }, hyper).loss;
      }, 0);
    expect(Math.abs(loss - plain(logps))).toBeLessThan(1e-5);
    close(slope, numericSlopes(plain, logps), 1e-4);
  });
});
