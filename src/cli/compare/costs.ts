/** What asking models and critics behind servers will take, before it is asked. */
import type { Estimate } from "../../constitution/estimate.ts";
import {
  estimateAnswers,
  estimateComparisons,
  sumEstimates,
  timesEstimate,
} from "../../constitution/estimate.ts";
import type { PromptRecord } from "../../data/records.ts";
import type { AnswerSet } from "../../evaluation/compare/answer-set.ts";
import { plannedPairs, votesAlone } from "../../evaluation/compare/compare.ts";
import type { MatchedAnswers } from "../../evaluation/compare/matched.ts";
import { matchAnswers, promptIdentity } from "../../evaluation/compare/match.ts";
import { SERVER_PREFIX } from "../../training/online/judge.config.ts";
import { letterRequests } from "../constitution/costs.ts";
import type { CompareConfig } from "./compare.config.ts";
import type { OpenedJudge } from "../judging/opened-judge.ts";
import type { Source } from "../judging/sources.ts";

/**
 * What will be matched, told before models are asked: they are taken to answer every prompt.
 * @throws AttuneError `data` where the models will have no prompt in common
 */
export const expectedMatch = (
  sources: readonly Source[],
  prompts: readonly PromptRecord[],
  judges: readonly Pick<OpenedJudge, "kind">[] = [],
): MatchedAnswers =>
  matchAnswers(
    sources.map((source): AnswerSet =>
      source.kind === "answers"
        ? { ...source.set, name: source.name }
        : {
            name: source.name,
            source: source.model,
            fingerprint: "",
            answers: prompts.map(({ prompt }) => ({ prompt, text: "an answer" })),
          },
    ),
    { gaps: judges.length > 0 && votesAlone(judges) },
  );

/** Undefined where nothing is asked of a server. */
export function estimateComparison(
  config: CompareConfig,
  {
    sources,
    prompts,
    expected,
    judges,
  }: {
    sources: readonly Source[];
    /** Those that models are asked. */
    prompts: readonly PromptRecord[];
    expected: MatchedAnswers;
    judges: readonly OpenedJudge[];
  },
): Estimate | undefined {
  const served = sources.filter(
    (source) => source.kind === "model" && source.model.startsWith(SERVER_PREFIX),
  ).length;
  const critics = judges.filter(({ constitution }) => constitution !== undefined);
  if (served === 0 && critics.length === 0) return undefined;
  const texts = lengthsOf(config, sources);
  const options = { ...config, maxNewTokens: config.thoughts.maxNewTokens };
  const judged = critics.map((judge, index) => {
    const each = estimateComparisons(
      expected.prompts.map(({ prompt }) => {
        const text = texts(promptIdentity(prompt));
        return { prompt, first: text, second: text };
      }),
      judge.constitution!,
      options,
      letterRequests(`${SERVER_PREFIX}${index}`, config),
    );
    return timesEstimate(each, plannedPairs(judge, expected, config) / expected.prompts.length);
  });
  const asked = estimateAnswers(
    prompts.map(({ prompt }) => prompt),
    1,
    config,
  );
  return sumEstimates([timesEstimate(asked, served), ...judged]);
}

/** An answer as long as the longest that is known, or as it may become. */
function lengthsOf(
  { maxNewTokens }: CompareConfig,
  sources: readonly Source[],
): (identity: string) => string {
  const longest = "x".repeat(4 * maxNewTokens);
  if (sources.some(({ kind }) => kind === "model")) return () => longest;
  const known = new Map<string, string>();
  for (const source of sources)
    if (source.kind === "answers")
      for (const { prompt, text } of source.set.answers) {
        const identity = promptIdentity(prompt);
        if (text.length > (known.get(identity)?.length ?? -1)) known.set(identity, text);
      }
  return (identity) => known.get(identity) ?? longest;
}
