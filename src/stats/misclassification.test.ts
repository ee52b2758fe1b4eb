/** A share measured by a detector that errs: against the paper's equations, and coverage. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { correctedShare, correctedShareOfCases } from "./misclassification.ts";

const { corrected: golden } = JSON.parse(
  readFileSync(new URL("./golden/estimators.json", import.meta.url), "utf8"),
) as {
  corrected: {
    counts: [number, number, number, number, number, number];
    uncut: number;
    interval: [number, number];
  }[];
};

const of = (share: number, n: number): { share: number; n: number } => ({ share: share / n, n });

test("estimate and interval are Lang and Reiczigel's, within [0, 1]", () => {
  for (const { counts, uncut, interval } of golden) {
    const [positives, tested, hits, ill, passed, well] = counts;
    const found = correctedShare({
      flagged: of(positives, tested),
      sensitivity: of(hits, ill),
      specificity: of(passed, well),
    });
    expect(found.uncut).toBeCloseTo(uncut, 12);
    expect(found.estimate).toBeCloseTo(Math.max(0, Math.min(1, uncut)), 12);
    expect(found.low).toBeCloseTo(Math.min(interval[0], found.estimate), 12);
    expect(found.high).toBeCloseTo(Math.max(interval[1], found.estimate), 12);
  }
  expect(golden).toHaveLength(5);
});

test.each([
  [0, 0.9, 0.9, 30],
  [0.05, 0.8, 0.97, 30],
  [0.5, 0.7, 0.9, 30],
  [0.95, 0.95, 0.6, 60],
  [1, 1, 1, 20],
])("share %d, sensitivity %d, specificity %d, %d labelled of each: covers", (p, se, sp, m) => {
  const random = Random.for(2, "corrected", String(p), m);
  const count = (n: number, share: number): { share: number; n: number } => {
    let k = 0;
    for (let i = 0; i < n; i++) if (random.chance(share)) k++;
    return of(k, n);
  };
  let [covered, claimed] = [0, 0];
  for (let round = 0; round < 600; round++) {
    const found = correctedShare({
      flagged: count(100, p * se + (1 - p) * (1 - sp)),
      sensitivity: count(m, se),
      specificity: count(m, sp),
    });
    if (found.noClaim !== undefined) continue;
    claimed++;
    if (found.low <= p && p <= found.high) covered++;
  }
  expect(claimed).toBeGreaterThan(500);
  expect(covered / claimed).toBeGreaterThan(0.92);
});

test("an interval has a width or says why it tells nothing, whatever was counted", () => {
  const counts = [0, 0.3, 0.5, 0.9, 1];
  let silent = 0;
  for (const flagged of [0, 0.02, 0.3, 0.7, 0.98, 1])
    for (const n of [5, 100, 100_000])
      for (const labels of [3, 15, 1000])
        for (const sensitivity of counts)
          for (const specificity of counts) {
            const found = correctedShare({
              flagged: { share: flagged, n },
              sensitivity: { share: sensitivity, n: labels },
              specificity: { share: specificity, n: labels },
            });
            expect(Number.isNaN(found.low + found.high + found.estimate)).toBe(false);
            if (found.noClaim === undefined) expect(found.high - found.low).toBeGreaterThan(1e-5);
            else silent++;
          }
  expect(silent).toBeGreaterThan(100);
  // a detector that flags 3 of 10 others flags nothing here
  expect(
    correctedShare({ flagged: of(0, 1000), sensitivity: of(90, 100), specificity: of(70, 100) }),
  ).toMatchObject({
    low: 0,
    high: 1,
    noClaim: expect.stringContaining("not like the cases") as string,
  });
});

test("of cases in clusters each part counts what it is worth", () => {
  const flags = [1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1];
  const cases = {
    flags,
    labelledFlags: [1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    truths: Array.from({ length: 16 }, (_, i) => i < 8),
  };
  const plain = correctedShareOfCases(cases);
  expect(plain).toMatchObject({ n: 16, sensitivity: 7 / 8, specificity: 7 / 8, flagged: 7 / 16 });
  const counted = correctedShare({
    flagged: of(7, 16),
    sensitivity: of(7, 8),
    specificity: of(7, 8),
  });
  expect([plain.low, plain.high]).toEqual([counted.low, counted.high]);
  const alike = Array.from({ length: 64 }, (_, i) => (i % 16 < 6 ? 1 : 0));
  const apart = correctedShareOfCases({ ...cases, flags: alike });
  const groups = correctedShareOfCases({
    ...cases,
    flags: alike,
    clusters: alike.map((flag, i) => `${flag} ${i % 16}`),
  });
  expect(groups.high - groups.low).toBeGreaterThan(1.1 * (apart.high - apart.low));
  expect(correctedShareOfCases({ ...cases, clusters: flags.map((_, i) => i % 2) })).toMatchObject({
    low: 0,
    high: 1,
    noClaim: "2 independent groups",
  });
});

test("a detector that tells nothing, or of which nothing is known, allows no claim", () => {
  const [flagged, good] = [of(30, 100), of(45, 50)];
  const none = { share: NaN, n: 0 };
  for (const [parts, why] of [
    [{ flagged, sensitivity: of(10, 50), specificity: of(35, 50) }, /no better than guessing/],
    [{ flagged, sensitivity: none, specificity: good }, /no labelled example where it happened/],
    [{ flagged, sensitivity: good, specificity: none }, /where it did not happen/],
    [{ flagged: none, sensitivity: good, specificity: good }, /nothing observed/],
    [{ flagged, sensitivity: of(65, 100), specificity: of(2, 4) }, /too few labelled examples/],
  ] as const)
    expect(correctedShare(parts)).toMatchObject({
      estimate: parts.flagged.share,
      low: 0,
      high: 1,
      noClaim: expect.stringMatching(why) as string,
    });
  expect(() => correctedShare({ flagged: of(4, 3), sensitivity: good, specificity: good })).toThrow(
    /flagged is no share/,
  );
});
