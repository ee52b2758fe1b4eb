/** `attune reinforce++`: PPO's surrogate without a critic. */
import { reinforcePlusPlusConfig } from "../../training/online/reinforce-plus-plus.config.ts";
import { reinforcePlusPlus } from "../../training/online/reinforce-plus-plus.ts";
import { policyCommand } from "../training/policy-command.ts";

export const command = policyCommand({
  config: reinforcePlusPlusConfig,
  examples: [
    "attune reinforce++ --model runs/sft --reward runs/reward --data prompts.jsonl --out " +
      "runs/reinforce",
  ],
  train: reinforcePlusPlus,
});
