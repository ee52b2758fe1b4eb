/**
 * Peak memory of PPO and DPO, with all models whole and apart or over one base: each method takes a
 * step on a model of random weights in a process of its own, and the system says how much of it was
 * resident.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { float32 } from "../core/tensor.ts";
import type { PreferenceRecord, PromptRecord } from "../data/records.ts";
import { initializeModel } from "../models/initialize.ts";
import type { Model } from "../models/model.ts";
import { shareBase } from "../models/model.ts";
import type { TrainingEvent } from "../runs/events.ts";
import { peakMemory } from "../runtime/peak-memory.ts";
import { createEncoder } from "../text/encoder.ts";
import { tokenizerFromFiles } from "../text/tokenizer.ts";
import { resolveConfig } from "../training/configs.ts";
import { dpo } from "../training/offline/dpo.ts";
import { ppo } from "../training/online/ppo.ts";
import { DEFAULT_SIZES, createWorld } from "../world/index.ts";
import { vocabularySize } from "../world/tokenizer.ts";

export const MEMORY_CASES = {
  "ppo-apart": "PPO, four separate models, all weights trained",
  "ppo-one-base": "PPO, four roles on one base (adapters)",
  "dpo-apart": "DPO, two models, all weights trained",
  "dpo-one-base": "DPO on one base (adapter)",
} as const;
export type MemoryCase = keyof typeof MEMORY_CASES;

export interface MemoryFigure {
  name: MemoryCase;
  /** Largest resident memory of the process, bytes. */
  peak: number;
  /** Resident memory of the process before it held a model, bytes. */
  baseline: number;
  /** Bytes of one copy of the weights in float32. */
  weights: number;
}

/** Some 17 million parameters: large beside Node.js itself, and made in a second. */
const SHAPE = {
  model_type: "llama",
  hidden_size: 512,
  num_hidden_layers: 5,
  num_attention_heads: 8,
  num_key_value_heads: 8,
  intermediate_size: 1408,
  max_position_embeddings: 256,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
};
const ROWS = 4;

/** Measures one method, in a process of its own. */
export async function measureMethod(name: MemoryCase): Promise<MemoryFigure> {
  const world = createWorld({
    seed: 1,
    sizes: {
      ...DEFAULT_SIZES,
      corpus: 1,
      demonstrations: 1,
      preferences: 2 * ROWS,
      auditedPreferences: 1,
      heldOutPreferences: 1,
      evaluation: 1,
    },
  });
  const encoder = createEncoder(tokenizerFromFiles(world.tokenizerFiles), { maxLength: 96 });
  const baseline = peakMemory();
  const apart = name.endsWith("apart");
  const model = (seed: number): Model =>
    initializeModel({ ...SHAPE, vocab_size: vocabularySize(world.tokenizerFiles) }, seed);
  const policy = model(1);
  const common = {
    model: "random",
    data: "the built-in world",
    plan: "block",
    adapter: apart ? "none" : "lora",
    maxLength: 96,
    maxSteps: 1,
    checkpointSteps: 0,
    microBatchTokens: 512,
  } as const;
  const events = name.startsWith("ppo")
    ? ppo(
        {
          model: policy,
          encoder,
          prompts: world.preferences.map(({ prompt, place }): PromptRecord => ({
            kind: "prompt",
            prompt,
            place,
          })),
          rewards: [
            { name: "random", model: withHead(apart ? model(2) : shareBase(policy)), encoder },
          ],
        },
        resolveConfig("ppo", {
          ...common,
          reward: ["random"],
          rewardNormalise: "none",
          batchSize: ROWS,
          maxNewTokens: 16,
          ppoEpochs: 1,
          critic: { warmupSteps: 0 },
          sampleSteps: 0,
        }),
      )
    : dpo(
        { model: policy, encoder, train: world.preferences as PreferenceRecord[], heldOut: [] },
        resolveConfig("dpo", {
          ...common,
          heldOut: 0,
          batchSize: ROWS,
          reference: apart ? "copy" : "adapter",
        }),
      );
  await finish(events);
  return {
    name,
    peak: peakMemory(),
    baseline,
    weights: [...policy.weights.values()].reduce((total, { data }) => total + data.byteLength, 0),
  };
}

function withHead(model: Model): Model {
  const size = model.config.hiddenSize;
  return {
    ...model,
    scoreHead: float32(
      [1, size],
      Float32Array.from({ length: size }, (_, i) => Math.sin(i + 1) / size),
    ),
  };
}

async function finish(events: AsyncIterable<TrainingEvent>): Promise<void> {
  for await (const event of events) if (event.type === "end") return;
}

/**
 * All cases, one process after the other; undefined where this program does not run from its
 * compiled files.
 */
export async function measureMethods({
  signal,
  onCase,
}: { signal?: AbortSignal; onCase?: (name: MemoryCase) => void } = {}): Promise<
  MemoryFigure[] | undefined
> {
  if (!import.meta.url.endsWith(".js")) return undefined;
  const figures: MemoryFigure[] = [];
  for (const name of Object.keys(MEMORY_CASES) as MemoryCase[]) {
    onCase?.(name);
    const program =
      `import { measureMethod } from ${JSON.stringify(import.meta.url)}; ` +
      `process.stdout.write(JSON.stringify(await measureMethod(${JSON.stringify(name)})));`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--input-type=module", "--eval", program],
      signal ? { signal } : {},
    );
    figures.push(JSON.parse(stdout) as MemoryFigure);
  }
  return figures;
}
