/** Asking where it matters: a reward model learns what was judged, and the queue is sorted by it. */
import { z } from "zod";
import { curveFileSchema } from "../../labelling/asking/files.ts";
import { time } from "./common.ts";
import { jobSchema } from "./jobs.ts";
import { json, route } from "./route.ts";

const shares = z.record(z.string(), z.int());

export const askingSchema = z.object({
  /** Labels there are to learn from, by why their pairs were asked about. */
  labels: shares,
  /** Open tasks, by why they stand where they stand. */
  queue: shares,
  /** The newest training for the queue; null before the first. */
  job: jobSchema.nullable(),
  /** How far it is; null before it says so. */
  work: z.object({ done: z.int(), total: z.int(), what: z.string() }).nullable(),
  /** Of the newest one that was completed. */
  curve: curveFileSchema.nullable(),
  /** When the queue was last sorted, and how many tasks were. */
  sorted: z.object({ at: time, tasks: z.int() }).nullable(),
});
export type AskingAnswer = z.output<typeof askingSchema>;

export const getAsking = route({
  method: "GET",
  path: "/api/projects/:project/asking",
  summary: "labels and queue by how their tasks were chosen, the training at work, the curve",
  access: "owner",
  answer: json(askingSchema),
});

export const startAsking = route({
  method: "POST",
  path: "/api/projects/:project/asking",
  summary: "train an ensemble of reward models on the labels there are, then sort the open tasks",
  access: "host",
  body: z.object({
    /** A run, a folder, a GGUF file or a hub id. */
    model: z.string().trim().min(1).max(1000),
    /** Options of `attune ask`, but for what the studio says itself. */
    options: z.record(z.string(), z.unknown()).default({}),
  }),
  answer: json(jobSchema),
});
