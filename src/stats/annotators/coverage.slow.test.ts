/**
 * How often intervals of annotators' accuracies hold the truth; docs/results.md has the table.
 * @module-tag dear
 */
import { expect, test } from "vitest";
import { fitDawidSkene } from "./dawid-skene.ts";
import { drawCrowd } from "./testing.ts";

const SCENARIOS = [
  { annotators: 40, votesEach: 30, overlap: 3, accuracy: [0.6, 0.9], rounds: 60 },
  { annotators: 40, votesEach: 100, overlap: 3, accuracy: [0.6, 0.9], rounds: 40 },
  { annotators: 6, votesEach: 100, overlap: 3, accuracy: [0.6, 0.95], rounds: 200 },
  { annotators: 40, votesEach: 50, overlap: 3, accuracy: [0.6, 0.9], goldShare: 0.2, rounds: 40 },
  { annotators: 10, votesEach: 100, overlap: 5, accuracy: [0.85, 0.99], rounds: 150 },
] as const;

test.each(SCENARIOS)(
  "$annotators annotators, $votesEach votes each, $overlap an item: 95% intervals cover",
  ({ rounds, ...scenario }) => {
    let [held, claimed, all] = [0, 0, 0];
    for (let round = 0; round < rounds; round++) {
      const { votes, items, gold, accuracies } = drawCrowd(round, scenario);
      const fit = fitDawidSkene(votes, {
        items,
        annotators: scenario.annotators,
        classes: 2,
        gold,
        confusion: "one-coin",
        classShares: "uniform",
      });
      for (const [j, { low, high, noClaim }] of fit.accuracies.entries()) {
        all++;
        if (noClaim !== undefined) continue;
        claimed++;
        if (low <= accuracies[j]! && accuracies[j]! <= high) held++;
      }
    }
    // three standard errors of so many rounds, whose annotators are not independent
    const slack = 3 * Math.sqrt((0.05 * 0.95) / claimed);
    expect(held / claimed).toBeGreaterThan(0.93 - slack);
    expect(held / claimed).toBeLessThan(0.97 + slack);
    expect(claimed / all).toBeGreaterThan(0.95);
  },
);
