/**
 * Which of several models answers better: the same prompts, judged blind in both orders, with what
 * so many prompts can show and whether the judge can be believed (docs/decisions/comparison.md).
 *
 * Source: MT-bench (arXiv 2306.05685) for both orders; AlpacaEval 2 (arXiv 2404.04475) and Arena for
 * length and style; Miller (arXiv 2411.00640) for clusters and pairing.
 */
import { judgeAgreements } from "./agreement.ts";
import type { AnswerSet } from "./answer-set.ts";
import type { Asking } from "./ask.ts";
import { askPair, checkJudges } from "./ask.ts";
import type { CompareOptions, Comparison, PairJudgements } from "./comparison.ts";
import type { ComparisonJudge } from "./judges.ts";
import { comparedPairs } from "./gaps.ts";
import { matchAnswers } from "./match.ts";
import type { MatchedAnswers } from "./matched.ts";
import { askSequentially } from "./sequential.ts";
import type { AskedJudge } from "./settle.ts";
import { settleJudges } from "./settle.ts";
import { PROBES } from "./temptations.ts";
import { canBeTried, CONTROLS_ASKED, tempt, trialPrompts } from "./trials.ts";

export interface CompareInput {
  /** The first is what the others are compared with. */
  sets: readonly AnswerSet[];
  judges: readonly ComparisonJudge[];
  options: CompareOptions;
  hooks?: CompareHooks | undefined;
}

/** How far it is: pairs of answers that were put to a judge, of about all. */
export interface CompareProgress {
  judge: string;
  done: number;
  /** Of this judge; fewer where a sequential comparison stops, more where a control is preferred. */
  total: number;
}

export interface CompareHooks {
  onProgress?: ((progress: CompareProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Compares the answers of two or more models.
 * @throws AttuneError `data` where sets have no prompt in common or a judge fails; `usage` for
 * models or judges of one name
 */
export async function compareModels({
  sets,
  judges,
  options,
  hooks = {},
}: CompareInput): Promise<Comparison> {
  checkJudges(judges);
  const matched = matchAnswers(sets, { group: options.group, gaps: votesAlone(judges) });
  const asked: AskedJudge[] = [];
  for (const judge of judges) asked.push(await askJudge(judge, matched, { options, hooks }));
  const results = settleJudges(asked, matched, options);
  return {
    models: sets.map(({ name, source, fingerprint }) => ({ name, source, fingerprint })),
    options,
    matched,
    judges: results,
    agreement: judgeAgreements(results, matched, options.confidence),
  };
}

/** Votes were given on the pairs that there are: a model need not have answered all prompts. */
export const votesAlone = (judges: readonly Pick<ComparisonJudge, "kind">[]): boolean =>
  judges.every((judge) => !canBeTried(judge));

/**
 * Pairs of answers that a judge will be asked about, each in both orders unless it is symmetric;
 * equal answers among them are not asked. At most so many where sequential.
 */
export function plannedPairs(
  judge: Pick<ComparisonJudge, "kind">,
  matched: MatchedAnswers,
  options: Pick<CompareOptions, "seed" | "pairs" | "controls" | "probes">,
): number {
  const compared = comparedPairs(matched, options.pairs).reduce(
    (total, { prompts }) => total + prompts.length,
    0,
  );
  if (!canBeTried(judge)) return compared;
  const { controls, probes } = trialPrompts(matched, options);
  return compared + CONTROLS_ASKED * controls.length + PROBES.length * probes.length;
}

/** The same where the judge prefers every control, which is then tried against every model. */
export function mostPairs(
  judge: Pick<ComparisonJudge, "kind">,
  matched: MatchedAnswers,
  options: CompareOptions,
): number {
  const again = canBeTried(judge) ? trialPrompts(matched, options).controls.length : 0;
  return (
    plannedPairs(judge, matched, options) + CONTROLS_ASKED * again * (matched.names.length - 1)
  );
}

async function askJudge(
  judge: ComparisonJudge,
  matched: MatchedAnswers,
  { options, hooks }: { options: CompareOptions; hooks: CompareHooks },
): Promise<AskedJudge> {
  const total = plannedPairs(judge, matched, options);
  let done = 0;
  const asking: Asking = {
    seed: options.seed,
    signal: hooks.signal,
    onPair: () => {
      done++;
      hooks.onProgress?.({ judge: judge.name, done, total: Math.max(done, total) });
    },
  };
  return {
    judge,
    pairs: await askPairs(judge, matched, { options, asking }),
    trials: await tempt(judge, matched, { options, asking }),
  };
}

async function askPairs(
  judge: ComparisonJudge,
  matched: MatchedAnswers,
  { options, asking }: { options: CompareOptions; asking: Asking },
): Promise<PairJudgements[]> {
  const pairs = comparedPairs(matched, options.pairs);
  const results: PairJudgements[] = [];
  for (const { pair, prompts } of pairs) {
    const said = options.sequential
      ? await askSequentially(judge, matched, {
          pair,
          prompts,
          asking,
          confidence: 1 - (1 - options.confidence) / pairs.length,
          margin: options.margin,
        })
      : await askPair(judge, matched, { pair, prompts, asking });
    results.push({
      candidate: matched.names[pair.candidate]!,
      baseline: matched.names[pair.baseline]!,
      ...said,
    });
  }
  return results;
}
