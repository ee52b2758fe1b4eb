/**
 * The quickstart's recipes: the options of every stage on the built-in world. Chosen on requests of
 * the `tuning` split alone; docs/log.md has what was tried, docs/results.md what came of it on the
 * `evaluation` split.
 */
import type { RevisionOptions } from "../constitution/revise.ts";
import type { GivenOf } from "../config/config.ts";
import type { dpoConfig } from "../training/offline/dpo.config.ts";
import type { ppoConfig } from "../training/online/ppo.config.ts";
import type { rewardConfig } from "../training/offline/reward.config.ts";
import type { rlooConfig } from "../training/online/rloo.config.ts";
import type { sftConfig } from "../training/offline/sft.config.ts";
import type { WorldSizes } from "../world/index.ts";

type Options<D> = Omit<GivenOf<D>, "model" | "data" | "reward" | "seed">;

/** Longest text of the world, tokens, with room. */
export const MAX_LENGTH = 96;
/** Longest conversation in which an answer is criticised and rewritten. */
export const CRITIQUE_LENGTH = 192;

const common = { adapter: "none", maxLength: MAX_LENGTH, microBatchTokens: 512 } as const;
const supervised = { heldOut: 0, schedule: "cosine", warmupRatio: 0.05 } as const;
const policy = {
  maxNewTokens: 40,
  temperature: 1,
  schedule: "linear",
  epochs: 1000,
  sampleSteps: 0,
  checkpointSteps: 10,
} as const;
const ppo = {
  ...policy,
  batchSize: 64,
  maxSteps: 90,
  learningRate: 1.5e-4,
  warmupRatio: 0.05,
  ppoEpochs: 2,
  critic: { learningRate: 8e-4, warmupSteps: 4 },
  guardWindow: 4,
  guardShare: 0.8,
  guardAlpha: 3e-4,
} as const;

export interface WorldRecipe {
  common: typeof common;
  /**
   * Judged pairs of the reward model, of which DPO and the roll-outs' prompts take the first;
   * audited pairs of the held-out reward model.
   */
  pairs: { reward: number; dpo: number; prompts: number; heldOutReward: number };
  /** Sizes of the world, where they are not its defaults. */
  sizes?: Partial<WorldSizes>;
  raw: Options<typeof sftConfig>;
  sft: Options<typeof sftConfig>;
  reward: Options<typeof rewardConfig>;
  heldOutReward: Options<typeof rewardConfig>;
  dpo: Options<typeof dpoConfig>;
  ppo: Options<typeof ppoConfig>;
  ppoWithoutKl: Options<typeof ppoConfig>;
  rloo: Options<typeof rlooConfig>;
  helpfulOnly: Options<typeof sftConfig>;
  /**
   * Of the answers to requests that invite harm, their critiques and revisions; the answers to
   * helpful prompts have a temperature of their own.
   */
  selfCritique: Pick<RevisionOptions, "revisions" | "temperature" | "topP" | "maxNewTokens"> & {
    helpfulTemperature: number;
  };
  constitutional: Options<typeof sftConfig>;
  /** Options of DPO, the same for AI labels and for people's. */
  labels: Options<typeof dpoConfig>;
  /** Roll-outs between two looks at gold, and requests of the tuning split that are asked then. */
  goldSteps: number;
  goldRequests: number;
}

export const WORLD_RECIPE: WorldRecipe = {
  common,
  pairs: { reward: 8000, dpo: 4000, prompts: 3000, heldOutReward: 8000 },
  raw: {
    ...supervised,
    loss: "full",
    packing: false,
    learningRate: 4e-3,
    batchSize: 16,
    epochs: 2,
  },
  sft: { ...supervised, packing: false, learningRate: 5e-4, batchSize: 16, epochs: 2 },
  reward: { ...supervised, learningRate: 1e-3, batchSize: 16, epochs: 2 },
  heldOutReward: { ...supervised, learningRate: 1e-3, batchSize: 32, epochs: 2 },
  dpo: { ...supervised, learningRate: 3e-4, batchSize: 32, epochs: 1, sftWeight: 0.5 },
  ppo: { ...ppo, kl: { coef: 0.5 } },
  ppoWithoutKl: { ...ppo, kl: { coef: 0 } },
  rloo: {
    ...policy,
    batchSize: 64,
    samples: 4,
    maxSteps: 40,
    learningRate: 4e-4,
    kl: { coef: 0.3 },
  },
  helpfulOnly: {
    ...supervised,
    maxLength: CRITIQUE_LENGTH,
    packing: false,
    learningRate: 2e-3,
    batchSize: 32,
    epochs: 1,
  },
  selfCritique: {
    revisions: 2,
    temperature: 0.5,
    topP: 1,
    maxNewTokens: 40,
    helpfulTemperature: 1,
  },
  constitutional: { ...supervised, packing: false, learningRate: 5e-4, batchSize: 16, epochs: 2 },
  labels: { ...supervised, learningRate: 3e-4, batchSize: 32, epochs: 2, sftWeight: 0.5 },
  goldSteps: 5,
  goldRequests: 300,
};
