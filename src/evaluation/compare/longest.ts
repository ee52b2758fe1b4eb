/**
 * The longest-answer control: on each prompt the longest answer that any model gave. It is made of
 * the models' own answers, which the judge knows already, and may rightly win where the better model
 * writes more. So it is held against picking a model at random as often: what is left is how much
 * more the judge likes a model's answers where they are the longer ones.
 */
import type { Interval } from "../../stats/intervals.ts";
import { meanInterval, plainInterval } from "../../stats/intervals.ts";
import type { PairJudgements } from "./comparison.ts";
import { outcomeOf } from "./comparison.ts";
import type { MatchedAnswers } from "./matched.ts";
import { rateInterval } from "../win-rate.ts";
import { clustersOf } from "./outcome.ts";

export interface LongestControl {
  /** Preferred over the baseline; where the baseline's is the longest this is a tie. */
  rate: Interval;
  /** Above picking at random as often from each model, as a share; 0 where length says nothing. */
  beyondChance: Interval;
}

/**
 * @param pairs against the baseline, one for each other model
 * @returns undefined where no prompt was judged for all of them
 */
export function longestControl(
  pairs: readonly PairJudgements[],
  matched: MatchedAnswers,
  confidence: number,
): LongestControl | undefined {
  const [baseline] = matched.names;
  const against = pairs.filter((pair) => pair.baseline === baseline);
  const outcomes = against.map(
    ({ judgements }) => new Map(judgements.map((each) => [each.prompt, outcomeOf(each)])),
  );
  const models = against.map(({ candidate }) => matched.names.indexOf(candidate));
  const prompts = [...matched.prompts.keys()].filter((prompt) =>
    outcomes.every((each) => each.has(prompt)),
  );
  if (against.length === 0 || prompts.length === 0) return undefined;
  const picks = prompts.map((prompt) => {
    const { answers } = matched.prompts[prompt]!;
    const longest = [0, ...models].reduce((best, model) =>
      answers[model]!.text.length > answers[best]!.text.length ? model : best,
    );
    return models.indexOf(longest);
  });
  const shares = models.map((_, m) => picks.filter((pick) => pick === m).length / picks.length);
  const clusters = clustersOf(prompts.map((prompt) => matched.prompts[prompt]!));
  const excess = (m: number, i: number): number => outcomes[m]!.get(prompts[i]!)! - 0.5;
  const beyond = picks.map((pick, i) =>
    models.reduce((total, _, m) => total + ((pick === m ? 1 : 0) - shares[m]!) * excess(m, i), 0),
  );
  return {
    rate: rateInterval(
      picks.map((pick, i) => (pick < 0 ? 0.5 : 0.5 + excess(pick, i))),
      { clusters, confidence },
    ),
    beyondChance: plainInterval(meanInterval(beyond, { clusters, confidence, range: [-1, 1] })),
  };
}
