/** What tests of the quickstart share. */
import type { WorldRecipe } from "./recipe.ts";
import { WORLD_RECIPE } from "./recipe.ts";

const few = { batchSize: 8, maxSteps: 2, rewardSamples: 8, maxNewTokens: 8 };
/** Fewer warm-up steps than roll-outs. */
const critic = { ...WORLD_RECIPE.ppo.critic, warmupSteps: 1 };
/** Every stage of the quickstart in seconds: far too small to learn anything. */
export const SMALL_RECIPE: WorldRecipe = {
  ...WORLD_RECIPE,
  sizes: {
    corpus: 48,
    demonstrations: 16,
    heldOutPreferences: 12,
    critiques: 16,
    redTeam: 8,
    helpfulDemonstrations: 8,
    helpfulPrompts: 8,
    evaluation: 20,
  },
  pairs: { reward: 32, dpo: 32, prompts: 32, heldOutReward: 32 },
  raw: { ...WORLD_RECIPE.raw, epochs: 1 },
  sft: { ...WORLD_RECIPE.sft, epochs: 1 },
  ppo: { ...WORLD_RECIPE.ppo, ...few, critic },
  ppoWithoutKl: { ...WORLD_RECIPE.ppoWithoutKl, ...few, critic },
  rloo: { ...WORLD_RECIPE.rloo, ...few },
  selfCritique: { ...WORLD_RECIPE.selfCritique, temperature: 2, maxNewTokens: 8 },
  goldSteps: 1,
  goldRequests: 4,
};
