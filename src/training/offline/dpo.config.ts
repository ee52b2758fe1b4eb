/** Options of DPO and its relatives. */
import { z } from "zod";
import { PREFERENCE_LOSSES, PREFERENCE_LOSS_TABLE } from "../../objectives/preference.ts";
import type {
  PreferenceHyperparameters,
  PreferenceLoss,
  PreferenceLossName,
} from "../../objectives/preference.ts";
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

/** Losses that read a hyperparameter. */
const using = (name: keyof PreferenceHyperparameters): PreferenceLossName[] =>
  PREFERENCE_LOSSES.filter((loss) =>
    (PREFERENCE_LOSS_TABLE[loss] as PreferenceLoss).uses.includes(name),
  );

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
  beta: field({
    type: z.number().positive(),
    default: 0.1,
    source: "DPO (Rafailov et al. 2023); trl DPOConfig.beta",
    defaultWhen: [
      { when: { loss: ["simpo"] }, value: 2, source: "SimPO (Meng et al. 2024), section 4" },
    ],
    description: "strength of the pull towards the reference",
    group: "Method",
  }),
  labelSmoothing: field({
    type: z.number().min(0).max(0.499),
    default: 0,
    source: "trl DPOConfig.label_smoothing",
    defaultWhen: [
      {
        when: { loss: ["exo_pair"] },
        value: 1e-3,
        source: "EXO (Ji et al. 2024): must be positive",
      },
    ],
    description: "probability that a label is wrong (cDPO, robust, EXO)",
    group: "Method",
    appliesWhen: { loss: using("labelSmoothing") },
  }),
  simpoGamma: field({
    type: z.number().min(0),
    default: 1,
    source: "SimPO (Meng et al. 2024): gamma / beta of 0.5",
    description: "target margin",
    group: "Method",
    appliesWhen: { loss: using("simpoGamma") },
  }),
  discopopTau: field({
    type: z.number().positive(),
    default: 0.05,
    source: "trl DPOConfig.discopop_tau",
    description: "temperature of the modulation",
    group: "Method",
    appliesWhen: { loss: using("discopopTau") },
  }),
};

export const dpoConfig = defineConfig({
  name: "dpo",
  fields: {
    ...inputFields,
    ...preferenceLossFields,
    sftWeight: field({
      type: z.number().min(0),
      default: 0,
      source: "trl: loss type sft; the alpha of RPO",
      defaultWhen: [
        { when: { loss: ["orpo"] }, value: 1, source: "ORPO (Hong et al. 2024), equation 6" },
        { when: { loss: ["cpo"] }, value: 1, source: "trl CPOConfig.cpo_alpha" },
      ],
      description: "weight of the negative log-likelihood of chosen answers",
      group: "Method",
    }),
    sftTokens: field({
      type: z.enum(["completion", "full"]),
      default: "completion",
      source: "trl: loss type sft; CPO",
      defaultWhen: [
        { when: { loss: ["orpo"] }, value: "full", source: "trl ORPOTrainer, as the paper's code" },
      ],
      description: "tokens of that term: the chosen answer's, or those of prompt and answer",
      group: "Method",
      appliesWhen: {
        says: "with an SFT term (sftWeight above 0)",
        test: (config) => Number(config("sftWeight")) > 0,
      },
    }),
    ...referenceFields({
      loss: PREFERENCE_LOSSES.filter((loss) => PREFERENCE_LOSS_TABLE[loss].reference),
    }),
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
export function checkLosses({
  loss,
  lossWeights,
  labelSmoothing,
}: {
  loss: readonly PreferenceLossName[];
  lossWeights: readonly number[];
  labelSmoothing: number;
}): ConfigProblem | undefined {
  if (lossWeights.length > 0 && lossWeights.length !== loss.length)
    return {
      option: "lossWeights",
      what: `${lossWeights.length} weights for ${loss.length} losses`,
      expected: "one weight for each loss",
    };
  if (loss.includes("exo_pair") && labelSmoothing === 0)
    return {
      option: "labelSmoothing",
      what: "exo_pair takes the logarithm of it",
      expected: "a positive number",
      hint: "0.001",
    };
  return undefined;
}
