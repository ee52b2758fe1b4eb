/** Options of KTO. */
import { z } from "zod";
import { defineConfig, field } from "../../config/config.ts";
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

const weight = z.number().positive();

export const ktoConfig = defineConfig({
  name: "kto",
  fields: {
    ...inputFields,
    beta: field({
      type: z.number().positive(),
      default: 0.1,
      source: "KTO (Ethayarajh et al. 2024), section 4.2; trl KTOConfig.beta",
      description: "strength of the pull towards the reference",
      group: "Method",
    }),
    desirableWeight: field({
      type: weight,
      default: 1,
      source: "trl KTOConfig.desirable_weight",
      description: "lambda_D, weight of desirable answers",
      group: "Method",
    }),
    undesirableWeight: field({
      type: weight,
      default: 1,
      source: "trl KTOConfig.undesirable_weight",
      description: "lambda_U, weight of undesirable answers",
      group: "Method",
    }),
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
