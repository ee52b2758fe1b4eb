/** What several routes say. */
import { z } from "zod";
import { KIND_NAMES } from "../../labelling/kinds/index.ts";
import { contentSchema } from "../../labelling/kinds/kind.ts";

export const time = z.iso.datetime();
/** An estimate with its interval; null where it cannot be told. */
export const intervalSchema = z.object({
  estimate: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  /** What it comes from. */
  n: z.int(),
  /** Why there is no estimate. */
  noClaim: z.string().optional(),
});
export type IntervalAnswer = z.output<typeof intervalSchema>;

export const kindName = z.enum(KIND_NAMES);
export const projectRole = z.enum(["owner", "annotator"]);
export type ProjectRole = z.output<typeof projectRole>;
export const done = z.object({ done: z.literal(true) });

export const personSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  /** Runs the studio. */
  host: z.boolean(),
});
export type PersonAnswer = z.output<typeof personSchema>;

export const taskContent = contentSchema;

/** A page of a long list. */
export const pageQuery = z.object({
  after: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});
