/**
 * The shipped objectives, run by ONNX Runtime and evaluated by the interpreter, against TRL's
 * losses: values and gradients on prescribed log-probabilities. losses.json was written by
 * scripts/golden/losses.py, which says what its numbers are.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { NumbersOf } from "../../src/objectives/evaluate.ts";
import { evaluatorOf } from "../../src/objectives/evaluate.ts";
import { ktoObjective, ktoReferencePoint } from "../../src/objectives/kto.ts";
import type { PairObjective } from "../../src/objectives/pairs.ts";
import { pairEvaluator, pairObjective } from "../../src/objectives/pairs.ts";
import type { PairTerms } from "../../src/objectives/preference-loss.ts";
import { defaultHyperparameters } from "../../src/objectives/preference-options.ts";
import type {
  PreferenceHyperparameters,
  PreferenceLossName,
} from "../../src/objectives/preference.ts";
import { PREFERENCE_LOSSES } from "../../src/objectives/preference.ts";
import { rewardObjective } from "../../src/objectives/reward.ts";
import { runObjective } from "../../src/objectives/testing.ts";
import { resolveConfig } from "../../src/training/configs.ts";

interface Sides<T = number> {
  chosen: T[];
  rejected: T[];
}

interface GoldenPair extends Sides {
  chosen_tokens: number;
  rejected_tokens: number;
  chosen_sum: number;
  rejected_sum: number;
  reference_chosen: number;
  reference_rejected: number;
}

/** Beside these, every hyperparameter of its loss by TRL's name. */
interface PreferenceEntry {
  loss?: string;
  mixture?: Record<string, number>;
  source: string;
  beta: number;
  p?: number[];
  losses?: number[];
  mean: number;
  gradient: Sides<number | null>;
}

interface KtoEntry {
  beta: number;
  desirable_weight: number;
  undesirable_weight: number;
  mismatched: "positive" | "negative";
  z0: number;
  losses: number[];
  mean: number;
  gradient: number[];
}

interface RewardEntry {
  margin: boolean;
  center_rewards_coefficient: number | null;
  losses: number[];
  mean: number;
  gradient: Sides;
}

interface Golden {
  pairs: GoldenPair[];
  preference: PreferenceEntry[];
  kto: {
    answers: { tokens: number; sum: number; reference: number; label: boolean }[];
    mismatched_log_ratios: Record<"positive" | "negative", number[]>;
    entries: KtoEntry[];
  };
  reward: { scores: Sides; margin: number[]; entries: RewardEntry[] };
}

const golden = JSON.parse(readFileSync(new URL("losses.json", import.meta.url), "utf8")) as Golden;
const { pairs } = golden;

/** Relative, but for values that float32 cannot tell from 0 beside the others. */
const NEGLIGIBLE = 1e-7;

/** @param expected null where a kink of the loss leaves a slope open */
function expectClose(
  actual: ArrayLike<number>,
  expected: readonly (number | null)[],
  tolerance = 1e-4,
): void {
  expect(actual.length).toBe(expected.length);
  const errors = expected.map((value, index) =>
    value === null
      ? 0
      : Math.abs(actual[index]! - value) / Math.max(NEGLIGIBLE / tolerance, Math.abs(value)),
  );
  const worst = errors.reduce((most, error, index) => (error > errors[most]! ? index : most), 0);
  expect(errors[worst], `item ${worst}: ${actual[worst]} for ${expected[worst]}`).toBeLessThan(
    tolerance,
  );
}

/** `simpoGamma` from `simpo_gamma`; what an entry does not have is 0, or its default. */
function hyperOf(entry: PreferenceEntry): PreferenceHyperparameters {
  const defaults = defaultHyperparameters();
  const given = Object.entries(entry)
    .map(([name, value]: [string, unknown]): [string, unknown] => [
      name.replace(/_[a-z]/g, ([, letter]) => letter!.toUpperCase()),
      value,
    ])
    .filter(([name]) => name in defaults);
  return { ...defaults, ...(Object.fromEntries(given) as Partial<PreferenceHyperparameters>) };
}

/** All pairs as the objective reads them; every pair has weight 1. */
function pairInputs({
  p,
  sftWeight = 0,
}: {
  p?: readonly number[] | undefined;
  sftWeight?: number;
}): { readout: number[]; inputs: NumbersOf<PairObjective> } {
  const readout = pairs.flatMap(({ chosen, rejected }) => [...chosen, ...rejected]);
  const chosenTokens = pairs.reduce((total, pair) => total + pair.chosen_tokens, 0);
  const inputs: NumbersOf<PairObjective> = {
    sequence: pairs.flatMap(({ chosen, rejected }, i) => [
      ...chosen.map(() => 2 * i),
      ...rejected.map(() => 2 * i + 1),
    ]),
    reference: pairs.flatMap((pair) => [pair.reference_chosen, pair.reference_rejected]),
    lengths: pairs.flatMap((pair) => [pair.chosen_tokens, pair.rejected_tokens]),
    p: pairs.map((_, i) => p?.[i] ?? 1),
    scale: pairs.map(() => 1),
    // TRL's gradients are of the sum over pairs of the mean loss, hence the factor
    sftSlope: pairs.flatMap(({ chosen, rejected }) => [
      ...chosen.map(() => (-sftWeight * pairs.length) / chosenTokens),
      ...rejected.map(() => 0),
    ]),
  };
  return { readout, inputs };
}

/** The slope of an answer's first and last token; that of all others is the same. */
function sideSlopes(slope: ArrayLike<number | bigint>): Sides {
  const sides: Sides = { chosen: [], rejected: [] };
  let offset = 0;
  for (const pair of pairs) {
    for (const side of ["chosen", "rejected"] as const) {
      expect(slope[offset + pair[side].length - 1]).toBe(slope[offset]);
      sides[side].push(Number(slope[offset]));
      offset += pair[side].length;
    }
  }
  return sides;
}

const termsOf = (index: number, p: number): PairTerms<number> => {
  const pair = pairs[index]!;
  return {
    chosen: pair.chosen_sum,
    rejected: pair.rejected_sum,
    referenceChosen: pair.reference_chosen,
    referenceRejected: pair.reference_rejected,
    chosenTokens: pair.chosen_tokens,
    rejectedTokens: pair.rejected_tokens,
    p,
  };
};

async function comparePreference(entry: PreferenceEntry): Promise<void> {
  const type = entry.loss as PreferenceLossName;
  const hyper = hyperOf(entry);
  const losses = [{ type, weight: 1 }];
  const evaluated = pairEvaluator(
    losses,
    hyper,
  )(pairs.map((_, index) => termsOf(index, entry.p?.[index] ?? 1)));
  expectClose(evaluated.losses, entry.losses!);
  const { readout, inputs } = pairInputs(entry);
  const run = await runObjective(pairObjective(losses, hyper), readout, inputs);
  expectClose(run.metrics.losses, entry.losses!);
  expectClose([run.loss / pairs.length], [entry.mean]);
  const slopes = sideSlopes(run.slope);
  expectClose(slopes.chosen, entry.gradient.chosen);
  expectClose(slopes.rejected, entry.gradient.rejected);
}

const titled = (entries: readonly PreferenceEntry[]) =>
  entries.map((entry) => {
    const {
      source: _source,
      losses: _losses,
      mean: _mean,
      gradient: _gradient,
      ...settings
    } = entry;
    return [JSON.stringify({ ...settings, metrics: undefined }), entry] as const;
  });

const isOurs = ({ loss }: PreferenceEntry): boolean =>
  (PREFERENCE_LOSSES as readonly (string | undefined)[]).includes(loss);
const ours = golden.preference.filter(isOurs);

describe("pair losses", () => {
  const fromTrl = ours.filter(({ source }) => source.startsWith("trl"));
  test("the file has every loss of ours", () =>
    expect(new Set(ours.map(({ loss }) => loss))).toEqual(new Set(PREFERENCE_LOSSES)));
  test.each(titled(fromTrl))("%s: values and gradients equal TRL's within 1e-4", (_title, entry) =>
    comparePreference(entry),
  );
  test.each(titled(ours.filter(({ source }) => !source.startsWith("trl"))))(
    "%s: the formula of the paper that is named, which TRL does not have, within 1e-4",
    (_title, entry) => comparePreference(entry),
  );

  const others = golden.preference.filter((entry) => !isOurs(entry));
  test.each(titled(others.filter(({ loss }) => loss?.startsWith("aot"))))(
    "%s: TRL's only, since it sorts across the micro-batch: refused",
    (_title, { loss }) => {
      expect(() =>
        resolveConfig("dpo", { model: "m", data: "d", loss: [loss as PreferenceLossName] }),
      ).toThrow(/loss/);
    },
  );

  test.each(titled(others.filter(({ loss }) => !loss?.startsWith("aot"))))(
    "%s: the SFT term and the mixture equal TRL's within 1e-4",
    async (_title, entry) => {
      const { sft = 0, ...weights } = entry.mixture ?? { sft: 1 };
      const losses = Object.entries(weights).map(([type, weight]) => ({
        type: type as PreferenceLossName,
        weight,
      }));
      const { readout, inputs } = pairInputs({ sftWeight: sft });
      // a mixture needs one loss at least; weight 0 leaves the SFT term alone
      const run = await runObjective(
        pairObjective(
          losses.length > 0 ? losses : [{ type: "sigmoid", weight: 0 }],
          hyperOf(entry),
        ),
        readout,
        inputs,
      );
      expectClose([run.loss / pairs.length], [entry.mean]);
      const slopes = sideSlopes(run.slope);
      expectClose(slopes.chosen, entry.gradient.chosen);
      expectClose(slopes.rejected, entry.gradient.rejected);
    },
  );
});

describe("kto", () => {
  const { answers, mismatched_log_ratios: mismatched } = golden.kto;
  test.each(
    golden.kto.entries.map(
      (entry) =>
        [
          entry.beta,
          entry.desirable_weight,
          entry.undesirable_weight,
          entry.mismatched,
          entry,
        ] as const,
    ),
  )(
    "beta %d, weights %d and %d, %s KL: values and gradients equal TRL's within 1e-4",
    async (beta, desirableWeight, undesirableWeight, sign, entry) => {
      const hyper = { beta, desirableWeight, undesirableWeight };
      const z0 = ktoReferencePoint(mismatched[sign]);
      expectClose([z0], [entry.z0]);
      const objective = ktoObjective(hyper);
      const readout = answers.map(({ sum }) => sum);
      const inputs = {
        sequence: [...answers.keys()],
        reference: answers.map(({ reference }) => reference),
        label: answers.map(({ label }) => (label ? 1 : -1)),
        scale: answers.map(() => 1),
        z0: [z0],
      };
      expectClose(evaluatorOf(objective)(readout, inputs).values.losses, entry.losses);
      const run = await runObjective(objective, readout, inputs);
      expectClose(run.metrics.losses, entry.losses);
      expectClose([run.loss / answers.length], [entry.mean]);
      expectClose(run.slope, entry.gradient);
    },
  );
});

describe("reward", () => {
  const { scores, margin: margins } = golden.reward;
  test.each(
    golden.reward.entries.map(
      (entry) => [entry.margin, entry.center_rewards_coefficient ?? 0, entry] as const,
    ),
  )(
    "margin %s, centring %d: values and gradients equal TRL's within 1e-4",
    async (withMargin, centerCoefficient, entry) => {
      const margin = margins.map((value) => (withMargin ? value : 0));
      const count = margins.length;
      const objective = rewardObjective({ centerCoefficient });
      const readout = [...scores.chosen, ...scores.rejected];
      const inputs = {
        chosen: margin.map((_, i) => i),
        rejected: margin.map((_, i) => count + i),
        p: margin.map(() => 1),
        margin,
        scale: margin.map(() => 1),
      };
      expectClose(evaluatorOf(objective)(readout, inputs).values.losses, entry.losses);
      const run = await runObjective(objective, readout, inputs);
      expectClose(run.metrics.losses, entry.losses);
      expectClose([run.loss / count], [entry.mean]);
      expectClose(run.slope.slice(0, count), entry.gradient.chosen);
      expectClose(run.slope.slice(count), entry.gradient.rejected);
    },
  );
});
