/** `attune align`: the whole pipeline on a model and data of one's own, from one file, resumable stage by stage. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { AttuneError } from "../../core/errors.ts";
import { stringifyJson } from "../../core/json.ts";
import { loadDataset, recordsAs } from "../../data/dataset.ts";
import { alignReport, comparisonTable } from "../../evaluation/align-report.ts";
import type { EvaluatedModel } from "../../evaluation/policy-evaluation.ts";
import { comparePolicies, evaluatePolicies } from "../../evaluation/policy-evaluation.ts";
import { writeReport } from "../../evaluation/report.ts";
import { formatTable } from "../../evaluation/table.ts";
import { openModel } from "../../models/open.ts";
import { filesBelow, writeFileAtomic } from "../../runs/files.ts";
import type { Stage } from "../../runs/pipeline.ts";
import { planPipeline, runPipeline } from "../../runs/pipeline.ts";
import { readRunInfo } from "../../runs/run.ts";
import { createEncoder } from "../../text/encoder.ts";
import { RewardModelSource } from "../../training/rewards.ts";
import type { AlignEvaluation, AlignFile, AlignStage } from "../align-file.ts";
import { ALIGN_TEMPLATE, readAlignFile } from "../align-file.ts";
import type { CommandContext, CommandModule } from "../command.ts";
import { findModel } from "./find-model.ts";

const DEFAULT_FILE = "attune.yaml";

export const command: CommandModule = {
  configure(command, bind) {
    command
      .argument("[file]", `the pipeline (default: ${DEFAULT_FILE})`)
      .option("--init", "write a commented file to start from")
      .option("--dry-run", "check the file and say what would be done, without doing it")
      .addHelpText("after", "\nExamples:\n  attune align --init\n  attune align --dry-run\n  attune align             # again after a stop or a change: what is done is skipped")
      .action(
        bind<{ init?: boolean; dryRun?: boolean }>(async ({ values: [file = DEFAULT_FILE], options, context }) => {
          if (options.init) return init(file, context);
          const pipeline = readAlignFile(readText(file), file);
          const stages = await Promise.all(pipeline.stages.map((stage) => asStage(stage, context)));
          if (options.dryRun) showPlan(pipeline, stages, context);
          else await align(pipeline, stages, { file, context });
        }),
      );
  },
};

function init(file: string, { reporter }: CommandContext): void {
  if (existsSync(file)) throw new AttuneError("usage", "the file is there already, and is left as it is", { file, hint: "another name: attune align --init other.yaml" });
  writeFileAtomic(file, ALIGN_TEMPLATE);
  reporter.result({ file: resolve(file) }, `${file} is written: name your model and data in it, then \`attune align${file === DEFAULT_FILE ? "" : ` ${file}`}\``);
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new AttuneError("config", "the file cannot be read", { file, cause, hint: "`attune align --init` writes one to start from" });
  }
}

/** A stage is a run of its own command. */
async function asStage({ method, name, title, needs, options }: AlignStage, context: CommandContext): Promise<Stage> {
  const { COMMANDS } = await import("./index.ts");
  const module = await COMMANDS.find((entry) => entry.name === method)!.load();
  return {
    name,
    title,
    needs,
    inputs: { ...options, ...contentOf(options) },
    start: (folder) => module.begin!({ values: options, out: folder }, context),
    resume: (folder) => module.resume!({ folder, info: readRunInfo(folder) }, context),
  };
}

/** Options that name files which are not results of other stages. */
const FILE_OPTIONS = ["data", "model", "reward", "heldOutReward", "ptx.data"] as const;

/** Hashes of the files that options name, so that changed content counts as a change. Ids of a hub stand for themselves. */
function contentOf(options: Readonly<Record<string, unknown>>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of FILE_OPTIONS) {
    for (const path of [optionAt(options, name)].flat()) if (typeof path === "string" && existsSync(path) && !existsSync(join(path, "run.json"))) found[`${name} ${path}`] = fingerprint(path);
  }
  return found;
}

function optionAt(options: Readonly<Record<string, unknown>>, path: string): unknown {
  return path.split(".").reduce<unknown>((value, key) => (value as Readonly<Record<string, unknown>> | undefined)?.[key], options);
}

/** Larger files are told apart by size and time: reading them takes longer than it saves. */
const HASHED_BYTES = 64 * 2 ** 20;

function fingerprint(path: string): string {
  const hash = createHash("sha256");
  const files = statSync(path).isDirectory() ? filesBelow(path) : [path];
  for (const file of files.toSorted()) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${file}\0`).update(size <= HASHED_BYTES ? readFileSync(file) : `${size} ${mtimeMs}`);
  }
  return hash.digest("hex").slice(0, 16);
}

function showPlan({ out, evaluation }: AlignFile, stages: readonly Stage[], { reporter }: CommandContext): void {
  const plan = planPipeline(out, stages);
  const lines = plan.map(({ stage, action, because }, i) => `  ${i + 1}. ${stage.title.padEnd(24)} ${action.padEnd(7)} ${because}`);
  reporter.result({ folder: resolve(out), stages: plan.map(({ stage, action, because }) => ({ name: stage.name, action, because, options: stage.inputs })), evaluation: evaluation ?? null }, [`align would do this below ${out} (nothing was written):`, ...lines, ...(evaluation ? [`  ${plan.length + 1}. Evaluation on ${evaluation.prompts} prompts of ${evaluation.data}`] : [])].join("\n"));
}

async function align(pipeline: AlignFile, stages: readonly Stage[], { file, context }: { file: string; context: CommandContext }): Promise<void> {
  const { reporter, signal } = context;
  const { out, evaluation } = pipeline;
  const total = stages.length + (evaluation ? 1 : 0);
  let number = 0;
  const done = await runPipeline(out, stages, { signal, onStage: ({ stage, action, because }) => reporter.note(`\n${++number} of ${total}: ${stage.title}: ${action === "skip" ? because : `${action}, ${because}`}`) });
  let result: Awaited<ReturnType<typeof evaluate>> | undefined;
  if (evaluation) {
    reporter.note(`\n${total} of ${total}: Evaluation`);
    result = await evaluate(pipeline, evaluation, context);
  }
  const report = join(out, "report.html");
  await writeReport(report, alignReport({ folder: out, stages: done, evaluated: result?.evaluated, judge: result?.judge }, `attune ${context.argv.join(" ")} (${file})`));
  const comparisons = result && comparePolicies(result.evaluated);
  const text = [...(comparisons ? ["", formatTable(comparisonTable(comparisons))] : []), "", `Report: ${pathToFileURL(resolve(report)).href}`];
  reporter.result({ folder: resolve(out), report: resolve(report), stages: done.map(({ stage, action, seconds }) => ({ name: stage.name, action, seconds })), ...(comparisons ? { comparisons, judge: result!.judge } : {}) }, text.join("\n"));
}

/** Answers and scores are kept: they are made again only when a stage, the prompts or the options have changed. */
async function evaluate({ model, out, seed, stages }: AlignFile, config: AlignEvaluation, context: CommandContext): Promise<{ evaluated: EvaluatedModel[]; judge: { name: string; optimised: boolean } }> {
  const { reporter, signal } = context;
  const judgeStage = stages.find(({ name }) => name === "held-out-reward") ?? stages.find(({ name }) => name === "reward")!;
  const judge = { name: judgeStage.title.toLowerCase(), optimised: judgeStage.name === "reward" };
  const dataset = await loadDataset(config.data, { onBad: "few", signal });
  const kept = join(out, "evaluation.json");
  const key = createHash("sha256").update(stringifyJson([config, dataset.hash, stages.map(({ name }) => name), readFileSync(join(out, "pipeline.json"), "utf8").replaceAll(/"seconds": [^,\n]*/g, ""), model])).digest("hex");
  if (existsSync(kept)) {
    const before = JSON.parse(readFileSync(kept, "utf8")) as { key: string; evaluated: EvaluatedModel[] };
    if (before.key === key) return { evaluated: before.evaluated, judge };
  }
  const opener = (path: string) => async () => {
    const opened = await openModel(path, { merge: true });
    return { model: opened.model, encoder: createEncoder(opened.tokenizer, { maxLength: Math.min(config.maxLength, opened.model.config.maxPositions) }) };
  };
  const policies = stages.filter(({ method }) => method !== "reward");
  const models = [{ name: "base", open: opener(await findModel(model, context)) }, ...policies.map(({ name }) => ({ name, open: opener(join(out, name)) }))];
  // Every stage after SFT starts from it, so it is what they are measured against.
  const ordered = stages.some(({ name }) => name === "sft") ? [models.find(({ name }) => name === "sft")!, ...models.filter(({ name }) => name !== "sft")] : models;
  const judging = await opener(join(out, judgeStage.name))();
  const source = new RewardModelSource(judging, judging.encoder, { name: judge.name, microBatchTokens: 1024, plan: "auto", recompute: true, maxLength: config.maxLength });
  const progress = reporter.progress({ title: "answering and judging", total: ordered.length, unit: "models" });
  let number = 0;
  try {
    const evaluated = await evaluatePolicies(ordered, source, recordsAs(dataset, "prompt").slice(0, config.prompts), { ...config, seed }, { signal, onModel: (name) => progress.update(number++, name) });
    if (signal.aborted) throw new AttuneError("interrupted", "stopped in the evaluation", { hint: "the same command goes on from there" });
    writeFileAtomic(kept, stringifyJson({ key, evaluated }, 1));
    return { evaluated, judge };
  } finally {
    progress.end();
    await source.close();
  }
}
