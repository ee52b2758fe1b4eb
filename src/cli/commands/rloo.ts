/** `attune rloo`: REINFORCE leave-one-out. */
import { rlooConfig } from "../../training/online/rloo.config.ts";
import { rloo } from "../../training/online/rloo.ts";
import { policyCommand } from "../training/policy-command.ts";

export const command = policyCommand({
  config: rlooConfig,
  examples: [
    "attune rloo --model runs/sft --reward runs/reward --data prompts.jsonl --samples 4 --out " +
      "runs/rloo",
  ],
  train: rloo,
});
