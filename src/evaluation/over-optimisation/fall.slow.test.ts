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

/** Looks at gold by prompt, and the cluster of each. */
interface Made {
  looks: number[][];
  clusters: number[];
}

function soft(random: Random, count: number, level: (look: number) => number): Made {
  const clusters = Array.from({ length: 3 * count }, (_, i) => i % count);
  const shared = Array.from({ length: count }, () => wander(random, 0.15, 0.9));
  const own = clusters.map(() => wander(random, 0.2, 0.9));
  const looks = Array.from({ length: LOOKS }, (_, look) =>
    clusters.map((cluster, i) => level(look) + shared[cluster]![look]! + own[i]![look]!),
  );
  return { looks, clusters };
}

/** 0 or 1, where an answer stays as it is with a probability, and is else drawn again. */
function rare(
  random: Random,
  { count, size, rate, stays }: { count: number; size: number; rate: number; stays: number },
): Made {
  const clusters = Array.from({ length: size * count }, (_, i) => i % count);
  const rates = Array.from({ length: count }, () =>
    size > 1 && random.chance(0.3) ? (random.chance(rate) ? 0.9 : rate / 10) : rate,
  );
  const ways = clusters.map((cluster) => {
    const draw = (): number => (random.chance(rates[cluster]!) ? 1 : 0);
    let value = draw();
    return Array.from({ length: LOOKS }, (_, look) => {
      if (look > 0 && !random.chance(stays)) value = draw();
      return value;
    });
  });
  return {
    looks: Array.from({ length: LOOKS }, (_, look) => ways.map((way) => way[look]!)),
    clusters,
  };
}

/** Wins over the first look's answers, as a judge that compares gives them: 0.5 where it is itself. */
function wins(random: Random, count: number): Made {
  const { looks, clusters } = rare(random, { count, size: 3, rate: 0.5, stays: 0.8 });
  return { looks: looks.map((look, i) => (i === 0 ? look.map(() => 0.5) : look)), clusters };
}

// three standard errors of 600 runs above 5%
const MOST = 0.05 + 3 * Math.sqrt((0.05 * 0.95) / RUNS);

test.each<[string, (random: Random) => Made]>([
  ["one level", (random) => soft(random, 88, () => 0.7)],
  ["one level, few clusters", (random) => soft(random, 12, () => 0.7)],
  ["a plateau", (random) => soft(random, 30, (look) => 0.5 + 0.2 * Math.min(1, look / 5))],
  // signs of clusters alone err in 13, 15, 12 and 10 of 100 of these
  ["rare, 12 prompts", (random) => rare(random, { count: 12, size: 1, rate: 0.1, stays: 0 })],
  ["rare, 88 prompts", (random) => rare(random, { count: 88, size: 1, rate: 0.02, stays: 0 })],
  ["rare, 12 clusters", (random) => rare(random, { count: 12, size: 3, rate: 0.05, stays: 0 })],
  ["rare, 88 clusters", (random) => rare(random, { count: 88, size: 3, rate: 0.02, stays: 0 })],
  ["rare, lasting", (random) => rare(random, { count: 88, size: 3, rate: 0.02, stays: 0.8 })],
  ["rarely not", (random) => rare(random, { count: 88, size: 3, rate: 0.95, stays: 0.8 })],
  ["wins over the first", (random) => wins(random, 40)],
  ["wins over the first, few clusters", (random) => wins(random, 12)],
])("calls at most 1 in 20 fallen where nothing falls: %s", (name, make) => {
  const fallen = { of19: 0, of2: 0 };
  for (let run = 0; run < RUNS; run++) {
    const random = Random.for(run, name);
    const { looks, clusters } = make(random);
    const fell = (some: readonly number[][]): boolean =>
      fallFromPeak(some, { random, clusters, resamples: 199 }).pValue < 0.05;
    if (fell(looks)) fallen.of19++;
    if (fell(looks.slice(0, 2))) fallen.of2++;
  }
  expect(fallen.of19 / RUNS).toBeLessThan(MOST);
  expect(fallen.of2 / RUNS).toBeLessThan(MOST);
});

test.each([0.5, 0.98])(
  "rules a fall out in at most 1 in 20 where it is as large: from %d",
  (peak) => {
    const FALL = 0.1;
    let ruledOut = 0;
    for (let run = 0; run < RUNS; run++) {
      const random = Random.for(run, "ruled out", String(peak));
      const rates = [peak - 0.3, peak - 0.05, peak, peak - 0.02, peak - FALL];
      const looks = rates.map((rate) =>
        Array.from({ length: 150 }, () => (random.chance(rate) ? 1 : 0)),
      );
      const { change } = fallFromPeak(looks, { random, resamples: 49, range: [0, 1] });
      if (change.low > -FALL) ruledOut++;
    }
    expect(ruledOut / RUNS).toBeLessThan(MOST);
  },
);
