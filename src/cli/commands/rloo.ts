/** `attune rloo`: REINFORCE leave-one-out. */
import { rlooConfig } from "../../training/rloo.config.ts";
import { rloo } from "../../training/rloo.ts";
import { policyCommand } from "./policy-command.ts";

export const command = policyCommand({
  config: rlooConfig,
  examples: [
    "attune rloo --model runs/sft --reward runs/reward --data prompts.jsonl --samples 4 --out " +
      "runs/rloo",
  ],
  train: rloo,
});
