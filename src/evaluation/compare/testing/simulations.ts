/**
 * How often a comparison is wrong where the truth is known: by drawn judgements, and on the world
 * by models and judges whose quality is known. Figures are in docs/results.md.
 */
import { Random } from "../../../core/random.ts";
import type { Interval } from "../../../stats/intervals.ts";
import { normalCdf, sigmoid } from "../../../stats/special.ts";
import { merit } from "../../../world/annotators.ts";
import { answer, STYLES } from "../../../world/answers.ts";
import type { Style } from "../../../world/answers.ts";
import { askSequentially } from "../sequential.ts";
import { compareModels } from "../compare.ts";
import type { PairVerdict } from "../comparison.ts";
import type { DrawnPair } from "./draws.ts";
import { drawJudgements, settleDrawn, settlePair, trueRate } from "./draws.ts";
import { judgeOf, PLAIN } from "./sets.ts";
import type { SimulatedWorld, Weaknesses } from "./world.ts";
import {
  POOR,
  sampledWorld,
  simulatedJudge,
  simulatedModel,
  simulatedWorld,
  WORLD_TEXTS,
} from "./world.ts";

/** Shares of rounds. */
export interface VerdictFigures {
  /** A verdict that is not true: better or worse where it is not, equal where it is not. */
  wrong: number;
  /** Better, worse or equal, and true. */
  found: number;
  /** The interval of the win rate holds the truth. */
  covered: number;
  /** That at equal length does. */
  coveredAtEqualLength?: number;
  /** Of the interval of the win rate, as a share. */
  width: number;
}

const holds = ({ low, high }: Interval, truth: number): boolean =>
  low <= truth + 1e-12 && truth - 1e-12 <= high;

/** Whether a conclusion contradicts the truth. */
export function isWrong(
  conclusion: PairVerdict["conclusion"],
  truth: number,
  margin?: number,
): boolean {
  if (conclusion === "better") return truth <= 0.5 + 1e-12;
  if (conclusion === "worse") return truth >= 0.5 - 1e-12;
  return conclusion === "equal" && Math.abs(truth - 0.5) >= margin! - 1e-12;
}

const isFound = (conclusion: PairVerdict["conclusion"]): boolean =>
  conclusion !== "not distinguishable" && conclusion !== "no conclusion";

/** The verdict on judgements that were drawn with a known truth. */
export function drawnVerdicts(
  drawn: DrawnPair,
  { rounds, seed, margin }: { rounds: number; seed: number; margin?: number },
): VerdictFigures {
  const truth = trueRate(drawn);
  let [wrong, found, covered, equal, width] = [0, 0, 0, 0, 0];
  for (let round = 0; round < rounds; round++) {
    const { outcome, verdict } = settleDrawn(drawn, Random.for(seed, "drawn", round), { margin });
    const mistaken = isWrong(verdict.conclusion, truth, margin);
    if (mistaken) wrong++;
    else if (isFound(verdict.conclusion)) found++;
    if (holds(outcome!.rate, truth)) covered++;
    if (outcome!.equalLength && holds(outcome!.equalLength.rate, truth)) equal++;
    width += outcome!.rate.high - outcome!.rate.low;
  }
  return {
    wrong: wrong / rounds,
    found: found / rounds,
    covered: drawn.lengthEffect ? NaN : covered / rounds,
    coveredAtEqualLength: equal / rounds,
    width: width / rounds,
  };
}

export interface SequentialFigures {
  wrong: number;
  found: number;
  /** Mean share of the prompts that were used. */
  used: number;
  /** Intervals that hold the truth: of the win rate, of prompts won, of the rate at equal length. */
  covered: number;
  coveredWins: number;
  coveredAtEqualLength: number;
  /** By how much the win rate is too far from a half on average, of those that stopped early. */
  excess: number;
}

/** Looks after every prompt, and stops as soon as it may. */
export async function peekedVerdicts(
  drawn: DrawnPair,
  { rounds, seed, margin }: { rounds: number; seed: number; margin?: number },
): Promise<SequentialFigures> {
  const truth = trueRate(drawn);
  const winTruth = (1 - (drawn.ties ?? 0)) * sigmoid(drawn.quality);
  let [wrong, found, used, covered, coveredWins, coveredAtEqualLength] = [0, 0, 0, 0, 0, 0];
  let [stops, excess] = [0, 0];
  for (let round = 0; round < rounds; round++) {
    const { matched, judgements } = drawJudgements(drawn, Random.for(seed, "peeked", round));
    const byPrompt = new Map(
      judgements.map(({ prompt, shownFirst }) => [matched.prompts[prompt]!.prompt, shownFirst]),
    );
    const judge = judgeOf(
      "drawn",
      (first, _second, prompt) => {
        const outcome = byPrompt.get(prompt)!;
        return first.startsWith("b") ? outcome : 1 - outcome;
      },
      { symmetric: true },
    );
    const said = await askSequentially(judge, matched, {
      pair: { candidate: 1, baseline: 0 },
      prompts: [...matched.prompts.keys()],
      asking: { seed: round },
      confidence: 0.95,
      margin,
    });
    const { outcome, verdict } = settlePair(said, matched, { margin, sequential: true });
    if (isWrong(verdict.conclusion, truth, margin)) wrong++;
    else if (isFound(verdict.conclusion)) found++;
    const { used: judged, of, stopped } = said.sequential!;
    used += judged / of;
    if (holds(outcome!.rate, truth)) covered++;
    if (holds(outcome!.win, winTruth)) coveredWins++;
    if (outcome!.equalLength && holds(outcome!.equalLength.rate, truth)) coveredAtEqualLength++;
    if (stopped) {
      stops++;
      excess += Math.abs(outcome!.rate.estimate - 0.5) - Math.abs(truth - 0.5);
    }
  }
  return {
    wrong: wrong / rounds,
    found: found / rounds,
    used: used / rounds,
    covered: covered / rounds,
    coveredWins: coveredWins / rounds,
    coveredAtEqualLength: coveredAtEqualLength / rounds,
    excess: excess / stops,
  };
}

/** True win rates between ways of answering, for a judge of merit with noise. */
export function styleRates(world: SimulatedWorld, noise: number): (a: Style, b: Style) => number {
  const rates = new Map<string, number>();
  for (const a of STYLES)
    for (const b of STYLES) {
      let total = 0;
      for (const [i, request] of world.requests.entries()) {
        const random = Random.for(3, "style", a, b, i);
        const [x, y] = [a, b].map((style) => answer(world.village, request, style, random)) as [
          string,
          string,
        ];
        const gap = merit(world.village, request, x) - merit(world.village, request, y);
        total +=
          x === y || gap === 0
            ? 0.5
            : noise === 0
              ? Number(gap > 0)
              : normalCdf(gap / (noise * Math.SQRT2));
      }
      rates.set(`${a} ${b}`, total / world.requests.length);
    }
  return (a, b) => (rates.get(`${a} ${b}`)! + 1 - rates.get(`${b} ${a}`)!) / 2;
}

/** Chance of each way of answering, for a model of the given quality. */
const chances = (quality: number): [Style, number][] => [
  ["good", quality],
  ...POOR.map((style): [Style, number] => [style, (1 - quality) / POOR.length]),
];

export interface WorldFigures {
  pairs: number;
  /** Pairs of models that differ, of which so many were told apart. */
  different: number;
  told: number;
  wrong: number;
  covered: number;
}

/**
 * Pairs of models on the world, a third of them equally good.
 * @param options noise of the judge; 0 for the gold program
 */
export async function worldVerdicts({
  pairs,
  prompts,
  noise,
  seed,
}: {
  pairs: number;
  prompts: number;
  noise: number;
  seed: number;
}): Promise<WorldFigures> {
  const rateOf = styleRates(sampledWorld(seed, "truth", 2000), noise);
  const figures: WorldFigures = { pairs, different: 0, told: 0, wrong: 0, covered: 0 };
  for (let pair = 0; pair < pairs; pair++) {
    const random = Random.for(seed, "qualities", pair);
    const first = 0.2 + 0.6 * random.uniform();
    const second = pair % 3 === 0 ? first : 0.2 + 0.6 * random.uniform();
    let truth = 0;
    for (const [a, p] of chances(second))
      for (const [b, q] of chances(first)) truth += p * q * rateOf(a, b);
    if (first === second) truth = 0.5;
    const world = sampledWorld(seed, `pair ${pair}`, prompts);
    const comparison = await compareModels({
      sets: [
        simulatedModel(world, { name: "base", quality: first, seed: pair }),
        simulatedModel(world, { name: "new", quality: second, seed: pair }),
      ],
      judges: [simulatedJudge(world, { name: "judge", seed: pair, noise })],
      options: { ...PLAIN, seed: pair },
    });
    const { outcome, verdict } = comparison.judges[0]!.pairs[0]!;
    if (isWrong(verdict.conclusion, truth)) figures.wrong++;
    else if (isFound(verdict.conclusion)) figures.told++;
    if (first !== second) figures.different++;
    if (holds(outcome!.rate, truth)) figures.covered++;
  }
  return figures;
}

export interface AccusationFigures {
  /** Share of seeds with any accusation, and by what. */
  accused: number;
  by: Readonly<Record<string, number>>;
}

/** Judges with the given weaknesses over many seeds: which trials accuse them. */
export async function accusations(
  weaknesses: Weaknesses,
  { rounds, prompts, seed }: { rounds: number; prompts: number; seed: number },
): Promise<AccusationFigures> {
  const by = new Map<string, number>();
  let accused = 0;
  for (let round = 0; round < rounds; round++) {
    const world = simulatedWorld(seed + round, prompts);
    const { judges } = await compareModels({
      sets: [
        simulatedModel(world, { name: "base", quality: 0.4, seed: round }),
        simulatedModel(world, { name: "new", quality: 0.5, seed: round }),
      ],
      judges: [simulatedJudge(world, { name: "judge", seed: seed + round, ...weaknesses })],
      options: { ...PLAIN, seed: round, controls: true, probes: 50, probeTexts: WORLD_TEXTS },
    });
    const taken = judges[0]!.trust.trials.filter(({ fooled }) => fooled);
    if (taken.length > 0) accused++;
    for (const { id } of taken) by.set(id, (by.get(id) ?? 0) + 1);
  }
  return {
    accused: accused / rounds,
    by: Object.fromEntries([...by].map(([id, count]) => [id, count / rounds])),
  };
}
