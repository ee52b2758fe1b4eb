/**
 * How often intervals of annotators' accuracies hold the truth; docs/results.md has the table.
 * @module-tag dear
 */
import { expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import { sigmoid } from "../special.ts";
import { fitCrowdBradleyTerry } from "./crowd-bradley-terry.ts";
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

test("differences of strengths cover, drawn from the stated priors; skills and biases less", () => {
  const [players, annotators, votesEach, rounds] = [10, 8, 120, 80];
  const held = { differences: 0, skills: 0, biases: 0 };
  for (let round = 0; round < rounds; round++) {
    const random = Random.for(round, "strengths");
    const normal = (size: number, mean: number, deviation: number): number[] =>
      Array.from({ length: size }, () => mean + deviation * random.normal());
    const strengths = normal(players, 0, 1);
    const skills = normal(annotators, 1, Math.SQRT2);
    const biases = normal(annotators, 0, Math.SQRT2);
    const votes = Array.from({ length: annotators * votesEach }, (_, n) => {
      const [left, right] = random.sample([...strengths.keys()], 2) as [number, number];
      const annotator = n % annotators;
      const judges = random.chance(sigmoid(skills[annotator]!));
      const odds = judges ? strengths[left]! - strengths[right]! : biases[annotator]!;
      return { left, right, annotator, outcome: random.chance(sigmoid(odds)) ? 1 : 0 };
    });
    const fit = fitCrowdBradleyTerry(votes, { players, annotators });
    const within = (off: number, error: number): number => (Math.abs(off) <= 1.96 * error ? 1 : 0);
    const logit = (p: number): number => Math.log(p / (1 - p));
    for (let i = 1; i < players; i++)
      held.differences +=
        within(
          fit.strengths[i]! - fit.strengths[0]! - (strengths[i]! - strengths[0]!),
          fit.differenceError(i, 0),
        ) /
        (rounds * (players - 1));
    for (const [j, { skill, skillError, bias, biasError }] of fit.annotators.entries()) {
      held.skills += within(logit(skill) - skills[j]!, skillError) / (rounds * annotators);
      held.biases += within(logit(bias) - biases[j]!, biasError) / (rounds * annotators);
    }
  }
  expect(held.differences).toBeGreaterThan(0.93);
  expect(held.differences).toBeLessThan(0.97);
  // their likelihoods are lopsided, which the curvature at the maximum does not tell
  for (const covered of [held.skills, held.biases]) expect(covered).toBeGreaterThan(0.86);
});
