/** Which of two answers is better, how much, and along which axes. */
import { z } from "zod";
import type { Choice, TaskKind } from "./kind.ts";
import { choiceSchema } from "./kind.ts";

/**
 * How much better, with the margin that a reward model is given, in units of reward.
 * Source: Llama 2 (Touvron et al. 2023, table 27, "margin small"), as in TRL's paper index.
 */
export const STRENGTHS = [
  { name: "significantly", title: "significantly better", margin: 1 },
  { name: "better", title: "better", margin: 2 / 3 },
  { name: "slightly", title: "slightly better", margin: 1 / 3 },
  { name: "negligibly", title: "negligibly better, or unsure", margin: 0 },
] as const;
export type Strength = (typeof STRENGTHS)[number]["name"];

export const comparisonSchema = z.object({
  choice: choiceSchema,
  /** Only with a choice of one of the answers. */
  strength: z.enum(STRENGTHS.map(({ name }) => name)).optional(),
  /** A choice for each axis that the project asks for, such as helpful and harmless. */
  axes: z.record(z.string(), choiceSchema).optional(),
});
export type ComparisonJudgement = z.output<typeof comparisonSchema>;

const moved = (choice: Choice, index: (shown: number) => number): Choice =>
  typeof choice === "number" ? (index(choice) as 0 | 1) : choice;

export const compare: TaskKind<ComparisonJudgement> = {
  name: "compare",
  title: "Compare two answers",
  summary: "Which answer is better?",
  answers: { least: 2, most: 2 },
  needsPrinciples: false,
  judgement: comparisonSchema,
  reindex: ({ choice, strength, axes }, index) => ({
    choice: moved(choice, index),
    ...(strength === undefined ? {} : { strength }),
    ...(axes === undefined
      ? {}
      : {
          axes: Object.fromEntries(
            Object.entries(axes).map(([name, each]) => [name, moved(each, index)]),
          ),
        }),
  }),
  // two answers that are both bad are as good as each other
  agreement: ({ choice }) => (typeof choice === "number" ? String(choice) : "tie"),
};
