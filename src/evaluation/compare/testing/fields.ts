/** Judgements of several models with known strengths, by one judge or several. */
import type { Random } from "../../../core/random.ts";
import { sigmoid } from "../../../stats/special.ts";
import { modelPairs } from "../ask.ts";
import type { CompareOptions, JudgeResult, PairJudgements } from "../comparison.ts";
import type { MatchedAnswers } from "../matched.ts";
import { settleJudges } from "../settle.ts";
import { judgeOf, PLAIN } from "./sets.ts";

export interface DrawnField {
  /** Log-odds, one for each model. */
  strengths: readonly number[];
  prompts: number;
  /** The first against each of the others, or each against each. */
  pairs: "baseline" | "all";
  /** Share of ties, of what is not certain: the mean of outcomes stays that of the strengths. */
  ties?: number;
  /** Log-odds for a relative difference of lengths of one. */
  lengthEffect?: number;
  /** Each judge says the same of a prompt's pair so often, rather than drawing for itself. */
  judges?: number;
}

/** Half of the draws of a prompt are one and the same: its pairs depend on each other. */
const SHARED = 0.5;

/** Prompts, answers of drawn lengths, and what each judge said. */
export function drawField(
  { strengths, prompts, pairs: design, ties = 0, lengthEffect = 0, judges = 1 }: DrawnField,
  random: Random,
): { matched: MatchedAnswers; judges: PairJudgements[][] } {
  const names = strengths.map((_, model) => `m${model}`);
  const lengths = Array.from({ length: prompts }, () =>
    strengths.map((_, model) => 200 + (lengthEffect ? 150 : 0) * model + random.integer(200)),
  );
  const shared = lengths.map(() => random.uniform());
  const said = Array.from({ length: judges }, () =>
    modelPairs(names.length, design).map(({ candidate, baseline }) => ({
      candidate: names[candidate]!,
      baseline: names[baseline]!,
      refused: [],
      judgements: lengths.map((each, prompt) => {
        const [a, b] = [each[candidate]!, each[baseline]!];
        const p = sigmoid(
          strengths[candidate]! - strengths[baseline]! + (lengthEffect * (a - b)) / (a + b + 1),
        );
        const tie = ties * 2 * Math.min(p, 1 - p);
        const draw = random.chance(SHARED) ? shared[prompt]! : random.uniform();
        const outcome = draw < p - tie / 2 ? 1 : draw < p + tie / 2 ? 0.5 : 0;
        return { prompt, shownFirst: outcome, shownSecond: outcome };
      }),
    })),
  );
  return {
    judges: said,
    matched: {
      names,
      notes: [],
      prompts: lengths.map((each, i) => ({
        prompt: `p${i}`,
        key: `p${i}`,
        answers: each.map((length) => ({ prompt: `p${i}`, text: "x".repeat(length) })),
      })),
    },
  };
}

/** The shipped verdicts and ratings on drawn judgements. */
export function settleField(
  field: DrawnField,
  random: Random,
  options: Partial<CompareOptions> = {},
): { judges: JudgeResult[]; matched: MatchedAnswers } {
  const { matched, judges } = drawField(field, random);
  return {
    matched,
    judges: settleJudges(
      judges.map((pairs, i) => ({ judge: judgeOf(`judge ${i}`, () => 0.5), pairs, trials: [] })),
      matched,
      { ...PLAIN, pairs: field.pairs, ...options },
    ),
  };
}
