/**
 * What reliability-weighted labels are worth: a reward model learns from the same votes as they
 * were cast, by majority, and weighed by Dawid and Skene's model; the same number of steps each.
 * Votes are those of the built-in world's annotators, some of whom are replaced by ones who always
 * take the left answer or vote at random. Held out: pairs on other requests, labelled without noise.
 *
 *     node scripts/annotators-experiment.mjs MODEL SEED [PAIRS] [BAD]
 *
 * MODEL is a folder of weights (the quickstart's sft/model); BAD of 40 annotators are replaced.
 */
import { Random } from "../dist/core/random.js";
import { hashRecords } from "../dist/data/dataset.js";
import { swapped } from "../dist/data/formats/format.js";
import { aggregate, labelled } from "../dist/evaluation/annotators/aggregate.js";
import { readVotes } from "../dist/evaluation/annotators/votes.js";
import { loadModel, rewardModel, score } from "../dist/index.js";
import { pairedShareDifference } from "../dist/stats/paired.js";
import { wilson } from "../dist/stats/intervals.js";
import { DEFAULT_SIZES, createWorld } from "../dist/world/index.js";
import { prefersFirst } from "../dist/world/annotators.js";
import { drawPair } from "../dist/world/pairs.js";
import { REQUEST_KINDS, drawRequest } from "../dist/world/requests.js";

const [path, seedText, pairsText = "1000", badText = "10"] = process.argv.slice(2);
const [seed, count, bad] = [seedText, pairsText, badText].map(Number);
const EACH = 3;
const STEPS = Math.round((count * EACH) / 16);

const small = Object.fromEntries(Object.keys(DEFAULT_SIZES).map((name) => [name, 1]));
const { village, annotators, heldOutPreferences } = createWorld({
  seed,
  sizes: { ...small, heldOutPreferences: 1000 },
});
const text = ([message]) => message.content;
const votes = [];
const truth = [];
for (let index = 0; index < count; index++) {
  const random = Random.for(seed, "votes", index);
  const asked = drawRequest(village, random.pick(REQUEST_KINDS), "train", random);
  // without judges the first answer is the better one
  const pair = { ...drawPair(village, { asked }, random, index), cluster: String(index) };
  truth.push(pair);
  for (const j of random.sample([...annotators.keys()], EACH)) {
    const left = random.chance(0.5);
    const first =
      j < bad
        ? j % 2 === 0
          ? left
          : random.chance(0.5)
        : prefersFirst(
            village,
            asked,
            [text(pair.chosen), text(pair.rejected)],
            annotators[j],
            random,
          );
    const shown = { ...pair, annotator: annotators[j].name, side: left ? "first" : "second" };
    votes.push(first ? shown : { ...swapped(shown), p: 1 });
  }
}

const read = readVotes(votes, { names: "exact", unnamed: false });
const options = { flagged: "keep", flagLevel: 0.05, players: "answers", confidence: 0.95 };
const by = (method) => {
  const config = { ...options, method, labels: "soft", strengthPrecision: 1 };
  const made = aggregate(read, undefined, config);
  return { made, labels: labelled(read, made, config) };
};
const [counted, weighed] = [by("majority"), by("dawid-skene")];
const better = new Map(truth.map((pair) => [pair.cluster, text(pair.chosen)]));
const right = (labels) =>
  labels.reduce(
    (sum, pair) => sum + (pair.p === 0.5 ? 0.5 : text(pair.chosen) === better.get(pair.cluster)),
    0,
  );
const percent = ({ estimate, low, high }) =>
  `${(100 * estimate).toFixed(1)}% [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`;
const arms = { raw: votes, majority: counted.labels, "dawid-skene": weighed.labels };
const numbers = new Map(annotators.map(({ name }, j) => [name, j]));
const flagged = weighed.made.anomalies.flatMap((each, n) =>
  each.flagged ? [numbers.get(read.annotators[n])] : [],
);
console.log(
  `seed ${seed}: ${count} pairs, ${votes.length} votes, ${STEPS} steps; flagged ` +
    `${flagged.filter((j) => j < bad).length} of ${bad} bad, ` +
    `${flagged.filter((j) => j >= bad).length} of ${annotators.length - bad} others`,
);

const base = await loadModel(path);
const found = {};
for (const [name, labels] of Object.entries(arms)) {
  const trained = await rewardModel(
    { model: base, train: labels },
    {
      heldOut: 0,
      maxLength: 96,
      adapter: "none",
      learningRate: 1e-3,
      batchSize: 16,
      epochs: 100,
      maxSteps: STEPS,
      seed,
    },
  );
  const scores = await score(
    trained,
    heldOutPreferences.flatMap(({ prompt, chosen, rejected }) => [
      { prompt, completion: chosen },
      { prompt, completion: rejected },
    ]),
  );
  found[name] = heldOutPreferences.map((_, n) => {
    const margin = scores[2 * n] - scores[2 * n + 1];
    return margin > 0 ? 1 : margin < 0 ? 0 : 0.5;
  });
  const share = wilson(
    found[name].reduce((x, y) => x + y, 0),
    found[name].length,
  );
  console.log(
    `${name}: labels right ${percent(wilson(right(labels), labels.length))}; reward model right ` +
      `${percent(share)} (${hashRecords(labels).slice(0, 8)})`,
  );
}
for (const name of ["majority", "dawid-skene"])
  console.log(
    `${name} less raw: ${percent(pairedShareDifference(found[name], found.raw))}` +
      (name === "majority"
        ? ""
        : `; less majority: ${percent(pairedShareDifference(found[name], found.majority))}`),
  );
