/** Who says what was meant of a run's checkpoints: a judge of `attune compare`. */
import { resolve } from "node:path";
import type { ConfigOf } from "../../config/config.ts";
import type { Estimate } from "../../constitution/estimate.ts";
import { CHARACTERS, estimateComparisons, timesEstimate } from "../../constitution/estimate.ts";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import type { PromptRecord } from "../../data/records.ts";
import { promptIdentity } from "../../evaluation/compare/match.ts";
import type { RowOf } from "../../evaluation/judges/function-judge.ts";
import { isScores, isVotes } from "../../evaluation/judges/judge-words.ts";
import { judgeLooks } from "../../evaluation/over-optimisation/judged-looks.ts";
import type { overOptimisationConfig } from "../../evaluation/over-optimisation/over-optimisation.config.ts";
import type { Look, OptimisationPath } from "../../evaluation/over-optimisation/path.ts";
import { formatNumber } from "../../evaluation/table.ts";
import { isScoredJudge } from "../../evaluation/judges/scored-judge.ts";
import type { CommandContext } from "../command.ts";
import { letterRequests } from "../constitution/costs.ts";
import { openJudges } from "../judging/judges.ts";
import type { OpenedJudge } from "../judging/opened-judge.ts";
import { nameOfModel } from "../judging/sources.ts";
import type { Sources } from "../judging/sources.ts";
import { isOptimised } from "../judging/trained-for.ts";
import type { AnsweredLooks } from "./answered-looks.ts";
import type { PartWork } from "./part.ts";
import { shownPrompt } from "./scoring-warnings.ts";

type Config = ConfigOf<typeof overOptimisationConfig>;

/**
 * @param heldOut the run's held-out reward where its guard looked at it: asked a second time it
 * would count twice
 * @throws AttuneError `usage` for a judge that cannot tell; as openJudges
 */
export async function openJudgeOfLooks(
  config: Config,
  { heldOut, context }: { heldOut: string | undefined; context: CommandContext },
): Promise<OpenedJudge> {
  const { judge, run } = config;
  const refuse = (what: string, hint: string): AttuneError =>
    new AttuneError("usage", what, { got: `--judge ${judge}`, hint });
  if (isScores(judge) || isVotes(judge))
    throw refuse(
      "this judges answers that are in a file, and checkpoints are asked anew",
      "write what was said of each step into a file: --gold FILE",
    );
  const sources: Sources = {
    sources: [{ kind: "model", name: nameOfModel(run), model: run }],
    votes: [],
    metrics: [],
    notes: [],
  };
  if (isOptimised(judge, sources.sources))
    throw refuse(
      "the run was trained to please this judge, so it cannot tell whether that was hacked",
      "a judge that the run has not seen",
    );
  if (heldOut !== undefined && resolve(heldOut) === resolve(judge))
    throw refuse(
      "the held-out reward is a witness already, and would count twice",
      "another judge, or none",
    );
  const [opened] = await openJudges(config, sources, context);
  return opened!;
}

/** What a critic behind a server is asked; undefined for judges that cost nothing. */
export function estimateLooks(
  { constitution }: OpenedJudge,
  { config, records, looks }: { config: Config; records: readonly PromptRecord[]; looks: number },
): Estimate | undefined {
  if (constitution === undefined) return undefined;
  const longest = "x".repeat(CHARACTERS * config.maxNewTokens);
  const once = estimateComparisons(
    records.map(({ prompt }) => ({ prompt, first: longest, second: longest })),
    constitution,
    { ...config, maxNewTokens: config.thoughts.maxNewTokens },
    letterRequests(config.judge, config),
  );
  return timesEstimate(once, looks - 1);
}

/** What the judge says of each look, as the way of the optimisation has it. */
export async function judgedPath(
  opened: OpenedJudge,
  { looks, records, clusters }: AnsweredLooks,
  { seed, work }: { seed: number; work: PartWork },
): Promise<{
  path: Pick<OptimisationPath, "looks" | "clusters" | "range" | "witness">;
  warnings: string[];
}> {
  const { cache, signal, progress } = work;
  const prompts = records.map(({ prompt }) => prompt);
  const judge = await opened.begin({ cache, sets: [], rowOf: rowsBy(records) });
  const asked = isScoredJudge(judge.judge) ? looks.length : looks.length - 1;
  const shown = progress({
    title: `judging by ${opened.name}`,
    total: asked * prompts.length,
    unit: "answers",
  });
  let done = 0;
  const judged = await judgeLooks(
    judge,
    { prompts, looks },
    { seed, signal, onDone: () => shown.update(++done) },
  );
  shown.end();
  const { kept } = judged;
  const [first] = judged.refused;
  return {
    path: {
      looks: kept.length === 0 ? [] : judged.looks,
      clusters: clusters && kept.map((i) => clusters[i]!),
      witness: opened.kind === "gold" ? "gold" : `the judge ${opened.name}`,
      ...(judged.range ? { range: judged.range } : {}),
    },
    warnings: [
      ...sameOfAll(judged.looks, opened.name),
      ...(first
        ? [
            `${countOf(judged.refused.length, "prompt")} of ${prompts.length} ` +
              `${judged.refused.length === 1 ? "was" : "were"} not judged at every step and ` +
              `${judged.refused.length === 1 ? "is" : "are"} left out, such as ` +
              `${shownPrompt(prompts[first.prompt]!)}: ${first.why}`,
          ]
        : []),
    ],
  };
}

/** A judge that tells nothing apart does not show that nothing changed. */
function sameOfAll(looks: readonly Look[], judge: string): string[] {
  const values = looks.flatMap((look) => look.values);
  if (values.length < 2 || values.some((value) => value !== values[0])) return [];
  return [
    `${judge} says the same of every answer at every step (${formatNumber(values[0]!)}): it tells ` +
      "nothing of how the run went",
  ];
}

/** Columns of a prompt's row, for functions. */
function rowsBy(rows: readonly PromptRecord[]): RowOf {
  const known = new Map(rows.map(({ prompt, extra }) => [promptIdentity(prompt), extra ?? {}]));
  return (prompt) => known.get(promptIdentity(prompt)) ?? {};
}
