/**
 * How often intervals of agreement hold what endless items would give; docs/results.md has the
 * table.
 * @module-tag dear
 */
import { expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { fleissKappa, krippendorffAlpha } from "./agreement.ts";
import { agreementInterval, alphaInterval, fleissInterval } from "./agreement-intervals.ts";
import { labelNoise } from "./annotators/label-noise.ts";
import { gwetAgreement } from "./gwet.ts";
import type { Interval } from "./intervals.ts";

interface Crowd {
  share: number;
  right: number;
  raters: number;
}

const draw = (items: number, { share, right, raters }: Crowd, random: Random): number[][] =>
  Array.from({ length: items }, () => {
    const truth = random.chance(share) ? 1 : 0;
    return Array.from({ length: raters }, () => (random.chance(right) ? truth : 1 - truth));
  });

const ROUNDS = 400;

test.each([
  { share: 0.5, right: 0.8, raters: 3 },
  { share: 0.2, right: 0.85, raters: 3 },
  { share: 0.5, right: 0.95, raters: 4 },
] as const)("shares $share, right $right, $raters raters", (crowd) => {
  const endless = draw(200_000, crowd, new Random("endless"));
  const truth = {
    agreement: agreementInterval(endless).estimate,
    alpha: krippendorffAlpha(endless).value,
    fleiss: fleissKappa(endless).value,
    gwet: gwetAgreement(endless).value,
    ceiling: labelNoise(endless).ceiling.estimate,
  };

  for (const items of [10, 25, 60, 200]) {
    const held: Record<string, [number, number]> = {};
    for (let round = 0; round < ROUNDS; round++) {
      const labels = draw(items, crowd, Random.for(round, "agreement", items));
      const found: Record<keyof typeof truth, Interval> = {
        agreement: agreementInterval(labels),
        alpha: alphaInterval(labels),
        fleiss: fleissInterval(labels),
        gwet: gwetAgreement(labels).interval,
        ceiling: labelNoise(labels).ceiling,
      };
      for (const [name, { low, high, noClaim }] of Object.entries(found)) {
        const count = (held[name] ??= [0, 0]);
        if (noClaim !== undefined) continue;
        count[1]++;
        const value = truth[name as keyof typeof truth];
        if (low <= value && value <= high) count[0]++;
      }
    }
    for (const [name, [covered, claimed]] of Object.entries(held)) {
      // less three standard errors of so many rounds
      const least = items === 25 ? 0.915 : 0.93;
      expect(covered / claimed, `${name}, ${items} items`).toBeGreaterThan(
        least - 3 * Math.sqrt((0.07 * 0.93) / claimed),
      );
    }
  }
});
