/** What asking models and critics behind servers will take, before it is asked. */
import type { Estimate } from "../../constitution/estimate.ts";
import { estimateAnswers, estimateComparisons, sumEstimates } from "../../constitution/estimate.ts";
import type { PromptRecord } from "../../data/records.ts";
import { promptIdentity } from "../../evaluation/compare/match.ts";
import { SERVER_PREFIX } from "../../training/online/judge.config.ts";
import { letterRequests } from "../constitution/costs.ts";
import type { CompareConfig, OpenedJudge } from "./opened-judge.ts";
import type { Source } from "./sources.ts";

/** Kinds of controls that are asked about, and of changes that probes make. */
const CONTROLS = 2;
const PROBES = 4;

/** Pairs that each judge is asked about, at most about so many. */
export function pairsToJudge(
  { pairs, controls, probes }: Pick<CompareConfig, "pairs" | "controls" | "probes">,
  { models, prompts }: { models: number; prompts: number },
): number {
  const compared = pairs === "all" ? (models * (models - 1)) / 2 : models - 1;
  return (compared + (controls ? CONTROLS : 0)) * prompts + PROBES * Math.min(probes, prompts);
}

/** Undefined where nothing is asked of a server. */
export function estimateComparison(
  config: CompareConfig,
  {
    sources,
    prompts,
    judges,
  }: {
    sources: readonly Source[];
    prompts: readonly PromptRecord[];
    judges: readonly OpenedJudge[];
  },
): Estimate | undefined {
  const served = sources.filter(
    (source) => source.kind === "model" && source.model.startsWith(SERVER_PREFIX),
  ).length;
  const critics = judges.filter(({ constitution }) => constitution !== undefined);
  if (served === 0 && critics.length === 0) return undefined;
  const asked = prompts.map(({ prompt }) => prompt);
  const texts = lengthsOf(config, sources);
  const pairs = pairsToJudge(config, { models: sources.length, prompts: prompts.length });
  const options = { ...config, maxNewTokens: config.thoughts.maxNewTokens };
  const judged = critics.map(({ constitution }, index) => {
    const each = estimateComparisons(
      asked.map((prompt) => {
        const text = texts(promptIdentity(prompt));
        return { prompt, first: text, second: text };
      }),
      constitution!,
      options,
      letterRequests(`${SERVER_PREFIX}${index}`, config),
    );
    return timesOf(each, asked.length === 0 ? 0 : pairs / asked.length);
  });
  return sumEstimates([timesOf(estimateAnswers(asked, 1, config), served), ...judged]);
}

const timesOf = (estimate: Estimate, times: number): Estimate => ({
  requests: Math.round(times * estimate.requests),
  inputTokens: Math.round(times * estimate.inputTokens),
  outputTokens: Math.round(times * estimate.outputTokens),
});

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
