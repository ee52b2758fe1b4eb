/**
 * `attune quickstart`: the whole pipeline on the built-in world, judged by its gold scorer, with a
 * report at the end.
 */
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { AttuneError } from "../../core/errors.ts";
import type { ScoredModel } from "../../evaluation/gold-table.ts";
import { evaluateGold, goldTable } from "../../evaluation/gold-table.ts";
import type { MemoryFigure } from "../../quickstart/method-memory.ts";
import { measureMethods } from "../../quickstart/method-memory.ts";
import type { PipelineResult } from "../../quickstart/pipeline.ts";
import {
  CONSTITUTION_COMPARISONS,
  WORLD_COMPARISONS,
  runWorldPipeline,
} from "../../quickstart/pipeline.ts";
import { constitutionLines } from "../../quickstart/constitution-report.ts";
import { chooseExamples, pathLines, rewardModelLine } from "../../quickstart/report-examples.ts";
import { worldFindings, writeWorldReport } from "../../quickstart/report.ts";
import { readRunInfo } from "../../runs/run-folder.ts";
import { warnOfAnswers } from "../display/answer-warnings.ts";
import type { CommandContext, CommandModule } from "../command.ts";
import {
  addOutcomeOptions,
  askFindings,
  readOutcomeOptions,
  requirementLines,
} from "../display/outcome.ts";
import { StagesDisplay } from "../display/stages-display.ts";
import { commandLine } from "../display/words.ts";

export const command: CommandModule = {
  configure(command, bind) {
    command
      .option("--seed <number>", "of the world and of training", "1")
      .option(
        "--out <folder>",
        "where the models and the report go (default: runs/quickstart-SEED); what is done there " +
          "is not done again",
      )
      .option(
        "--no-memory",
        "leave out the table of memory, which trains four more models for a moment",
      );
    addOutcomeOptions(command);
    command.action(bind<QuickstartFlags>(({ options, context }) => quickstart(options, context)));
  },
};

interface QuickstartFlags extends Record<string, unknown> {
  seed: string;
  out?: string;
  memory: boolean;
}

async function quickstart(options: QuickstartFlags, context: CommandContext): Promise<void> {
  const { seed: given, out, memory } = options;
  const { reporter, signal, argv } = context;
  const config = readOutcomeOptions(options, "quickstart");
  const seed = Number(given);
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new AttuneError("usage", "--seed takes a whole number", { got: given });
  const folder = out ?? join("runs", `quickstart-${seed}`);
  reporter.note(
    "A model of about a million parameters is trained from scratch in a small made-up village, " +
      "aligned in several ways, and judged.",
  );
  const display = new StagesDisplay(reporter);
  const result = await runWorldPipeline(
    { seed, folder },
    {
      signal,
      onLockTaken: (from) =>
        reporter.warn(
          "stale-lock",
          `the lock of ${from} is taken over: that process is gone, and did not end the pipeline`,
        ),
      onPlan: (planned) => display.plan(planned, 1),
      onStage: (planned) => display.begin(planned),
      onStageEnd: (ended) => display.end(ended),
      onEvaluation: () =>
        display.further(
          "Evaluation: held-out requests, judged by the gold scorer that no trainer has seen",
        ),
      onEvent: (event, stage) => display.event(event, stage),
    },
  )
    .then((result) => {
      if (!signal.aborted) display.furtherEnd();
      return result;
    })
    .finally(() => display.close());
  if (signal.aborted)
    throw new AttuneError("interrupted", "stopped before the end", {
      hint: "the same command goes on from there",
    });
  for (const [name, said] of Object.entries({ ...result.answers, ...result.constitution.answers }))
    warnOfAnswers(
      said.map((text) => ({ text })),
      reporter,
      name,
    );
  const figures = memory ? await measureMemory({ reporter, signal }) : undefined;
  const input = { memory: figures, command: commandLine(argv), date: new Date() };
  const { page, data } = await writeWorldReport(folder, result, input);
  const { requirements, decide } = askFindings({
    findings: worldFindings(result, input),
    command: "quickstart",
    config,
    created: readRunInfo(result.stages[0]!.folder).created,
  });
  reporter.result(
    {
      ...asData(result, figures),
      ...(requirements.length === 0 ? {} : { requirements }),
      report: resolve(page),
      reportData: resolve(data),
    },
    [asText(result, page), ...requirementLines(requirements)].join("\n"),
  );
  decide();
}

async function measureMemory({
  reporter,
  signal,
}: Pick<CommandContext, "reporter" | "signal">): Promise<MemoryFigure[] | undefined> {
  const progress = reporter.progress({ title: "measuring memory", total: 4, unit: "methods" });
  let done = 0;
  try {
    return await measureMethods({ signal, onCase: () => progress.update(done++) });
  } finally {
    progress.end();
  }
}

/** Three requests of different kinds, with every model's answer. */
function examples({ world, answers, models }: PipelineResult): string {
  const width = Math.max(...models.map(({ name }) => name.length));
  return chooseExamples({ world, models })
    .slice(0, 3)
    .map((index) =>
      [
        `> ${world.evaluation[index]!.text}`,
        ...models.map(({ name }) => `  ${name.padEnd(width)}  ${answers[name]![index]!}`),
      ].join("\n"),
    )
    .join("\n\n");
}

function asText(result: PipelineResult, report: string): string {
  return [
    "",
    goldTable(result.models, { compare: WORLD_COMPARISONS }),
    "",
    rewardModelLine(result),
    pathLines(result),
    "",
    constitutionLines(result.constitution),
    "",
    examples(result),
    "",
    `Report: ${pathToFileURL(resolve(report)).href}`,
  ].join("\n");
}

const totals = (models: readonly ScoredModel[]) =>
  models.map(({ name, scores }) => ({
    name,
    total: scores.reduce((sum, { total }) => sum + total, 0) / scores.length,
  }));

function asData(
  { models, rewardModel, differences, paths, stages, constitution }: PipelineResult,
  memory: readonly MemoryFigure[] | undefined,
): Record<string, unknown> {
  return {
    models: totals(models),
    constitution: {
      models: totals(constitution.models),
      labels: constitution.labels,
      evaluation: evaluateGold(constitution.models, { compare: CONSTITUTION_COMPARISONS }),
    },
    rewardAccuracy: rewardModel.accuracy,
    differences,
    paths: paths.map(({ hacking, ...path }) => ({ ...path, verdict: hacking.verdict })),
    stages: stages.map(({ stage, seconds, action }) => ({ name: stage.name, seconds, action })),
    ...(memory ? { memory } : {}),
  };
}
