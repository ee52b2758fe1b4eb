/** What a comparison would do and cost, before it does anything. */
import type { Estimate } from "../../constitution/estimate.ts";
import { countOf } from "../../core/counts.ts";
import { plannedPairs } from "../../evaluation/compare/compare.ts";
import type { MatchedAnswers } from "../../evaluation/compare/matched.ts";
import type { CommandContext } from "../command.ts";
import { announceCosts } from "../constitution/costs.ts";
import type { CompareConfig } from "./compare.config.ts";
import type { OpenedJudge } from "../judging/opened-judge.ts";
import type { Prompts } from "./prompts.ts";
import type { Sources } from "../judging/sources.ts";

interface Planned {
  sources: Sources;
  prompts: Prompts | undefined;
  judges: readonly OpenedJudge[];
}

/** @throws AttuneError `usage` where it costs more than the budget */
export function announceComparison(
  config: CompareConfig,
  estimate: Estimate | undefined,
  context: CommandContext,
): string | undefined {
  return estimate === undefined ? undefined : announceCosts(estimate, config, context);
}

/** What a dry run prints. */
export function planComparison(
  config: CompareConfig,
  { sources, prompts, judges }: Planned,
  {
    expected,
    estimate,
    context,
  }: { expected: MatchedAnswers; estimate: Estimate | undefined; context: CommandContext },
): void {
  const said = announceComparison(config, estimate, context);
  const models = sources.sources.map((source) => ({
    name: source.name,
    ...(source.kind === "model"
      ? { asked: prompts!.records.length }
      : { answers: source.set.answers.length, source: source.set.source }),
  }));
  const asked = judges.map((judge) => ({
    name: judge.name,
    chosen: judge.chosen,
    pairs: plannedPairs(judge, expected, config),
  }));
  const lines = [
    "compare would do this (nothing was asked or written):",
    ...models.map((model) =>
      "asked" in model
        ? `  ${model.name}: ${countOf(model.asked!, "prompt")} to answer`
        : `  ${model.name}: ${countOf(model.answers!, "answer")} of ${model.source!}`,
    ),
    ...asked.map(
      ({ name, chosen, pairs }) => `  judge ${name}: about ${countOf(pairs, "pair")}; ${chosen}`,
    ),
    ...(said === undefined ? [] : [`  ${said}`]),
  ];
  context.reporter.result(
    {
      dryRun: true,
      models,
      judges: asked,
      ...estimate,
    },
    lines.join("\n"),
  );
}
