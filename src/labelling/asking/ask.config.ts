/** Options of `attune ask`: an ensemble of reward models says which pair to ask people about next. */
import { z } from "zod";
import type { ConfigOf } from "../../config/config.ts";
import { defineConfig, field, requiredField } from "../../config/config.ts";
import { rewardHyperparameters } from "../../objectives/reward.ts";
import {
  adapterFields,
  inputFields,
  learningRateField,
  machineFields,
  optimizerFields,
} from "../../training/common.config.ts";
import { dataFields } from "../../training/data.config.ts";
import { RULE_NAMES, UNCERTAINTY_NAMES } from "./rules.ts";

const share = z.number().min(0).max(1);

export const askConfig = defineConfig({
  name: "ask",
  examples: [
    "attune ask --model models/sft --labels labels.jsonl --pool pairs.jsonl --out runs/ask-1",
    "attune ask --model models/sft --labels labels.jsonl --pool pairs.jsonl --rule disagreement",
  ],
  fields: {
    model: inputFields.model,
    labels: requiredField({
      type: z.string().min(1),
      description: "pairs that people have judged: a file or a folder in any known format",
      group: "Input",
    }),
    pool: requiredField({
      type: z.string().min(1),
      description: "pairs that nobody has judged yet; which answer stands first means nothing",
      group: "Input",
    }),
    ...dataFields,
    maxLength: inputFields.maxLength,
    trustText: inputFields.trustText,
    template: inputFields.template,
    rule: field({
      type: z.enum(RULE_NAMES),
      default: "uncertainty",
      source: "Gleave and Irving 2022 (arXiv 2203.07472) for ensembles of reward models",
      description:
        "what comes first: where the models' probabilities differ, where they would choose " +
        "differently, or chance alone",
      group: "Asking",
    }),
    uncertainty: field({
      type: z.enum(UNCERTAINTY_NAMES),
      default: "bald",
      source:
        "Houlsby et al. 2011 (arXiv 1112.5745): noise that all members see counts for nothing",
      description:
        "mutual information between the label and the model (bald), or the variance of the " +
        "probability over the models",
      group: "Asking",
      appliesWhen: { rule: ["uncertainty"] },
    }),
    members: field({
      type: z.int().min(2).max(50),
      default: 3,
      source: "the fewest with a majority; Coste et al. 2024 (arXiv 2310.02743) take 5",
      description: "reward models in the ensemble",
      group: "Asking",
    }),
    bootstrap: field({
      type: z.boolean(),
      default: true,
      source: "bagging (Breiman 1996)",
      description: "each model learns its own draw of the labels with replacement, or all of them",
      group: "Asking",
    }),
    randomShare: field({
      type: share,
      default: 0.2,
      source: "labels chosen by a model say nothing about the rest: an honest look needs others",
      description: "share of the order that chance chooses; its labels are what is evaluated on",
      group: "Asking",
      appliesWhen: { rule: ["uncertainty", "disagreement"] },
    }),
    apart: field({
      type: z.int().min(0),
      default: 50,
      source: "a batch of labels between two trainings",
      description: "places between two pairs that say nearly the same; 0 for none",
      group: "Asking",
      unit: "pairs",
      appliesWhen: { rule: ["uncertainty", "disagreement"] },
    }),
    similarity: field({
      type: z.number().gt(0).max(1),
      default: 0.7,
      source: "Lee et al. 2022 (arXiv 2107.06499) take 0.8 for duplicates",
      description: "shared share of two pairs' word triples from which they say nearly the same",
      group: "Asking",
      appliesWhen: { rule: ["uncertainty", "disagreement"] },
    }),
    heldOut: field({
      type: z.number().min(0),
      default: 0.2,
      source: "fifty labels leave ten",
      description:
        "labels kept for the curve: a share below 1, or a number; only such as chance chose",
      group: "Curve",
      unit: "share or rows",
    }),
    curve: field({
      type: z.boolean(),
      default: true,
      source: "whether more labels pay is what people ask",
      description: "train on parts of the labels too, and tell what more of them would buy",
      group: "Curve",
    }),
    confidence: field({
      type: z.number().min(0.5).max(0.999),
      default: 0.95,
      source: "common practice",
      description: "of every interval",
      group: "Curve",
    }),
    ...rewardHyperparameters,
    ...adapterFields,
    learningRate: learningRateField(1e-5, 1e-4, "as attune reward"),
    ...optimizerFields,
    ...machineFields,
  },
});

export type AskConfig = ConfigOf<typeof askConfig>;
