/**
 * People's votes as a judge: what they said of these very two answers. Votes on one pair are
 * averaged; a pair that nobody voted on has no judgement.
 */
import type { PreferenceRecord } from "../../data/records.ts";
import { mean } from "../../stats/intervals.ts";
import type { Prompt } from "../../text/messages.ts";
import { completionText } from "../../text/messages.ts";
import type { ComparisonJudge } from "../compare/judges.ts";
import { promptIdentity } from "../compare/match.ts";

export function votesJudge(votes: readonly PreferenceRecord[], name: string): ComparisonJudge {
  /** P(the text that comes first in the alphabet is better), by prompt and texts. */
  const byPair = new Map<string, number[]>();
  for (const { prompt, chosen, rejected, p } of votes) {
    const { key, turned } = pairKey(prompt, completionText(chosen), completionText(rejected));
    const said = turned ? 1 - p : p;
    const known = byPair.get(key);
    if (known) known.push(said);
    else byPair.set(key, [said]);
  }
  return {
    kind: "votes",
    name,
    symmetric: true,
    judge: {
      name,
      timeout: Infinity,
      concurrency: 64,
      compare(prompt, first, second) {
        const { key, turned } = pairKey(prompt, first, second);
        const said = byPair.get(key);
        if (said === undefined)
          return Promise.resolve({ refused: "nobody voted on these two answers" });
        return Promise.resolve(turned ? 1 - mean(said) : mean(said));
      },
    },
  };
}

function pairKey(prompt: Prompt, one: string, other: string): { key: string; turned: boolean } {
  const [first, second] = [one.trim(), other.trim()];
  const turned = second < first;
  return {
    key: JSON.stringify([promptIdentity(prompt), ...(turned ? [second, first] : [first, second])]),
    turned,
  };
}
