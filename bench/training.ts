/**
 * Whole optimiser steps, gradients' norm and AdamW included: of a plan by itself, and of the DPO
 * trainer that users run.
 */
import { float32 } from "../src/core/tensor.ts";
import type { PreferenceRecord } from "../src/data/records.ts";
import type { Model } from "../src/models/model.ts";
import type { ExecutionPlan, Objective, Recompute, TokenBatch } from "../src/models/plans/plan.ts";
import { sftObjective } from "../src/objectives/sft.ts";
import type { Tensors } from "../src/runtime/session.ts";
import { resolveConfig } from "../src/training/configs.ts";
import { dpo } from "../src/training/offline/dpo.ts";
import { joinRows, packExamples } from "../src/training/layout.ts";
import { ONLY, Trainee } from "../src/training/trainee.ts";
import { seconds } from "./measure.ts";
import type { PairIds } from "./pairs.ts";
import { idEncoder, randomIds } from "./model.ts";

export interface TrainingOptions {
  adapter: "lora" | "none";
  recompute: Recompute;
  plan?: "block" | "whole";
}

/** Rank 8 on every projection, wherever an adapter is measured. */
const LORA = { rank: 8, alpha: 16, rslora: false, targets: ["all-linear"] };
const ADAM = {
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
  weightDecay: 0,
  maxGradNorm: 1,
};

export interface Trainer {
  plan: ExecutionPlan;
  /** One optimiser step; gives its seconds. */
  step: (batch: TokenBatch, inputs: Tensors) => Promise<number>;
  close: () => Promise<void>;
}

/**
 * What every trainer does with a step, over any objective. Attaches an adapter to the model where
 * one is asked for.
 */
export async function createTrainer(
  model: Model,
  objective: Objective,
  { adapter, recompute, plan: kind = "block" }: TrainingOptions,
  { statistics = false } = {},
): Promise<Trainer> {
  const trainee = await Trainee.open(model, {
    name: ONLY,
    config: { ...ADAM, adapter, lora: LORA, plan: kind, recompute, maxLength: 2048 },
    adapterSeed: 1,
    takesModel: true,
    reads: "tokens",
    objective,
    statistics,
  });
  const place = { step: 1, learningRate: 1e-5, epoch: 0 };
  return {
    plan: trainee.plan,
    step: (batch, inputs) =>
      seconds(() => trainee.learn([{ batch, inputs, tokens: batch.tokens.data.length }], place)),
    close: () => trainee.close(),
  };
}

export interface SftSteps {
  /** Seconds of a step. */
  step: () => Promise<number>;
  /** Operations of the products of a step. */
  operations: number;
  close: () => Promise<void>;
}

/**
 * Supervised fine-tuning on one text of so many tokens a step, every token supervised, with the
 * trainer's statistics.
 */
export async function sftSteps(
  model: Model,
  tokens: number,
  options: TrainingOptions,
): Promise<SftSteps> {
  const trainer = await createTrainer(model, sftObjective, options, { statistics: true });
  const { batch } = joinRows(
    [packExamples([{ ids: randomIds(tokens, 1), supervised: new Uint8Array(tokens).fill(1) }])],
    { padId: 0 },
  );
  const count = batch.selected.data.length;
  const slope = float32([count], new Float32Array(count).fill(-1 / count));
  return {
    step: () => trainer.step(batch, { slope }),
    operations: await trainer.plan.operations(batch),
    close: trainer.close,
  };
}

/** Steps far beyond what any measurement takes. */
const ENDLESS = 1_000_000;

export interface DpoSteps {
  /** Seconds of a step, by the trainer's own clock. */
  step: () => Promise<number>;
  close: () => Promise<void>;
}

/**
 * The DPO trainer on pairs in their order, `batchSize` of them a step; the reference is computed
 * when a pair is first met.
 */
export function dpoSteps(
  model: Model,
  pairs: readonly PairIds[],
  options: { batchSize: number; microBatchTokens: number },
): DpoSteps {
  const sequences = pairs.flatMap(({ prompt, chosen, rejected }) => [prompt, chosen, rejected]);
  const train = pairs.map((_, pair): PreferenceRecord => ({
    kind: "preference",
    prompt: String(3 * pair),
    chosen: String(3 * pair + 1),
    rejected: String(3 * pair + 2),
    p: 1,
    place: {},
  }));
  const common = {
    model: "bench",
    data: "bench",
    plan: "block",
    heldOut: 0,
    maxSteps: ENDLESS,
    epochs: ENDLESS,
    checkpointSteps: 0,
    shuffle: false,
    reference: "adapter",
  } as const;
  const config = resolveConfig("dpo", {
    ...common,
    lora: { rank: LORA.rank, alpha: LORA.alpha },
    ...options,
  });
  const events = dpo({ model, encoder: idEncoder(sequences), train, heldOut: [] }, config);
  return {
    async step() {
      for (;;) {
        const { value, done } = await events.next();
        if (done) throw new Error("the run ended");
        if (value.type === "step") return value.seconds;
      }
    },
    close: async () => void (await events.throw(new Error("enough")).catch(() => undefined)),
  };
}
