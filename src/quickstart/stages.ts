/**
 * The stages of the quickstart: a raw model from scratch, SFT, two reward models on disjoint pairs,
 * PPO with and without its KL penalty, RLOO and DPO, on the built-in world, and the constitutional
 * stages beside them. Each is a run folder of its own.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { PreferenceRecord, PromptRecord } from "../data/records.ts";
import { cloneModel, initializeModel } from "../models/initialize.ts";
import type { Model } from "../models/model.ts";
import type { TrainingEvent } from "../runs/events.ts";
import { writeFileAtomic } from "../runs/files.ts";
import { readJsonLines } from "../runs/json-lines.ts";
import type { Stage } from "../runs/pipeline.ts";
import type { Run } from "../runs/run.ts";
import type { Encoder } from "../text/encoder.ts";
import { resolveConfig } from "../training/configs.ts";
import { dpo } from "../training/offline/dpo.ts";
import { ppo } from "../training/online/ppo.ts";
import { rewardModel } from "../training/offline/reward.ts";
import { rloo } from "../training/online/rloo.ts";
import { samplingEngine } from "../training/rollout/rollout.ts";
import { sft } from "../training/offline/sft.ts";
import type { World } from "../world/index.ts";
import type { Request } from "../world/requests.ts";
import { vocabularySize } from "../world/tokenizer.ts";
import { goldTotals } from "./answers.ts";
import { constitutionStages } from "./constitution.ts";
import type { WorldRecipe } from "./recipe.ts";
import type { WorldPipeline, WorldStage } from "./world-stage.ts";
import { toPipelineStage } from "./world-stage.ts";

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

/** Models that the report compares, by the folders of their stages. */
export const WORLD_MODELS = {
  raw: "raw",
  SFT: "sft",
  "PPO with KL": "ppo",
  "PPO without KL": "ppo-without-kl",
  RLOO: "rloo",
  DPO: "dpo",
} as const;
export type WorldModelName = keyof typeof WORLD_MODELS;

export function worldStages(pipeline: WorldPipeline): Stage[] {
  const { seed, world, encoder, recipe, open } = pipeline;
  const given = { ...recipe.common, model: "the built-in world", data: "the built-in world", seed };
  const pairs = world.preferences.slice(0, recipe.pairs.reward);
  const judge = async () => ({ name: "reward model", model: await open("reward"), encoder });
  const heldOutReward = async () => ({
    name: "held-out reward model",
    model: await open("held-out-reward"),
    encoder,
  });
  const prompts = pairs
    .slice(0, recipe.pairs.prompts)
    .map(({ prompt, place }): PromptRecord => ({ kind: "prompt", prompt, place }));
  const policy = { ...given, reward: ["reward model"], heldOutReward: "held-out reward model" };
  const raw = resolveConfig("sft", { ...given, ...recipe.raw });
  const demonstrations = resolveConfig("sft", { ...given, ...recipe.sft });
  const preferred = resolveConfig("dpo", { ...given, ...recipe.dpo });
  const left = resolveConfig("rloo", { ...policy, ...recipe.rloo });
  const rewardStage = (
    name: "reward" | "held-out-reward",
    title: string,
    train: readonly PreferenceRecord[],
  ): WorldStage => {
    const config = resolveConfig("reward", {
      ...given,
      ...(name === "reward" ? recipe.reward : recipe.heldOutReward),
    });
    return {
      name,
      title,
      needs: ["sft"],
      options: { ...config, pairs: train.length },
      begin: async (context) =>
        rewardModel(
          {
            model: cloneModel(await open("sft")),
            encoder,
            train,
            heldOut: world.heldOutPreferences,
          },
          config,
          context,
        ),
    };
  };
  const ppoStage = (
    name: "ppo" | "ppo-without-kl",
    title: string,
    options: WorldRecipe["ppo"],
  ): WorldStage => {
    const config = resolveConfig("ppo", { ...policy, ...options });
    return {
      name,
      title,
      needs: ["sft", "reward", "held-out-reward"],
      options: { ...config, goldSteps: recipe.goldSteps },
      begin: async (context) => {
        let actor: Model | undefined;
        const input = {
          model: await open("sft"),
          encoder,
          prompts,
          rewards: [await judge()],
          heldOutReward: await heldOutReward(),
          engine: (given: Model, by: Encoder) => samplingEngine((actor = given), by),
        };
        return withGold(ppo(input, config, context), pipeline, {
          run: context.run,
          model: () => actor!,
        });
      },
    };
  };
  const works: WorldStage[] = [
    {
      name: "raw",
      title: "Raw: pre-training on the village's talk, with its rumours and bad manners",
      needs: [],
      options: raw,
      begin: async (context) =>
        sft(
          {
            model: initializeModel(modelJson(vocabularySize(world.tokenizerFiles)), seed),
            encoder,
            train: world.corpus,
            heldOut: [],
          },
          raw,
          context,
        ),
    },
    {
      name: "sft",
      title: "SFT: imitating demonstrations",
      needs: ["raw"],
      options: demonstrations,
      begin: async (context) =>
        sft(
          {
            model: cloneModel(await open("raw")),
            encoder,
            train: world.demonstrations,
            heldOut: [],
          },
          demonstrations,
          context,
        ),
    },
    rewardStage("reward", "Reward model: learning what people prefer", pairs),
    rewardStage(
      "held-out-reward",
      "Held-out reward model: from other pairs and more careful judges, to watch and never to be " +
        "optimised",
      world.auditedPreferences,
    ),
    ppoStage(
      "ppo",
      "PPO with its KL penalty: pleasing the reward model, not far from where it began",
      recipe.ppo,
    ),
    ppoStage(
      "ppo-without-kl",
      "PPO without the penalty: pleasing the reward model at any price",
      recipe.ppoWithoutKl,
    ),
    {
      name: "rloo",
      title: "RLOO: the same without a critic",
      needs: ["sft", "reward", "held-out-reward"],
      options: left,
      begin: async (context) =>
        rloo(
          {
            model: await open("sft"),
            encoder,
            prompts,
            rewards: [await judge()],
            heldOutReward: await heldOutReward(),
          },
          left,
          context,
        ),
    },
    {
      name: "dpo",
      title: "DPO: preferring what people prefer, without a reward model",
      needs: ["sft"],
      options: { ...preferred, pairs: recipe.pairs.dpo },
      begin: async (context) =>
        dpo(
          {
            model: cloneModel(await open("sft")),
            encoder,
            train: pairs.slice(0, recipe.pairs.dpo),
            heldOut: [],
          },
          preferred,
          context,
        ),
    },
    ...constitutionStages(pipeline, given),
  ];
  return works.map((work) => toPipelineStage(work, pipeline));
}

/**
 * One line of gold.jsonl: gold totals of greedy answers to requests of the tuning split, in their
 * order.
 */
export interface GoldPoint {
  step: number;
  totals: number[];
}

const GOLD_FILE = "gold.jsonl";

export const readGold = (folder: string): GoldPoint[] =>
  existsSync(join(folder, GOLD_FILE))
    ? readJsonLines(join(folder, GOLD_FILE)).map((line) => line as unknown as GoldPoint)
    : [];

/** The requests that gold looks at on the way. */
export const goldRequests = (world: World, recipe: WorldRecipe): readonly Request[] =>
  world.tuning.slice(0, recipe.goldRequests);

/**
 * Judges the policy by gold while it learns, every few steps and where the guard speaks up. The
 * trainer sees nothing of it.
 */
export async function* withGold(
  events: AsyncIterable<TrainingEvent>,
  { world, encoder, recipe, signal }: WorldPipeline,
  { run, model }: { run: Run; model: () => Model },
): AsyncGenerator<TrainingEvent> {
  const requests = goldRequests(world, recipe);
  let points = readGold(run.folder);
  let alarmed = false;
  const measure = async (step: number): Promise<void> => {
    points = [
      ...points.filter((point) => point.step < step),
      { step, totals: await goldTotals(model(), encoder, world, requests, signal) },
    ];
    writeFileAtomic(
      join(run.folder, GOLD_FILE),
      points.map((point) => `${JSON.stringify(point)}\n`).join(""),
    );
  };
  for await (const event of events) {
    yield event;
    if (event.type === "start" && !event.resumedStep) await measure(0);
    if (event.type === "warning" && event.id === "guard") alarmed = true;
    if (
      event.type === "step" &&
      (alarmed || event.step % recipe.goldSteps === 0 || event.step === event.totalSteps)
    ) {
      alarmed = false;
      await measure(event.step);
    }
  }
}
