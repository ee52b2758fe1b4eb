/**
 * Does asking where models are uncertain save labels? On the built-in world: a reward model of 700
 * labels that `attune ask` chose (100 by chance, then in batches of 150 by the ensemble, with its
 * share for chance) against reward models of 700 and of 1,000 labels drawn by chance from the same
 * pool. Labels are those of the world's annotators, noise and weaknesses included; accuracy is
 * measured on 1,000 held-out pairs that are labelled without noise. A seed draws the pool, the first
 * labels, and every training.
 *
 *     node scripts/asking-test.mjs MODEL [SEEDS] [RULE] [FIRST]
 *
 * MODEL is a run or a folder of weights (the quickstart's sft). A line of JSON for each seed, then
 * medians with intervals.
 */
import { Random } from "../dist/core/random.js";
import { askConfig } from "../dist/labelling/asking/ask.config.js";
import { askNext } from "../dist/labelling/asking/ask.js";
import { marginsOf, trainMember } from "../dist/labelling/asking/ensemble.js";
import { parseConfig } from "../dist/config/sources.js";
import { loadModel } from "../dist/index.js";
import { WORLD_RECIPE } from "../dist/quickstart/recipe.js";
import { bootstrapInterval } from "../dist/stats/bootstrap.js";
import { DEFAULT_SIZES, createWorld } from "../dist/world/index.js";

const [path, seedsText = "10", ruleText = "uncertainty", firstText = "1"] = process.argv.slice(2);
if (path === undefined) throw new Error("node scripts/asking-test.mjs MODEL [SEEDS] [RULE]");
const FIRST = 100;
const BATCH = 150;
const MOST = 700;
const RANDOM = [700, 1000];
/** Pairs that the ensemble reads before each batch. */
const READ = 1500;
/** Trainings of each set of labels that is measured. */
const REPEATS = 2;

const small = Object.fromEntries(Object.keys(DEFAULT_SIZES).map((name) => [name, 1]));
const sizes = { ...small, preferences: 8000, heldOutPreferences: 1000 };
const { preferences, heldOutPreferences } = createWorld({ seed: 1, sizes });
const model = await loadModel(path, { merge: true });
const { common, reward } = WORLD_RECIPE;

const optionsOf = (seed) => {
  const { heldOut: _heldOut, ...options } = { ...common, ...reward };
  const [rule, uncertainty] = ruleText.split(":");
  return parseConfig(askConfig, {
    values: {
      ...options,
      model: path,
      labels: "the world",
      pool: "the world",
      curve: false,
      seed,
      rule,
      ...(uncertainty ? { uncertainty } : {}),
    },
  }).resolved;
};

async function accuracyOf(labels, seed, name) {
  const { maxLength, batchSize, epochs, learningRate, schedule, warmupRatio } = optionsOf(seed);
  let right = 0;
  for (let member = 0; member < REPEATS; member++) {
    const trained = await trainMember(model, labels, {
      options: {
        adapter: "none",
        microBatchTokens: common.microBatchTokens,
        maxLength,
        batchSize,
        epochs,
        learningRate,
        schedule,
        warmupRatio,
        heldOut: 0,
        seed,
      },
      bootstrap: false,
      name: `measured ${name}`,
      member,
    });
    const margins = await marginsOf(trained, heldOutPreferences, { maxLength });
    right += margins.filter((margin) => margin > 0).length / margins.length;
  }
  return right / REPEATS;
}

async function chosenLabels(shuffled, seed) {
  const labels = shuffled.slice(0, FIRST);
  let rest = shuffled.slice(FIRST);
  let byChance = 0;
  while (labels.length < MOST) {
    const pool = Random.for(seed, "read", labels.length).sample(rest, READ);
    const divided = { train: labels, heldOut: [], byChance: 0, noCurve: undefined };
    const { order } = await askNext(model, { divided, pool }, optionsOf(seed + labels.length));
    const batch = order.slice(0, Math.min(BATCH, MOST - labels.length));
    byChance += batch.filter(({ chosenBy }) => chosenBy === "random").length;
    const taken = new Set(batch.map(({ pair }) => pair));
    labels.push(...taken);
    rest = rest.filter((pair) => !taken.has(pair));
  }
  return { labels, byChance };
}

const results = [];
const first = Number(firstText);
for (let seed = first; seed < first + Number(seedsText); seed++) {
  const began = performance.now();
  const shuffled = Random.for(seed, "asking").shuffle(preferences);
  const { labels, byChance } = await chosenLabels(shuffled, 1000 * seed);
  const result = { seed, rule: ruleText, asked: await accuracyOf(labels, seed, "asked") };
  for (const count of RANDOM)
    result[`random${count}`] = await accuracyOf(shuffled.slice(0, count), seed, `random ${count}`);
  results.push(result);
  const seconds = Math.round((performance.now() - began) / 1000);
  console.log(JSON.stringify({ ...result, labels: labels.length, byChance, seconds }));
}

const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
};
const told = (values) => {
  if (values.length < 3) return { estimate: median(values), n: values.length };
  const random = Random.for(0, "asking test");
  const { estimate, low, high, n } = bootstrapInterval(values, median, {
    random,
    method: "percentile",
  });
  return { estimate, low, high, n };
};
console.log(
  JSON.stringify({
    asked: told(results.map(({ asked }) => asked)),
    random700: told(results.map(({ random700 }) => random700)),
    random1000: told(results.map(({ random1000 }) => random1000)),
    "asked 700 less random 1000": told(results.map(({ asked, random1000 }) => asked - random1000)),
    "asked 700 less random 700": told(results.map(({ asked, random700 }) => asked - random700)),
  }),
);
