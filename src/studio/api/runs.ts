/** Runs: which there are, what became of them, and their charts as they grow. */
import { z } from "zod";
import { time } from "./common.ts";
import { jobSchema } from "./jobs.ts";
import { events, file, json, route } from "./route.ts";

/** Of a run folder, or `stopped`: nobody works on it and it has no end, as after a crash. */
export const runState = z.enum(["running", "completed", "interrupted", "failed", "stopped"]);

export const runEntry = z.object({
  /** Below the folder of runs: `sft-1`, `quickstart-1/dpo`. */
  name: z.string(),
  /** Name of the trainer, or of the command. */
  command: z.string(),
  state: runState,
  step: z.number(),
  totalSteps: z.number().nullable(),
  created: time,
  /** The metric that is looked at first, its last value and its course. */
  headline: z
    .object({ metric: z.string(), last: z.number().nullable(), course: z.array(z.number()) })
    .nullable(),
  /** By the newest steps. */
  secondsPerStep: z.number().nullable(),
  warnings: z.int(),
  /** Part of its files that is not read yet, 0 to 1; a long run takes a moment. */
  unread: z.number(),
});
export type RunEntry = z.output<typeof runEntry>;

export const reportEntry = z.object({
  /** Below the folder of runs. */
  path: z.string(),
  name: z.string(),
  modified: time,
});

export const listRuns = route({
  method: "GET",
  path: "/api/runs",
  summary: "runs below the folder of runs, newest first, and the reports beside them",
  access: "host",
  answer: json(
    z.object({
      /** Folder that is looked into. */
      folder: z.string(),
      runs: z.array(runEntry),
      reports: z.array(reportEntry),
      /** Folders that look like runs and cannot be read, and why. */
      unreadable: z.array(z.object({ name: z.string(), problem: z.string() })),
      notes: z.array(z.string()),
    }),
  ),
});

const option = z.object({ name: z.string(), value: z.string() });
const eventSchema = z.object({
  number: z.int(),
  time: z.string(),
  type: z.string(),
  step: z.number().nullable(),
  message: z.string(),
});

export const getRun = route({
  method: "GET",
  path: "/api/runs/:run",
  summary: "one run: what was asked, what happened, and what it can go on from",
  access: "host",
  answer: json(
    runEntry.extend({
      folder: z.string(),
      /** What was typed. */
      argv: z.array(z.string()),
      seed: z.number(),
      versions: z.array(option),
      dataHash: z.string(),
      modelFingerprint: z.string(),
      /** Options that have an effect. */
      options: z.array(option.extend({ given: z.boolean() })),
      /** Values of the options that were given, for a form that begins another. */
      given: z.record(z.string(), z.unknown()),
      /** Changed by hand since the run began: it goes on only where that is accepted. */
      changes: z.array(z.string()),
      metrics: z.array(
        z.object({ name: z.string(), points: z.int(), last: z.number().nullable() }),
      ),
      /** Starts, warnings, checkpoints, errors and ends, the oldest first. */
      events: z.array(eventSchema),
      checkpoints: z.array(
        z.object({
          step: z.number(),
          folder: z.string(),
          metric: z.string().nullable(),
          score: z.number().nullable(),
        }),
      ),
      /** Steps at which answers were drawn. */
      sampled: z.array(z.number()),
      reports: z.array(reportEntry),
      /** Lines of its logs that are no records. */
      problems: z.array(z.string()),
      /** Where charts go on from, live. */
      cursor: z.string(),
    }),
  ),
});

export const AXES = ["step", "tokens", "time"] as const;

export const curveSchema = z.object({
  name: z.string(),
  /** All values of the run. */
  points: z.int(),
  /** Values behind each entry of `x`. */
  per: z.int(),
  x: z.array(z.number()),
  mean: z.array(z.number()),
  /** Empty where `per` is 1. */
  low: z.array(z.number()),
  high: z.array(z.number()),
  notFinite: z.object({ count: z.int(), firstStep: z.number() }).nullable(),
});
export type CurveAnswer = z.output<typeof curveSchema>;

const step = z.coerce.number();
export const getCurves = route({
  method: "GET",
  path: "/api/runs/:run/curves",
  summary:
    "metrics from the first step to the last, neighbours taken together until no more are left " +
    "than a chart has pixels",
  access: "host",
  query: z.object({
    /** Separated by commas; all where left out. */
    metrics: z.string().max(10_000).optional(),
    /** Pixels of the chart. */
    width: z.coerce.number().int().min(10).max(4_000).default(400),
    axis: z.enum(AXES).default("step"),
    /** Steps, both included. */
    from: step.optional(),
    to: step.optional(),
  }),
  answer: json(
    z.object({
      curves: z.array(curveSchema),
      /** What these curves hold; live values go on from here. */
      cursor: z.string(),
    }),
  ),
});

export const getSamples = route({
  method: "GET",
  path: "/api/runs/:run/samples",
  summary: "what the model answered at a step",
  access: "host",
  query: z.object({ step: z.coerce.number() }),
  answer: json(
    z.array(
      z.object({
        step: z.number(),
        prompt: z.string(),
        completion: z.string(),
        reward: z.number().nullable(),
        heldOutReward: z.number().nullable(),
      }),
    ),
  ),
});

export const compareRuns = route({
  method: "GET",
  path: "/api/comparison",
  summary: "what is not equal between runs: options, seed, data, model and versions",
  access: "host",
  query: z.object({ runs: z.string().max(10_000) }),
  answer: json(
    z.object({
      runs: z.array(z.string()),
      differences: z.array(z.object({ name: z.string(), values: z.array(z.string().nullable()) })),
      metrics: z.array(z.object({ name: z.string(), values: z.array(z.number().nullable()) })),
    }),
  ),
});

/** Names of runs in an address: JSON, since a name may hold anything. */
export const watchSchema = z.array(z.object({ run: z.string(), cursor: z.string() })).max(20);

export const liveEvent = z.discriminatedUnion("type", [
  /** Runs that are new or not as they were; the first has all. */
  z.object({
    type: z.literal("list"),
    runs: z.array(runEntry),
    gone: z.array(z.string()),
    jobs: z.array(jobSchema),
  }),
  /** The run went back to a checkpoint: what lies behind this step is no more. */
  z.object({ type: z.literal("back"), run: z.string(), step: z.number() }),
  /** The charts must be asked for again: the files are others, or far ahead. */
  z.object({ type: z.literal("again"), run: z.string() }),
  z.object({
    type: z.literal("points"),
    run: z.string(),
    /** By line of the log. */
    steps: z.array(z.number()),
    tokens: z.array(z.number()),
    seconds: z.array(z.number()),
    /** By metric; null where the line has none, or no number to draw. */
    values: z.record(z.string(), z.array(z.number().nullable())),
  }),
  /** Something else happened: details are worth asking for again. */
  z.object({
    type: z.literal("happened"),
    run: z.string(),
    events: z.array(eventSchema),
    /** Steps at which answers were drawn. */
    sampled: z.array(z.number()),
  }),
]);
export type LiveEvent = z.output<typeof liveEvent>;

export const watchRuns = route({
  method: "GET",
  path: "/api/live",
  summary: "runs as they go on, from where the browser is (the query's cursors, or Last-Event-ID)",
  access: "host",
  query: z.object({
    /** JSON: [{"run": name, "cursor": of its curves}, ...]. */
    watch: z.string().max(20_000).default("[]"),
    /** Also the list of runs. */
    list: z.enum(["yes", "no"]).default("no"),
  }),
  answer: events(liveEvent),
});

export const openReport = route({
  method: "GET",
  path: "/api/report",
  summary: "a page below the folder of runs, to be shown in a frame without scripts",
  access: "host",
  query: z.object({ path: z.string().min(1).max(1000) }),
  answer: file("text/html; charset=utf-8"),
});
