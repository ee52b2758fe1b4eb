/** `attune online-dpo`: DPO on pairs of the policy's own answers. */
import { onlineDpoConfig } from "../../training/online-dpo.config.ts";
import { onlineDpo } from "../../training/online-dpo.ts";
import { policyCommand } from "./policy-command.ts";

export const command = policyCommand({
  config: onlineDpoConfig,
  examples: ["attune online-dpo --model runs/sft --reward runs/reward --data prompts.jsonl --out runs/online-dpo"],
  train: onlineDpo,
});
