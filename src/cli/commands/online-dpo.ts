/** `attune online-dpo`: DPO on pairs of the policy's own answers, by a reward or a judge. */
import { onlineDpoConfig } from "../../training/online/online-dpo.config.ts";
import { onlineDpo } from "../../training/online/online-dpo.ts";
import { openJudge } from "../constitution/judge-input.ts";
import { policyCommand } from "../training/policy-command.ts";

export const command = policyCommand({
  config: onlineDpoConfig,
  examples: [
    "attune online-dpo --model runs/sft --reward runs/reward --data prompts.jsonl --out " +
      "runs/online-dpo",
    "attune online-dpo --model runs/sft --judge model.gguf --constitution constitution.yaml " +
      "--data prompts.jsonl",
    "attune online-dpo --model runs/sft --judge openai:my-model --price-input 0.15 " +
      "--price-output 0.6 --budget 5 --data prompts.jsonl",
  ],
  train: onlineDpo,
  openExtraInput: (config, { context }) => openJudge(config, context),
});
