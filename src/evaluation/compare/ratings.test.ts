import { describe, expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import { elo, fitBradleyTerry } from "../../stats/bradley-terry.ts";
import { sigmoid } from "../../stats/special.ts";
import type { PairJudgements } from "./comparison.ts";
import type { MatchedAnswers } from "./match.ts";
import { modelRatings } from "./ratings.ts";

/** Judgements of three models with the given strengths, by a judge that also likes length. */
function drawn(
  strengths: readonly number[],
  { prompts, lengthEffect = 0, seed }: { prompts: number; lengthEffect?: number; seed: number },
): { matched: MatchedAnswers; pairs: PairJudgements[] } {
  const random = new Random(seed);
  const names = strengths.map((_, model) => `m${model}`);
  const lengths = Array.from({ length: prompts }, () =>
    strengths.map((_, model) => 200 + 150 * model + random.integer(200)),
  );
  const pairs: PairJudgements[] = [];
  for (let baseline = 0; baseline < names.length; baseline++)
    for (let candidate = baseline + 1; candidate < names.length; candidate++)
      pairs.push({
        candidate: names[candidate]!,
        baseline: names[baseline]!,
        refused: [],
        judgements: lengths.map((each, prompt) => {
          const [a, b] = [each[candidate]!, each[baseline]!];
          const p = sigmoid(
            strengths[candidate]! - strengths[baseline]! + (lengthEffect * (a - b)) / (a + b + 1),
          );
          const outcome = random.chance(p) ? 1 : 0;
          return { prompt, shownFirst: outcome, shownSecond: outcome };
        }),
      });
  return {
    pairs,
    matched: {
      names,
      notes: [],
      prompts: lengths.map((each, i) => ({
        prompt: `p${i}`,
        key: `p${i}`,
        answers: each.map((length) => ({ prompt: `p${i}`, text: "x".repeat(length) })),
      })),
    },
  };
}

describe("ratings", () => {
  test("are Bradley-Terry's strengths on Elo's scale, with errors by prompt", () => {
    const { matched, pairs } = drawn([0, 0.8, 0.3], { prompts: 200, seed: 1 });
    const number = (name: string): number => matched.names.indexOf(name);
    const fit = fitBradleyTerry(
      pairs.flatMap(({ candidate, baseline, judgements }) =>
        judgements.map(({ prompt, shownFirst }) => ({
          a: number(candidate),
          b: number(baseline),
          outcome: shownFirst,
          cluster: `prompt p${prompt}`,
        })),
      ),
      3,
    );
    const ratings = modelRatings(pairs, matched, 0.95);
    expect(ratings.map(({ model }) => model)).toEqual(["m1", "m2", "m0"]);
    for (const { model, rating } of ratings) {
      const i = number(model);
      expect(rating.estimate).toBeCloseTo(elo(fit.strengths[i]!), 6);
      const half = (elo(fit.standardErrors[i]!) - 1000) * 1.97;
      expect(rating.high - rating.estimate).toBeCloseTo(half, -0.5);
    }
  });

  test("at equal style the strengths are found although the judge likes length", () => {
    const { matched, pairs } = drawn([0, 0, 0.5], { prompts: 1500, lengthEffect: 3, seed: 2 });
    const found = new Map(modelRatings(pairs, matched, 0.95).map((each) => [each.model, each]));
    expect(found.get("m1")!.rating.low).toBeGreaterThan(1000);
    for (const [model, strength] of [
      ["m1", 0],
      ["m2", 0.5],
    ] as const) {
      const { low, high } = found.get(model)!.equalStyle!;
      expect(low).toBeLessThan(elo(strength));
      expect(high).toBeGreaterThan(elo(strength));
      expect(high - low).toBeLessThan(100);
    }
  });

  test("two models need none", () => {
    const { matched, pairs } = drawn([0, 1], { prompts: 20, seed: 3 });
    expect(modelRatings(pairs, matched, 0.95)).toEqual([]);
  });
});
