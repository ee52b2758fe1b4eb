/**
 * Options that several trainers share. Sources: TRL 1.10 (trl), transformers 5 TrainingArguments,
 * PEFT, or as named.
 */
import { z } from "zod";
import { RECOMPUTE } from "../models/plans/plan.ts";
import { PRECISIONS } from "../models/precision.ts";
import type { Condition } from "../config/config.ts";
import { field, requiredField } from "../config/config.ts";
import { REPORTS } from "../runs/report.ts";
import { templateField } from "../sampling/template.config.ts";
import { SCHEDULES } from "../optim/schedules.ts";
import { trainingDataFields } from "./data.config.ts";

const positive = z.number().positive();
/** A rate that is 0 in float32 would leave everything as it is. */
export const learningRateType = positive.refine(
  (rate) => Math.fround(rate) > 0,
  "too small for float32: nothing would be learned",
);
const count = z.int().min(1);
const share = z.number().min(0).max(1);

/** Model and data. */
export const inputFields = {
  model: requiredField({
    type: z.string().min(1),
    description: "model: a folder of safetensors, a GGUF file or a run folder",
    group: "Input",
  }),
  ...trainingDataFields,
  heldOut: field({
    type: z.number().min(0),
    default: 0.05,
    source: "common practice",
    description: "rows kept for evaluation: a share below 1, or a number of rows",
    group: "Input",
    unit: "share or rows",
  }),
  maxLength: field({
    type: count,
    default: 1024,
    source: "trl DPOConfig.max_length",
    description:
      "longest example; what is longer is cut by whole oldest turns first " +
      "(docs/decisions/truncation.md)",
    group: "Input",
    unit: "tokens",
  }),
  trustText: field({
    type: z.boolean(),
    default: false,
    source: "text from strangers must not act as a template",
    description:
      "texts (not messages) have a chat template written out: control tokens in them are tokens, " +
      "BOS is not doubled, and a text column is supervised whole",
    group: "Input",
  }),
  template: templateField,
};

/** What is trained: an adapter, or everything. */
export const adapterFields = {
  adapter: field({
    type: z.enum(["lora", "none"]),
    default: "lora",
    source: "docs/decisions/adapters-by-default.md",
    description: "train a low-rank adapter, or all weights",
    group: "Adapter",
  }),
  lora: {
    rank: field({
      type: count,
      default: 16,
      source: "trl ModelConfig.lora_r",
      description: "inner width r",
      group: "Adapter",
      appliesWhen: { adapter: ["lora"] },
    }),
    alpha: field({
      type: positive,
      default: 32,
      source: "trl ModelConfig.lora_alpha",
      description: "the product is scaled by alpha / r",
      group: "Adapter",
      appliesWhen: { adapter: ["lora"] },
    }),
    rslora: field({
      type: z.boolean(),
      default: false,
      source: "trl ModelConfig.use_rslora",
      description: "scale by alpha / sqrt(r) instead",
      group: "Adapter",
      appliesWhen: { adapter: ["lora"] },
    }),
    targets: field({
      type: z.array(z.string()).min(1),
      default: ["all-linear"],
      source: "QLoRA (Dettmers et al. 2023), section 4",
      description: "projections that get an adapter",
      group: "Adapter",
      appliesWhen: { adapter: ["lora"] },
    }),
  },
};

/**
 * The optimiser and the length of the run, but for the learning rate, whose default each trainer
 * says.
 */
export const optimizerFields = {
  batchSize: field({
    type: count,
    default: 16,
    source: "small-model practice; trl: 8 per device",
    description: "examples per optimiser step: texts, pairs, or prompts with all their answers",
    group: "Training",
  }),
  epochs: field({
    type: positive,
    default: 1,
    source: "one pass, as in the examples of TRL for DPO and rewards",
    description: "passes over the data",
    group: "Training",
  }),
  maxSteps: field({
    type: z.int().min(0),
    default: 0,
    source: "no limit",
    description: "stop after this many optimiser steps",
    group: "Training",
    unit: "steps",
  }),
  schedule: field({
    type: z.enum(SCHEDULES),
    default: "linear",
    source: "transformers TrainingArguments.lr_scheduler_type",
    description: "how the learning rate decays",
    group: "Training",
  }),
  warmupRatio: field({
    type: share,
    default: 0.1,
    source: "alignment-handbook recipes",
    description: "share of the steps over which the learning rate rises",
    group: "Training",
  }),
  weightDecay: field({
    type: z.number().min(0),
    default: 0,
    source: "transformers TrainingArguments.weight_decay",
    description: "decoupled weight decay of matrices",
    group: "Training",
  }),
  adamBeta1: field({
    type: share,
    default: 0.9,
    source: "transformers TrainingArguments.adam_beta1",
    description: "decay of the first moment",
    group: "Training",
  }),
  adamBeta2: field({
    type: share,
    default: 0.999,
    source: "transformers TrainingArguments.adam_beta2",
    description: "decay of the second moment",
    group: "Training",
  }),
  adamEpsilon: field({
    type: positive,
    default: 1e-8,
    source: "transformers TrainingArguments.adam_epsilon",
    description: "added to the root of the second moment",
    group: "Training",
  }),
  maxGradNorm: field({
    type: z.number().min(0),
    default: 1,
    source: "transformers TrainingArguments.max_grad_norm",
    description: "limit of the gradient's global norm; 0 for none",
    group: "Training",
  }),
  seed: field({
    type: z.int().min(0),
    default: 42,
    source: "transformers TrainingArguments.seed",
    description: "of order, splits and adapters",
    group: "Training",
  }),
};

export const orderFields = {
  shuffle: field({
    type: z.boolean(),
    default: true,
    source: "transformers TrainingArguments.train_sampling_strategy",
    description: "a new random order for every epoch, or the order of the data",
    group: "Training",
  }),
};

export const reportField = {
  reportTo: field({
    type: z
      .array(z.enum(REPORTS))
      .min(1)
      .refine((targets) => targets.length === 1 || !targets.includes("none"), "none stands alone"),
    default: ["none"],
    source: "transformers TrainingArguments.report_to",
    description:
      "where metrics are written besides metrics.jsonl: event files in RUN/tensorboard, an " +
      "offline run for `wandb sync` in RUN/wandb (docs/decisions/report-to.md)",
    instead: {
      trackio:
        'report to tensorboard, then in Python: trackio.import_tf_events("RUN/tensorboard", ' +
        'project="NAME")',
    },
    group: "Progress",
  }),
};

/** Read where a run is begun (runs/new-run.ts). */
export const keepField = {
  keepCheckpoints: field({
    type: z.int().min(0),
    default: 2,
    source: "each is three times as large as what is trained; transformers save_total_limit: all",
    description:
      "how many of the newest checkpoints stay, besides the best; 0 for all, so that " +
      "`attune eval over-optimisation` can look at them",
    group: "Progress",
    unit: "checkpoints",
  }),
};

export const progressFields = {
  ...reportField,
  ...keepField,
  evaluationSteps: field({
    type: z.int().min(0),
    default: 0,
    source: "at the end alone",
    description: "evaluate after this many steps",
    group: "Progress",
    unit: "steps",
  }),
  checkpointSteps: field({
    type: z.int().min(0),
    default: 20,
    source: "minutes of work at most are lost",
    description: "save a checkpoint after this many steps; 0 for the end only",
    group: "Progress",
    unit: "steps",
  }),
};

export const machineFields = {
  plan: field({
    type: z.enum(["auto", "whole", "block"]),
    default: "auto",
    source: "whole below 30M parameters: docs/architecture.md",
    description: "one graph for the whole model, or one for a block run for every layer",
    group: "Machine",
  }),
  recompute: field({
    type: z.enum(RECOMPUTE),
    default: "all",
    source: "trl SFTConfig.gradient_checkpointing",
    description:
      "what of a block's forward its backward computes again instead of keeping it: all, what " +
      "lies between its projections (faster, more memory), or none",
    group: "Machine",
    appliesWhen: { plan: ["auto", "block"] },
  }),
  microBatchTokens: field({
    type: count,
    default: 1024,
    source: "measured: bench/, the rate is flat above",
    description: "padded tokens in one forward and backward pass",
    group: "Machine",
    unit: "tokens",
  }),
  precision: field({
    type: z.enum(PRECISIONS),
    default: "float32",
    source: "exactness first",
    description:
      "how frozen weights are kept; int8 also multiplies in 8 bits, which is faster " +
      "(docs/decisions/int8.md)",
    group: "Machine",
    appliesWhen: { adapter: ["lora"] },
  }),
};

/** `learningRate` with the trainer's own defaults. */
export const learningRateField = (full: number, lora: number, source: string) =>
  field({
    type: learningRateType,
    default: full,
    source,
    defaultWhen: [
      {
        when: { adapter: ["lora"] },
        value: lora,
        source: "ten times that for adapters (Schulman et al. 2025, LoRA Without Regret)",
      },
    ],
    description: "peak learning rate",
    group: "Training",
  });

export const REFERENCE_WAYS = ["cached", "adapter", "copy"] as const;

/**
 * Where log-probabilities of the reference come from.
 * @param appliesWhen which losses have one, where not all do
 */
export const referenceFields = (appliesWhen?: Condition) => ({
  reference: field({
    type: z.enum(REFERENCE_WAYS),
    default: "cached",
    source: "open-instruct; trl precompute_ref_log_probs",
    description:
      "the model as given: computed before the first step and kept, or by a copy in memory; or " +
      "the model with its adapter off",
    group: "Reference",
    ...(appliesWhen ? { appliesWhen } : {}),
  }),
  referenceCache: field({
    type: z.boolean(),
    default: true,
    source: "open-instruct",
    description: "keep what was computed on disk, for other runs",
    group: "Reference",
    appliesWhen: { ...appliesWhen, reference: ["cached"] },
  }),
});

export const NO_ADAPTER_TO_SWITCH_OFF = {
  option: "reference",
  what: "there is no adapter to switch off where all weights are trained",
  expected: "cached or copy",
};
