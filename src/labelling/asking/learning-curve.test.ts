/** The learning curve: the law through points, and what is not claimed. */
import { describe, expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import type { CurveMeasurement } from "./learning-curve.ts";
import { fit, learningCurve } from "./learning-curve.ts";

const SIZES = [50, 100, 200, 400];

/** Models whose held-out answers are right with the law's probability. */
function measured(law: (labels: number) => number, pairs: number, seed: number) {
  return SIZES.map((labels): CurveMeasurement => ({
    labels,
    right: Array.from({ length: 3 }, (_, member) =>
      Array.from({ length: pairs }, (_, pair) =>
        Random.for(seed, labels, member, pair).chance(law(labels)) ? 1 : 0,
      ),
    ),
  }));
}
const prompts = (pairs: number): string[] => Array.from({ length: pairs }, (_, i) => `p${i}`);
const rising = (labels: number): number => 1 - 0.1 - 2 * labels ** -0.5;

describe("the law", () => {
  test("goes through points that follow one", () => {
    const law = fit(SIZES, SIZES.map(rising));
    for (const labels of [50, 400, 900]) expect(law(labels)).toBeCloseTo(rising(labels), 9);
  });

  test("is flat where accuracy falls, and never above 1", () => {
    const law = fit(SIZES, [0.8, 0.78, 0.75, 0.7]);
    expect(law(10_000)).toBeCloseTo(law(50), 12);
    const steep = fit(SIZES, [0.5, 0.9, 0.99, 1]);
    expect(steep(1e6)).toBeLessThanOrEqual(1);
  });
});

describe("a curve", () => {
  const holds = "tells what a further hundred buys, with an interval that holds it";
  test(holds, { tags: ["dear"] }, () => {
    const options = { clusters: prompts(800), confidence: 0.95 };
    const truth = rising(500) - rising(400);
    let held = 0;
    for (let seed = 0; seed < 20; seed++) {
      const { gains, points } = learningCurve(measured(rising, 800, seed), { ...options, seed });
      const { low, high } = gains[0]!.gain;
      if (low <= truth && truth <= high) held++;
      expect(points.map(({ labels }) => labels)).toEqual(SIZES);
      expect(low).toBeLessThanOrEqual(high);
    }
    expect(held).toBeGreaterThanOrEqual(17);
  });

  test("says that nothing can be told where models do not get better", () => {
    const { noClaim, gains } = learningCurve(
      measured(() => 0.6, 100, 1),
      {
        clusters: prompts(100),
        confidence: 0.95,
        seed: 1,
      },
    );
    expect(gains[0]!.gain.low).toBeLessThanOrEqual(0);
    expect(noClaim).toContain("cannot be told");
  });

  test("claims nothing of few prompts, and fits nothing to few sizes", () => {
    const few = learningCurve(measured(rising, 9, 1), {
      clusters: prompts(9),
      confidence: 0.95,
      seed: 1,
    });
    expect(few.noClaim).toContain("9 held-out prompts are too few");
    expect(few.points[0]!.accuracy).toMatchObject({ low: 0, high: 1 });
    expect(few.gains).toEqual([]);
    const short = learningCurve(measured(rising, 100, 1).slice(2), {
      clusters: prompts(100),
      confidence: 0.95,
      seed: 1,
    });
    expect(short.gains).toEqual([]);
    expect(short.noClaim).toContain("3 numbers of labels");
  });

  test("knows less where held-out pairs share their prompts", () => {
    const own = measured(rising, 400, 2);
    const shared = own.map(({ labels, right }) => ({
      labels,
      right: right.map((model) => model.map((_, pair) => model[pair - (pair % 20)]!)),
    }));
    const clusters = prompts(400).map((_, pair) => `p${pair - (pair % 20)}`);
    const [wide, narrow] = [
      learningCurve(shared, { clusters, confidence: 0.95, seed: 1 }),
      learningCurve(own, { clusters: prompts(400), confidence: 0.95, seed: 1 }),
    ].map(({ points }) => points[3]!.accuracy.high - points[3]!.accuracy.low);
    expect(wide!).toBeGreaterThan(2 * narrow!);
  });
});
