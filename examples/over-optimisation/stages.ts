/**
 * A raw model of twelve times the size, and for each number of pairs a reward model and PPO without
 * a penalty against it.
 */
import type { PromptRecord } from "../../src/data/records.ts";
import { cloneModel, initializeModel } from "../../src/models/initialize.ts";
import type { Model } from "../../src/models/model.ts";
import { withGold } from "../../src/quickstart/gold-points.ts";
import type { WorldPipeline, WorldStage } from "../../src/quickstart/world-stage.ts";
import type { Encoder } from "../../src/text/encoder.ts";
import { resolveConfig } from "../../src/training/configs.ts";
import { rewardModel } from "../../src/training/offline/reward.ts";
import { sft } from "../../src/training/offline/sft.ts";
import { ppo } from "../../src/training/online/ppo.ts";
import { samplingEngine } from "../../src/training/rollout/rollout.ts";
import { vocabularySize } from "../../src/world/tokenizer.ts";

/** Pairs that the three proxies learn from. */
export const PAIRS = [250, 1000, 4000] as const;

/** 11.8 million parameters: the quickstart's model has 0.94 million. */
const LARGE = {
  model_type: "llama",
  hidden_size: 384,
  num_hidden_layers: 6,
  num_attention_heads: 6,
  num_key_value_heads: 6,
  intermediate_size: 1152,
  max_position_embeddings: 256,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
};

/** What every trainer of the experiment is given. */
const sharedOptions = ({ seed, recipe }: WorldPipeline) => ({
  ...recipe.common,
  model: "the built-in world",
  data: "the built-in world",
  seed,
});

/** @param from fingerprint of the SFT model that all but the raw one begin with */
export const experimentStages = (pipeline: WorldPipeline, from: string): WorldStage[] => [
  largeStage(pipeline),
  ...PAIRS.flatMap((pairs) => [
    rewardStage(pipeline, pairs, from),
    ppoStage(pipeline, pairs, from),
  ]),
];

function largeStage(pipeline: WorldPipeline): WorldStage {
  const { seed, world, encoder, recipe } = pipeline;
  // A larger model takes a smaller learning rate; three passes where the small one has two, so that
  // it lacks nothing.
  const config = resolveConfig("sft", {
    ...sharedOptions(pipeline),
    ...recipe.raw,
    learningRate: 1.5e-3,
    epochs: 3,
  });
  return {
    name: "raw-large",
    title: "Raw, twelve times as large, on the same talk",
    needs: [],
    options: { ...config, shape: LARGE },
    begin: async (context) =>
      sft(
        {
          model: initializeModel(
            { ...LARGE, vocab_size: vocabularySize(world.tokenizerFiles) },
            seed,
          ),
          encoder,
          train: world.corpus,
          heldOut: [],
        },
        config,
        context,
      ),
  };
}

function rewardStage(pipeline: WorldPipeline, pairs: number, from: string): WorldStage {
  const { world, encoder, recipe, open } = pipeline;
  const given = { ...sharedOptions(pipeline), ...recipe.reward };
  const { batchSize } = resolveConfig("reward", given);
  // As many steps as the data gives in two passes, and at least 60: the smallest would not be
  // trained at all.
  const steps = Math.max(60, Math.ceil((2 * pairs) / batchSize));
  const config = resolveConfig("reward", {
    ...given,
    epochs: Math.ceil((steps * batchSize) / pairs),
    maxSteps: steps,
  });
  return {
    name: `reward-${pairs}`,
    title: `Reward model on ${pairs} pairs`,
    needs: [],
    options: { ...config, pairs, from },
    begin: async (context) =>
      rewardModel(
        {
          model: cloneModel(await open("sft")),
          encoder,
          train: world.preferences.slice(0, pairs),
          heldOut: world.heldOutPreferences,
        },
        config,
        context,
      ),
  };
}

/** Against the reward model on so many pairs. */
function ppoStage(pipeline: WorldPipeline, pairs: number, from: string): WorldStage {
  const { world, encoder, recipe, open } = pipeline;
  // nobody watches: the whole curve is wanted
  const {
    guardWindow: _window,
    guardShare: _share,
    guardAlpha: _alpha,
    ...unguarded
  } = recipe.ppoWithoutKl;
  const config = resolveConfig("ppo", {
    ...sharedOptions(pipeline),
    ...unguarded,
    reward: ["proxy"],
  });
  const prompts = world.preferences
    .slice(0, recipe.pairs.prompts)
    .map(({ prompt, place }): PromptRecord => ({ kind: "prompt", prompt, place }));
  return {
    name: `ppo-${pairs}`,
    title: `PPO without a penalty against the reward model on ${pairs} pairs`,
    needs: [`reward-${pairs}`],
    options: { ...config, goldSteps: recipe.goldSteps, from },
    begin: async (context) => {
      let actor: Model | undefined;
      const input = {
        model: await open("sft"),
        encoder,
        prompts,
        rewards: [{ name: "proxy", model: await open(`reward-${pairs}`), encoder }],
        engine: (model: Model, by: Encoder) => samplingEngine((actor = model), by),
      };
      return withGold(ppo(input, config, context), pipeline, {
        run: context.run,
        model: () => actor!,
      });
    },
  };
}
