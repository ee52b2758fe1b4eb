/** `attune plan METHOD`: memory and time, before spending either. */
import { countOf } from "../../core/counts.ts";
import { existsSync } from "node:fs";
import { busyNote } from "../../planning/calibrate.ts";
import { planConfigOf, planOptionsOf } from "../../planning/method-config.ts";
import type { PlanOptions, RunPlan } from "../../planning/plan.ts";
import { planRun } from "../../planning/plan.ts";
import type { ModelShape } from "../../planning/presets.ts";
import { noSuchShape, presetShape } from "../../planning/presets.ts";
import type { Method } from "../../planning/work.ts";
import { METHODS } from "../../planning/work.ts";
import { runOfCheckpoint } from "../../models/checkpoint.ts";
import { adapterBase, sourceOf, tokenizerOf } from "../../models/open.ts";
import { readModelConfig } from "../../models/registry.ts";
import { openWeights } from "../../models/weights/source.ts";
import { parameterCount } from "../../models/model.ts";
import { parseConfig } from "../../config/sources.ts";
import type { Encoder } from "../../text/encoder.ts";
import type { CommandContext, CommandModule } from "../command.ts";
import { addBelowHelp, examplesText } from "../display/help-text.ts";
import { addConfigOptions, readConfigFlags } from "../config-options.ts";
import { formatBytes, formatDuration, formatShort, formatTable } from "../display/words.ts";
import { findModel } from "../inputs/find-model.ts";
import type { DataOptions } from "../inputs/plan-data.ts";
import { measureData } from "../inputs/plan-data.ts";
import { openEncoder } from "../inputs/template-input.ts";

/** The shape of a preset, or of a model that is there or can be downloaded. */
async function findShape(name: string, context: CommandContext): Promise<ModelShape> {
  const preset = presetShape(name);
  if (preset) return preset;
  if (!existsSync(name) && !name.includes("/")) throw noSuchShape(name, undefined);
  const path = await findModel(name, context);
  const source = await openWeights(
    (await adapterBase(path)) ?? sourceOf(runOfCheckpoint(path) ?? path),
  );
  try {
    return readModelConfig(source.config);
  } finally {
    await source.close();
  }
}

const inTerabytes = (bytes: number): string =>
  bytes >= 1e12 ? `${(bytes / 1e12).toFixed(2)} TB` : formatBytes(bytes);

function memoryTable({ memory, peak }: RunPlan): string {
  const rows = memory.map(({ item, bytes, sum, phase }) => [
    `  ${item}`,
    inTerabytes(bytes),
    sum,
    phase === undefined ? "" : `(${phase})`,
  ]);
  const title = peak.phase === undefined ? "together" : `most, in the ${peak.phase}`;
  return formatTable([...rows, [`  ${title}`, inTerabytes(peak.total), "", ""]]);
}

function describe(options: PlanOptions, { family, config }: ModelShape, plan: RunPlan): string {
  const { engine, devices, method, adapter, lora, steps } = options;
  const what = adapter === "lora" ? `adapters of rank ${lora.rank}` : "all weights";
  const { promptTokens, answerTokens, batchSize } = options;
  const lines = [
    `${method} of ${options.model} (${formatShort(parameterCount(family, config))} parameters), ` +
      `training ${what}`,
    `  steps of ${batchSize}, prompts of ${countOf(promptTokens, "token")}, answers of ` +
      `${answerTokens}`,
    "",
    "memory",
    memoryTable(plan),
  ];
  if (engine === "generic" && devices > 1)
    lines.push(
      `  ${inTerabytes(plan.peak.total / devices)} on each of ${devices} devices, where ` +
        "everything can be spread evenly",
    );
  const time = plan.time.map(({ item, seconds, sum }) => [
    `  ${item}`,
    formatDuration(seconds),
    sum,
  ]);
  lines.push(
    "",
    `time of ${countOf(steps, "step")}`,
    formatTable([...time, ["  together", formatDuration(plan.seconds), ""]]),
  );
  if (plan.machine)
    lines.push(
      `  measured here: ${(plan.machine.rate / 1e9).toFixed(0)} GFLOP/s in a large product, ` +
        `${(plan.machine.bandwidth / 1e9).toFixed(1)} GB/s of reading memory`,
    );
  return lines.join("\n");
}

/** The tokenizer as the run would use it; undefined for a preset, which has none. */
async function openTokenizer(
  resolved: RunOptions,
  context: CommandContext,
): Promise<Encoder | undefined> {
  if (presetShape(resolved.model)) return undefined;
  const path = await findModel(resolved.model, context);
  const tokenizer = await tokenizerOf(path);
  const { template, maxLength, trustText } = resolved;
  return openEncoder(
    tokenizer,
    { template, maxLength, trustText, conversations: false, templateTime: context.templateTime },
    context,
  );
}

/** What the options of every method say of encoding. */
interface RunOptions extends DataOptions {
  model: string;
  template: string;
  trustText: boolean;
  plan: string;
}

async function plan(
  method: Method,
  flags: ReturnType<typeof readConfigFlags>,
  context: CommandContext,
): Promise<void> {
  const definition = planConfigOf(method);
  const { resolved: all } = parseConfig(definition, { flags });
  const resolved = all as unknown as RunOptions;
  const { reporter } = context;
  if (resolved.plan !== "auto")
    reporter.warn("plan-not-followed", `the plan is made for --plan auto, not ${resolved.plan}`);
  const shape = await findShape(resolved.model, context);
  const measured =
    [resolved.data].flat().length === 0
      ? undefined
      : await measureData(method, resolved, {
          encoder: await openTokenizer(resolved, context),
          context,
        });
  const options = planOptionsOf(method, all as Readonly<Record<string, unknown>>, measured);
  const made = await planRun(options, shape);
  const busy = made.machine && busyNote(made.machine);
  if (busy !== undefined) reporter.warn("busy-machine", busy);
  const { promptTokens, answerTokens, steps, batchSize } = options;
  reporter.result(
    {
      model: resolved.model,
      parameters: parameterCount(shape.family, shape.config),
      method,
      promptTokens,
      answerTokens,
      steps,
      batchSize,
      ...made,
    },
    describe(options, shape, made),
  );
}

const EXAMPLES = [
  "attune plan dpo --model models/mine --data pairs.jsonl --batch-size 8",
  "attune plan ppo --model smollm2-135m --prompt-tokens 64",
  "attune plan ppo --model llama-70b --engine generic --adapter none",
];

export const command: CommandModule = {
  configure(command, bind) {
    for (const method of METHODS) {
      const definition = planConfigOf(method);
      const sub = command
        .command(method)
        .description(`memory and time of attune ${method}, by its own options`);
      addConfigOptions(sub, definition);
      sub.action(
        bind<Record<string, unknown>>(({ options, context }) =>
          plan(method, readConfigFlags(definition, options), context),
        ),
      );
    }
    addBelowHelp(command, (width) => examplesText(EXAMPLES, width));
  },
};
