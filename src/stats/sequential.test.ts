/** Always-valid inference: against numpy, and under looks after every observation. */
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { SequentialShare, sequentialShare } from "./sequential.ts";

const { sequential: golden } = JSON.parse(
  readFileSync(new URL("./golden/estimators.json", import.meta.url), "utf8"),
) as { sequential: { outcomes: number[]; e: number; p: number; interval: [number, number] }[] };

test("wealth, p-value and interval are those of bets multiplied out one by one", () => {
  for (const { outcomes, e, p, interval } of golden) {
    const share = sequentialShare(outcomes);
    expect(share.eValue / e).toBeCloseTo(1, 9);
    expect(share.pValue).toBeCloseTo(p, 10);
    expect(share.interval().low).toBeCloseTo(interval[0], 9);
    expect(share.interval().high).toBeCloseTo(interval[1], 9);
  }
  expect(golden).toHaveLength(3);
});

test("the interval holds the mean, ends where the wealth says, and mirrors with the outcomes", () => {
  const outcome = fc.constantFrom(0, 0.5, 1, 0.25);
  fc.assert(
    fc.property(fc.array(outcome, { minLength: 1, maxLength: 60 }), (outcomes) => {
      const share = sequentialShare(outcomes);
      const { low, high, estimate } = share.interval();
      expect(low).toBeLessThanOrEqual(estimate);
      expect(high).toBeGreaterThanOrEqual(estimate);
      const mirrored = sequentialShare(outcomes.map((value) => 1 - value));
      expect(mirrored.interval().low).toBeCloseTo(1 - high, 9);
      expect(mirrored.eValue / share.eValue).toBeCloseTo(1, 9);
      // e-values of both questions say the same as the interval
      for (const against of [0.3, 0.5, 0.7]) {
        const tested = sequentialShare(outcomes, { against });
        if (tested.eValue >= 20.001) expect(against < low || against > high).toBe(true);
        if (tested.eValue <= 19.999) expect(low <= against && against <= high).toBe(true);
      }
    }),
    { seed: 5, numRuns: 40 },
  );
});

test.each([
  ["a coin", 0.5, 0],
  ["half of them ties", 0.5, 0.5],
  ["nearly always a win", 0.97, 0],
])("%s: looking after each of 2000 observations errs in at most 5%%", (_, against, ties) => {
  const random = new Random(11);
  const rounds = 60;
  let wrong = 0;
  for (let round = 0; round < rounds; round++) {
    const share = new SequentialShare({ against });
    for (let i = 0; i < 2000; i++)
      share.add(random.chance(ties) ? 0.5 : random.chance(against) ? 1 : 0);
    if (share.pValue <= 0.05) wrong++;
  }
  // 5% in expectation at most; 9 of 60 would come by chance once in 300 even then
  expect(wrong).toBeLessThanOrEqual(8);
});

test("clusters count as their mean, in the order of their first member", () => {
  const clustered = sequentialShare([1, 0, 1, 1], { clusters: ["a", "b", "a", "b"] });
  const units = new SequentialShare().add([1, 1]).add([0, 1]);
  expect([clustered.n, clustered.eValue]).toEqual([2, units.eValue]);
  expect(units.estimate).toBe(0.75);
});

test("evidence beyond and within a margin", () => {
  const even = sequentialShare(Array.from({ length: 2000 }, (_, i) => i % 2));
  expect(even.eValueWithin(0.1)).toBeGreaterThan(1000);
  expect(even.eValueBeyond(0.1)).toBeLessThan(0.1);
  const clear = sequentialShare(Array.from({ length: 300 }, (_, i) => (i % 5 === 0 ? 0 : 1)));
  expect(clear.eValueBeyond(0.1)).toBeGreaterThan(1000);
  expect(clear.eValueWithin(0.1)).toBeLessThan(1);
  expect(() => even.eValueWithin(0.6)).toThrow(/between 0 and 0.5; got 0.6/);
});

test("what peeking costs is told: 1.7 times the width for a coin", () => {
  for (const n of [50, 1000]) {
    const { widthRatio, fixed, sequential } = sequentialShare(
      Array.from({ length: n }, (_, i) => i % 2),
    ).costOfPeeking();
    expect(widthRatio).toBeGreaterThan(1.6);
    expect(widthRatio).toBeLessThan(1.8);
    expect(sequential.low).toBeLessThan(fixed.low);
  }
});

test("nothing observed, one side only, and what is no outcome", () => {
  const none = new SequentialShare();
  expect(none.interval()).toMatchObject({ low: 0, high: 1, noClaim: "nothing observed" });
  expect([none.eValue, none.pValue, none.largestEValue].map((x) => x.toFixed(9))).toEqual(
    Array.from({ length: 3 }, () => "1.000000000"),
  );
  const wins = sequentialShare(Array.from({ length: 20_000 }, () => 1));
  expect(wins.interval()).toMatchObject({ high: 1 });
  expect(wins.interval().low).toBeGreaterThan(0.999);
  expect(wins.pValue).toBeGreaterThanOrEqual(0);
  expect(wins.eValue).toBeGreaterThan(1e300);
  const losses = sequentialShare([0, 0, 0, 0]).interval();
  expect([losses.low, losses.estimate]).toEqual([0, 0]);
  expect(() => none.add(NaN)).toThrow(/not in \[0, 1\]/);
  expect(() => none.add(1.5)).toThrow(/not in \[0, 1\]/);
  expect(() => none.add([])).toThrow(/without outcomes/);
});

test("clusters that count by their members: the share of these, and errs in at most 5%", () => {
  const sized = new SequentialShare({ largestCluster: 4 });
  sized.add([1, 1, 1, 1]).add([0]).add([0, 0.5]);
  expect(sized.estimate).toBeCloseTo(4.5 / 7, 12);
  const [low, high] = [sized.interval().low, sized.interval().high];
  expect(low).toBeLessThan(4.5 / 7);
  expect(high).toBeGreaterThan(4.5 / 7);
  expect(sized.costOfPeeking().widthRatio).toBeGreaterThan(0);
  expect(
    new SequentialShare({ largestCluster: 4 }).add(1).costOfPeeking().widthRatio,
  ).not.toBeNaN();
  // of one size they are clusters as before
  const alike = new SequentialShare({ largestCluster: 2 }).add([1, 0.5]).add([0, 1]);
  expect(alike.eValue).toBeCloseTo(sequentialShare([0.75, 0.5]).eValue, 12);
  expect(() => sized.add([1, 1, 1, 1, 1])).toThrow(/at most 4/);

  // nine clusters of one are won for each of nine that is lost: half of all members
  let [byMembers, byClusters] = [0, 0];
  for (let trial = 0; trial < 200; trial++) {
    const random = Random.for(trial, "sizes");
    const share = new SequentialShare({ largestCluster: 9 });
    const means = new SequentialShare();
    for (let unit = 0; unit < 300; unit++) {
      const members = random.uniform() < 0.9 ? [1] : Array.from({ length: 9 }, () => 0);
      share.add(members);
      means.add(members);
    }
    if (share.pValue <= 0.05) byMembers++;
    if (means.pValue <= 0.05) byClusters++;
  }
  // 10 expected at most, with their deviation
  expect(byMembers).toBeLessThanOrEqual(17);
  expect(byClusters).toBe(200);
});
