/** Options of Bradley-Terry reward models. */
import { z } from "zod";
import { defineConfig, field } from "../../config/config.ts";
import { rewardHyperparameters } from "../../objectives/reward.ts";
import {
  adapterFields,
  inputFields,
  learningRateField,
  machineFields,
  optimizerFields,
  orderFields,
  progressFields,
} from "../common.config.ts";

export const rewardConfig = defineConfig({
  name: "reward",
  examples: ["attune reward --model models/sft --data preferences.jsonl --out runs/reward"],
  fields: {
    ...inputFields,
    margin: field({
      type: z.boolean(),
      default: true,
      source: "trl RewardTrainer reads a margin column where there is one",
      description: "use the margin column",
      group: "Method",
    }),
    ...rewardHyperparameters,
    ...adapterFields,
    learningRate: learningRateField(1e-5, 1e-4, "near the 9e-6 of OpenRLHF train_rm"),
    ...optimizerFields,
    ...orderFields,
    ...progressFields,
    ...machineFields,
  },
});
