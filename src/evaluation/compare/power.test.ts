import { describe, expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import { comparisonsForShare } from "../../stats/power.ts";
import { rateInterval } from "../win-rate.ts";
import { powerFigures } from "./power.ts";

const outcomes = (wins: number, ties: number, losses: number): number[] => [
  ...Array.from({ length: wins }, () => 1),
  ...Array.from({ length: ties }, () => 0.5),
  ...Array.from({ length: losses }, () => 0),
];

describe("what so many prompts can show", () => {
  test("coins: about as the formula for shares says", () => {
    const { detectable, more, moreIfHalf, forFiftyFive } = powerFigures(outcomes(52, 0, 48), {
      alpha: 0.05,
      found: false,
    });
    // 2.80 / 20 = 0.14
    expect(detectable).toBeCloseTo(0.64, 2);
    expect(Math.abs(more! + 100 - comparisonsForShare(0.52))).toBeLessThan(60);
    expect(moreIfHalf! / more!).toBeCloseTo(4, 0);
    expect(Math.abs(forFiftyFive - comparisonsForShare(0.55))).toBeLessThan(3);
  });

  test("ties tell more for their number, clusters less; found is found, a tie is never", () => {
    const tied = powerFigures(outcomes(26, 50, 24), { alpha: 0.05, found: false });
    expect(tied.detectable!).toBeCloseTo(0.6, 2);
    const clusters = Array.from({ length: 100 }, (_, i) => Math.floor(i / 10));
    const grouped = powerFigures(outcomes(52, 0, 48), { alpha: 0.05, found: false, clusters });
    expect(grouped.detectable!).toBeGreaterThan(0.8);
    expect(powerFigures(outcomes(90, 0, 10), { alpha: 0.05, found: true }).more).toBe(0);
    const even = powerFigures(outcomes(50, 0, 50), { alpha: 0.05, found: false });
    expect([even.more, even.moreIfHalf]).toEqual([undefined, undefined]);
    expect(powerFigures([1, 0, 1], { alpha: 0.05, found: false }).detectable).toBeUndefined();
  });

  test.each([
    ["9 of 10 won", 90, 0, 10],
    ["all won", 120, 0, 0],
    ["half won, half tied", 60, 60, 0],
    ["most tied, few lost", 20, 75, 5],
  ])("what is promised is kept, whatever was seen: %s", (_, wins, ties, losses) => {
    const n = wins + ties + losses;
    const { detectable, forFiftyFive } = powerFigures(outcomes(wins, ties, losses), {
      alpha: 0.05,
      found: true,
    });
    const found = (rate: number, prompts: number): number =>
      shareFound({ rate, prompts, ties: ties / n });
    expect(Math.abs(found(detectable!, n) - 0.8)).toBeLessThan(0.07);
    expect(Math.abs(found(0.55, forFiftyFive) - 0.8)).toBeLessThan(0.05);
  });
});

/** How often prompts with a true win rate show that it is not a half; as many ties as was seen. */
function shareFound({
  rate,
  prompts,
  ties,
}: {
  rate: number;
  prompts: number;
  ties: number;
}): number {
  const rounds = 500;
  const tied = Math.min(ties, 1 - 2 * Math.abs(rate - 0.5));
  let found = 0;
  for (let round = 0; round < rounds; round++) {
    const random = Random.for(5, "power", round);
    const drawn = Array.from({ length: prompts }, () =>
      random.chance(tied) ? 0.5 : random.chance((rate - tied / 2) / (1 - tied)) ? 1 : 0,
    );
    if (rateInterval(drawn).low > 0.5) found++;
  }
  return found / rounds;
}
