/**
 * How often estimators are wrong, by simulation where the truth is known.
 *
 * @module-tag dear
 */
import { expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { plausibleShareDifference, plausibleWinRate } from "./equivalence.ts";
import { selective } from "./selective.ts";
import { SequentialShare } from "./sequential.ts";
import { sigmoid } from "./special.ts";

test.each([
  ["prompts of their own", 1, 0.1, 0],
  ["clusters of five", 5, 0.3, 0.2],
  ["clusters of five, of which few differ and in one direction", 5, 0.05, 0],
])("where the truth is at the margin, equality is claimed in at most 5%%: %s", (_, size, p, m) => {
  const random = new Random(8);
  const rounds = 500;
  let [shares, wins] = [0, 0];
  const clusters = Array.from({ length: 200 }, (_, i) => Math.floor(i / size));
  for (let round = 0; round < rounds; round++) {
    // the observations of a cluster share half of their draws
    const own = clusters.map(() => random.uniform());
    const u = clusters.map((group) => (random.chance(0.5) ? own[group]! : random.uniform()));
    const [a, b] = [u.map((x) => x < p), u.map((x) => x > 1 - m)];
    // by which equality is judged
    const found = plausibleShareDifference(a, b, { clusters });
    if (found.high < p - m && found.low > m - p) shares++;
    const outcomes = u.map((x) => (x < 0.45 ? 1 : x < 0.75 ? 0.5 : 0));
    const rate = plausibleWinRate(outcomes, { clusters });
    if (rate.high < 0.6 && rate.low > 0.4) wins++;
  }
  // 5%, and three standard errors of so many rounds
  expect(shares / rounds).toBeLessThan(0.08);
  expect(wins / rounds).toBeLessThan(0.08);
});

test.each([
  ["a coin", 0.5, 0, 1],
  ["half of them ties", 0.5, 0.5, 1],
  ["rarely a win", 0.02, 0, 1],
  ["clusters of three, by their mean", 0.5, 0.2, 3],
])("%s: looking after each of 2000 units errs in at most 5%%", (_, against, ties, size) => {
  const random = new Random(17);
  const rounds = 400;
  let [wrong, missed] = [0, 0];
  const outcome = (): number => (random.chance(ties) ? 0.5 : random.chance(against) ? 1 : 0);
  for (let round = 0; round < rounds; round++) {
    const share = new SequentialShare({ against });
    let last = 0;
    for (let i = 0; i < 2000; i++) {
      const shared = outcome();
      share.add(
        Array.from({ length: size }, (__, k) =>
          k === 0 || random.chance(0.5) ? shared : outcome(),
        ),
      );
      last = share.pValue;
    }
    if (last <= 0.05) wrong++;
    const { low, high } = share.interval();
    if (against < low || against > high) missed++;
  }
  // 5%, and three standard errors of so many rounds
  expect(wrong / rounds).toBeLessThan(0.083);
  expect(missed).toBeLessThanOrEqual(wrong);
});

test.each([
  ["one of three wrong", 1, 0.152, 0.095],
  ["one of fifteen wrong", 3, 0.0267, 0.0235],
])("areas under risk and coverage are covered: %s", (_, level, area, excess) => {
  const random = new Random(19);
  const rounds = 120;
  let [areas, excesses] = [0, 0];
  for (let round = 0; round < rounds; round++) {
    const confidences = Array.from({ length: 100 }, () => random.normal());
    const right = confidences.map((z) => random.chance(sigmoid(level + 1.2 * z)));
    const found = selective(confidences, right, { resamples: 400, coverages: [1] });
    if (found.area.low <= area && area <= found.area.high) areas++;
    if (found.excess.low <= excess && excess <= found.excess.high) excesses++;
  }
  expect(areas / rounds).toBeGreaterThan(0.9);
  expect(excesses / rounds).toBeGreaterThan(0.9);
});
