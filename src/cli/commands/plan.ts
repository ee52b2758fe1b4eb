/** `attune plan METHOD`: memory and time, before spending either. */
import { existsSync } from "node:fs";
import { busyNote } from "../../evaluation/plan/calibrate.ts";
import { planConfig } from "../../evaluation/plan/plan.config.ts";
import type { PlanOptions, RunPlan } from "../../evaluation/plan/plan.ts";
import { planRun } from "../../evaluation/plan/plan.ts";
import type { ModelShape } from "../../evaluation/plan/presets.ts";
import { noSuchShape, presetShape } from "../../evaluation/plan/presets.ts";
import { readModelConfig } from "../../models/registry.ts";
import { openWeights } from "../../models/weights/source.ts";
import { parameterCount } from "../../models/model.ts";
import { parseConfig } from "../../runs/config-sources.ts";
import type { CommandContext, CommandModule } from "../command.ts";
import { addConfigOptions, readConfigFlags } from "../config-options.ts";
import { formatBytes, formatDuration, formatShort, formatTable } from "../words.ts";
import { findModel } from "./find-model.ts";

/** The shape of a preset, or of a model that is there or can be downloaded. */
async function findShape(name: string, context: CommandContext): Promise<ModelShape> {
  const preset = presetShape(name);
  if (preset) return preset;
  if (!existsSync(name) && !name.includes("/")) throw noSuchShape(name, undefined);
  const source = await openWeights(await findModel(name, context));
  try {
    return readModelConfig(source.config);
  } finally {
    await source.close();
  }
}

const inTerabytes = (bytes: number): string => (bytes >= 1e12 ? `${(bytes / 1e12).toFixed(2)} TB` : formatBytes(bytes));

function memoryTable({ memory, peak }: RunPlan): string {
  const rows = memory.map(({ item, bytes, sum, phase }) => [`  ${item}`, inTerabytes(bytes), sum, phase === undefined ? "" : `(${phase})`]);
  const title = peak.phase === undefined ? "together" : `most, in the ${peak.phase}`;
  return formatTable([...rows, [`  ${title}`, inTerabytes(peak.total), "", ""]]);
}

function describe(options: PlanOptions, { family, config }: ModelShape, plan: RunPlan): string {
  const { engine, devices, method, adapter, lora, steps } = options;
  const what = adapter === "lora" ? `adapters of rank ${lora.rank}` : "all weights";
  const lines = [`${method} of ${options.model} (${formatShort(parameterCount(family, config))} parameters), training ${what}`, "", "memory", memoryTable(plan)];
  if (engine === "generic" && devices > 1) lines.push(`  ${inTerabytes(plan.peak.total / devices)} on each of ${devices} devices, where everything can be spread evenly`);
  const time = plan.time.map(({ item, seconds, sum }) => [`  ${item}`, formatDuration(seconds), sum]);
  lines.push("", `time of ${steps} steps`, formatTable([...time, ["  together", formatDuration(plan.seconds), ""]]));
  if (plan.machine) lines.push(`  measured here: ${(plan.machine.rate / 1e9).toFixed(0)} GFLOP/s in a large product, ${(plan.machine.bandwidth / 1e9).toFixed(1)} GB/s of reading memory`);
  return lines.join("\n");
}

export const command: CommandModule = {
  configure(command, bind) {
    command.argument("[method]", "sft, reward, dpo, kto, ppo, rloo or grpo");
    addConfigOptions(command, planConfig);
    command.addHelpText("after", "\nExamples:\n  attune plan ppo --model smollm2-135m\n  attune plan ppo --model llama-70b --engine generic --adapter none\n  attune plan dpo --model models/mine --micro-batch-tokens 512");
    command.action(
      bind<Record<string, unknown>>(async ({ values: [method], options, context }) => {
        const flags = readConfigFlags(planConfig, options);
        const { resolved } = parseConfig(planConfig, { flags: method === undefined ? flags : { ...flags, method } });
        const shape = await findShape(resolved.model, context);
        const plan = await planRun(resolved, shape);
        const busy = plan.machine && busyNote(plan.machine);
        if (busy !== undefined) context.reporter.warn("busy-machine", busy);
        context.reporter.result({ model: resolved.model, parameters: parameterCount(shape.family, shape.config), method: resolved.method, ...plan }, describe(resolved, shape, plan));
      }),
    );
  },
};
