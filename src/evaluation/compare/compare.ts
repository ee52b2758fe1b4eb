/**
 * Which of several models answers better: the same prompts, judged blind in both orders, with what
 * so many prompts can show and whether the judge can be believed.
 *
 * Source: MT-bench (arXiv 2306.05685) for both orders; AlpacaEval 2 (arXiv 2404.04475) and Arena for
 * length and style; Miller (arXiv 2411.00640) for clusters and pairing.
 */
import { holm } from "../../stats/multiple-testing.ts";
import type { AnswerSet } from "./answer-set.ts";
import { askPair, checkJudges, modelPairs } from "./ask.ts";
import type { CompareOptions, Comparison, JudgeResult, PairResult } from "./comparison.ts";
import type { ComparisonJudge } from "./judges.ts";
import { matchAnswers } from "./match.ts";
import type { MatchedAnswers } from "./match.ts";
import { pairOutcome } from "./outcome.ts";
import { pairVerdict } from "./verdict.ts";

export interface CompareInput {
  /** The first is what the others are compared with. */
  sets: readonly AnswerSet[];
  judges: readonly ComparisonJudge[];
  options: CompareOptions;
  hooks?: CompareHooks | undefined;
}

/** How far it is: pairs of answers that were put to the judges, of all. */
export interface CompareProgress {
  judge: string;
  done: number;
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
  const matched = matchAnswers(sets, options);
  const results: JudgeResult[] = [];
  for (const judge of judges) results.push(await judgeModels(judge, matched, { options, hooks }));
  return {
    models: sets.map(({ name, source, fingerprint }) => ({ name, source, fingerprint })),
    options,
    matched,
    judges: results,
    agreement: [],
  };
}

async function judgeModels(
  judge: ComparisonJudge,
  matched: MatchedAnswers,
  { options, hooks }: { options: CompareOptions; hooks: CompareHooks },
): Promise<JudgeResult> {
  const all = [...matched.prompts.keys()];
  const pairs = modelPairs(matched.names.length, options.pairs);
  const total = pairs.length * all.length;
  let done = 0;
  const asking = {
    seed: options.seed,
    signal: hooks.signal,
    onPair: () => hooks.onProgress?.({ judge: judge.name, done: ++done, total }),
  };
  const asked: PairResult[] = [];
  for (const pair of pairs) {
    const said = await askPair(judge, matched, { pair, prompts: all, asking });
    const named = {
      candidate: matched.names[pair.candidate]!,
      baseline: matched.names[pair.baseline]!,
      ...said,
    };
    const outcome = pairOutcome(named, matched, options.confidence);
    asked.push({
      ...named,
      ...(outcome ? { outcome } : {}),
      verdict: { conclusion: "no conclusion", sentence: "" },
    });
  }
  return {
    name: judge.name,
    kind: judge.kind,
    optimised: judge.optimised ?? false,
    symmetric: judge.symmetric ?? false,
    pairs: withVerdicts(asked, options),
    trust: { conclusion: "no conclusion", sentence: "The judge was not tried.", trials: [] },
    ratings: [],
  };
}

function withVerdicts(pairs: readonly PairResult[], options: CompareOptions): PairResult[] {
  const tested = pairs.flatMap(({ outcome }) =>
    outcome?.pValue === undefined ? [] : [outcome.pValue],
  );
  const adjusted = holm(tested);
  let next = 0;
  return pairs.map((pair) => {
    const { outcome } = pair;
    const judged =
      outcome?.pValue === undefined ? outcome : { ...outcome, adjusted: adjusted[next++]! };
    return {
      ...pair,
      ...(judged ? { outcome: judged } : {}),
      verdict: pairVerdict({
        outcome: judged,
        pair,
        options,
        comparisons: pairs.length,
      }),
    };
  });
}
