/**
 * Methods without a critic: advantages and losses equal TRL's (scripts/golden/policy_gradient.py),
 * and ONNX Runtime agrees with the interpreter.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { mean } from "../stats/intervals.ts";
import { generalisedAdvantages, tokenRewards, whiten } from "./advantages.ts";
import type { ADVANTAGE_SCALES, AGGREGATIONS } from "./group-advantages.ts";
import {
  groupCentred,
  groupRelative,
  leaveOneOut,
  shareOfUninformative,
  standardise,
  tokenWeight,
} from "./group-advantages.ts";
import { evaluatorOf } from "./evaluate.ts";
import type { PolicyHyperparameters } from "./ppo.ts";
import { policyObjective } from "./ppo.ts";
import { sequencePolicyObjective } from "./sequence-policy.ts";
import { faultsOf, runObjective } from "./testing.ts";

const close = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-5): void => {
  expect(actual).toHaveLength(expected.length);
  Array.from(expected).forEach((value, i) =>
    expect(Math.abs(actual[i]! - value), `${i}: ${actual[i]} and ${value}`).toBeLessThan(
      tolerance * Math.max(1, Math.abs(value)),
    ),
  );
};

describe("advantages", () => {
  test("leave one out: each reward less the mean of the others", () => {
    close(leaveOneOut([1, 2, 6, 5, 5, 5], 3), [1 - 4, 2 - 3.5, 6 - 1.5, 0, 0, 0]);
    // 0.1 + 0.1 + 0.1 is not 0.3: equal rewards have no advantage at all, not one of rounding.
    expect(leaveOneOut([0.1, 0.1, 0.1], 3)).toEqual([0, 0, 0]);
  });

  // torch: (r - r.mean()) / (r.std() + 1e-4) for r = [1, 2, 6, 3].
  test("group relative as TRL computes it; equal rewards have no advantage at all", () => {
    close(
      groupRelative([1, 2, 6, 3, 4, 4, 4, 4], 4, "group"),
      [-0.92577725, -0.46288863, 1.3886659, 0, 0, 0, 0, 0],
      1e-6,
    );
    close(groupRelative([1, 2, 6, 3], 4, "none"), [-2, -1, 3, 0]);
    const scores = [1, 2, 6, 3, 0, 1, 0, 1];
    const centre = scores.reduce((a, b) => a + b) / 8;
    const deviation = Math.sqrt(
      scores.reduce((total, score) => total + (score - centre) ** 2, 0) / 7,
    );
    close(
      groupRelative(scores, 4, "batch"),
      [-2, -1, 3, 0, -0.5, 0.5, -0.5, 0.5].map((x) => x / (deviation + 1e-4)),
    );
    expect(shareOfUninformative([1, 2, 6, 3, 4, 4, 4, 4], 4)).toBe(0.5);
    close(groupCentred([1, 3, 10, 20], 2), [-1, 1, -5, 5]);
  });

  test("weights of tokens add up to the mean that their name says", () => {
    const lengths = [3, 1, 8];
    const total = (kind: Parameters<typeof tokenWeight>[0]): number =>
      lengths.reduce(
        (sum, length) =>
          sum + length * tokenWeight(kind, { length, answers: 3, tokens: 12, longest: 8 }),
        0,
      );
    expect(total("grpo")).toBeCloseTo(1, 12);
    expect(total("dapo")).toBeCloseTo(1, 12);
    expect(total("dr_grpo")).toBeCloseTo(12 / 24, 12);
    expect(tokenWeight("grpo", { length: 3, answers: 3, tokens: 12, longest: 8 })).toBeCloseTo(
      1 / 9,
      12,
    );
  });
});

interface TokenCase {
  beta: number;
  clip: number;
  loss: number;
  gradient: number[][];
  metrics: Record<"clip_ratio/low_mean" | "clip_ratio/high_mean", number>;
}
interface Golden {
  samples: number;
  longest: number;
  rewards: number[];
  logprobs: number[][];
  old: number[][];
  reference: number[][];
  advantages: {
    rloo: { normalise: boolean; beta: number; advantages: number[] }[];
    grpo: { scale: (typeof ADVANTAGE_SCALES)[number]; advantages: number[] }[];
    reinforce: {
      baseline: "none" | "group";
      beta: number;
      gamma: number;
      advantages: number[][];
    }[];
  };
  /** Of each answer, where losses are compared. */
  advantage: number[];
  grpo: (TokenCase & {
    aggregation: (typeof AGGREGATIONS)[number];
    clip_high: number;
    dual_clip: number;
    correction: boolean;
  })[];
  rloo: { clip: number; loss: number; gradient: number[][]; clipfrac: number }[];
  reinforce: (TokenCase & { baseline: "none" | "group" })[];
}

const golden = JSON.parse(
  readFileSync(new URL("../../tests/golden/policy-gradient-maths.json", import.meta.url), "utf8"),
) as Golden;

describe("TRL's values", () => {
  const { samples, longest, rewards, logprobs, advantage } = golden;
  const lengths = logprobs.map(({ length }) => length);
  const tokens = lengths.reduce((a, b) => a + b);
  const inputs = { oldLogps: golden.old.flat(), reference: golden.reference.flat() };
  const logRatios = golden.old.map((row, i) =>
    row.map((logp, t) => logp - golden.reference[i]![t]!),
  );
  const reinforceAdvantages = (
    baseline: "none" | "group",
    beta: number,
    gamma: number,
  ): Float64Array[] => {
    const scores = baseline === "group" ? groupCentred(rewards, samples) : rewards;
    return whiten(
      logRatios.map(
        (row, i) =>
          generalisedAdvantages(
            tokenRewards(row, scores[i]!, baseline === "group" ? 0 : beta),
            new Float64Array(row.length),
            { gamma, lambda: 1 },
          ).advantages,
      ),
    );
  };
  const spread = (values: readonly number[]): number[] =>
    values.flatMap((value, i) => Array.from({ length: lengths[i]! }, () => value));

  test("advantages", () => {
    for (const { normalise, beta, advantages } of golden.advantages.rloo) {
      const raw = leaveOneOut(
        rewards.map((reward, i) => reward - beta * logRatios[i]!.reduce((a, b) => a + b)),
        samples,
      );
      close(normalise ? standardise(raw) : raw, advantages, 1e-12);
    }
    for (const { scale, advantages } of golden.advantages.grpo)
      close(groupRelative(rewards, samples, scale), advantages, 1e-12);
    for (const { baseline, beta, gamma, advantages } of golden.advantages.reinforce)
      close(
        reinforceAdvantages(baseline, beta, gamma).flatMap((row) => [...row]),
        advantages.flat(),
        1e-12,
      );
  });

  test.each(golden.grpo)(
    "GRPO: $aggregation, upper clip $clip_high, dual clip $dual_clip, beta $beta, corrected $correction",
    async (c) => {
      const hyper: PolicyHyperparameters = {
        clipRange: c.clip,
        clipRangeHigh: c.clip_high,
        dualClip: c.dual_clip,
        logRatioLimit: 20,
        ...(c.beta > 0
          ? { lossKl: { coef: c.beta, estimator: "k3", correction: c.correction } }
          : {}),
      };
      const weights = lengths.map((length) =>
        tokenWeight(c.aggregation, { length, answers: lengths.length, tokens, longest }),
      );
      const objective = policyObjective(hyper);
      const given = { ...inputs, advantages: spread(advantage), weight: spread(weights) };
      const { loss, slope } = await runObjective(objective, logprobs.flat(), given);
      expect(Math.abs(loss - c.loss)).toBeLessThan(1e-6);
      close(slope, c.gradient.flat(), 1e-6);
      const evaluated = evaluatorOf(objective)(logprobs.flat(), given);
      expect(Math.abs(evaluated.loss - c.loss)).toBeLessThan(1e-6);
      const { ratio, clipped } = evaluated.values;
      const share = (side: (ratio: number) => boolean): number =>
        ratio.filter((each, token) => clipped[token] === 1 && side(each)).length / tokens;
      close(
        [share((each) => each < 1), share((each) => each > 1)],
        [c.metrics["clip_ratio/low_mean"], c.metrics["clip_ratio/high_mean"]],
        1e-6,
      );
    },
  );

  test.each(golden.rloo)(
    "RLOO: clip $clip",
    async ({ clip, loss: expected, gradient, clipfrac }) => {
      const hyper = { clipRange: clip, logRatioLimit: 20 };
      const objective = sequencePolicyObjective(hyper);
      const given = {
        ...inputs,
        sequence: lengths.flatMap((length, i) => Array.from({ length }, () => i)),
        advantages: advantage,
        weight: lengths.map(() => 1 / lengths.length),
      };
      const { loss, slope } = await runObjective(objective, logprobs.flat(), given);
      expect(Math.abs(loss - expected)).toBeLessThan(1e-6);
      close(slope, gradient.flat(), 1e-6);
      const { clipped } = evaluatorOf(objective)(logprobs.flat(), given).values;
      expect(mean(clipped)).toBeCloseTo(clipfrac, 6);
    },
  );

  test.each(golden.reinforce)(
    "REINFORCE++: baseline $baseline",
    async ({ baseline, beta, clip, loss: expected, gradient }) => {
      const hyper: PolicyHyperparameters = {
        clipRange: clip,
        dualClip: 0,
        logRatioLimit: 20,
        ...(baseline === "group"
          ? { lossKl: { coef: beta, estimator: "k2", correction: false } }
          : {}),
      };
      const each = reinforceAdvantages(baseline, beta, 1).flatMap((row) => [...row]);
      const { loss, slope } = await runObjective(policyObjective(hyper), logprobs.flat(), {
        ...inputs,
        advantages: each,
        weight: each.map(() => 1 / tokens),
      });
      expect(Math.abs(loss - expected)).toBeLessThan(1e-6);
      close(slope, gradient.flat(), 1e-6);
    },
  );
});

const random = new Random(5);
const COUNT = 24;
const draw = (spread: number): number[] =>
  Array.from({ length: COUNT }, () => spread * (2 * random.uniform() - 1));
const logps = draw(1).map((x) => x - 2);
const old = logps.map((logp, i) => logp + 0.6 * Math.sin(7 * i));
const reference = logps.map((logp, i) => logp + 0.8 * Math.cos(5 * i));
const advantages = draw(2);
const weight = Array.from({ length: COUNT }, (_, i) => 1 / (COUNT + i));
describe("the token surrogate", () => {
  test.each<[string, PolicyHyperparameters]>([
    ["clip-higher", { clipRange: 0.2, clipRangeHigh: 0.28, dualClip: 0, logRatioLimit: 20 }],
    [
      "k3 with its correction",
      {
        clipRange: 0.2,
        dualClip: 0,
        logRatioLimit: 20,
        lossKl: { coef: 0.3, estimator: "k3", correction: true },
      },
    ],
    [
      "k3 without",
      {
        clipRange: 0.2,
        dualClip: 3,
        logRatioLimit: 20,
        lossKl: { coef: 0.3, estimator: "k3", correction: false },
      },
    ],
    [
      "k2",
      {
        clipRange: 0.2,
        dualClip: 0,
        logRatioLimit: 20,
        lossKl: { coef: 0.1, estimator: "k2", correction: false },
      },
    ],
  ])("%s: the interpreter agrees, and its differences are the slope", async (_name, hyper) => {
    const inputs = { oldLogps: old, advantages, weight, reference };
    expect(await faultsOf(policyObjective(hyper), logps, inputs)).toEqual([]);
  });

  test("on policy the corrected k3 has the gradient of the KL itself: log pi - log pi_ref plus a term of mean 0", async () => {
    const hyper: PolicyHyperparameters = {
      clipRange: 0.2,
      dualClip: 0,
      logRatioLimit: 20,
      lossKl: { coef: 1, estimator: "k3", correction: true },
    };
    const zeros = logps.map(() => 0);
    const { slope } = await runObjective(policyObjective(hyper), logps, {
      oldLogps: logps,
      advantages: zeros,
      weight: logps.map(() => 1),
      reference,
    });
    // d/dlogp of rho (e^-d - 1 + d) at rho = 1 is (e^-d - 1 + d) + (1 - e^-d) = d.
    close(
      slope,
      logps.map((logp, i) => logp - reference[i]!),
      1e-5,
    );
  });
});

describe("the sequence surrogate", () => {
  test("the interpreter agrees, and its differences are the slope", async () => {
    const sequence = Array.from({ length: COUNT }, (_, i) =>
      i < 5 ? 0 : i < 6 ? 1 : i < 20 ? 2 : 3,
    );
    const each = [0.7, -1.2, 0.4, -0.5];
    const near = logps.map((logp, i) => logp + 0.05 * Math.sin(3 * i));
    const objective = sequencePolicyObjective({ clipRange: 0.2, logRatioLimit: 20 });
    const inputs = {
      oldLogps: near,
      sequence,
      advantages: each,
      weight: each.map(() => 0.25),
    };
    expect(await faultsOf(objective, logps, inputs)).toEqual([]);
    const { ratio } = evaluatorOf(objective)(logps, inputs).values;
    const moved = logps.slice(0, 5).reduce((sum, logp, i) => sum + logp - near[i]!, 0);
    expect(ratio[0]).toBeCloseTo(Math.exp(moved), 12);
  });
});
