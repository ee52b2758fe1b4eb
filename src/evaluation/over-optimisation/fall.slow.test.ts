/**
 * The error of the test for a fall from the peak, by simulation on looks that wander.
 * @module-tag dear
 */
import { expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import { fallFromPeak } from "./fall.ts";

const LOOKS = 19;
const RUNS = 600;

/** A value that wanders around 0 with this spread, and remembers its last place. */
function wander(random: Random, spread: number, memory: number): number[] {
  let place = spread * random.normal();
  return Array.from({ length: LOOKS }, () => {
    place = memory * place + spread * Math.sqrt(1 - memory ** 2) * random.normal();
    return place;
  });
}

test.each([
  ["one level", 88, () => 0.7],
  ["one level, few clusters", 12, () => 0.7],
  ["a rise to a plateau", 30, (look: number) => 0.5 + 0.2 * Math.min(1, look / 5)],
])("calls at most 5%% fallen where nothing falls: %s", (name, count, level) => {
  let fallen = 0;
  for (let run = 0; run < RUNS; run++) {
    const random = Random.for(run, name);
    const clusters = Array.from({ length: 3 * count }, (_, i) => i % count);
    const shared = Array.from({ length: count }, () => wander(random, 0.15, 0.9));
    const own = clusters.map(() => wander(random, 0.2, 0.9));
    const looks = Array.from({ length: LOOKS }, (_, look) =>
      clusters.map((cluster, i) => level(look) + shared[cluster]![look]! + own[i]![look]!),
    );
    const { pValue } = fallFromPeak(looks, { random, clusters, resamples: 299 });
    if (pValue < 0.05) fallen++;
  }
  // three standard errors of 600 runs above 5%
  expect(fallen / RUNS).toBeLessThan(0.05 + 3 * Math.sqrt((0.05 * 0.95) / RUNS));
});
