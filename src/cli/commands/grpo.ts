/** `attune grpo`: group relative policy optimisation, DAPO and Dr. GRPO. */
import { grpoConfig } from "../../training/online/grpo.config.ts";
import { grpo } from "../../training/online/grpo.ts";
import { policyCommand } from "../training/policy-command.ts";

export const command = policyCommand({
  config: grpoConfig,
  examples: [
    "attune grpo --model models/base --reward ./reward.ts --data tasks.jsonl --out runs/grpo",
    "attune grpo --model models/base --reward ./reward.ts --data tasks.jsonl --clip-range-high " +
      "0.28 --dynamic-sampling 2   # DAPO",
    "attune grpo --model models/base --reward ./reward.ts --data tasks.jsonl --aggregation " +
      "dr_grpo --scale-rewards none    # Dr. GRPO",
  ],
  train: grpo,
});
