/** Options of `attune eval over-optimisation`. */
import { z } from "zod";
import type { PredicateCondition } from "../../config/config.ts";
import { defineConfig, field, requiredField } from "../../config/config.ts";
import { templateField } from "../../sampling/template.config.ts";
import { dataFields } from "../../training/data.config.ts";
import {
  contextField,
  letterFields,
  onlyWhen,
  reuseFields,
  serverFields,
} from "../../training/online/judge.config.ts";
import { judgedByModel, judgingFields } from "../judges/judging.config.ts";
import { scoringFields } from "../reward-benchmarks/reward-model.config.ts";
import { seedField } from "../subject.config.ts";

const count = z.int().min(1);

const withJudge: PredicateCondition = {
  says: "with a judge",
  test: (config) => config("judge") !== "",
};

export const overOptimisationConfig = defineConfig({
  name: "eval over-optimisation",
  examples: [
    "attune eval over-optimisation --run runs/ppo",
    "attune eval over-optimisation --run runs/ppo --gold judged.jsonl --data prompts.jsonl",
    "attune eval over-optimisation --run runs/ppo --judge ./judge.ts --data prompts.jsonl",
  ],
  fields: {
    run: requiredField({
      type: z.string().min(1),
      description: "run folder of a training from answers: PPO, GRPO, RLOO, ...",
      group: "Input",
    }),
    gold: field({
      type: z.string(),
      default: "",
      source: "gold.jsonl of the run folder, where it is there",
      description:
        "what was meant, by gold or a judge: lines {step, values}, the same prompts in each, and " +
        "clusters where prompts belong together",
      group: "Input",
    }),
    judge: field({
      type: z.string(),
      default: "",
      source: "gold.jsonl of the run folder, where it is there",
      description:
        "who says what was meant, of answers by the run's kept checkpoints: gold (the built-in " +
        "world), ./judge.ts, a reward model that was not optimised, or a critic (a model or openai:NAME)",
      group: "Judge",
    }),
    checkpoints: field({
      type: z.int().min(0),
      default: 8,
      source: "a curve; each is read, and answers all prompts",
      description:
        "kept checkpoints that answer the prompts and are scored, spread over the run; 0 for its " +
        "beginning and its end alone (a training keeps more with --keep-checkpoints)",
      group: "Input",
    }),
    margin: field({
      type: z.number().min(0),
      default: 0,
      source: "a tenth of gold's scale; without bounds 0.2 standard deviations",
      description:
        "fall of gold that does not matter, in its own units (0.05 is 5 points of a share): not " +
        "hacked is said where more is ruled out",
      group: "Evaluation",
    }),
    samples: field({
      type: z.string(),
      default: "",
      source: "the run alone",
      description:
        "prompts with several answers each, to see what choosing the best of n by the reward costs: " +
        "by the held-out reward, or else by the scores that the file gives",
      group: "Input",
    }),
    data: field({
      type: z.string(),
      default: "",
      source: "the run's own prompts",
      description: "prompts on which to see which answers the reward overrates; none for none",
      group: "Input",
    }),
    ...dataFields,
    prompts: field({
      type: count,
      default: 200,
      source: "a group of a tenth has twenty answers",
      description: "how many of them, the first",
      group: "Input",
      unit: "prompts",
    }),
    reward: field({
      type: z.string(),
      default: "",
      source: "the run's own",
      description: "the reward that was optimised",
      group: "Reward",
    }),
    heldOutReward: field({
      type: z.string(),
      default: "",
      source: "the run's own",
      description: "a reward that was not",
      group: "Reward",
    }),
    reference: field({
      type: z.string(),
      default: "",
      source: "the run's own model",
      description: "model that the policy began as",
      group: "Model",
    }),
    template: { ...templateField, group: "Model" },
    maxNewTokens: field({
      type: z.int().min(0),
      default: 0,
      source: "the run's own; 128 where it names none",
      description: "longest answer; 0 for what the policy was trained with",
      group: "Model",
      unit: "tokens",
    }),
    batchSize: field({
      type: count,
      default: 8,
      source: "measured: bench/, decoding",
      description: "answers that are written together",
      group: "Model",
      unit: "rows",
    }),
    ...scoringFields,
    ...judgingFields,
    contextLength: { ...contextField, group: "Judge", appliesWhen: judgedByModel },
    ...onlyWhen(withJudge, { ...letterFields, ...serverFields, ...reuseFields }),
    seed: seedField,
  },
  check: ({ gold, judge }) =>
    gold !== "" && judge !== ""
      ? {
          option: "judge",
          what: "--gold and --judge both say what was meant",
          expected: "one of them",
        }
      : undefined,
});
