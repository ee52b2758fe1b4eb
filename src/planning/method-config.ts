/**
 * The options of `attune plan METHOD`: those of the method, with its defaults, and what a plan asks
 * beside them.
 */
import { z } from "zod";
import type { ConfigDefinition, Field, Fields } from "../config/config.ts";
import { defineConfig, field } from "../config/config.ts";
import { TRAINER_CONFIGS } from "../training/configs.ts";
import { planConfig } from "./plan-options.ts";
import type { PlanOptions } from "./plan.ts";
import type { Method } from "./work.ts";

const { engine, roles, promptTokens, answerTokens, steps, devices, deviceRate, deviceBandwidth } =
  planConfig.fields;

const counted = {
  promptTokens: {
    ...promptTokens,
    description: "tokens of a prompt; measured where there is --data",
    default: 0,
    type: z.int().min(0),
    source: "measured, else 128",
  },
  answerTokens: {
    ...answerTokens,
    description:
      "tokens of an answer; measured where there is --data, and --max-new-tokens where answers " +
      "are drawn",
    default: 0,
    type: z.int().min(0),
    source: "measured, else 128",
  },
  steps: {
    ...steps,
    description: "optimiser steps, or roll-outs; counted where there is --data",
    default: 0,
    type: z.int().min(0),
    source: "counted, else --max-steps, else 100",
  },
};
const questions = { engine, roles, ...counted, devices, deviceRate, deviceBandwidth };

/** What a plan asks beside the options of its method. */
export const planOwnConfig = defineConfig({ name: "plan METHOD", fields: questions });

/** What a run must be told and a plan need not be. */
function asOptional(option: Field): Field {
  if (option.kind === "optional") return option;
  const { kind: _, ...text } = option;
  return field({
    ...text,
    type: z.union([option.type, z.array(z.string()).length(0)]),
    default: [],
    source: "not needed for a plan",
  });
}

/**
 * A run's command line may be given as it is: options that change neither memory nor time are read
 * and checked all the same.
 */
export function planConfigOf(method: Method): ConfigDefinition {
  const own = TRAINER_CONFIGS[method] as ConfigDefinition;
  const fields: Fields = Object.fromEntries(
    Object.entries(own.fields).map(([name, entry]) => [
      name,
      name === "model" || !isField(entry) ? entry : asOptional(entry),
    ]),
  );
  return defineConfig({
    name: `plan ${method}`,
    fields: { ...fields, ...questions } as Fields,
    check: (config) =>
      own.check?.(config as never) ?? planConfig.check?.(config as unknown as PlanOptions),
  });
}

const isField = (entry: Field | Fields): entry is Field =>
  entry.kind === "optional" || entry.kind === "required";

/** What was found out of the data. */
export interface MeasuredData {
  promptTokens: number;
  answerTokens: number;
  steps: number;
}

interface Resolved extends Omit<PlanOptions, "method"> {
  maxSteps: number;
  maxNewTokens?: number;
  iterations?: number;
}

/** What the plan is made of: what was given, else what the data say, else common values. */
export function planOptionsOf(
  method: Method,
  resolved: Readonly<Record<string, unknown>>,
  measured: MeasuredData | undefined,
): PlanOptions {
  const config = resolved as unknown as Resolved;
  const {
    samples = 1,
    rolloutBatch = 64,
    ppoEpochs = config.iterations ?? 1,
    lora,
    model,
    engine,
    adapter,
    roles,
    precision,
    batchSize,
    microBatchTokens,
    recompute,
    devices,
    deviceRate,
    deviceBandwidth,
  } = config;
  return {
    method,
    model,
    engine,
    adapter,
    lora,
    roles,
    precision,
    batchSize,
    microBatchTokens,
    recompute,
    devices,
    deviceRate,
    deviceBandwidth,
    samples,
    rolloutBatch,
    ppoEpochs,
    promptTokens:
      config.promptTokens || (measured?.promptTokens ?? planConfig.fields.promptTokens.default),
    answerTokens:
      config.answerTokens ||
      (measured?.answerTokens ?? config.maxNewTokens ?? planConfig.fields.answerTokens.default),
    steps:
      config.steps || (measured?.steps ?? (config.maxSteps || planConfig.fields.steps.default)),
  };
}
