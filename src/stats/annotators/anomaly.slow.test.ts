/**
 * The test for anomalous annotators: how often it is wrong about ordinary ones while it looks at
 * every vote, and how soon it finds planted ones; docs/results.md has the table.
 * @module-tag dear
 */
import { expect, test } from "vitest";
import { detectAnomalies } from "./anomaly.ts";
import type { Planted } from "./testing.ts";
import { drawShownVotes } from "./testing.ts";

const PLANTED: Readonly<Record<number, Planted>> = {
  0: "random",
  1: "contrary",
  2: "left",
  3: "longer",
};

test.each([
  { accuracy: [0.6, 0.9], overlap: 3, soon: ["left"] },
  { accuracy: [0.75, 0.9], overlap: 3, soon: ["left", "contrary", "longer"] },
  { accuracy: [0.8, 0.95], overlap: 3, soon: ["left", "contrary", "longer"] },
] as const)(
  "accuracies $accuracy: ordinary annotators are flagged in fewer than 5 of 100",
  ({ accuracy, overlap, soon }) => {
    const [rounds, annotators] = [10, 40];
    let flags = 0;
    const within: Record<string, number> = {};
    for (let round = 0; round < rounds; round++) {
      const crowd = drawShownVotes(round, {
        annotators,
        votesEach: 200,
        overlap,
        accuracy,
        planted: PLANTED,
      });
      for (const [j, { flagged, after }] of detectAnomalies(crowd.votes, {
        items: crowd.items,
        annotators,
      }).entries()) {
        const kind = PLANTED[j];
        if (kind === undefined) flags += flagged ? 1 : 0;
        else if (after !== undefined && after <= 40) within[kind] = (within[kind] ?? 0) + 1;
      }
    }
    expect(flags / (rounds * (annotators - 4))).toBeLessThan(0.05);
    // docs/results.md: 16 to 20 of 20
    for (const kind of soon) expect(within[kind]).toBeGreaterThanOrEqual(0.75 * rounds);
  },
);
