/**
 * Ten optimiser steps of the shipped trainers against TRL's, on the same tiny model, data and
 * settings: losses, gradient norms, metrics and final weights. The files were written by
 * scripts/golden/training.py; README.md here says what a comparison must know.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { float32 } from "../../src/core/tensor.ts";
import type { PreferenceRecord, UnpairedRecord } from "../../src/data/records.ts";
import type { Model } from "../../src/models/model.ts";
import { SCORE_HEAD } from "../../src/models/model.ts";
import { openModel } from "../../src/models/open.ts";
import type { TrainedModel } from "../../src/training/loop.ts";
import { finished, stepsOf } from "../../src/training/testing.ts";
import { SafetensorsFile } from "../../src/models/weights/safetensors.ts";
import type { TrainingEvent } from "../../src/runs/events.ts";
import type { Encoder } from "../../src/text/encoder.ts";
import { createEncoder } from "../../src/text/encoder.ts";
import { resolveConfig } from "../../src/training/configs.ts";
import { dpo } from "../../src/training/offline/dpo.ts";
import { kto } from "../../src/training/offline/kto.ts";
import { rewardModel } from "../../src/training/offline/reward.ts";
import { sft } from "../../src/training/offline/sft.ts";

interface GoldenRun {
  name: string;
  batch: "whole" | "accumulated" | "sequential";
  settings: Record<string, number | string | string[] | number[]>;
  steps: Record<string, number>[];
}

interface Steps {
  token_ids: Record<"prompt" | "chosen" | "rejected", number[]>[];
  runs: GoldenRun[];
}

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const steps = JSON.parse(readFileSync(path("training/steps.json"), "utf8")) as Steps;
const rows = readFileSync(path("training/pairs.jsonl"), "utf8")
  .trimEnd()
  .split("\n")
  .map(
    (line) =>
      JSON.parse(line) as { prompt: string; chosen: string; rejected: string; margin: number },
  );

const pairs = (withMargin: boolean): PreferenceRecord[] =>
  rows.map(({ margin, ...row }, index) => ({
    kind: "preference",
    ...row,
    p: 1,
    ...(withMargin ? { margin } : {}),
    place: { row: index + 1 },
  }));
const unpaired: UnpairedRecord[] = rows.map((row, index) => ({
  kind: "unpaired",
  prompt: row.prompt,
  completion: index % 2 === 0 ? row.chosen : row.rejected,
  label: index % 2 === 0,
  place: { row: index + 1 },
}));

const TOLERANCE = 1e-4;

/**
 * Relative to the value, or to what float32 sums of log-probabilities of about 100 nats can tell
 * apart.
 */
function expectClose(
  actual: number | undefined,
  expected: number,
  { what, absolute = 0 }: { what: string; absolute?: number },
): void {
  expect(Math.abs(actual! - expected), `${what}: ${actual} for ${expected}`).toBeLessThanOrEqual(
    TOLERANCE * Math.max(Math.abs(expected), absolute),
  );
}

/** Our metric by TRL's name, and the size below which a difference is rounding. */
const COMPARED: Readonly<Record<string, { absolute: number }>> = {
  loss: { absolute: 1e-2 },
  grad_norm: { absolute: 1 },
  learning_rate: { absolute: 0 },
  "rewards/chosen": { absolute: 1 },
  "rewards/rejected": { absolute: 1 },
  "rewards/margins": { absolute: 1 },
  "rewards/accuracies": { absolute: 0 },
  "logps/chosen": { absolute: 0 },
  "logps/rejected": { absolute: 0 },
  kl: { absolute: 1 },
  nll_loss: { absolute: 0 },
  log_odds_ratio: { absolute: 1 },
  log_odds_chosen: { absolute: 1 },
  entropy: { absolute: 0 },
  mean_token_accuracy: { absolute: 0 },
  accuracy: { absolute: 0 },
  margin: { absolute: 1 },
  min_reward: { absolute: 1 },
  mean_reward: { absolute: 1 },
  max_reward: { absolute: 1 },
};

/** Extremes and ratios of token counts that TRL averages over micro-batches. */
const BATCH_MEANS = ["min_reward", "max_reward", "entropy", "mean_token_accuracy"];

/** Metrics that cost a pass over the vocabulary, which of attune's trainers only SFT makes. */
const VOCABULARY_WIDE = ["entropy", "mean_token_accuracy"];

interface Setting {
  train: (
    input: { model: Model; encoder: Encoder },
    run: GoldenRun,
  ) => AsyncGenerator<TrainingEvent, TrainedModel>;
  /** TRL's metrics that are something else with us, and why. */
  apart?: readonly string[];
  /** File of weights that the run starts from. */
  initial?: string;
}

const common = ({ batch }: GoldenRun) =>
  ({
    model: "smollm2",
    data: "pairs.jsonl",
    adapter: "none",
    learningRate: 1e-3,
    schedule: "constant",
    warmupRatio: 0,
    maxLength: 64,
    heldOut: 0,
    shuffle: false,
    batchSize: batch === "sequential" ? 2 : 8,
    epochs: 10,
    maxSteps: 10,
    microBatchTokens: batch === "accumulated" ? 100 : 4096,
  }) as const;

const lora = { adapter: "lora", lora: { rank: 4, alpha: 8 } } as const;
const preference =
  (options: Record<string, unknown>): Setting["train"] =>
  ({ model, encoder }, run) =>
    dpo(
      { model, encoder, train: pairs(false), heldOut: [] },
      resolveConfig("dpo", { ...common(run), ...options } as never),
    );
const reward =
  (withMargin: boolean, centerCoefficient: number): Setting["train"] =>
  ({ model, encoder }, run) =>
    rewardModel(
      { model, encoder, train: pairs(withMargin), heldOut: [] },
      resolveConfig("reward", { ...common(run), centerCoefficient }),
    );

const SETTINGS: Readonly<Record<string, Setting>> = {
  sft: {
    train: ({ model, encoder }, run) =>
      sft(
        {
          model,
          encoder,
          heldOut: [],
          train: rows.map(({ prompt, chosen }, index) => ({
            kind: "demonstration",
            prompt,
            completion: chosen,
            place: { row: index + 1 },
          })),
        },
        resolveConfig("sft", common(run)),
      ),
  },
  "sft-text": {
    train: ({ model, encoder }, run) =>
      sft(
        {
          model,
          encoder,
          heldOut: [],
          train: rows.map(({ prompt, chosen }, index) => ({
            kind: "text",
            text: prompt + chosen,
            place: { row: index + 1 },
          })),
        },
        resolveConfig("sft", common(run)),
      ),
  },
  dpo: { train: preference({}) },
  "dpo-mixture": {
    train: preference({ loss: ["sigmoid", "bco_pair"], lossWeights: [0.8, 0.2], sftWeight: 1 }),
  },
  ipo: { train: preference({ loss: ["ipo"] }) },
  "dpo-lora": { train: preference({ ...lora, reference: "adapter" }), initial: "dpo-lora-initial" },
  "dpo-lora-moved": {
    train: preference({ ...lora, reference: "adapter" }),
    initial: "dpo-lora-moved-initial",
  },
  cpo: { train: preference({ loss: ["cpo"] }) },
  simpo: {
    train: preference({ loss: ["simpo"] }),
    apart: ["logps/chosen", "logps/rejected", "nll_loss"],
  },
  orpo: { train: preference({ loss: ["orpo"] }), apart: ["logps/chosen", "logps/rejected"] },
  reward: { train: reward(false, 0), initial: "reward-initial" },
  "reward-margin": { train: reward(true, 0.01), initial: "reward-margin-initial" },
  kto: {
    train: ({ model, encoder }, run) =>
      kto(
        { model, encoder, train: unpaired, heldOut: [] },
        resolveConfig("kto", { ...common(run), undesirableWeight: 1.25 }),
      ),
  },
};

async function openStart(initial: string | undefined): Promise<{ model: Model; encoder: Encoder }> {
  const { model, tokenizer } = await openModel(path("models/smollm2"));
  if (initial?.includes("lora")) model.adapter = await readAdapter(initial);
  else if (initial) {
    const file = await SafetensorsFile.open(path(`training/${initial}.safetensors`));
    model.scoreHead = float32([1, model.config.hiddenSize], await file.read(SCORE_HEAD));
    await file.close();
  }
  return { model, encoder: createEncoder(tokenizer, { maxLength: 64, template: "none" }) };
}

async function readAdapter(name: string): Promise<NonNullable<Model["adapter"]>> {
  const weights = await readAll(`training/${name}/adapter_model.safetensors`);
  const plain = [...weights].map(
    ([full, tensor]) => [full.replace("base_model.model.", ""), tensor] as const,
  );
  const targets = [
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
  ];
  return { config: { rank: 4, alpha: 8, rsLora: false, targets }, weights: new Map(plain) };
}

async function readAll(name: string) {
  const file = await SafetensorsFile.open(path(name));
  const tensors = await Promise.all(
    [...file.header.tensors.keys()].map(
      async (key) => [key, float32(file.entry(key).shape, await file.read(key))] as const,
    ),
  );
  await file.close();
  return new Map(tensors);
}

/** Largest difference of a tensor, relative to its largest value. */
function furthest(actual: Float32Array, expected: Float32Array): number {
  const size = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return expected.reduce((most, x, i) => Math.max(most, Math.abs(x - actual[i]!)), 0) / size;
}

test("token ids equal TRL's", async () => {
  const { encoder } = await openStart(undefined);
  rows.forEach(({ prompt, chosen, rejected }, index) => {
    const pair = encoder.encodePair(prompt, chosen, rejected);
    expect({
      prompt: [...pair.prompt],
      chosen: [...pair.chosen],
      rejected: [...pair.rejected],
    }).toEqual(steps.token_ids[index]);
  });
});

describe.each(steps.runs.map((run) => [`${run.name}, ${run.batch}`, run] as const))(
  "%s",
  (_title, run) => {
    const setting = SETTINGS[run.name]!;
    const apart = setting.apart ? `, but ${setting.apart.join(", ")}` : "";
    test(`ten steps and the final weights equal TRL's within 1e-4${apart}`, async () => {
      const start = await openStart(setting.initial);
      const { events, result } = await finished(setting.train(start, run));
      const found = stepsOf(events);
      expect(found).toHaveLength(10);
      const compared = new Set<string>();
      run.steps.forEach((expected, step) => {
        for (const [name, value] of Object.entries(expected)) {
          if (
            COMPARED[name] === undefined ||
            setting.apart?.includes(name) ||
            (run.batch === "accumulated" && BATCH_MEANS.includes(name))
          )
            continue;
          if (VOCABULARY_WIDE.includes(name) && !run.name.startsWith("sft")) continue;
          expectClose(found[step]![name], value, {
            what: `step ${step + 1}, ${name}`,
            ...COMPARED[name],
          });
          compared.add(name);
        }
      });
      expect(compared.size).toBeGreaterThanOrEqual(3);

      if (run.batch === "accumulated") return;
      const final = setting.initial?.includes("lora")
        ? (await readAdapter(`${run.name}-final-${run.batch}`)).weights
        : await readAll(`training/${run.name}-final-${run.batch}.safetensors`);
      for (const [name, { data }] of final) {
        const ours =
          name === SCORE_HEAD
            ? result.model.scoreHead!
            : (result.model.adapter?.weights.get(name) ?? result.model.weights.get(name)!);
        expect(furthest(ours.data as Float32Array, data as Float32Array), name).toBeLessThan(
          TOLERANCE,
        );
      }
    });
  },
);
