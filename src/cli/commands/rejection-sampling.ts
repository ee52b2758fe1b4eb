/** `attune rejection-sampling`: imitate the best of one's own answers, again and again. */
import { rejectionSamplingConfig } from "../../training/online/rejection-sampling.config.ts";
import { rejectionSampling } from "../../training/online/rejection-sampling.ts";
import { policyCommand } from "../training/policy-command.ts";

export const command = policyCommand({
  config: rejectionSamplingConfig,
  examples: [
    "attune rejection-sampling --model runs/sft --reward runs/reward --data prompts.jsonl " +
      "--samples 8 --out runs/raft",
    "attune sft --model models/base --data runs/raft/answers/chosen.jsonl --out runs/sft-on-chosen",
  ],
  train: rejectionSampling,
});
