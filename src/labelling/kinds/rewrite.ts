/** A better answer, written by a person: a demonstration for SFT. */
import { z } from "zod";
import type { TaskKind } from "./kind.ts";

export const rewritingSchema = z.object({ text: z.string().trim().min(1).max(100_000) });
export type Rewriting = z.output<typeof rewritingSchema>;

export const rewrite: TaskKind<Rewriting> = {
  name: "rewrite",
  title: "Rewrite an answer",
  summary: "Change the answer until it is the one that should have been given.",
  answers: { least: 0, most: 1 },
  needsPrinciples: false,
  judgement: rewritingSchema,
  reindex: (judgement) => judgement,
  agreement: () => undefined,
};
