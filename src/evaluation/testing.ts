/** What tests of the quickstart share. */
import type { WorldRecipe } from "./world-recipe.ts";
import { WORLD_RECIPE } from "./world-recipe.ts";

const few = { batchSize: 8, maxSteps: 2, rewardSamples: 8, maxNewTokens: 8 };
/** Every stage of the quickstart in seconds: far too small to learn anything. */
export const SMALL_RECIPE: WorldRecipe = {
  ...WORLD_RECIPE,
  sizes: { corpus: 48, demonstrations: 16, heldOutPreferences: 12, critiques: 16, redTeam: 8, helpfulDemonstrations: 8, helpfulPrompts: 8, evaluation: 20 },
  pairs: { reward: 32, dpo: 32, prompts: 32, heldOutReward: 32 },
  raw: { ...WORLD_RECIPE.raw, epochs: 1 },
  sft: { ...WORLD_RECIPE.sft, epochs: 1 },
  ppo: { ...WORLD_RECIPE.ppo, ...few },
  ppoWithoutKl: { ...WORLD_RECIPE.ppoWithoutKl, ...few },
  rloo: { ...WORLD_RECIPE.rloo, ...few },
  selfCritique: { ...WORLD_RECIPE.selfCritique, temperature: 2, maxNewTokens: 8 },
  goldSteps: 1,
  goldRequests: 4,
};
