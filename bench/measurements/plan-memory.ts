/**
 * What `attune plan` says of memory against the largest resident memory of a run with the same
 * options: the real trainers on random weights, every setting in a process of its own, with lengths
 * that are the plan's.
 */
import type {
  DemonstrationRecord,
  PreferenceRecord,
  PromptRecord,
  UnpairedRecord,
} from "../../src/data/records.ts";
import { attuneMemory } from "../../src/planning/attune.ts";
import { planConfig } from "../../src/planning/plan.config.ts";
import type { PlanOptions } from "../../src/planning/plan.ts";
import { requestOf } from "../../src/planning/plan.ts";
import type { ModelShape } from "../../src/planning/presets.ts";
import { presetShape } from "../../src/planning/presets.ts";
import { peakOf } from "../../src/planning/work.ts";
import { createAdapter, resolveTargets } from "../../src/models/adapter.ts";
import type { Model } from "../../src/models/model.ts";
import { parameterCount, shareBase } from "../../src/models/model.ts";
import { readModelConfig } from "../../src/models/registry.ts";
import { parseConfig } from "../../src/config/sources.ts";
import type { TrainingEvent } from "../../src/runs/events.ts";
import { peakMemory } from "../../src/runtime/peak-memory.ts";
import type { Encoder } from "../../src/text/encoder.ts";
import { resolveConfig } from "../../src/training/configs.ts";
import { dpo } from "../../src/training/offline/dpo.ts";
import { grpo } from "../../src/training/online/grpo.ts";
import { kto } from "../../src/training/offline/kto.ts";
import { ppo } from "../../src/training/online/ppo.ts";
import { rewardModel } from "../../src/training/offline/reward.ts";
import { rloo } from "../../src/training/online/rloo.ts";
import { sft } from "../../src/training/offline/sft.ts";
import type { Figure } from "../measure.ts";
import { rounded, spread } from "../measure.ts";
import { idEncoder, noiseModel, randomIds, waveHead } from "../model.ts";
import { runPart } from "../parts.ts";

type Options = Partial<
  Pick<
    PlanOptions,
    | "adapter"
    | "promptTokens"
    | "answerTokens"
    | "batchSize"
    | "samples"
    | "rolloutBatch"
    | "microBatchTokens"
    | "precision"
    | "recompute"
    | "steps"
  >
> & { method: PlanOptions["method"] };

const llama = (sizes: {
  vocab_size: number;
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  num_key_value_heads: number;
  tie_word_embeddings?: boolean;
}): ModelShape =>
  readModelConfig({
    model_type: "llama",
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-5,
    rope_theta: 1e4,
    tie_word_embeddings: true,
    ...sizes,
  });

/**
 * 135, 38, 70 and 133 million parameters, which run block by block, and 11 million, which run as
 * one graph.
 */
const SHAPES: Readonly<Record<string, () => ModelShape>> = {
  smollm2: () => presetShape("smollm2-135m")!,
  small: () =>
    llama({
      vocab_size: 49_152,
      hidden_size: 384,
      intermediate_size: 1024,
      num_hidden_layers: 12,
      num_attention_heads: 6,
      num_key_value_heads: 2,
    }),
  deep: () =>
    llama({
      vocab_size: 32_000,
      hidden_size: 320,
      intermediate_size: 864,
      num_hidden_layers: 48,
      num_attention_heads: 5,
      num_key_value_heads: 5,
    }),
  wide: () =>
    llama({
      vocab_size: 32_000,
      hidden_size: 1024,
      intermediate_size: 2816,
      num_hidden_layers: 6,
      num_attention_heads: 16,
      num_key_value_heads: 4,
      tie_word_embeddings: false,
    }),
  tiny: () =>
    llama({
      vocab_size: 16_384,
      hidden_size: 256,
      intermediate_size: 688,
      num_hidden_layers: 8,
      num_attention_heads: 4,
      num_key_value_heads: 4,
    }),
};

/** A few steps each: what is largest is reached in the first or second. */
export const SETTINGS: readonly (Options & { shape: keyof typeof SHAPES })[] = [
  {
    shape: "smollm2",
    method: "sft",
    adapter: "lora",
    promptTokens: 512,
    answerTokens: 512,
    batchSize: 1,
    steps: 2,
  },
  {
    shape: "smollm2",
    method: "dpo",
    adapter: "none",
    promptTokens: 64,
    answerTokens: 96,
    batchSize: 2,
    microBatchTokens: 512,
    steps: 2,
  },
  {
    shape: "smollm2",
    method: "ppo",
    adapter: "lora",
    promptTokens: 64,
    answerTokens: 64,
    batchSize: 16,
    steps: 1,
  },
  {
    shape: "smollm2",
    method: "sft",
    adapter: "lora",
    recompute: "none",
    promptTokens: 128,
    answerTokens: 128,
    batchSize: 2,
    microBatchTokens: 512,
    steps: 2,
  },
  {
    shape: "small",
    method: "sft",
    adapter: "none",
    promptTokens: 128,
    answerTokens: 128,
    batchSize: 8,
    steps: 2,
  },
  {
    shape: "small",
    method: "reward",
    adapter: "lora",
    promptTokens: 512,
    answerTokens: 256,
    batchSize: 2,
    steps: 2,
  },
  {
    shape: "small",
    method: "ppo",
    adapter: "none",
    promptTokens: 64,
    answerTokens: 64,
    batchSize: 16,
    steps: 2,
  },
  {
    shape: "deep",
    method: "dpo",
    adapter: "lora",
    promptTokens: 512,
    answerTokens: 256,
    batchSize: 2,
    steps: 2,
  },
  {
    shape: "deep",
    method: "rloo",
    adapter: "lora",
    promptTokens: 128,
    answerTokens: 128,
    batchSize: 8,
    samples: 4,
    steps: 1,
  },
  {
    shape: "wide",
    method: "kto",
    adapter: "lora",
    promptTokens: 128,
    answerTokens: 128,
    batchSize: 4,
    steps: 2,
  },
  {
    shape: "tiny",
    method: "sft",
    adapter: "none",
    promptTokens: 512,
    answerTokens: 512,
    batchSize: 2,
    steps: 2,
  },
  {
    shape: "smollm2",
    method: "dpo",
    adapter: "lora",
    precision: "int8",
    promptTokens: 256,
    answerTokens: 256,
    batchSize: 2,
    steps: 2,
  },
  {
    shape: "smollm2",
    method: "ppo",
    adapter: "lora",
    precision: "int8",
    promptTokens: 64,
    answerTokens: 64,
    batchSize: 16,
    steps: 1,
  },
  {
    shape: "tiny",
    method: "grpo",
    adapter: "lora",
    promptTokens: 128,
    answerTokens: 128,
    batchSize: 32,
    samples: 4,
    steps: 2,
  },
];

const optionsOf = ({ shape, ...options }: (typeof SETTINGS)[number]): PlanOptions =>
  parseConfig(planConfig, { values: { ...options, model: shape } }).resolved;

/** Token sequences by number: what stands in for texts. */
class Texts {
  readonly sequences: Int32Array[] = [];
  private readonly vocabulary: number;

  constructor(vocabulary: number) {
    this.vocabulary = vocabulary;
  }

  add(tokens: number): string {
    return String(
      this.sequences.push(randomIds(tokens, this.sequences.length, this.vocabulary)) - 1,
    );
  }
}

/** With an adapter over the policy's base, or by itself. */
function rewardOf(
  policy: Model,
  { roles, lora }: { roles: "shared" | "separate"; lora: PlanOptions["lora"] },
): Model {
  const { family, config } = policy;
  const scoreHead = waveHead(config.hiddenSize);
  if (roles === "separate") return { ...noiseModel(policy), scoreHead };
  const targets = resolveTargets(family, config, lora.targets);
  return {
    ...shareBase(policy),
    adapter: createAdapter(
      family,
      config,
      { rank: lora.rank, alpha: 2 * lora.rank, rsLora: false, targets },
      2,
    ),
    scoreHead,
  };
}

function trainer(model: Model, options: PlanOptions): AsyncIterable<TrainingEvent> {
  const {
    method,
    adapter,
    lora,
    promptTokens,
    answerTokens,
    batchSize,
    samples,
    rolloutBatch,
    microBatchTokens,
    recompute,
    steps,
  } = options;
  const texts = new Texts(model.config.vocabularySize);
  const items = <T>(count: number, make: (prompt: string, answer: () => string) => T): T[] =>
    Array.from({ length: count }, () =>
      make(texts.add(promptTokens), () => texts.add(answerTokens)),
    );
  // Answers end only at their full length.
  const encoder = (): Encoder => ({ ...idEncoder(texts.sequences), stopIds: [] });
  const common = {
    model: "bench",
    data: "bench",
    adapter,
    ...(adapter === "lora" ? { lora: { rank: lora.rank, targets: lora.targets } } : {}),
    batchSize,
    microBatchTokens,
    recompute,
    checkpointSteps: 0,
    maxSteps: steps,
    epochs: 1000,
  };
  // Rows of packed texts are as long as micro-batches, as the plan has them.
  const texted = {
    ...common,
    heldOut: 0,
    maxLength: Math.max(microBatchTokens, promptTokens + 2 * answerTokens),
  };
  const place = {};
  const count = batchSize * steps;
  const pairs = () =>
    items(count, (prompt, answer): PreferenceRecord => ({
      kind: "preference",
      prompt,
      chosen: answer(),
      rejected: answer(),
      p: 1,
      place,
    }));
  switch (method) {
    case "sft":
      return sft(
        {
          model,
          train: items(count, (prompt, answer): DemonstrationRecord => ({
            kind: "demonstration",
            prompt,
            completion: answer(),
            place,
          })),
          heldOut: [],
          encoder: encoder(),
        },
        resolveConfig("sft", texted),
      );
    case "reward":
      return rewardModel(
        { model, train: pairs(), heldOut: [], encoder: encoder() },
        resolveConfig("reward", texted),
      );
    case "dpo":
      return dpo(
        { model, train: pairs(), heldOut: [], encoder: encoder() },
        resolveConfig("dpo", texted),
      );
    case "kto":
      return kto(
        {
          model,
          train: items(count, (prompt, answer): UnpairedRecord => ({
            kind: "unpaired",
            prompt,
            completion: answer(),
            label: texts.sequences.length % 4 === 0,
            place,
          })),
          heldOut: [],
          encoder: encoder(),
        },
        resolveConfig("kto", texted),
      );
  }
  const prompts = items(count / samples, (prompt): PromptRecord => ({
    kind: "prompt",
    prompt,
    place,
  }));
  const roles = requestOf(options, model).roles;
  const input = {
    model,
    encoder: encoder(),
    prompts,
    rewards: [{ name: "random", model: rewardOf(model, { roles, lora }), encoder: encoder() }],
  };
  const rolling = {
    ...common,
    reward: ["random"],
    samples,
    rolloutBatch,
    maxNewTokens: answerTokens,
    maxLength: promptTokens + answerTokens + 1,
    rewardNormalise: "none" as const,
    sampleSteps: 0,
  };
  if (method === "ppo")
    return ppo(
      input,
      resolveConfig("ppo", { ...rolling, ppoEpochs: 1, critic: { warmupSteps: 0 } }),
    );
  return method === "grpo"
    ? grpo(input, resolveConfig("grpo", rolling))
    : rloo(input, resolveConfig("rloo", rolling));
}

interface Peak {
  peak: number;
  baseline: number;
}

/** In a process of its own: a run of one setting. */
export async function planPeak(index: number): Promise<Peak> {
  const baseline = peakMemory();
  const setting = SETTINGS[index]!;
  for await (const event of trainer(
    noiseModel(SHAPES[setting.shape]!(), setting.precision),
    optionsOf(setting),
  ))
    if (event.type === "end") break;
  return { peak: peakMemory(), baseline };
}

function describe({
  shape,
  method,
  adapter = "lora",
  precision = "float32",
  recompute = "all",
  promptTokens = 0,
  answerTokens = 0,
  batchSize = 0,
  microBatchTokens = 1024,
  samples = 1,
}: (typeof SETTINGS)[number]): string {
  const model = SHAPES[shape]!();
  const million = Math.round(parameterCount(model.family, model.config) / 1e6);
  const answers = method === "reward" || method === "dpo" ? 2 : 1;
  return [
    `${method}, ${million}M ${shape}`,
    adapter === "lora" ? "LoRA" : "all weights",
    ...(precision === "float32" ? [] : [precision]),
    ...(recompute === "all" ? [] : [`recompute ${recompute}`]),
    `${promptTokens} + ${answers === 2 ? "2 x " : ""}${answerTokens} tokens`,
    `batch ${batchSize}${samples > 1 ? ` (${samples} a prompt)` : ""}`,
    `micro-batch ${microBatchTokens}`,
  ].join(", ");
}

export async function planMemory(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [index, setting] of SETTINGS.entries()) {
    const { peak, baseline } = (await runPart("plan-peak", index)) as Peak;
    const planned = peakOf(
      await attuneMemory(requestOf(optionsOf(setting), SHAPES[setting.shape]!())),
    );
    const megabytes = (bytes: number): number => Math.round(bytes / 1e6);
    const details = {
      "planned MB": megabytes(planned.total),
      "measured MB": megabytes(peak),
      "of it before there was a model": megabytes(baseline),
      ...(planned.phase === undefined ? {} : { "planned in": planned.phase }),
    };
    figures.push({
      name: `plan-memory-${index + 1}`,
      title: `planned over measured memory: ${describe(setting)}`,
      ratio: spread([rounded(planned.total / peak)]),
      target: { atLeast: 0.85, atMost: 1.15 },
      details,
    });
  }
  return figures;
}
