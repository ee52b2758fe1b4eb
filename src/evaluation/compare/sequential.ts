/**
 * As many prompts as it takes: in a random order, until the always-valid interval of the win rate
 * lies clear of a half, or within the margin. Prompts of one cluster come together, and count by
 * their number, so that the share is of prompts as it is where all are judged.
 */
import { Random } from "../../core/random.ts";
import { SequentialShare } from "../../stats/sequential.ts";
import type { Asking, ModelPair } from "./ask.ts";
import { askPair } from "./ask.ts";
import type { PairJudgements, PromptJudgement, Refusal } from "./comparison.ts";
import { outcomeOf } from "./comparison.ts";
import type { ComparisonJudge } from "./judges.ts";
import { largestOf } from "../../core/extremes.ts";
import type { MatchedAnswers } from "./matched.ts";

export interface SequentialInput {
  pair: ModelPair;
  /** That both answered. */
  prompts: readonly number[];
  asking: Asking;
  /** Of this comparison alone, so that all hold together. */
  confidence: number;
  margin?: number | undefined;
}

/** Asks until the verdict holds, and says how far it went. */
export async function askSequentially(
  judge: ComparisonJudge,
  matched: MatchedAnswers,
  { pair, prompts, asking, confidence, margin }: SequentialInput,
): Promise<Pick<PairJudgements, "judgements" | "refused" | "sequential">> {
  const units = unitsOf(matched, prompts, asking.seed);
  const together = Math.max(1, judge.judge.concurrency ?? 1);
  const largest = largestOf(units.map(({ length }) => length));
  const share = new SequentialShare(largest > 1 ? { largestCluster: largest } : {});
  const judgements: PromptJudgement[] = [];
  const refused: Refusal[] = [];
  let stopped = false;
  for (let next = 0; next < units.length && !stopped;) {
    const batch: number[][] = [];
    for (let size = 0; next < units.length && size < together; next++) {
      batch.push(units[next]!);
      size += units[next]!.length;
    }
    const said = await askPair(judge, matched, { pair, prompts: batch.flat(), asking });
    judgements.push(...said.judgements);
    refused.push(...said.refused);
    const outcomes = new Map(said.judgements.map((each) => [each.prompt, outcomeOf(each)]));
    for (const unit of batch) {
      const members = unit.flatMap((prompt) => outcomes.get(prompt) ?? []);
      if (members.length > 0) share.add(members);
    }
    stopped = isDecided(share, confidence, margin);
  }
  if (share.n === 0) return { judgements, refused };
  const { sequential, widthRatio } = share.costOfPeeking(confidence);
  return {
    judgements,
    refused,
    sequential: {
      used: judgements.length + refused.length,
      of: prompts.length,
      stopped: stopped && judgements.length + refused.length < prompts.length,
      interval: sequential,
      width: widthRatio,
    },
  };
}

function isDecided(
  share: SequentialShare,
  confidence: number,
  margin: number | undefined,
): boolean {
  if (share.n === 0) return false;
  const { low, high, noClaim } = share.interval(confidence);
  if (noClaim !== undefined) return false;
  return (
    low > 0.5 || high < 0.5 || (margin !== undefined && low > 0.5 - margin && high < 0.5 + margin)
  );
}

/** Prompts by cluster, in a random order. */
function unitsOf({ prompts }: MatchedAnswers, wanted: readonly number[], seed: number): number[][] {
  const units = new Map<string, number[]>();
  for (const i of wanted) {
    const { cluster, key } = prompts[i]!;
    const name = cluster === undefined ? `alone ${key}` : `cluster ${cluster}`;
    units.set(name, [...(units.get(name) ?? []), i]);
  }
  return Random.for(seed, "order of prompts").shuffle([...units.values()]);
}
