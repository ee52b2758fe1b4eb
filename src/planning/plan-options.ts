/** Options of `attune plan`. */
import { z } from "zod";
import { RECOMPUTE } from "../models/plans/plan.ts";
import { PRECISIONS } from "../models/precision.ts";
import { defineConfig, field, requiredField } from "../config/config.ts";
import { adapterFields } from "../training/common.config.ts";
import type { Method } from "./work.ts";
import { METHODS, rollsOut } from "./work.ts";

const count = z.int().min(1);
const { alpha: _alpha, rslora: _rslora, ...lora } = adapterFields.lora;
const rolling = {
  says: "for trainers over the model's own answers",
  test: (config: (path: string) => unknown) => rollsOut(config("method") as Method),
};

export const planConfig = defineConfig({
  name: "plan",
  fields: {
    method: requiredField({
      type: z.enum(METHODS),
      description: "what is to be run",
      group: "What",
    }),
    model: requiredField({
      type: z.string().min(1),
      description:
        "a folder, a GGUF file, a Hugging Face id, or a shape such as smollm2-135m, qwen2-7b, " +
        "llama-8b, llama-70b",
      group: "What",
    }),
    engine: field({
      type: z.enum(["attune", "generic"]),
      default: "attune",
      source: "this machine",
      description:
        "attune here, or mixed precision with Adam on devices elsewhere (PyTorch with ZeRO or " +
        "FSDP)",
      group: "What",
    }),
    adapter: adapterFields.adapter,
    lora,
    roles: field({
      type: z.enum(["auto", "shared", "separate"]),
      default: "auto",
      source: "shared where there are adapters",
      description: "all networks over one base, or each whole",
      group: "Adapter",
    }),
    precision: field({
      type: z.enum(PRECISIONS),
      default: "float32",
      source: "attune's trainers",
      description: "how frozen weights are kept",
      group: "Adapter",
      appliesWhen: { engine: ["attune"] },
    }),
    promptTokens: field({
      type: count,
      default: 128,
      source: "short chats",
      description: "tokens of a prompt",
      group: "Work",
    }),
    answerTokens: field({
      type: count,
      default: 128,
      source: "short chats",
      description: "tokens of an answer",
      group: "Work",
    }),
    batchSize: field({
      type: count,
      default: 64,
      source: "attune ppo",
      description: "texts, pairs or answers of one step or roll-out",
      group: "Work",
    }),
    steps: field({
      type: count,
      default: 100,
      source: "a small run",
      description: "optimiser steps, or roll-outs",
      group: "Work",
    }),
    samples: field({
      type: count,
      default: 1,
      source: "attune ppo",
      description: "answers to each prompt",
      group: "Work",
      appliesWhen: rolling,
    }),
    ppoEpochs: field({
      type: count,
      default: 4,
      source: "attune ppo",
      description: "passes over each roll-out",
      group: "Work",
      appliesWhen: rolling,
    }),
    rolloutBatch: field({
      type: count,
      default: 64,
      source: "attune ppo",
      description: "answers that are decoded together",
      group: "Work",
      appliesWhen: rolling,
    }),
    microBatchTokens: field({
      type: count,
      default: 1024,
      source: "attune's trainers",
      description: "tokens in one forward and backward pass",
      group: "Work",
      unit: "tokens",
    }),
    recompute: field({
      type: z.enum(RECOMPUTE),
      default: "all",
      source: "attune's trainers",
      description:
        "what of a block's forward the backward pass computes again: all, what lies between its " +
        "projections, or none",
      group: "Work",
    }),
    devices: field({
      type: count,
      default: 8,
      source: "one server",
      description: "devices that share state and work",
      group: "Machine",
      appliesWhen: { engine: ["generic"] },
    }),
    deviceRate: field({
      type: z.number().positive(),
      default: 140,
      source: "0.45 of an A100's 312",
      description: "speed that training reaches on one device",
      group: "Machine",
      unit: "TFLOP/s",
      appliesWhen: { engine: ["generic"] },
    }),
    deviceBandwidth: field({
      type: z.number().positive(),
      default: 1500,
      source: "an A100 80GB reads 2,039",
      description: "speed at which one device reads its memory",
      group: "Machine",
      unit: "GB/s",
      appliesWhen: { engine: ["generic"] },
    }),
  },
  check: (config) =>
    config.roles === "shared" && config.adapter === "none"
      ? {
          option: "roles",
          what: "networks that are trained whole cannot share one base",
          expected: "adapter lora, or roles separate",
        }
      : undefined,
});
