/**
 * How often attune compare is wrong, by simulation where the truth is known: verdicts and intervals
 * on drawn judgements and on the world, verdicts that are looked at after every prompt, ratings of
 * several models, verdicts of several judges, judges with and without a planted weakness. As tables.
 *
 *     npm run test:compare [ROUNDS]
 *
 * Exit code 1 where verdicts are wrong, or sound judges accused, more than 5% of the time, or
 * intervals cover less than 93%, beyond three standard errors of so many rounds.
 */
import {
  accusations,
  drawnVerdicts,
  peekedVerdicts,
  worldVerdicts,
} from "../dist/evaluation/compare/testing/simulations.js";
import {
  jointErrors,
  ratingFigures,
} from "../dist/evaluation/compare/testing/field-simulations.js";

const rounds = Number(process.argv[2] ?? 1000);
const percent = (share) => (Number.isNaN(share) ? "" : (100 * share).toFixed(1));
const slack = (share, n) => 3 * Math.sqrt((share * (1 - share)) / n);
const faults = [];
const most = (share, n, what) => {
  if (share > 0.05 + slack(0.05, n)) faults.push(`${what}: ${percent(share)}%`);
};
const least = (share, n, what) => {
  if (share < 0.93 - slack(0.93, n)) faults.push(`${what}: covers ${percent(share)}%`);
};
const logit = (p) => Math.log(p / (1 - p));
const table = (heads, rows) =>
  console.log(
    [heads, heads.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n"),
    "\n",
  );

const shapes = [
  ["each prompt by itself", {}],
  ["4 of 10 are ties", { ties: 0.4 }],
  ["a judge of probabilities", { soft: true }],
  ["clusters of 5", { clusterSize: 5 }],
];
const drawn = [];
for (const prompts of [20, 50, 100, 300]) {
  for (const [name, shape] of shapes) {
    const cells = [0.5, 0.6, 0.75, 0.95].map((rate) => {
      const found = drawnVerdicts({ quality: logit(rate), prompts, ...shape }, { rounds, seed: 1 });
      const what = `${prompts} prompts, ${name}, ${percent(rate)}%`;
      most(found.wrong, rounds, `wrong verdicts, ${what}`);
      least(found.covered, rounds, what);
      least(found.coveredAtEqualLength, rounds, `at equal length, ${what}`);
      return `${percent(found.covered)}, ${percent(found.coveredAtEqualLength)}; ${percent(found.found)}`;
    });
    const { wrong } = drawnVerdicts({ quality: 0, prompts, ...shape }, { rounds, seed: 2 });
    drawn.push([prompts, name, ...cells, percent(wrong)]);
  }
  console.error(`${prompts} prompts done`);
}
table(["prompts", "judgements", "50%", "60%", "75%", "95%", "wrong at 50%"], drawn);

const controlled = [];
for (const [rate, lengthEffect, longer] of [
  [0.5, 1.5, 0.6],
  [0.65, 1.5, 0.6],
  [0.65, 0, 1],
  [0.65, -1, 0.6],
]) {
  for (const shape of [{}, { clusterSize: 5 }]) {
    const found = drawnVerdicts(
      { quality: logit(rate), prompts: 300, lengthEffect, longer, ...shape },
      { rounds, seed: 3 },
    );
    const name = `${percent(rate)}%, effect ${lengthEffect}`;
    least(found.coveredAtEqualLength, rounds, `at equal length, ${name}`);
    controlled.push([
      percent(rate),
      lengthEffect,
      longer,
      shape.clusterSize ?? 1,
      percent(found.coveredAtEqualLength),
    ]);
  }
}
table(["truth", "log-odds of length", "longer by", "cluster", "covered"], controlled);

const margins = [];
for (const rate of [0.5, 0.55, 0.6]) {
  const found = drawnVerdicts(
    { quality: logit(rate), prompts: 800 },
    { rounds, seed: 4, margin: 0.05 },
  );
  most(found.wrong, rounds, `wrong with a margin, ${percent(rate)}%`);
  margins.push([percent(rate), percent(found.wrong), percent(found.found)]);
}
table(["truth, margin 5 points, 800 prompts", "wrong", "concluded"], margins);

const peeked = [];
const looks = Math.ceil(rounds / 2);
for (const [rate, margin, clusterSize] of [
  [0.5, undefined, 1],
  [0.5, undefined, 5],
  [0.6, undefined, 1],
  [0.75, undefined, 1],
  [0.65, 0.15, 1],
  [0.5, 0.15, 1],
]) {
  const found = await peekedVerdicts(
    { quality: logit(rate), prompts: 400, clusterSize },
    { rounds: looks, seed: 5, margin },
  );
  most(found.wrong, looks, `peeking, ${percent(rate)}%`);
  peeked.push([
    percent(rate),
    margin === undefined ? "none" : percent(margin),
    clusterSize,
    percent(found.wrong),
    percent(found.found),
    percent(found.used),
    `${percent(found.covered)}, ${percent(found.coveredWins)}, ${percent(found.coveredAtEqualLength)}`,
    percent(found.excess),
  ]);
  least(found.covered, looks, `peeking, ${percent(rate)}%`);
  least(found.coveredWins, looks, `wins after peeking, ${percent(rate)}%`);
  console.error(`peeking at ${rate} done`);
}
table(
  [
    "truth",
    "margin",
    "cluster",
    "wrong",
    "concluded",
    "prompts used of 400",
    "covered: all, wins, equal length",
    "too far from 50",
  ],
  peeked,
);

const world = [];
for (const [name, noise, prompts] of [
  ["gold", 0, 200],
  ["noisy", 1.5, 200],
  ["noisy", 1.5, 60],
]) {
  const pairs = Math.max(200, Math.ceil(rounds / 5));
  const found = await worldVerdicts({ pairs, prompts, noise, seed: 6 });
  most(found.wrong / pairs, pairs, `wrong on the world, ${name}`);
  least(found.covered / pairs, pairs, `on the world, ${name}`);
  world.push([
    name,
    prompts,
    pairs,
    `${found.wrong} (${percent(found.wrong / pairs)}%)`,
    `${found.told} of ${found.different}`,
    percent(found.covered / pairs),
  ]);
  console.error(`world with ${name} done`);
}
table(["judge", "prompts", "pairs of models", "wrong", "told apart", "covered"], world);

const rated = [];
const fields = Math.ceil(rounds / 5);
for (const [name, field] of [
  ["2 and the first, alike", { strengths: [0, 0, 0], pairs: "baseline" }],
  ["2 and the first", { strengths: [0, 1, 0.4], pairs: "baseline" }],
  ["the same, 6 of 10 even ones ties", { strengths: [0, 1, 0.4], pairs: "baseline", ties: 0.6 }],
  ["2 that win 98 and 99 of 100", { strengths: [0, 4, 4.6], pairs: "baseline" }],
  ["3, each with each, ties", { strengths: [0, 1, 0.4], pairs: "all", ties: 0.6 }],
  ["3, each with each, near separation", { strengths: [0, 4, 4.6], pairs: "all" }],
  ["6 alike, each with each", { strengths: [0, 0, 0, 0, 0, 0], pairs: "all" }],
  ["6 alike, with the first", { strengths: [0, 0, 0, 0, 0, 0], pairs: "baseline" }],
  ["6, each with each, ties", { strengths: [0, 0.2, 0.4, 0.6, 0.8, 3], pairs: "all", ties: 0.3 }],
]) {
  const found = ratingFigures({ prompts: 100, ...field }, { rounds: fields, seed: 8 });
  most(found.wrongVerdict, fields, `wrong verdicts, ${name}`);
  least(found.covered, fields, `ratings, ${name}`);
  if (found.contradicted > 0) faults.push(`ranks contradict verdicts: ${name}`);
  rated.push([name, ...[found.covered, found.wrongVerdict, found.wrong, found.found].map(percent)]);
  console.error(`ratings of ${name} done`);
}
table(["models, 100 prompts", "covered", "wrong verdict", "wrong rank", "told apart"], rated);

const joint = [];
for (const [models, judges] of [
  [2, 1],
  [2, 5],
  [4, 1],
  [4, 3],
]) {
  const found = jointErrors(
    { models, judges, prompts: 100, pairs: "baseline" },
    { rounds: fields, seed: 9 },
  );
  most(found.ofOne, fields, `wrong verdicts of one judge, ${models} models`);
  most(found.told, fields, `wrong verdicts told, ${models} models, ${judges} judges`);
  joint.push([models, judges, ...[found.ofOne, found.ofAny, found.told].map(percent)]);
}
table(["models alike", "judges", "wrong, of one", "of any", "told"], joint);

const judged = [];
const seeds = Math.max(200, Math.ceil(rounds / 5));
for (const [name, weaknesses, many] of [
  ["noise 0.5", { noise: 0.5 }, seeds],
  ["noise 1.5", { noise: 1.5 }, seeds],
  ["noise 4", { noise: 4 }, seeds],
  ["length: 1 for ten words", { noise: 0.5, length: 1 }, 50],
  ["flattery: 2", { noise: 0.5, flattery: 2 }, 50],
  ["first place: 1.5", { noise: 0.5, firstPlace: 1.5 }, 50],
]) {
  const { accused, by } = await accusations(weaknesses, { rounds: many, prompts: 120, seed: 7 });
  if (many === seeds) most(accused, many, `accused, ${name}`);
  judged.push([
    name,
    many,
    percent(accused),
    Object.entries(by)
      .map(([id, share]) => `${id} ${percent(share)}`)
      .join(", "),
  ]);
  console.error(`judge with ${name} done`);
}
table(["judge", "seeds", "named", "for"], judged);

if (faults.length > 0) {
  console.error(faults.join("\n"));
  process.exitCode = 1;
}
