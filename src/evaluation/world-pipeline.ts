/**
 * The whole pipeline on the built-in world: pre-train a raw model from scratch, fine-tune it on demonstrations, train a
 * reward model and align by DPO; then let the gold scorer judge all of them on held-out requests.
 */
import { invariant } from "../core/errors.ts";
import { cloneModel, initializeModel } from "../models/initialize.ts";
import type { Model } from "../models/model.ts";
import type { TrainingEvent } from "../runs/events.ts";
import { GREEDY, generate } from "../sampling/generate.ts";
import type { Interval } from "../stats/intervals.ts";
import { wilson } from "../stats/intervals.ts";
import type { Encoder } from "../text/encoder.ts";
import { createEncoder } from "../text/encoder.ts";
import { tokenizerFromFiles } from "../text/tokenizer.ts";
import { resolveConfig } from "../training/configs.ts";
import { dpo } from "../training/dpo.ts";
import { rewardModel } from "../training/reward.ts";
import { sft } from "../training/sft.ts";
import { goldScore } from "../world/gold.ts";
import type { World } from "../world/index.ts";
import { createWorld } from "../world/index.ts";
import { requestTopic } from "../world/requests.ts";
import { vocabularySize } from "../world/tokenizer.ts";
import type { ScoredModel } from "./gold-table.ts";
import { goldDifference } from "./gold-table.ts";

/** Longest text of the world, tokens, with room. */
const MAX_LENGTH = 96;
const MAX_ANSWER = 40;

/** About a million parameters: what two cores train from scratch in a minute. */
const modelJson = (vocabulary: number) => ({
  model_type: "llama",
  vocab_size: vocabulary,
  hidden_size: 128,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 4,
  intermediate_size: 384,
  max_position_embeddings: 256,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
});

export interface PipelineResult {
  models: ScoredModel[];
  /** Answers of each model to each request, by model name. */
  answers: Readonly<Record<string, readonly string[]>>;
  world: World;
  /** Accuracy of the reward model against the noiseless preference on held-out pairs. */
  rewardAccuracy: Interval;
  differences: { sftOverRaw: Interval; dpoOverSft: Interval };
}

export interface PipelineHooks {
  /** A stage begins. */
  onStage?: (name: string) => void;
  onEvent?: (event: TrainingEvent) => void;
  signal?: AbortSignal;
}

const given = { model: "the built-in world", data: "the built-in world", adapter: "none", maxLength: MAX_LENGTH, heldOut: 0, schedule: "cosine", warmupRatio: 0.05, microBatchTokens: 512 } as const;

/** Runs every stage. The same seed gives the same result on the same machine. */
export async function runWorldPipeline(seed: number, hooks: PipelineHooks = {}): Promise<PipelineResult> {
  const world = createWorld({ seed });
  const encoder = createEncoder(tokenizerFromFiles(world.tokenizerFiles), { maxLength: MAX_LENGTH });
  const { signal } = hooks;
  const train = async (name: string, events: AsyncIterable<TrainingEvent>): Promise<Extract<TrainingEvent, { type: "end" }>> => {
    hooks.onStage?.(name);
    let end: TrainingEvent | undefined;
    for await (const event of events) {
      hooks.onEvent?.(event);
      end = event;
    }
    invariant(end?.type === "end", "a trainer ended without its last event");
    return end;
  };

  const raw = initializeModel(modelJson(vocabularySize(world.tokenizerFiles)), seed);
  const pretraining = resolveConfig("sft", { ...given, seed, loss: "full", packing: false, learningRate: 4e-3, batchSize: 32, epochs: 2 });
  await train("raw", sft({ model: raw, encoder, train: world.corpus, heldOut: [] }, pretraining, { signal }));

  const tuned = cloneModel(raw);
  const tuning = resolveConfig("sft", { ...given, seed, packing: false, learningRate: 5e-4, batchSize: 16, epochs: 2 });
  await train("SFT", sft({ model: tuned, encoder, train: world.demonstrations, heldOut: [] }, tuning, { signal }));

  const judge = cloneModel(tuned);
  const judging = resolveConfig("reward", { ...given, seed, learningRate: 8e-4, batchSize: 32, epochs: 2 });
  const rewarded = await train("reward model", rewardModel({ model: judge, encoder, train: world.preferences, heldOut: world.heldOutPreferences }, judging, { signal }));

  const aligned = cloneModel(tuned);
  const aligning = resolveConfig("dpo", { ...given, seed, learningRate: 3e-4, batchSize: 32, epochs: 2, sftWeight: 0.5 });
  await train("DPO", dpo({ model: aligned, encoder, train: world.preferences, heldOut: [] }, aligning, { signal }));

  hooks.onStage?.("evaluation");
  const answers: Record<string, readonly string[]> = {};
  const models: ScoredModel[] = [];
  for (const [name, model] of [["raw", raw], ["SFT", tuned], ["DPO", aligned]] as const) {
    answers[name] = await answerAll(model, encoder, world, signal);
    models.push({ name, clusters: world.evaluation.map(requestTopic), scores: world.evaluation.map((request, index) => goldScore(world.village, request, answers[name]![index]!)) });
  }
  const accuracy = (rewarded.metrics as Record<string, number>)["eval_accuracy"]!;
  const pairs = world.heldOutPreferences.length;
  const [rawScores, sftScores, dpoScores] = models as [ScoredModel, ScoredModel, ScoredModel];
  return {
    models,
    answers,
    world,
    rewardAccuracy: wilson(accuracy * pairs, pairs),
    differences: { sftOverRaw: goldDifference(sftScores, rawScores), dpoOverSft: goldDifference(dpoScores, sftScores) },
  };
}

/** Greedy answers to all requests of the evaluation. */
async function answerAll(model: Model, encoder: Encoder, world: World, signal: AbortSignal | undefined): Promise<string[]> {
  const prompts = world.evaluation.map(({ text }) => encoder.encodePrompt([{ role: "user", content: text }]));
  const found = await generate(model, encoder, prompts, { ...GREEDY, maxNewTokens: MAX_ANSWER, batchSize: 64 }, signal ? { signal } : {});
  return found.map(({ text }) => text);
}
