/** Options of supervised fine-tuning. */
import { z } from "zod";
import { defineConfig, field } from "../../config/config.ts";
import {
  adapterFields,
  inputFields,
  learningRateField,
  machineFields,
  optimizerFields,
  orderFields,
  progressFields,
} from "../common.config.ts";

export const sftConfig = defineConfig({
  name: "sft",
  examples: ["attune sft --model models/base --data demonstrations.jsonl --out runs/sft"],
  fields: {
    ...inputFields,
    loss: field({
      type: z.enum(["completion", "full"]),
      default: "completion",
      source: "trl SFTConfig.completion_only_loss",
      description: "supervise the answers, or every token",
      group: "Method",
    }),
    packing: field({
      type: z.boolean(),
      default: true,
      source: "the same result without padding; off in trl SFTConfig.packing",
      description: "several texts in one row, which do not see each other",
      group: "Method",
    }),
    ...adapterFields,
    learningRate: learningRateField(2e-5, 2e-4, "trl SFTConfig.learning_rate"),
    ...optimizerFields,
    ...orderFields,
    ...progressFields,
    ...machineFields,
  },
});
