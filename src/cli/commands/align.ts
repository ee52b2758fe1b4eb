/**
 * `attune align`: the whole pipeline on a model and data of one's own, from one file, resumable
 * stage by stage.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { readRegularText } from "../../text/regular-file.ts";
import type { AlignOutcome } from "../../report/align-report.ts";
import { comparisonTable } from "../../report/align-findings.ts";
import { alignFindings, alignReport } from "../../report/align-report.ts";
import { findingsJson } from "../../evaluation/findings-json.ts";
import type { OutcomeConfig } from "../../evaluation/outcome.config.ts";
import { hackingFindings } from "../../evaluation/over-optimisation/hacking-findings.ts";
import { hasRollOuts, readOptimisationRun } from "../../quickstart/optimisation-run.ts";
import { readRunInfo } from "../../runs/run-folder.ts";
import { contestTable } from "../../evaluation/pairwise.ts";
import { comparePolicies } from "../../evaluation/policy-evaluation.ts";
import { writeReport } from "../../report/report.ts";
import { formatTable } from "../../evaluation/table.ts";
import { writeFileAtomic } from "../../runs/files.ts";
import type { Stage, StageResult } from "../../runs/pipeline.ts";
import { planPipeline, runPipeline, templateTimeOf } from "../../runs/pipeline.ts";
import type { AlignFile } from "../align/file.ts";
import { readAlignFile } from "../align/file.ts";
import { ALIGN_TEMPLATE } from "../align/template.ts";
import type { CommandContext, CommandLookup, CommandModule } from "../command.ts";
import { addBelowHelp, examplesText } from "../display/help-text.ts";
import {
  addOutcomeOptions,
  askFindings,
  readOutcomeOptions,
  requirementLines,
} from "../display/outcome.ts";
import { OverallProgress } from "../display/overall-progress.ts";
import { checkAll, checkLines, evaluationLines } from "../align/check.ts";
import type { JudgedModels } from "../align/evaluation.ts";
import { evaluate } from "../align/evaluation.ts";
import { provenanceOf } from "../align/provenance.ts";
import type { AlignContext } from "../align/stages.ts";
import { asStage } from "../align/stages.ts";
import { commandLine, shellWord } from "../display/words.ts";

const DEFAULT_FILE = "attune.yaml";

/** The work after the stages, as the bar of all knows it. */
const EVALUATION = "evaluation";

/** @param lookup finds the commands that the stages are runs of */
export const alignCommand = (lookup: CommandLookup): CommandModule => ({
  configure(command, bind) {
    addBelowHelp(command, (width) =>
      examplesText(
        [
          "attune align --init",
          "attune align --dry-run",
          "attune align   # again after a stop or a change: what is done is skipped",
        ],
        width,
      ),
    );
    command
      .argument("[file]", `the pipeline (default: ${DEFAULT_FILE})`)
      .option("--init", "write a commented file to start from")
      .option(
        "--dry-run",
        "open data and models, and say what would be done and what would fail, without doing it",
      );
    addOutcomeOptions(command);
    command.action(
      bind<AlignFlags>(async ({ values: [file = DEFAULT_FILE], options, context }) => {
        if (options.init) return init(file, context);
        await run(file, options, { ...context, lookup });
      }),
    );
  },
});

interface AlignFlags extends Record<string, unknown> {
  init?: boolean;
  dryRun?: boolean;
}

async function run(file: string, options: AlignFlags, outer: AlignContext): Promise<void> {
  const outcome = readOutcomeOptions(options, "align");
  const pipeline = readAlignFile(readText(file), file);
  const context = { ...outer, templateTime: templateTimeOf(pipeline.out) ?? outer.templateTime };
  const overall = new OverallProgress(outer.reporter);
  const reporter = overall.watch(context.reporter);
  const stages = await Promise.all(
    pipeline.stages.map((stage) => asStage(stage, pipeline.out, { ...context, reporter })),
  );
  await goingOn(pipeline, () =>
    options.dryRun
      ? dryRun(pipeline, stages, context)
      : align(pipeline, stages, { context, overall, outcome }).finally(() => overall.close()),
  );
}

/** Whatever a killed process was doing is done again or gone on with. */
function warnOfLock(reporter: CommandContext["reporter"], from: string): void {
  reporter.warn(
    "stale-lock",
    `the lock of ${from} is taken over: that process is gone, and did not end the pipeline`,
  );
}

const again = (file: string): string =>
  `attune align${file === DEFAULT_FILE ? "" : ` ${shellWord(file)}`}`;

function init(file: string, { reporter }: CommandContext): void {
  if (existsSync(file))
    throw new AttuneError("usage", "the file is there already, and is left as it is", {
      file,
      hint: "another name: attune align --init other.yaml",
    });
  writeFileAtomic(file, ALIGN_TEMPLATE, { access: "shared" });
  reporter.result(
    { file: resolve(file) },
    `${file} is written: name your model and data in it, then \`${again(file)}\``,
  );
}

function readText(file: string): string {
  try {
    return readRegularText(file, { code: "config" });
  } catch (cause) {
    if (cause instanceof AttuneError) throw cause;
    throw new AttuneError("config", "the file cannot be read", {
      file,
      cause,
      hint: "`attune align --init` writes one to start from",
    });
  }
}

/**
 * Whatever ends a stage, this command goes on: hints at resuming the stage's own run are turned
 * into that.
 */
async function goingOn({ file }: AlignFile, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof AttuneError)) throw error;
    const { code, what, details } = error;
    const hint =
      code === "interrupted"
        ? `\`${again(file)}\` goes on from there`
        : details.hint?.replaceAll(/`attune resume[^`]*`/g, `\`${again(file)}\``);
    throw new AttuneError(code, what, {
      ...details,
      ...(hint === undefined ? {} : { hint }),
      cause: error,
    });
  }
}

async function dryRun(
  pipeline: AlignFile,
  stages: readonly Stage[],
  context: AlignContext,
): Promise<void> {
  const { out, evaluation: asked } = pipeline;
  const { checks, evaluation } = await checkAll(pipeline, planPipeline(out, stages), context);
  const lines = [
    `align would do this below ${out} (nothing was written):`,
    ...checkLines(checks),
    ...(evaluation ? evaluationLines(evaluation, checks, asked!.data) : []),
  ];
  const data = checks.map(({ stage, action, because, plan, warnings, waitsFor, error }, i) => ({
    name: stage,
    action,
    because,
    options: stages[i]!.inputs,
    warnings,
    ...(plan ? { plan } : {}),
    ...(waitsFor ? { waitsFor } : {}),
    ...(error ? { error: error.message } : {}),
  }));
  context.reporter.result(
    { dryRun: true, folder: resolve(out), stages: data, evaluation: asked ?? null },
    lines.join("\n"),
  );
  refuseFailing(pipeline, { checks, evaluation }, "what is said above of each");
}

/** Before the first stage: what would fail in the last one costs nothing then. */
async function checkFirst(
  pipeline: AlignFile,
  stages: readonly Stage[],
  context: AlignContext,
): Promise<void> {
  const planned = planPipeline(pipeline.out, stages);
  // the evaluation looks at its own input first
  if (planned.every(({ action }) => action === "skip")) return;
  refuseFailing(
    pipeline,
    await checkAll(pipeline, planned, context),
    `\`${again(pipeline.file)} --dry-run\` tells of every part`,
  );
}

/** @throws AttuneError that names the first part which would fail, and counts the others */
function refuseFailing(
  { file }: AlignFile,
  { checks, evaluation }: Awaited<ReturnType<typeof checkAll>>,
  hint: string,
): void {
  const failing = [
    ...checks,
    ...(evaluation ? [{ title: "Evaluation", error: evaluation.error }] : []),
  ].filter(({ error }) => error !== undefined);
  const [first] = failing;
  if (!first) return;
  const { code, message } = first.error!;
  throw new AttuneError(
    code,
    `${failing.length === 1 ? "a part" : countOf(failing.length, "part")} of the pipeline would ` +
      "fail",
    { file, got: `${first.title}: ${message.split("\n")[0]!}`, hint },
  );
}

async function align(
  pipeline: AlignFile,
  stages: readonly Stage[],
  {
    context,
    overall,
    outcome,
  }: { context: AlignContext; overall: OverallProgress; outcome: OutcomeConfig },
): Promise<void> {
  const { reporter, signal } = context;
  const { out, evaluation } = pipeline;
  const total = stages.length + (evaluation ? 1 : 0);
  let number = 0;
  await checkFirst(pipeline, stages, context);
  const done = await runPipeline(out, stages, {
    signal,
    templateTime: context.templateTime,
    onLockTaken: (from) => warnOfLock(reporter, from),
    onPlan: (planned) => overall.plan(planned, evaluation ? 1 : 0),
    onStage({ stage, action, because }) {
      reporter.note(
        `\n${++number} of ${total}: ${stage.title}: ` +
          `${action === "skip" ? because : `${action}, ${because}`}`,
      );
      if (action !== "skip") overall.begin(stage.name);
    },
    onStageEnd: ({ stage }) => overall.end(stage.name),
  });
  if (evaluation) {
    reporter.note(`\n${total} of ${total}: Evaluation`);
    overall.begin(EVALUATION);
  }
  const result = evaluation && (await evaluate(pipeline, evaluation, context));
  if (evaluation) overall.end(EVALUATION);
  const told = await tellAlign(pipeline, { done, result, config: outcome }, context);
  const comparisons = result && comparePolicies(result.evaluated);
  const { reward, critic } = result?.verdicts ?? {};
  const tables = [
    ...(comparisons ? [comparisonTable(comparisons)] : []),
    ...(critic ? [contestTable(critic.entries, comparisons![0]!.name)] : []),
  ];
  const text = [
    ...tables.flatMap((table) => ["", formatTable(table)]),
    ...requirementLines(told.requirements),
    "",
    `Report: ${pathToFileURL(resolve(told.page)).href}`,
  ];
  // the answer is the last word
  overall.close();
  reporter.result(
    {
      folder: resolve(out),
      report: resolve(told.page),
      reportData: resolve(told.data),
      stages: done.map(({ stage, action, seconds }) => ({ name: stage.name, action, seconds })),
      ...(comparisons ? { comparisons } : {}),
      ...(reward ? { judge: reward } : {}),
      ...(critic ? { critic } : {}),
      ...(told.requirements.length === 0 ? {} : { requirements: told.requirements }),
    },
    text.join("\n"),
  );
  told.decide();
}

/** Writes report.html and report.json, which say the same, and asks of them what was asked. */
async function tellAlign(
  pipeline: AlignFile,
  {
    done,
    result,
    config,
  }: {
    done: readonly StageResult[];
    result: JudgedModels | undefined;
    config: OutcomeConfig;
  },
  context: CommandContext,
): Promise<ReturnType<typeof askFindings> & { page: string; data: string }> {
  const { out, seed } = pipeline;
  const outcome: AlignOutcome = {
    folder: out,
    stages: done,
    evaluated: result?.evaluated,
    verdicts: result?.verdicts,
    hacking: done.flatMap(({ stage, folder }) =>
      hasRollOuts(folder)
        ? [
            {
              stage: stage.name,
              findings: hackingFindings(readOptimisationRun(folder).path, { seed }),
            },
          ]
        : [],
    ),
    provenance: await provenanceOf(pipeline, context),
    command: commandLine(context.argv),
  };
  const [page, data] = [join(out, "report.html"), join(out, "report.json")];
  const findings = alignFindings(outcome);
  await writeReport(page, alignReport(outcome));
  writeFileAtomic(data, findingsJson(findings));
  const asked = askFindings({
    findings,
    command: "align",
    config,
    created: readRunInfo(done[0]!.folder).created,
  });
  return { ...asked, page, data };
}
