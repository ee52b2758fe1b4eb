/** From what judges said to verdicts that hold together, and to how far each judge is believed. */
import { winRateEquivalence } from "../../stats/equivalence.ts";
import { bonferroni, holm } from "../../stats/multiple-testing.ts";
import { answerFaults, faultText } from "../../text/answer-faults.ts";
import type {
  CompareOptions,
  EqualWithin,
  JudgeResult,
  Outcome,
  PairJudgements,
  PairResult,
} from "./comparison.ts";
import { outcomeOf } from "./comparison.ts";
import type { ComparisonJudge } from "./judges.ts";
import { bothAnswered } from "./gaps.ts";
import { clustersOf, pairOutcome } from "./outcome.ts";
import { modelRatings } from "./ratings.ts";
import type { MatchedAnswers } from "./matched.ts";
import { canBeTried } from "./trials.ts";
import type { TrialJudgements } from "./trials.ts";
import { judgeTrusts } from "./trust.ts";
import { powerFigures } from "./power.ts";
import { pairVerdict } from "./verdict.ts";

/** Everything that a judge said. */
export interface AskedJudge {
  judge: ComparisonJudge;
  pairs: readonly PairJudgements[];
  trials: readonly TrialJudgements[];
}

export function settleJudges(
  asked: readonly AskedJudge[],
  matched: MatchedAnswers,
  options: CompareOptions,
): JudgeResult[] {
  const trusts = judgeTrusts(
    asked.map(({ judge, pairs, trials }) => ({
      name: judge.name,
      kind: judge.kind,
      tried: canBeTried(judge),
      symmetric: judge.symmetric ?? false,
      pairs,
      trials,
    })),
    matched,
    options.confidence,
  );
  return asked.map(({ judge, pairs }, i) => {
    const settled = settlePairs(judge.name, pairs, { matched, options });
    return {
      name: judge.name,
      kind: judge.kind,
      optimised: judge.optimised ?? false,
      symmetric: judge.symmetric ?? false,
      pairs: settled,
      trust: trusts[i]!,
      ratings: modelRatings(settled, matched, options.confidence),
    };
  });
}

interface Setting {
  matched: MatchedAnswers;
  options: CompareOptions;
}

function settlePairs(
  judge: string,
  pairs: readonly PairJudgements[],
  { matched, options }: Setting,
): PairResult[] {
  const { confidence, margin } = options;
  const outcomes = pairs.map((pair) => pairOutcome(pair, matched, confidence));
  const pValues = outcomes.flatMap((outcome) => outcome?.pValue ?? []);
  // with a margin both a difference and its absence may be claimed, and stepping down from one to
  // the other does not hold
  const adjusted = margin === undefined ? holm(pValues) : bonferroni(pValues);
  let next = 0;
  return pairs.map((pair, i) => {
    const raw = outcomes[i];
    const outcome =
      raw &&
      withVerdictFigures(
        raw.pValue === undefined ? raw : { ...raw, adjusted: adjusted[next++]! },
        pair,
        { matched, options, comparisons: pairs.length },
      );
    return {
      ...pair,
      ...(outcome ? { outcome } : {}),
      verdict: pairVerdict({
        outcome,
        pair,
        judge,
        inconclusive: answersFault(pair, { matched, options }),
        confidence,
        comparisons: pairs.length,
      }),
    };
  });
}

function withVerdictFigures(
  outcome: Outcome,
  pair: PairJudgements,
  { matched, options, comparisons }: Setting & { comparisons: number },
): Outcome {
  const { margin, confidence } = options;
  const alpha = 1 - confidence;
  const outcomes = pair.judgements.map(outcomeOf);
  const clusters = clustersOf(pair.judgements.map(({ prompt }) => matched.prompts[prompt]!));
  const found =
    (outcome.rate.low > 0.5 || outcome.rate.high < 0.5) &&
    (pair.sequential !== undefined || (outcome.adjusted ?? 1) <= alpha);
  return {
    ...outcome,
    power: powerFigures(outcomes, { clusters, alpha: alpha / comparisons, found }),
    ...(margin === undefined
      ? {}
      : {
          equal: pair.sequential
            ? sequentialEquality(pair.sequential.interval, margin)
            : equality(outcomes, { clusters, margin, alpha, comparisons }),
        }),
  };
}

function equality(
  outcomes: readonly number[],
  {
    clusters,
    margin,
    alpha,
    comparisons,
  }: {
    clusters: readonly string[] | undefined;
    margin: number;
    alpha: number;
    comparisons: number;
  },
): EqualWithin {
  const found = winRateEquivalence(outcomes, { margin, alpha: alpha / comparisons, clusters });
  return {
    margin,
    interval: found.interval,
    adjusted: Math.min(1, found.pValue * comparisons),
    holds: found.equal,
  };
}

function sequentialEquality(interval: EqualWithin["interval"], margin: number): EqualWithin {
  const holds =
    interval.noClaim === undefined && interval.low > 0.5 - margin && interval.high < 0.5 + margin;
  return { margin, interval, holds };
}

/** Why the answers of a pair show nothing, whoever judges; undefined where they may. */
function answersFault(
  { candidate, baseline }: PairJudgements,
  { matched, options }: Setting,
): string | undefined {
  const [a, b] = [candidate, baseline].map((name) => matched.names.indexOf(name));
  const both = bothAnswered(matched, { candidate: a!, baseline: b! });
  const sideOf = (name: string): Side => {
    const model = matched.names.indexOf(name);
    return { name, answers: both.map((i) => matched.prompts[i]!.answers[model]!) };
  };
  const [own, others] = [sideOf(candidate), sideOf(baseline)];
  const faults = [own, others].flatMap(({ name, answers }) =>
    answerFaults(
      answers.map(({ text, stopped }, i) => ({
        text,
        stopped,
        prompt: matched.prompts[both[i]!]!.prompt,
      })),
    ).map((fault) => `${name}: ${faultText(fault)}`),
  );
  if (
    faults.length === 0 &&
    options.margin === undefined &&
    own.answers.every(({ text }, i) => text === others.answers[i]!.text)
  )
    faults.push("both gave the same answer to every prompt, so there is nothing to judge");
  return faults.length === 0 ? undefined : faults.join("; ");
}

interface Side {
  name: string;
  answers: readonly { text: string; stopped?: boolean }[];
}
