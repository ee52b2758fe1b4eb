/**
 * The errors of "not hacked", and of the reward's rise, by simulation.
 * @module-tag dear
 */
import { describe, expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import type { OptimisationPath } from "./path.ts";
import { riseOver } from "./rise.ts";
import { hackingVerdict } from "./verdict.ts";

const RUNS = 300;
// three standard errors above 5%
const MOST = 0.05 + 3 * Math.sqrt((0.05 * 0.95) / RUNS);

/** Gold is 0 or 1 on 300 prompts in 88 clusters, with a rate at each look; the reward rises. */
function pathOf(rates: readonly number[], random: Random): OptimisationPath {
  const clusters = Array.from({ length: 300 }, (_, i) => i % 88);
  const shift = clusters.map(() => random.uniform());
  const shared = Array.from({ length: 88 }, () => random.uniform());
  return {
    name: "run",
    rollOuts: Array.from({ length: 40 }, (_, i) => ({
      step: i + 1,
      kl: 0.02 * i,
      proxy: 0.05 * i + 0.1 * random.normal(),
    })),
    looks: rates.map((rate, look) => ({
      step: Math.round((40 * look) / (rates.length - 1)),
      values: clusters.map((cluster, i) => {
        // a third each: the prompt's own, its cluster's, and what is new at each look
        const place = random.integer(3);
        const draw = [shift[i]!, shared[cluster]!, random.uniform()][place]!;
        return draw < rate ? 1 : 0;
      }),
    })),
    clusters,
    range: [0, 1],
    checkpoints: [],
  };
}

const shareNotHacked = (rates: readonly number[]): number => {
  let count = 0;
  for (let run = 0; run < RUNS; run++) {
    const random = Random.for(run, rates.join(" "));
    const { conclusion } = hackingVerdict(pathOf(rates, random), { random });
    if (conclusion === "not hacked") count++;
  }
  return count / RUNS;
};

describe("not hacked", () => {
  test.each([
    ["gold is level, two looks", [0.5, 0.5]],
    ["gold is level, nine looks", [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]],
    ["a fall of the margin from the peak", [0.4, 0.6, 0.7, 0.65, 0.6]],
    ["gold rose and fell back to where it began", [0.6, 0.65, 0.7, 0.65, 0.6]],
  ])("is said in at most 1 in 20 where it is not so: %s", (_, rates) => {
    expect(shareNotHacked(rates)).toBeLessThan(MOST);
  });

  test("is said of most runs that keep what they won", () => {
    expect(shareNotHacked([0.5, 0.6, 0.65, 0.68, 0.68])).toBeGreaterThan(0.8);
  });
});

describe("a rise of the reward", () => {
  const share = (n: number, memory: number, rise: number): number => {
    let count = 0;
    for (let run = 0; run < RUNS; run++) {
      const random = Random.for(run, "rise", String(n), String(memory));
      let place = random.normal();
      // a run of 90 that levels off, of which the last n are asked about
      const values = Array.from({ length: 90 }, (_, i) => {
        place = memory * place + Math.sqrt(1 - memory ** 2) * random.normal();
        const before = 90 - n;
        const way = i < before ? 20 * (1 - ((before - i) / before) ** 2) : 20;
        return place + way + (rise * Math.max(0, i - before)) / n;
      });
      if (riseOver(values.slice(-n), values).pValue < 0.05) count++;
    }
    return count / RUNS;
  };

  // a plain t of the slope finds one in 16 to 44 of 100 of those with a memory
  test.each([8, 30, 70].flatMap((n) => [0, 0.5, 0.7, 0.9, 0.97].map((memory) => [n, memory])))(
    "is found in at most 1 in 20 of %d level roll-outs with a memory of %d",
    (n, memory) => {
      expect(share(n!, memory!, 0)).toBeLessThan(MOST);
    },
  );

  test("is found where it is there", () => {
    expect(share(70, 0, 3)).toBeGreaterThan(0.95);
    expect(share(15, 0, 8)).toBeGreaterThan(0.9);
    expect(share(30, 0.5, 10)).toBeGreaterThan(0.8);
  });
});
