/** Several answers from best to worst. */
import { z } from "zod";
import type { TaskKind } from "./kind.ts";

export const rankingSchema = z.object({
  /** The rank of each answer, by its index: 1 is best; equal answers share one. */
  ranks: z.array(z.int().min(1)).min(2),
});
export type Ranking = z.output<typeof rankingSchema>;

export const rank: TaskKind<Ranking> = {
  name: "rank",
  title: "Rank several answers",
  summary: "Put the answers in order, the best first.",
  answers: { least: 2, most: 9 },
  needsPrinciples: false,
  judgement: rankingSchema,
  reindex({ ranks }, index) {
    const moved: number[] = [];
    for (const [shown, each] of ranks.entries()) moved[index(shown)] = each;
    return { ranks: moved };
  },
  agreement: ({ ranks }) => ranks.join(" "),
};
