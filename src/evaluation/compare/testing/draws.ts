/**
 * Judgements of two models with a known true win rate, as if they had been asked for: for how often
 * verdicts are wrong and intervals cover.
 */
import type { Random } from "../../../core/random.ts";
import { sigmoid } from "../../../stats/special.ts";
import type {
  CompareOptions,
  JudgeResult,
  PairJudgements,
  PromptJudgement,
} from "../comparison.ts";
import type { MatchedAnswers, MatchedPrompt } from "../matched.ts";
import { settleJudges } from "../settle.ts";
import { judgeOf, PLAIN } from "./sets.ts";

export interface DrawnPair {
  /** Log-odds of a win where neither answer is longer. */
  quality: number;
  prompts: number;
  /** Share of prompts that are a tie, whatever else. */
  ties?: number;
  /** Log-odds for a difference of lengths of one deviation, as tanh. */
  lengthEffect?: number;
  /** Mean difference of lengths, in deviations. */
  longer?: number;
  /** Prompts a cluster; half of the draws of a cluster are one and the same. */
  clusterSize?: number;
  /** A judge of probabilities, which vary about the win rate. */
  soft?: boolean;
}

/** The true share of prompts won, a tie counting half, where length has no effect. */
export const trueRate = ({ quality, ties = 0 }: DrawnPair): number =>
  ties / 2 + (1 - ties) * sigmoid(quality);

/** Prompts, answers of the drawn lengths, and what the judge said. */
export function drawJudgements(
  drawn: DrawnPair,
  random: Random,
): { matched: MatchedAnswers; judgements: PromptJudgement[] } {
  const { quality, prompts: count, ties = 0, lengthEffect = 0, longer = 0 } = drawn;
  const { clusterSize = 1, soft = false } = drawn;
  const prompts: MatchedPrompt[] = [];
  const judgements: PromptJudgement[] = [];
  let shared = random.uniform();
  for (let i = 0; i < count; i++) {
    if (i % clusterSize === 0) shared = random.uniform();
    const difference = longer + random.normal();
    const p = sigmoid(quality + lengthEffect * Math.tanh(difference));
    const draw = clusterSize > 1 && random.chance(0.5) ? shared : random.uniform();
    const tie = random.chance(ties);
    const outcome = tie ? 0.5 : soft ? softOutcome(p, draw) : draw < p ? 1 : 0;
    const length = 1000 + Math.round(100 * difference);
    prompts.push({
      prompt: `p${i}`,
      key: `p${i}`,
      ...(clusterSize > 1 ? { cluster: `c${Math.floor(i / clusterSize)}` } : {}),
      answers: [
        { prompt: `p${i}`, text: `a${i}`.padEnd(1000, ".") },
        { prompt: `p${i}`, text: `b${i}`.padEnd(length, ".") },
      ],
    });
    judgements.push({ prompt: i, shownFirst: outcome, shownSecond: outcome });
  }
  return { matched: { names: ["base", "new"], prompts, notes: [] }, judgements };
}

/** Of mean p, with half of the spread of a coin. */
const softOutcome = (p: number, draw: number): number => (draw < p ? (1 + p) / 2 : p / 2);

/** The shipped verdict on drawn judgements. */
export function settleDrawn(
  drawn: DrawnPair,
  random: Random,
  options: Partial<CompareOptions> = {},
): JudgeResult["pairs"][number] {
  const { matched, judgements } = drawJudgements(drawn, random);
  return settlePair({ judgements, refused: [] }, matched, options);
}

/** The shipped verdict on what a judge said of the two models. */
export function settlePair(
  said: Pick<PairJudgements, "judgements" | "refused" | "sequential">,
  matched: MatchedAnswers,
  options: Partial<CompareOptions>,
): JudgeResult["pairs"][number] {
  const [judge] = settleJudges(
    [
      {
        judge: judgeOf("drawn", () => 0.5),
        pairs: [{ candidate: "new", baseline: "base", ...said }],
        trials: [],
      },
    ],
    matched,
    { ...PLAIN, ...options },
  );
  return judge!.pairs[0]!;
}
