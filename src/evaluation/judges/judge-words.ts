/** What the words after `--judge` mean, before anything is opened. */
import { SERVER_PREFIX } from "../../training/online/judge.config.ts";
import { isRewardFile } from "../../training/rollout/function-file.ts";

/** What `gold:1` begins with. */
const GOLD = "gold";
export const VOTES = "votes";
export const SCORES = "scores";

export const isGold = (judge: string): boolean => judge === GOLD || judge.startsWith(`${GOLD}:`);
export const isScores = (judge: string): boolean =>
  judge === SCORES || judge.startsWith(`${SCORES}:`);
export const isVotes = (judge: string): boolean => judge === VOTES || judge.startsWith(`${VOTES}:`);

/** A reward model or a critic, here or behind a server. */
export const isModelJudge = (judge: string): boolean =>
  judge.startsWith(SERVER_PREFIX) ||
  !(isGold(judge) || isScores(judge) || isVotes(judge) || isRewardFile(judge));

/** The score that answers are to be read for, where one is named. */
export const metricOf = (judges: readonly string[]): string | undefined =>
  judges.find(isScores)?.slice(SCORES.length + 1) || undefined;
