/**
 * The stages of the quickstart: a raw model from scratch, SFT, two reward models on disjoint pairs,
 * PPO with and without its KL penalty, RLOO and DPO, on the built-in world, and the constitutional
 * stages beside them. Each is a run folder of its own.
 */
import type { PreferenceRecord, PromptRecord } from "../data/records.ts";
import { cloneModel, initializeModel } from "../models/initialize.ts";
import type { Model } from "../models/model.ts";
import type { Stage } from "../runs/pipeline.ts";
import type { Encoder } from "../text/encoder.ts";
import { resolveConfig } from "../training/configs.ts";
import { dpo } from "../training/offline/dpo.ts";
import { ppo } from "../training/online/ppo.ts";
import { rewardModel } from "../training/offline/reward.ts";
import { rloo } from "../training/online/rloo.ts";
import { samplingEngine } from "../training/rollout/rollout.ts";
import { sft } from "../training/offline/sft.ts";
import { vocabularySize } from "../world/tokenizer.ts";
import { constitutionStages } from "./constitution.ts";
import { withGold } from "./gold-points.ts";
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

/** The pairs that people judged, as many as the recipe takes. */
const rewardPairs = ({ world, recipe }: WorldPipeline): readonly PreferenceRecord[] =>
  world.preferences.slice(0, recipe.pairs.reward);

export function worldStages(pipeline: WorldPipeline): Stage[] {
  const { world, recipe } = pipeline;
  const stages: WorldStage[] = [
    rawStage(pipeline),
    sftStage(pipeline),
    rewardStage(pipeline, {
      name: "reward",
      title: "Reward model: learning what people prefer",
      options: recipe.reward,
      train: rewardPairs(pipeline),
    }),
    rewardStage(pipeline, {
      name: "held-out-reward",
      title:
        "Held-out reward model: from other pairs and more careful judges, to watch and never to " +
        "be optimised",
      options: recipe.heldOutReward,
      train: world.auditedPreferences,
    }),
    ppoStage(pipeline, {
      name: "ppo",
      title: "PPO with its KL penalty: pleasing the reward model, not far from where it began",
      options: recipe.ppo,
    }),
    ppoStage(pipeline, {
      name: "ppo-without-kl",
      title: "PPO without the penalty: pleasing the reward model at any price",
      options: recipe.ppoWithoutKl,
    }),
    rlooStage(pipeline),
    dpoStage(pipeline),
    ...constitutionStages(pipeline, sharedOptions(pipeline)),
  ];
  return stages.map((stage) => toPipelineStage(stage, pipeline));
}

/** What every trainer of the pipeline is given. */
const sharedOptions = ({ seed, recipe }: WorldPipeline) => ({
  ...recipe.common,
  model: "the built-in world",
  data: "the built-in world",
  seed,
});

function rawStage(pipeline: WorldPipeline): WorldStage {
  const { seed, world, encoder, recipe } = pipeline;
  const config = resolveConfig("sft", { ...sharedOptions(pipeline), ...recipe.raw });
  return {
    name: "raw",
    title: "Raw: pre-training on the village's talk, with its rumours and bad manners",
    needs: [],
    options: config,
    begin: async (context) =>
      sft(
        {
          model: initializeModel(modelJson(vocabularySize(world.tokenizerFiles)), seed),
          encoder,
          train: world.corpus,
          heldOut: [],
        },
        config,
        context,
      ),
  };
}

function sftStage(pipeline: WorldPipeline): WorldStage {
  const { world, encoder, recipe, open } = pipeline;
  const config = resolveConfig("sft", { ...sharedOptions(pipeline), ...recipe.sft });
  return {
    name: "sft",
    title: "SFT: imitating demonstrations",
    needs: ["raw"],
    options: config,
    begin: async (context) =>
      sft(
        {
          model: cloneModel(await open("raw")),
          encoder,
          train: world.demonstrations,
          heldOut: [],
        },
        config,
        context,
      ),
  };
}

function rewardStage(
  pipeline: WorldPipeline,
  {
    name,
    title,
    options,
    train,
  }: {
    name: "reward" | "held-out-reward";
    title: string;
    options: WorldRecipe["reward"];
    train: readonly PreferenceRecord[];
  },
): WorldStage {
  const { world, encoder, open } = pipeline;
  const config = resolveConfig("reward", { ...sharedOptions(pipeline), ...options });
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
}

const POLICY_NEEDS = ["sft", "reward", "held-out-reward"];

/** Options of the trainers that roll out, whose rewards are read by these names. */
const policyOptions = (pipeline: WorldPipeline) => ({
  ...sharedOptions(pipeline),
  reward: ["reward model"],
  heldOutReward: "held-out reward model",
});

/** What they begin with: the SFT model, prompts of the pairs, and both reward models. */
async function policyInput(pipeline: WorldPipeline) {
  const { encoder, recipe, open } = pipeline;
  return {
    model: await open("sft"),
    encoder,
    prompts: rewardPairs(pipeline)
      .slice(0, recipe.pairs.prompts)
      .map(({ prompt, place }): PromptRecord => ({ kind: "prompt", prompt, place })),
    rewards: [{ name: "reward model", model: await open("reward"), encoder }],
    heldOutReward: { name: "held-out reward model", model: await open("held-out-reward"), encoder },
  };
}

function ppoStage(
  pipeline: WorldPipeline,
  {
    name,
    title,
    options,
  }: { name: "ppo" | "ppo-without-kl"; title: string; options: WorldRecipe["ppo"] },
): WorldStage {
  const config = resolveConfig("ppo", { ...policyOptions(pipeline), ...options });
  return {
    name,
    title,
    needs: POLICY_NEEDS,
    options: { ...config, goldSteps: pipeline.recipe.goldSteps },
    begin: async (context) => {
      let actor: Model | undefined;
      const input = {
        ...(await policyInput(pipeline)),
        engine: (given: Model, by: Encoder) => samplingEngine((actor = given), by),
      };
      return withGold(ppo(input, config, context), pipeline, {
        run: context.run,
        model: () => actor!,
      });
    },
  };
}

function rlooStage(pipeline: WorldPipeline): WorldStage {
  const config = resolveConfig("rloo", { ...policyOptions(pipeline), ...pipeline.recipe.rloo });
  return {
    name: "rloo",
    title: "RLOO: the same without a critic",
    needs: POLICY_NEEDS,
    options: config,
    begin: async (context) => rloo(await policyInput(pipeline), config, context),
  };
}

function dpoStage(pipeline: WorldPipeline): WorldStage {
  const { encoder, recipe, open } = pipeline;
  const config = resolveConfig("dpo", { ...sharedOptions(pipeline), ...recipe.dpo });
  return {
    name: "dpo",
    title: "DPO: preferring what people prefer, without a reward model",
    needs: ["sft"],
    options: { ...config, pairs: recipe.pairs.dpo },
    begin: async (context) =>
      dpo(
        {
          model: cloneModel(await open("sft")),
          encoder,
          train: rewardPairs(pipeline).slice(0, recipe.pairs.dpo),
          heldOut: [],
        },
        config,
        context,
      ),
  };
}
