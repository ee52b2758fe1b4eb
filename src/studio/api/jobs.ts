/** Processes that the studio begins: trainings, sampling of answers, and the like. */
import { z } from "zod";
import { time } from "./common.ts";
import { json, route } from "./route.ts";

export const JOB_KINDS = ["train", "resume", "ask", "sample"] as const;
export type JobKind = (typeof JOB_KINDS)[number];
/**
 * `queued`: waits for the one before it. `stopped`: somebody asked it to end. `lost`: it was ended
 * from outside, as by the system when memory runs out.
 */
export const JOB_STATES = ["queued", "running", "completed", "failed", "stopped", "lost"] as const;
export type JobState = (typeof JOB_STATES)[number];

export const jobSchema = z.object({
  id: z.uuid(),
  kind: z.enum(JOB_KINDS),
  state: z.enum(JOB_STATES),
  /** What was typed behind `attune`, so to say. */
  argv: z.array(z.string()),
  /** Run below the folder of runs; null where it is none. */
  run: z.string().nullable(),
  /** null while it is at work, and where it was killed. */
  exitCode: z.int().nullable(),
  created: time,
  began: time.nullable(),
  /** When somebody asked it to end. */
  stopAsked: time.nullable(),
  ended: time.nullable(),
  /** The last lines that it wrote. */
  tail: z.string(),
});
export type JobAnswer = z.output<typeof jobSchema>;

export const listTrainers = route({
  method: "GET",
  path: "/api/trainers",
  summary: "trainers that a training can be begun with; their options: docs/options.md",
  access: "host",
  answer: json(
    z.array(
      z.object({
        name: z.string(),
        title: z.string(),
        summary: z.string(),
        learnsFrom: z.string(),
      }),
    ),
  ),
});

export const listJobs = route({
  method: "GET",
  path: "/api/jobs",
  summary: "what the studio began, newest first, with the last lines that each wrote",
  access: "host",
  query: z.object({ limit: z.coerce.number().int().min(1).max(500).default(50) }),
  answer: json(z.array(jobSchema)),
});

export const startTraining = route({
  method: "POST",
  path: "/api/jobs/train",
  summary: "begin a training, once nothing is before it; its options are checked first",
  access: "host",
  body: z.object({
    /** Name of a trainer, as behind `attune`. */
    trainer: z.string().max(40),
    /** Given options by their dotted names; what is left out has its default. */
    options: z.record(z.string().max(100), z.unknown()),
    /** Name of the run's folder, below the folder of runs; '' for the next free one. */
    name: z
      .string()
      .max(80)
      .regex(/^([A-Za-z0-9][A-Za-z0-9._-]*)?$/, "letters, digits, '.', '_' and '-'")
      .default(""),
  }),
  answer: json(jobSchema),
});

export const resumeRun = route({
  method: "POST",
  path: "/api/jobs/resume",
  summary: "go on with a run from its newest checkpoint, once nothing is before it",
  access: "host",
  body: z.object({
    run: z.string().max(500),
    /** Also with options that were changed by hand in the run's folder. */
    acceptChanges: z.boolean().default(false),
  }),
  answer: json(jobSchema),
});

export const stopJob = route({
  method: "POST",
  path: "/api/jobs/:job/stop",
  summary: "ask a job to save a checkpoint and end; now: end it at once",
  access: "host",
  body: z.object({ now: z.boolean().default(false) }),
  answer: json(jobSchema),
});
