/**
 * The win rate at equal length on synthetic data with a known effect, beside AlpacaEval's own fit of
 * the same data (scripts/golden/length_control.py).
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { lengthControlledWinRate } from "../pairwise.ts";

interface Golden {
  cases: {
    candidate: number[];
    baseline: number[];
    outcomes: number[];
    truth: number;
    alpaca: number;
    glm: number;
  }[];
}
const { cases } = JSON.parse(
  readFileSync(new URL("golden/length-control.json", import.meta.url), "utf8"),
) as Golden;

test.each(cases.map((each, i) => [i, each] as const))(
  "case %i: as AlpacaEval's formula without its penalty, within a point of its fit, true within the interval",
  (_, { candidate, baseline, outcomes, truth, alpaca, glm }) => {
    const { estimate, low, high } = lengthControlledWinRate(
      outcomes.map((outcome, i) => ({
        outcome,
        candidateLength: candidate[i]!,
        baselineLength: baseline[i]!,
      })),
    );
    // a prior of 0.01 on coefficients is all that differs
    expect(Math.abs(estimate - glm)).toBeLessThan(0.0005);
    expect(Math.abs(estimate - alpaca)).toBeLessThan(0.01);
    expect(low).toBeLessThan(truth);
    expect(high).toBeGreaterThan(truth);
  },
);

test("where the candidate is only longer, what it leads by as judged is gone at equal length", () => {
  const [{ candidate, baseline, outcomes }] = cases as [Golden["cases"][number]];
  expect(outcomes.reduce((total, outcome) => total + outcome, 0) / outcomes.length).toBeGreaterThan(
    0.57,
  );
  const { low, high, lengthEffect } = lengthControlledWinRate(
    outcomes.map((outcome, i) => ({
      outcome,
      candidateLength: candidate[i]!,
      baselineLength: baseline[i]!,
    })),
  );
  expect([low < 0.5, high > 0.5, lengthEffect.low > 0.8, lengthEffect.high < 1.7]).toEqual([
    true,
    true,
    true,
    true,
  ]);
});
