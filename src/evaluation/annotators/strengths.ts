/**
 * Labels by Bradley-Terry strengths of annotators who differ. Players are the answers of each
 * prompt, which a few votes on a pair tell apart, or the models that wrote them, which battles of
 * many prompts do (Chatbot Arena: one vote a pair).
 */
import { AttuneError } from "../../core/errors.ts";
import { promptKey } from "../../data/split.ts";
import { completionText } from "../../text/messages.ts";
import type { CrowdComparison } from "../../stats/annotators/crowd-bradley-terry.ts";
import { fitCrowdBradleyTerry } from "../../stats/annotators/crowd-bradley-terry.ts";
import type { AggregateConfig } from "./aggregate.config.ts";
import type { PairVote, VotedPair, Votes } from "./votes.ts";

/** P(the first answer is better), by pair. */
export function strengthsOf(
  { pairs, annotators, votes }: Votes,
  { players, strengthPrecision }: Pick<AggregateConfig, "players" | "strengthPrecision">,
): Float64Array {
  const numbers = new Map<string, number>();
  const number = (key: string): number => {
    const known = numbers.get(key) ?? numbers.size;
    numbers.set(key, known);
    return known;
  };
  const sides = pairs.map((pair) => namesOf(pair, players).map(number) as [number, number]);
  const usable = votes.filter(({ pair }) => sides[pair]![0] !== sides[pair]![1]);
  const comparisons = usable.map(({ pair, annotator, outcome, firstLeft }): CrowdComparison => {
    const [first, second] = sides[pair]!;
    // where sides are not known the first of the pair stands for the left, which no bias fits
    return firstLeft === false
      ? { left: second, right: first, annotator, outcome: 1 - outcome }
      : { left: first, right: second, annotator, outcome };
  });
  const fit = fitCrowdBradleyTerry(comparisons, {
    players: numbers.size,
    annotators: annotators.length,
    strengthPrecision,
  });
  const plain = Float64Array.from(sides, ([first, second]) =>
    first === second ? 0.5 : fit.preference(first, second),
  );
  if (players === "answers") return plain;
  return votesWithPrior(
    { votes, pairs: pairs.length },
    plain,
    (annotator) => fit.annotators[annotator]!,
  );
}

/** What the two answers of a pair are called among the players. */
function namesOf({ record }: VotedPair, players: AggregateConfig["players"]): [string, string] {
  if (players === "answers")
    return [record.chosen, record.rejected].map(
      (answer) => `${promptKey(record)}\u0002${completionText(answer)}`,
    ) as [string, string];
  if (record.models === undefined)
    throw new AttuneError("data", "a pair does not say which models wrote its answers", {
      ...record.place,
      expected: "the models of every pair, with --players models",
      hint: "--players answers compares answers, each with its own strength",
    });
  return [record.models.chosen, record.models.rejected];
}

/**
 * A vote of somebody who judges is what he prefers; of somebody who does not it says nothing, and
 * what the models' strengths say is left. The mean over a pair's votes.
 */
function votesWithPrior(
  { votes, pairs }: { votes: readonly PairVote[]; pairs: number },
  plain: Float64Array,
  annotatorOf: (annotator: number) => { skill: number; bias: number },
): Float64Array {
  const [sums, counts] = [new Float64Array(pairs), new Float64Array(pairs)];
  for (const { pair, annotator, outcome, firstLeft } of votes) {
    const { skill, bias } = annotatorOf(annotator);
    const towards = outcome === 1 ? plain[pair]! : outcome === 0 ? 1 - plain[pair]! : 0.5;
    const left =
      firstLeft === undefined || outcome === 0.5 ? undefined : firstLeft === (outcome === 1);
    const blind = left === undefined ? 0.5 : left ? bias : 1 - bias;
    const judged = (skill * towards) / (skill * towards + (1 - skill) * blind);
    sums[pair]! += judged * outcome + (1 - judged) * plain[pair]!;
    counts[pair]! += 1;
  }
  return sums.map((sum, pair) => (counts[pair] === 0 ? plain[pair]! : sum / counts[pair]!));
}
