/** Options of DPO and its relatives. */
import { z } from "zod";
import type { PreferenceHyperparameters, PreferenceLossName } from "../../objectives/preference.ts";
import { PREFERENCE_LOSSES } from "../../objectives/preference.ts";
import {
  checkHyperparameters,
  defaultsByLoss,
  hyperparameterFields,
  lossesThat,
} from "../../objectives/preference-options.ts";
import type { ConfigProblem } from "../../config/config.ts";
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

/** The mixture of losses, and what they read. */
export const preferenceLossFields = {
  loss: field({
    type: z.array(z.enum(PREFERENCE_LOSSES)).min(1),
    default: ["sigmoid"],
    source: "trl DPOConfig.loss_type",
    description: "losses of the mixture",
    group: "Method",
  }),
  lossWeights: field({
    type: z.array(z.number().min(0)),
    default: [],
    source: "trl DPOConfig.loss_weights: all 1",
    description: "weight of each loss",
    group: "Method",
  }),
  ...hyperparameterFields,
};

export const dpoConfig = defineConfig({
  name: "dpo",
  examples: [
    "attune dpo --model model.gguf --data preferences.jsonl --out runs/dpo",
    "attune dpo --model models/base --data pairs.jsonl --loss ipo --beta 0.05",
  ],
  fields: {
    ...inputFields,
    ...preferenceLossFields,
    sftWeight: field({
      type: z.number().min(0),
      default: 0,
      source: "trl: loss type sft; the alpha of RPO",
      defaultWhen: defaultsByLoss(({ sft }) => sft?.weight),
      description: "weight of the negative log-likelihood of chosen answers",
      group: "Method",
    }),
    sftTokens: field({
      type: z.enum(["completion", "full"]),
      default: "completion",
      source: "trl: loss type sft; CPO",
      defaultWhen: defaultsByLoss(({ sft }) => sft?.tokens),
      description: "tokens of that term: the chosen answer's, or those of prompt and answer",
      group: "Method",
      appliesWhen: {
        says: "with an SFT term (sftWeight above 0)",
        test: (config) => Number(config("sftWeight")) > 0,
      },
    }),
    ...referenceFields({ loss: lossesThat(({ reference }) => reference) }),
    ...adapterFields,
    learningRate: learningRateField(1e-6, 1e-5, "trl DPOConfig.learning_rate"),
    ...optimizerFields,
    ...orderFields,
    ...progressFields,
    ...machineFields,
  },
  check: (config) =>
    config.reference === "adapter" && config.adapter === "none"
      ? NO_ADAPTER_TO_SWITCH_OFF
      : checkLosses(config),
});

/** Rules of a mixture of losses. */
export function checkLosses(
  config: PreferenceHyperparameters & {
    readonly loss: readonly PreferenceLossName[];
    readonly lossWeights: readonly number[];
  },
): ConfigProblem | undefined {
  const { loss, lossWeights } = config;
  if (lossWeights.length > 0 && lossWeights.length !== loss.length)
    return {
      option: "lossWeights",
      what: `${lossWeights.length} weights for ${loss.length} losses`,
      expected: "one weight for each loss",
    };
  return checkHyperparameters(loss, config);
}
