/** How far labels can be trusted: agreement, people, and what is to become of disagreements. */
import { z } from "zod";
import { intervalSchema, taskContent, time } from "./common.ts";
import { json, route } from "./route.ts";

const agreement = z.object({
  /** Name of the axis; '' for the task's own question. */
  axis: z.string(),
  /** Tasks that two people or more judged. */
  tasks: z.int(),
  raw: intervalSchema,
  /** Krippendorff's. */
  alpha: intervalSchema,
  /** Fleiss'. */
  kappa: intervalSchema,
  /** No model is right on more single votes than this; null where it is not told. */
  ceiling: intervalSchema.nullable(),
});

const person = z.object({
  id: z.uuid(),
  name: z.string(),
  /** Judgements of another tool, or judged here. */
  imported: z.boolean(),
  judgements: z.int(),
  ties: z.int(),
  /** Judgements with a flag on the task. */
  flags: z.int(),
  /** How often right, by the annotators' model, with all that the votes leave open. */
  accuracy: intervalSchema,
  agreement: intervalSchema,
  gold: z.object({ right: z.int(), of: z.int() }),
  /** Share of choices of the left answer, less a half. */
  leftBias: intervalSchema,
  /** Median seconds of a judgement; null of imported ones. */
  seconds: z.number().nullable(),
  tooQuick: z.int(),
  /** Does not judge as others do: `random`, `contrary`, `left` ...; null where nothing says so. */
  anomaly: z.string().nullable(),
});

const conflict = z.object({
  /** Two axes; '' is the task's own question. */
  axes: z.tuple([z.string(), z.string()]),
  same: z.int(),
  apart: z.int(),
  undecided: z.int(),
  /** Tasks on which they are apart, the surest first. */
  examples: z.array(z.int()),
});

export const getReliability = route({
  method: "GET",
  path: "/api/projects/:project/reliability",
  summary: "agreement with intervals, what is known of each person, and where axes pull apart",
  access: "owner",
  answer: json(
    z.object({
      /** That these figures are of. */
      judgements: z.int(),
      /** Tasks with a label, and those of them that a label of 0.9 or more has. */
      labelled: z.int(),
      certain: z.int(),
      agreement: z.array(agreement),
      people: z.array(person),
      conflicts: z.array(conflict),
      /** What these judgements cannot tell, in sentences. */
      statements: z.array(z.string()),
      /** Tasks on which people differ, or which somebody flagged, and nobody has decided. */
      open: z.int(),
    }),
  ),
});

export const getPersonReliability = route({
  method: "GET",
  path: "/api/projects/:project/people/:person/reliability",
  summary: "one person's accuracy along each axis, and the judgements that others contradict most",
  access: "owner",
  answer: json(
    z.object({
      person,
      along: z.array(z.object({ axis: z.string(), accuracy: intervalSchema })),
      against: z.array(
        z.object({
          task: z.int(),
          judgement: z.unknown(),
          consensus: z.unknown(),
          /** Probability that this judgement is right. */
          probability: z.number(),
        }),
      ),
    }),
  ),
});

const label = z.object({
  p: z.number(),
  low: z.number(),
  high: z.number(),
  votes: z.int(),
  ties: z.int(),
});

const disagreement = z.object({
  task: z.int(),
  content: taskContent,
  /** `differ`: people do; `flagged`: somebody finds it wrong; `text`: to be looked at. */
  reason: z.enum(["differ", "flagged", "text"]),
  /** Of a comparison P(the first is better), of an answer P(good enough); null of texts. */
  label: label.nullable(),
  consensus: z.unknown(),
  axes: z.record(z.string(), label),
  judgements: z.array(
    z.object({
      /** By which a decision names it. */
      id: z.uuid(),
      /** A, B ...: who it was is not told. */
      who: z.string(),
      judgement: z.unknown(),
      comment: z.string(),
      flag: z.string(),
    }),
  ),
});
export type Disagreement = z.output<typeof disagreement>;

export const listDisagreements = route({
  method: "GET",
  path: "/api/projects/:project/disagreements",
  summary: "tasks to decide on, the least certain first; who judged is not told",
  access: "owner",
  query: z.object({
    /** How many of the first to pass over. */
    skip: z.coerce.number().int().min(0).default(0),
    limit: z.coerce.number().int().min(1).max(100).default(20),
  }),
  answer: json(z.object({ total: z.int(), tasks: z.array(disagreement) })),
});

export const adjudicate = route({
  method: "POST",
  path: "/api/projects/:project/tasks/:task/adjudication",
  summary:
    "decide on a task: accept a label; reject it; return it to those who judged; or pass it on " +
    "to others",
  access: "owner",
  body: z.object({
    decision: z.enum(["accepted", "rejected", "returned", "passed-on"]),
    /** The label that holds; answers by their indices in the content. Only with `accepted`. */
    judgement: z.unknown().optional(),
    /** Judgements that are returned or passed on; all where left out. */
    judgements: z.array(z.uuid()).min(1).max(1000).optional(),
    /** Whoever judges once more reads it. */
    note: z.string().max(2000).default(""),
  }),
  answer: json(
    z.object({
      /** State of the task. */
      state: z.enum(["open", "full", "settled", "withdrawn"]),
      /** Judgements that no longer count, or that are to be given once more. */
      judgements: z.int(),
    }),
  ),
});

export const reopenTask = route({
  method: "DELETE",
  path: "/api/projects/:project/tasks/:task/adjudication",
  summary: "take a decision back; judgements that it rejected count again",
  access: "owner",
  answer: json(
    z.object({ state: z.enum(["open", "full", "settled", "withdrawn"]), restored: z.int() }),
  ),
});

export const listImports = route({
  method: "GET",
  path: "/api/projects/:project/imports",
  summary: "files that were brought in, and what was left out of them",
  access: "owner",
  answer: json(
    z.array(
      z.object({
        id: z.int(),
        name: z.string(),
        format: z.string(),
        sha256: z.string(),
        rows: z.int(),
        notes: z.array(z.string()),
        created: time,
      }),
    ),
  ),
});
