/**
 * How often estimators are wrong, by simulation where the truth is known.
 *
 * @module-tag dear
 */
import { expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { pairedShareEquivalence } from "./equivalence.ts";
import { shareInterval } from "./intervals.ts";

test.each([
  ["prompts of their own", 1, 0.1, 0],
  ["clusters of five", 5, 0.3, 0.2],
  ["clusters of five, of which few differ and in one direction", 5, 0.05, 0],
])("where the truth is at the margin, equality is claimed in at most 5%%: %s", (_, size, p, m) => {
  const random = new Random(8);
  const rounds = 200;
  let [shares, wins] = [0, 0];
  const clusters = Array.from({ length: 200 }, (_, i) => Math.floor(i / size));
  for (let round = 0; round < rounds; round++) {
    // the observations of a cluster share half of their draws
    const own = clusters.map(() => random.uniform());
    const u = clusters.map((group) => (random.chance(0.5) ? own[group]! : random.uniform()));
    const [a, b] = [u.map((x) => x < p), u.map((x) => x > 1 - m)];
    if (pairedShareEquivalence(a, b, { margin: p - m, clusters }).equal) shares++;
    const outcomes = u.map((x) => (x < 0.45 ? 1 : x < 0.75 ? 0.5 : 0));
    const rate = shareInterval(outcomes, { clusters, confidence: 0.9 });
    if (rate.high < 0.6 && rate.low > 0.4) wins++;
  }
  // 5%, and three standard errors of so many rounds
  expect(shares / rounds).toBeLessThan(0.096);
  expect(wins / rounds).toBeLessThan(0.096);
});
