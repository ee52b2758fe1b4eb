import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { wilson } from "../stats/intervals.ts";
import { sigmoid } from "../stats/special.ts";
import type { Judge, NoJudgement } from "../training/rollout/judge.ts";
import {
  compareAnswers,
  contest,
  contestTable,
  lengthControlledWinRate,
  winRate,
} from "./pairwise.ts";
import type { Judgement } from "./pairwise.ts";
import { formatTable } from "./table.ts";
import { rateInterval, ratePValue } from "./win-rate.ts";

const judged = (outcome: number, lengths: readonly [number, number] = [10, 10]): Judgement => ({
  outcome,
  candidateLength: lengths[0],
  baselineLength: lengths[1],
});

describe("win rate", () => {
  test("ties count half, and narrow the interval; the p-value is of wins against losses", () => {
    const rate = winRate([judged(1), judged(1), judged(0.5), judged(0), judged(1)]);
    expect(rate).toMatchObject({ estimate: 0.7, n: 5, wins: 3, ties: 1, losses: 1 });
    expect(rate.pValue).toBeCloseTo(0.625, 12);
    const tied = winRate(Array.from({ length: 100 }, (_, i) => judged(i < 6 ? 1 : 0.5)));
    expect(tied.high - tied.low).toBeLessThan(wilson(53, 100).high - wilson(53, 100).low - 0.1);
    // by signs flipped 6 of 6 wins are no luck, and the interval says the same
    expect([tied.low > 0.5, tied.pValue]).toEqual([true, 2 ** -5]);
  });

  test("is the very interval and p-value of attune compare, with clusters too", () => {
    const outcomes = [1, 1, 0.5, 0.9, 0, 1, 0.5, 1, 0.7, 1, 1, 0.5];
    const clusters = outcomes.map((_, i) => Math.floor(i / 2));
    const rate = winRate(
      outcomes.map((outcome, i) => ({ ...judged(outcome), cluster: clusters[i]! })),
    );
    expect(rate).toMatchObject({
      ...rateInterval(outcomes, { clusters }),
      pValue: ratePValue(outcomes, { clusters }),
    });
  });

  test("from the other side it is the complement, raw and at equal length", () => {
    const list = fc.array(
      fc.tuple(
        fc.constantFrom(0, 0.5, 1),
        fc.integer({ min: 0, max: 99 }),
        fc.integer({ min: 0, max: 99 }),
      ),
      { minLength: 1, maxLength: 30 },
    );
    fc.assert(
      fc.property(list, (rows) => {
        const there = rows.map(([outcome, a, b]) => judged(outcome, [a, b]));
        const back = rows.map(([outcome, a, b]) => judged(1 - outcome, [b, a]));
        for (const measure of [winRate, lengthControlledWinRate]) {
          expect(measure(there).estimate).toBeCloseTo(1 - measure(back).estimate, 9);
          expect(measure(there).low).toBeCloseTo(1 - measure(back).high, 9);
        }
      }),
      { seed: 7, numRuns: 60 },
    );
  });
});

describe("at equal length", () => {
  /** A judge whose log-odds are quality + effect per hundred characters more. */
  function simulate(quality: number, effect: number, shift: number, count = 4000): Judgement[] {
    const random = Random.for(3, quality, effect, shift);
    return Array.from({ length: count }, () => {
      const difference = 100 * random.normal() + shift;
      return judged(
        random.chance(sigmoid(quality + effect * Math.tanh(difference / 100))) ? 1 : 0,
        [500 + difference, 500],
      );
    });
  }

  test("a candidate that is only longer is at 50%, although it wins", () => {
    const longer = simulate(0, 1.5, 60);
    expect(winRate(longer).low).toBeGreaterThan(0.6);
    const { estimate, low, high, lengthEffect } = lengthControlledWinRate(longer);
    expect(Math.abs(estimate - 0.5)).toBeLessThan(0.04);
    expect(low).toBeLessThan(0.5);
    expect(high).toBeGreaterThan(0.5);
    expect(lengthEffect.low).toBeGreaterThan(1);
  });

  test("real quality is kept, and where length does not matter nothing changes", () => {
    expect(
      Math.abs(lengthControlledWinRate(simulate(0.7, 1.5, 60)).estimate - sigmoid(0.7)),
    ).toBeLessThan(0.03);
    const indifferent = simulate(0.7, 0, 60);
    expect(
      Math.abs(lengthControlledWinRate(indifferent).estimate - winRate(indifferent).estimate),
    ).toBeLessThan(0.02);
  });

  test("the interval covers the truth about 95 times in 100", () => {
    const random = new Random(8);
    let covered = 0;
    const rounds = 400;
    for (let round = 0; round < rounds; round++) {
      const sample = Array.from({ length: 150 }, () => {
        const difference = random.normal() + 0.5;
        return judged(random.chance(sigmoid(0.4 + Math.tanh(difference))) ? 1 : 0, [difference, 0]);
      });
      const { low, high } = lengthControlledWinRate(sample);
      if (low <= sigmoid(0.4) && sigmoid(0.4) <= high) covered++;
    }
    expect(covered / rounds).toBeGreaterThan(0.92);
    expect(covered / rounds).toBeLessThan(0.98);
  });

  test.each([
    ["equal", [8, 8, 8, 8, 8, 8]],
    ["one half", [36, 6, 6, 6, 6, 6, 6]],
    ["three", [4, 8, 12]],
  ])(
    "few groups: raw and at equal length at least 95 times in 100, and the test rejects at most 5: %s",
    (_, sizes) => {
      const random = new Random(9);
      const covered = { raw: 0, equalLength: 0, rejected: 0 };
      const rounds = 300;
      for (let round = 0; round < rounds; round++) {
        // Half of the judgements of a person follow one mood.
        const sample = sizes.flatMap((size, cluster) => {
          const mood = random.uniform();
          return Array.from({ length: size }, () => {
            const difference = random.normal();
            const draw = random.chance(0.5) ? mood : random.uniform();
            return {
              ...judged(draw < sigmoid(Math.tanh(difference)) ? 1 : 0, [difference, 0]),
              cluster,
            };
          });
        });
        const holds = ({ low, high }: { low: number; high: number }): number =>
          low <= 0.5 && 0.5 <= high ? 1 : 0;
        const raw = winRate(sample);
        covered.raw += holds(raw);
        covered.equalLength += holds(lengthControlledWinRate(sample));
        if (raw.pValue < 0.05) covered.rejected++;
      }
      for (const count of [covered.raw, covered.equalLength])
        expect(count / rounds).toBeGreaterThan(0.93);
      expect(covered.rejected / rounds).toBeLessThan(0.08);
    },
  );

  test("all won: the interval is that of the share, at equal length too; two people allow no claim", () => {
    const won = Array.from({ length: 10 }, (_, i) => judged(1, [i % 3, 1]));
    expect(lengthControlledWinRate(won).low).toBeLessThan(0.75);
    expect(winRate(won)).toMatchObject({
      low: rateInterval([...won.keys()].map(() => 1)).low,
      high: 1,
    });
    const two = won.map((judgement, i) => ({ ...judgement, cluster: i % 2 }));
    for (const { low, high, noClaim } of [winRate(two), lengthControlledWinRate(two)])
      expect([low, high, noClaim]).toEqual([0, 1, "2 independent groups"]);
    expect(winRate(two).pValue).toBe(0.5);
  });

  test("without differences of length the effect is unknown; winning everything stays finite", () => {
    const same = lengthControlledWinRate([judged(1), judged(1), judged(0)]);
    expect(same.lengthEffect).toMatchObject({ estimate: NaN, low: -Infinity, high: Infinity });
    expect(Math.abs(same.estimate - 2 / 3)).toBeLessThan(0.01);
    const all = lengthControlledWinRate(Array.from({ length: 30 }, (_, i) => judged(1, [i, 0])));
    expect(all.estimate).toBeGreaterThan(0.85);
    expect(Number.isFinite(all.lengthEffect.estimate)).toBe(true);
    expect(lengthControlledWinRate([])).toMatchObject({
      estimate: NaN,
      noClaim: "nothing observed",
    });
    expect(winRate([])).toMatchObject({ estimate: NaN, pValue: NaN, noClaim: "nothing observed" });
    expect(() => lengthControlledWinRate([judged(1, [NaN, 0])])).toThrow(/not finite/);
  });
});

/** Who answers at once, by what is shown. */
const judge = (compare: (first: string, second: string) => number | NoJudgement): Judge => ({
  name: "mock",
  compare: async (_prompt, first, second) => compare(first, second),
});

describe("judging", () => {
  const prompts = ["p1", "p2", "p3", "p4"];
  const input = {
    prompts,
    candidate: ["good", "good", "bad", "same"],
    baseline: ["bad", "bad", "good", "same"],
  };
  const fair = judge((first) => (first === "good" ? 1 : 0));

  test("both orders are asked; equal answers are a tie, unasked", async () => {
    let asked = 0;
    const counted: Judge = { ...fair, compare: (...pair) => (asked++, fair.compare(...pair)) };
    const { judgements, positionBias, flipped, refused } = await compareAnswers({
      ...input,
      judge: counted,
    });
    expect(judgements.map(({ outcome }) => outcome)).toEqual([1, 1, 0, 0.5]);
    expect([asked, positionBias, flipped.estimate, refused]).toEqual([6, 0, 0, []]);
  });

  test("swapping the answers turns the outcome; several questions at once change nothing", async () => {
    const soft = judge((first, second) => 0.6 + 0.1 * (first.length - second.length));
    const there = await compareAnswers({ ...input, judge: soft });
    const back = await compareAnswers({
      ...input,
      candidate: input.baseline,
      baseline: input.candidate,
      judge: { ...soft, concurrency: 3 },
    });
    expect(there.judgements.map(({ outcome }) => outcome)).toEqual(
      [0.6, 0.6, 0.4, 0.5].map((value) => expect.closeTo(value, 12) as number),
    );
    expect(back.judgements.map(({ outcome }) => 1 - outcome)).toEqual(
      there.judgements.map(({ outcome }) => expect.closeTo(outcome, 12) as number),
    );
    expect([there.positionBias, back.positionBias]).toEqual([
      expect.closeTo(0.1, 12),
      expect.closeTo(0.1, 12),
    ]);
  });

  test("a judge that takes whatever comes first gives ties, and is found out", async () => {
    const { judgements, positionBias, flipped } = await compareAnswers({
      ...input,
      judge: judge(() => 1),
    });
    expect(judgements.every(({ outcome }) => outcome === 0.5)).toBe(true);
    expect([positionBias, flipped.estimate]).toEqual([0.5, 0.75]);
  });

  test("what the judge has no opinion on is left out, with its cluster", async () => {
    const picky = judge((first, second) =>
      `${first}${second}`.includes("bad") ? { refused: "too bad" } : 1,
    );
    const result = await compareAnswers({
      ...input,
      candidate: ["good", "good", "fine", "same"],
      baseline: ["bad", "fine", "good", "same"],
      judge: picky,
      clusters: ["a", "b", "c", "c"],
    });
    expect(result.judgements.map(({ cluster, outcome }) => [cluster, outcome])).toEqual([
      ["b", 0.5],
      ["c", 0.5],
      ["c", 0.5],
    ]);
    expect([result.refused, result.flipped.n]).toEqual([["too bad"], 3]);
    const entries = await contest({
      prompts,
      candidates: { mine: ["good", "good", "fine", "same"] },
      baseline: ["bad", "fine", "good", "same"],
      judge: picky,
    });
    expect(contestTable(entries, "SFT").note).toContain("No opinion on 3 pairs");
  });

  test("controls show a judge that can be gamed", async () => {
    const random = new Random(5);
    const many = Array.from({ length: 80 }, (_, i) => `prompt ${i}`);
    const words = (): string => "word ".repeat(1 + random.integer(8)).trim();
    const [candidate, baseline] = [many.map(words), many.map(words)];
    const byLength = judge((first, second) =>
      first.length === second.length ? 0.5 : first.length > second.length ? 1 : 0,
    );
    const entries = await contest({
      prompts: many,
      candidates: { mine: candidate },
      baseline,
      judge: byLength,
    });
    expect(entries.map(({ name, control }) => [name, control])).toEqual([
      ["mine", false],
      ["constant answer", true],
      ["longest answer", true],
    ]);
    expect(entries[1]!.raw.low).toBeGreaterThan(0.9);
    expect(entries[2]!.raw.estimate).toBeGreaterThan(entries[0]!.raw.high);
    expect(formatTable(contestTable(entries, "SFT"))).toMatch(/constant answer \(control\)/);
  });

  test("a judge that answers with anything but a probability stops the comparison", async () => {
    await expect(compareAnswers({ ...input, judge: judge(() => NaN) })).rejects.toThrow(
      /the judge mock says is no probability/,
    );
    await expect(
      compareAnswers({ ...input, judge: judge(() => ({ refused: "no room" })) }),
    ).rejects.toThrow(/judges no pair of 3[^]*no room/);
    await expect(compareAnswers({ ...input, candidate: ["one"], judge: fair })).rejects.toThrow(
      /4 prompts, but a list of 1/,
    );
    await expect(
      compareAnswers({ ...input, judge: fair, signal: AbortSignal.abort() }),
    ).rejects.toThrow();
  });
});
