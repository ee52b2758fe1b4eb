/** Options of KTO. */
import { defineConfig } from "../../config/config.ts";
import { ktoHyperparameters } from "../../objectives/kto.ts";
import {
  NO_ADAPTER_TO_SWITCH_OFF,
  adapterFields,
  inputFields,
  learningRateField,
  machineFields,
  optimizerFields,
  orderFields,
  progressFields,
  referenceFields,
} from "../common.config.ts";

export const ktoConfig = defineConfig({
  name: "kto",
  examples: [
    "attune kto --model models/sft --data judged.jsonl --out runs/kto",
    "attune kto --model models/sft --data pairs.jsonl --undesirable-weight 1.33",
  ],
  fields: {
    ...inputFields,
    ...ktoHyperparameters,
    ...referenceFields(),
    ...adapterFields,
    learningRate: learningRateField(1e-6, 1e-5, "trl KTOConfig.learning_rate"),
    ...optimizerFields,
    ...orderFields,
    ...progressFields,
    ...machineFields,
  },
  check: ({ batchSize, reference, adapter }) => {
    if (batchSize < 2)
      return {
        option: "batchSize",
        what: "the KL term reads each prompt with another row's answer, so a batch needs two rows",
        expected: "2 or more",
      };
    return reference === "adapter" && adapter === "none" ? NO_ADAPTER_TO_SWITCH_OFF : undefined;
  },
});
