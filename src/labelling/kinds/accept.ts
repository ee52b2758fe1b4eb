/** Whether one answer is good enough: the labels that KTO learns from. */
import { z } from "zod";
import type { TaskKind } from "./kind.ts";

export const acceptanceSchema = z.object({ accept: z.boolean() });
export type Acceptance = z.output<typeof acceptanceSchema>;

export const accept: TaskKind<Acceptance> = {
  name: "accept",
  title: "Accept or reject an answer",
  summary: "Is this answer good enough?",
  answers: { least: 1, most: 1 },
  needsPrinciples: false,
  judgement: acceptanceSchema,
  reindex: (judgement) => judgement,
  agreement: ({ accept }) => String(accept),
};
