/** What a principle says against an answer, and the answer revised by it. */
import { z } from "zod";
import type { TaskKind } from "./kind.ts";

export const critiqueSchema = z.object({
  /** Index into the task's principles. */
  principle: z.int().min(0),
  critique: z.string().trim().min(1).max(100_000),
  revision: z.string().trim().min(1).max(100_000),
});
export type Critique = z.output<typeof critiqueSchema>;

export const critique: TaskKind<Critique> = {
  name: "critique",
  title: "Critique and revise by a principle",
  summary: "Say what the principle finds wrong with the answer, then write it as it should be.",
  answers: { least: 1, most: 1 },
  needsPrinciples: true,
  judgement: critiqueSchema,
  reindex: (judgement) => judgement,
  agreement: () => undefined,
};
