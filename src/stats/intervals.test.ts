import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { clopperPearson, meanInterval, shareInterval, wilson } from "./intervals.ts";
import { clusteredMean } from "./clusters.ts";

// Golden numbers: statsmodels 0.15.0 proportion_confint, scipy 1.17.1 t.interval and sem. Clusters:
// clusters.test.ts.

describe("shares", () => {
  test("Wilson's interval equals statsmodels'", () => {
    for (const [k, n, confidence, low, high] of [
      [55, 100, 0.95, 0.45244602997442135, 0.6438546202048803],
      [0, 20, 0.95, 0, 0.16112515805281938],
      [10, 10, 0.95, 0.7224672001371107, 1],
      [7, 9, 0.99, 0.36453041217234045, 0.9552670337329567],
      [403, 805, 0.9, 0.47168091200062967, 0.529557162948966],
    ] as const) {
      const interval = wilson(k, n, confidence);
      expect(interval.low).toBeCloseTo(low, 13);
      expect(interval.high).toBeCloseTo(high, 13);
      expect(interval).toMatchObject({ estimate: k / n, n });
    }
  });

  test("the exact interval equals statsmodels'", () => {
    for (const [k, n, confidence, low, high] of [
      [55, 100, 0.95, 0.44728018877393605, 0.6496797707603279],
      [0, 20, 0.95, 0, 0.1684334709830853],
      [7, 9, 0.99, 0.30739364923145623, 0.9878764109193773],
    ] as const) {
      const interval = clopperPearson(k, n, confidence);
      expect(interval.low).toBeCloseTo(low, 12);
      expect(interval.high).toBeCloseTo(high, 12);
    }
  });

  test("nothing observed means nothing known; impossible counts are refused", () => {
    expect(wilson(0, 0)).toEqual({
      estimate: NaN,
      low: 0,
      high: 1,
      n: 0,
      noClaim: "nothing observed",
    });
    for (const bad of [
      () => wilson(3, 2),
      () => wilson(-1, 2),
      () => wilson(NaN, 2),
      () => wilson(1, 2, 95),
    ])
      expect(bad).toThrow(RangeError);
  });

  test("symmetric in successes and failures, inside [0, 1], around the estimate, narrower with more data", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom(0.8, 0.95, 0.99),
        (n, share, confidence) => {
          const k = Math.round(share * n);
          const [interval, mirror] = [wilson(k, n, confidence), wilson(n - k, n, confidence)];
          expect(interval.low).toBeCloseTo(1 - mirror.high, 12);
          expect(interval.low).toBeGreaterThanOrEqual(0);
          expect(interval.high).toBeLessThanOrEqual(1);
          expect(interval.low).toBeLessThanOrEqual(interval.estimate);
          expect(interval.high).toBeGreaterThanOrEqual(interval.estimate);
          const wider = wilson(4 * k, 4 * n, confidence);
          expect(wider.high - wider.low).toBeLessThan(interval.high - interval.low);
        },
      ),
      { seed: 2 },
    );
  });

  test("Wilson's interval covers the truth about 95 times in 100, also for rare events", () => {
    // The coverage is summed exactly over all outcomes; its mean over shares is Wilson's known
    // strength.
    for (const n of [15, 60]) {
      let total = 0;
      const shares = Array.from({ length: 97 }, (_, i) => 0.02 + i * 0.01);
      for (const share of shares) {
        let probability = (1 - share) ** n;
        for (let k = 0; k <= n; k++) {
          const { low, high } = wilson(k, n);
          if (low <= share && share <= high) total += probability;
          probability *= ((n - k) / (k + 1)) * (share / (1 - share));
        }
      }
      expect(total / shares.length).toBeGreaterThan(0.94);
      expect(total / shares.length).toBeLessThan(0.965);
    }
  });
});

describe("shares of soft or clustered observations", () => {
  const answers = [1, 0, 1, 1, 0.5, 1, 0, 1];

  test("plain ones are Wilson's; clusters widen, and copies bring nothing", () => {
    expect(shareInterval(answers)).toEqual(wilson(5.5, 8));
    const twice = [...answers, ...answers];
    const labels = twice.map((_, i) => i % 8);
    const [copied, once] = [
      shareInterval(twice, { clusters: labels }),
      shareInterval(answers, { clusters: answers.map((_, i) => i) }),
    ];
    expect(copied.low).toBeCloseTo(once.low, 1);
    expect(copied.low).toBeLessThan(shareInterval(twice).low);
    expect(copied.n).toBe(16);
  });

  test("where nothing varies, each cluster counts once", () => {
    const values = [1, 1, 1, 1, 1, 1, 1, 1];
    const all = shareInterval(values, { clusters: ["a", "a", "a", "b", "b", "b", "c", "c"] });
    // Sizes 3, 3 and 2 are worth 64 / 22 equal clusters.
    expect(all).toMatchObject({
      low: clopperPearson(64 / 22, 64 / 22).low,
      high: 1,
      estimate: 1,
      n: 8,
    });
    const two = shareInterval(values, { clusters: values.map((_, i) => i % 2) });
    expect(two).toEqual({ estimate: 1, low: 0, high: 1, n: 8, noClaim: "2 independent groups" });
    expect(() => shareInterval([1.2])).toThrow(/lie in \[0, 1\]/);
    expect(shareInterval([])).toMatchObject({ low: 0, high: 1 });
  });

  test("covers a rare, strongly clustered event", () => {
    const random = new Random(12);
    let [covered, naive] = [0, 0];
    const rounds = 1500;
    for (let round = 0; round < rounds; round++) {
      // 60 clusters of 4; within a cluster all agree: true share 0.1.
      const clusters = Array.from({ length: 240 }, (_, i) => i >> 2);
      const draws = Array.from({ length: 60 }, () => (random.chance(0.1) ? 1 : 0));
      const values = clusters.map((label) => draws[label]!);
      const [good, bad] = [shareInterval(values, { clusters }), shareInterval(values)];
      if (good.low <= 0.1 && 0.1 <= good.high) covered++;
      if (bad.low <= 0.1 && 0.1 <= bad.high) naive++;
    }
    expect(covered / rounds).toBeGreaterThan(0.93);
    expect(covered / rounds).toBeLessThan(0.985);
    expect(naive / rounds).toBeLessThan(0.8);
  });
});

describe("means", () => {
  const values = [1.5, 2.25, -0.5, 3, 4.75, 2, 0.25, 1];

  test("equal scipy's, plain", () => {
    const plain = meanInterval(values);
    expect(plain.estimate).toBe(1.78125);
    expect(plain.standardError).toBeCloseTo(0.5794807943939372, 13);
    expect(plain.low).toBeCloseTo(0.41099566024384426, 12);
    expect(plain.high).toBeCloseTo(3.1515043397561557, 12);
  });

  test("clusters of one are no clusters; copied rows do not narrow a clustered interval", () => {
    expect(
      clusteredMean(
        values,
        values.map((_, i) => i),
      ).standardError,
    ).toBeCloseTo(meanInterval(values).standardError, 13);
    const copied = meanInterval([...values, ...values], {
      clusters: [...values, ...values].map((_, i) => i % values.length),
    });
    expect(copied.standardError).toBeCloseTo(meanInterval(values).standardError, 13);
  });

  test("one value, or one cluster, says nothing about the spread", () => {
    expect(meanInterval([3])).toMatchObject({ estimate: 3, low: -Infinity, high: Infinity });
    expect(meanInterval(values, { clusters: values.map(() => "a") })).toMatchObject({
      low: -Infinity,
      high: Infinity,
    });
    expect(() => meanInterval([1, NaN])).toThrow(/number 2 of 2 is not finite/);
    expect(() => meanInterval([1, 2], { clusters: ["a"] })).toThrow(RangeError);
  });

  test("the interval covers the truth about 95 times in 100, with clusters too", () => {
    const random = new Random(3);
    const covered = { plain: 0, clustered: 0, naive: 0 };
    const rounds = 2000;
    const inside = ({ low, high }: { low: number; high: number }): number =>
      low <= 2 && 2 <= high ? 1 : 0;
    for (let round = 0; round < rounds; round++) {
      covered.plain += inside(meanInterval(Array.from({ length: 8 }, () => 2 + random.normal())));
      const labels = Array.from({ length: 60 }, (_, i) => i % 20);
      const shift = Array.from({ length: 20 }, () => random.normal());
      const sample = labels.map((label) => 2 + shift[label]! + 0.5 * random.normal());
      covered.clustered += inside(meanInterval(sample, { clusters: labels }));
      covered.naive += inside(meanInterval(sample));
    }
    for (const count of [covered.plain, covered.clustered]) {
      expect(count / rounds).toBeGreaterThan(0.935);
      expect(count / rounds).toBeLessThan(0.965);
    }
    expect(covered.naive / rounds).toBeLessThan(0.85);
  });
});
