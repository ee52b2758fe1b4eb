/** Ratings beside Bradley-Terry's strengths, and ranks beside verdicts. */
import { describe, expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import { elo, fitBradleyTerry } from "../../stats/bradley-terry.ts";
import { sigmoid } from "../../stats/special.ts";
import { measuresOf } from "../findings.ts";
import { compareModels } from "./compare.ts";
import { comparisonFindings } from "./findings.ts";
import type { DrawnField } from "./testing/fields.ts";
import { settleField } from "./testing/fields.ts";
import { jointErrors, ratingFigures } from "./testing/field-simulations.ts";
import { judgeOf, PLAIN, setOf, times } from "./testing/sets.ts";

const settled = (field: DrawnField, seed: number) => {
  const { judges, matched } = settleField(field, new Random(seed));
  return { judge: judges[0]!, matched };
};

describe("ratings", () => {
  test("are Bradley-Terry's strengths on Elo's scale", () => {
    const field = { strengths: [0, 0.8, 0.3], prompts: 200, pairs: "all" } as const;
    const { judge, matched } = settled(field, 1);
    const number = (name: string): number => matched.names.indexOf(name);
    const fit = fitBradleyTerry(
      judge.pairs.flatMap(({ candidate, baseline, judgements }) =>
        judgements.map(({ prompt, shownFirst }) => ({
          a: number(candidate),
          b: number(baseline),
          outcome: shownFirst,
          cluster: `prompt p${prompt}`,
        })),
      ),
      3,
    );
    expect(judge.ratings.map(({ model }) => model)).toEqual(["m1", "m2", "m0"]);
    for (const { model, rating } of judge.ratings) {
      const i = number(model);
      expect(rating.estimate).toBeCloseTo(elo(fit.strengths[i]!), 3);
      // far from separation the interval is the one of the jackknife by prompts
      const half = (elo(fit.standardErrors[i]!) - 1000) * 1.97;
      expect(Math.abs(rating.high - rating.low - 2 * half)).toBeLessThan(0.15 * half + 0.01);
    }
  });

  test("at equal style the strengths are found although the judge likes length", () => {
    const { judge } = settled(
      { strengths: [0, 0, 0.5], prompts: 800, pairs: "all", lengthEffect: 3 },
      2,
    );
    const found = new Map(judge.ratings.map((each) => [each.model, each]));
    expect(found.get("m1")!.rating.low).toBeGreaterThan(1000);
    for (const [model, strength] of [
      ["m1", 0],
      ["m2", 0.5],
    ] as const) {
      const { low, high } = found.get(model)!.equalStyle!;
      expect(low).toBeLessThan(elo(strength));
      expect(high).toBeGreaterThan(elo(strength));
      expect(high - low).toBeLessThan(150);
    }
  });

  test("two models need none", () => {
    const field = { strengths: [0, 1], prompts: 20, pairs: "all" } as const;
    expect(settled(field, 3).judge.ratings).toEqual([]);
  });
});

describe("who is surely better", () => {
  const wins = (name: string, share: number) =>
    setOf(
      name,
      times(100, (i) => `${i < 100 * share ? "good" : "poor"} ${name} ${i}`),
    );
  const judge = judgeOf("fair", (a, b) => {
    const [x, y] = [a, b].map((text) => Number(text.startsWith("good")));
    return x === y ? 0.5 : Number(x! > y!);
  });

  test("follows the verdicts, also where every prompt is won", async () => {
    const comparison = await compareModels({
      sets: [wins("base", 0), wins("all", 1), wins("most", 0.99)],
      judges: [judge],
      options: PLAIN,
    });
    const { ratings } = comparison.judges[0]!;
    const [best, second, last] = ratings;
    expect([best, second, last].map((each) => [each!.model, each!.rank])).toEqual([
      ["all", 1],
      ["most", 1],
      ["base", 3],
    ]);
    expect(best!.unbounded).toBe("above");
    // what Wilson's interval of 100 wins in 100 says
    expect(sigmoid(((best!.rating.low - 1000) * Math.LN10) / 400)).toBeCloseTo(0.963, 2);
    const finding = comparisonFindings(comparison).findings.find(
      ({ id }) => id === "which-is-best",
    )!;
    expect(finding.answer).toBe(
      "all and most: no model is surely better than either of these, and some is than base; all " +
        "has the highest rating.",
    );
  });

  test("a judge that is fooled, or that another contradicts, rates nothing", async () => {
    const opposite = judgeOf("other", (a, b) => {
      const [x, y] = [a, b].map((text) => Number(text.startsWith("good")));
      return x === y ? 0.5 : Number(x! < y!);
    });
    const sets = [wins("base", 0), wins("new", 1), wins("newer", 0.9)];
    const rated = async (judges: (typeof judge)[], controls = false) =>
      measuresOf(
        comparisonFindings(
          await compareModels({ sets, judges, options: { ...PLAIN, controls, probes: 20 } }),
        ),
      ).filter(({ id }) => /rating|win-rate/.test(id));
    const long = judgeOf("long", (a, b) =>
      a.length === b.length ? 0.5 : Number(a.length > b.length),
    );
    for (const measures of [await rated([judge, opposite]), await rated([long], true)]) {
      expect(measures.map(({ id }) => id)).toContain("compare/new/rating");
      for (const { value } of measures) expect(value.noClaim).toBeDefined();
    }
  });
});

test.each([
  ["each against the first, near separation", [0, 3.5, 4], "baseline", 0],
  ["each against each, many ties", [0, 0.8, 0.3], "all", 0.7],
] as const)("intervals of ratings cover: %s", (_, strengths, pairs, ties) => {
  const rounds = 40;
  const found = ratingFigures({ strengths, prompts: 80, pairs, ties }, { rounds, seed: 4 });
  expect(found.contradicted).toBe(0);
  expect(found.covered).toBeGreaterThan(0.93 - 3 * Math.sqrt((0.93 * 0.07) / (2 * rounds)));
});

test("of one judge some verdict is wrong in 5%, of several in more, which is said", async () => {
  const rounds = 60;
  const most = (share: number): number => share + 3 * Math.sqrt((share * (1 - share)) / rounds);
  const found = jointErrors(
    { models: 3, judges: 4, prompts: 40, pairs: "baseline" },
    { rounds, seed: 5 },
  );
  expect(found.ofOne).toBeLessThan(most(0.05));
  expect(found.told).toBeLessThan(most(0.05));
  expect(found.ofAny).toBeLessThan(most(0.2));
  const sets = ["a", "b"].map((name) =>
    setOf(
      name,
      times(20, (i) => `${name} ${i}`),
    ),
  );
  const judges = ["x", "y", "z"].map((name) => judgeOf(name, () => 0.5));
  const { verdict } = comparisonFindings(await compareModels({ sets, judges, options: PLAIN }));
  expect(verdict.sentence).toContain(
    "The verdicts of one judge are together wrong in at most 5% of such comparisons; of 3 judges " +
      "some verdict is in up to 15%.",
  );
});
