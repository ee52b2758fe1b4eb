/**
 * The built-in world's forty annotators, whose accuracies are known by asking each of them about
 * every pair: recovered from three to five votes a pair, though their errors are not independent (a
 * hard pair is hard for all, and all like longer answers).
 * @module-tag dear
 */
import { expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import type { CrowdVote } from "../../stats/annotators/crowd.ts";
import { fitDawidSkene } from "../../stats/annotators/dawid-skene.ts";
import { accuracyOfOne } from "../../stats/annotators/label-noise.ts";
import { createAnnotators, prefersFirst } from "../../world/annotators.ts";
import { drawPair } from "../../world/pairs.ts";
import { REQUEST_KINDS, drawRequest } from "../../world/requests.ts";
import { createVillage } from "../../world/village.ts";
import { completionText } from "../../text/messages.ts";

const PAIRS = 1500;

test.each([
  { overlap: 3, bias: 0.02 },
  { overlap: 5, bias: 0.015 },
])("$overlap votes a pair: accuracies are recovered", ({ overlap, bias }) => {
  let [held, all, off, ceilings] = [0, 0, 0, 0];
  const seeds = [1, 2, 3, 4, 5];
  for (const seed of seeds) {
    const village = createVillage(seed);
    const people = createAnnotators(seed);
    const random = Random.for(seed, "votes of the world");
    const votes: CrowdVote[] = [];
    const right = new Float64Array(people.length);
    let [agreeing, twos] = [0, 0];
    for (let item = 0; item < PAIRS; item++) {
      const asked = drawRequest(village, random.pick(REQUEST_KINDS), "train", random);
      const pair = drawPair(village, { asked }, random, item);
      const answers = [completionText(pair.chosen), completionText(pair.rejected)] as const;
      const said = people.map((one) => prefersFirst(village, asked, answers, one, random));
      for (const [j, first] of said.entries()) right[j]! += first ? 1 / PAIRS : 0;
      const who = random.sample([...people.keys()], overlap);
      // the better answer stands first in half of the pairs, and nobody is told
      const turned = item % 2;
      const labels = who.map((j) => (said[j] ? 0 : 1) ^ turned);
      for (const [n, j] of who.entries()) votes.push({ item, annotator: j, label: labels[n]! });
      for (let n = 1; n < labels.length; n++) {
        twos++;
        if (labels[n] === labels[0]) agreeing++;
      }
    }
    const fit = fitDawidSkene(votes, {
      items: PAIRS,
      annotators: people.length,
      classes: 2,
      confusion: "one-coin",
      classShares: "uniform",
    });
    for (const [j, { estimate, low, high }] of fit.accuracies.entries()) {
      all++;
      off += estimate - right[j]!;
      if (low <= right[j]! && right[j]! <= high) held++;
    }
    ceilings += accuracyOfOne(agreeing / twos) - right.reduce((x, y) => x + y, 0) / people.length;
  }
  expect(Math.abs(off / all)).toBeLessThan(bias);
  expect(held / all).toBeGreaterThan(0.9);
  // what one vote is right in lies below the ceiling that agreement gives, and not far
  expect(ceilings / seeds.length).toBeGreaterThan(-0.005);
  expect(ceilings / seeds.length).toBeLessThan(0.03);
});
