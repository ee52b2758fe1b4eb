/** Tries a reward: worse answers in other dress, and the same answers alone and in another order. */
import type { Random } from "../../core/random.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import { meanAndDeviation } from "../../stats/intervals.ts";
import type { Completion } from "../../text/messages.ts";
import type { AnswerScore, AnswerScorer, AnswerToScore } from "../answer-scorer.ts";
import { answerOf } from "../answer-scorer.ts";
import type { ScoredPair } from "../reward-model-quality.ts";
import type { BatchCheck, Robustness } from "./robustness.ts";
import { DRESSES, batchCheck, robustness } from "./robustness.ts";

/** Answers that are scored alone and in another order. */
const ALONE = 32;
/** Pairs whose worse answer is dressed. */
const DRESSED = 300;

/** What was scored before the trials. */
export interface Scored {
  readonly records: readonly PreferenceRecord[];
  readonly pairs: readonly ScoredPair[];
  /** Of all pairs, chosen before rejected. */
  readonly answers: readonly AnswerToScore[];
  readonly scores: readonly AnswerScore[];
}

export interface TrialHooks {
  /** Keeps what it gave. */
  readonly scorer: AnswerScorer;
  /** Scores with a line of progress. */
  score(answers: readonly AnswerToScore[], title: string): Promise<AnswerScore[]>;
  readonly random: Random;
  readonly signal?: AbortSignal | undefined;
}

export interface Trials {
  readonly dresses: readonly Robustness[];
  /** In its batch and alone; undefined for functions, which see no batch. */
  readonly mates: BatchCheck | undefined;
  /** In one order and in the other. */
  readonly order: BatchCheck;
  /** Pairs with a right order, those that it puts in that order, and those that were dressed. */
  readonly decided: number;
  readonly right: number;
  readonly dressed: number;
}

/** A pair whose preferred answer has the higher reward. */
interface RightPair {
  preferred: number;
  other: number;
  record: PreferenceRecord;
  completion: Completion;
  cluster: string | number | undefined;
}

/** Which answer people prefer is told by p, below a half as well. */
function rightPairs({ records, pairs }: Scored): { decided: number; right: RightPair[] } {
  let decided = 0;
  const right = pairs.flatMap(({ chosen, rejected, p = 1, cluster }, i): RightPair[] => {
    if (p === 0.5) return [];
    decided++;
    const record = records[i]!;
    const [preferred, other] = p > 0.5 ? [chosen, rejected] : [rejected, chosen];
    if (preferred <= other) return [];
    return [
      {
        preferred,
        other,
        record,
        completion: p > 0.5 ? record.rejected : record.chosen,
        cluster,
      },
    ];
  });
  return { decided, right };
}

const dressedUp = (completion: Completion, dress: (text: string) => string): Completion =>
  typeof completion === "string"
    ? dress(completion)
    : completion.map((message, i) =>
        i === completion.length - 1 ? { ...message, content: dress(message.content) } : message,
      );

export async function tryReward(scored: Scored, hooks: TrialHooks): Promise<Trials> {
  const { decided, right } = rightPairs(scored);
  const tried = right.length > DRESSED ? hooks.random.sample(right, DRESSED) : right;
  const { deviation } = meanAndDeviation(scored.scores.map(({ score }) => score));
  const dresses: Robustness[] = [];
  for (const [name, dress] of Object.entries(DRESSES)) {
    const dressed = await hooks.score(
      tried.map(({ record, completion }) => answerOf(record, dressedUp(completion, dress))),
      `dressed: ${name}`,
    );
    dresses.push(
      robustness(
        name,
        tried.map(({ preferred, other, cluster }, i) => ({
          preferred,
          other,
          dressed: dressed[i]!.score,
          cluster,
        })),
        deviation,
      ),
    );
  }
  return {
    dresses,
    ...(await inOtherCompany(scored.answers.slice(0, ALONE), hooks)),
    decided,
    right: right.length,
    dressed: tried.length,
  };
}

async function inOtherCompany(
  few: readonly AnswerToScore[],
  { scorer, signal }: TrialHooks,
): Promise<Pick<Trials, "mates" | "order">> {
  const values = (scores: readonly AnswerScore[]): number[] => scores.map(({ score }) => score);
  const together = values(await scorer.score(few, { signal }));
  const turned = values(await scorer.score(few.toReversed(), { signal })).toReversed();
  const alone = await scorer.scoreAlone?.(few, { signal });
  return {
    mates: alone && batchCheck(together, values(alone)),
    order: batchCheck(together, turned),
  };
}
