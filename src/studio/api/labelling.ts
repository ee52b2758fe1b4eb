/** One person's work: the next task, the judgement, and what is behind. */
import { z } from "zod";
import { done, intervalSchema, kindName, taskContent, time } from "./common.ts";
import { json, route } from "./route.ts";

/** What an annotator sees of a project. */
export const workplace = route({
  method: "GET",
  path: "/api/projects/:project/workplace",
  summary: "what is asked here: kind, guidelines, axes",
  access: "annotator",
  answer: json(
    z.object({
      slug: z.string(),
      name: z.string(),
      kind: kindName,
      state: z.enum(["open", "paused", "closed"]),
      guidelines: z.string(),
      axes: z.array(z.string()),
      strength: z.boolean(),
      differences: z.boolean(),
      /** I came through the door for crowds. */
      crowd: z.boolean(),
      /** Markdown to agree to before the first task; null where that is not asked, or was done. */
      consent: z.string().nullable(),
    }),
  ),
});

export const taskSchema = z.object({
  /** By which the judgement names it. */
  assignment: z.uuid(),
  /** Answers in the order in which this person sees them. */
  content: taskContent,
  /** Names that were hidden in the answers, how many. */
  masked: z.int(),
  expires: time,
  /** Why it is back, where an adjudicator returned it; null for others. */
  returned: z.string().nullable(),
});
export type TaskAnswer = z.output<typeof taskSchema>;

/** Why there is no task. */
export const idleReason = z.enum([
  /** Everything that this person may judge is judged. */
  "nothing-left",
  /** What is left is with others at the moment. */
  "with-others",
  "paused",
  "closed",
  "removed",
  /** A crowd's participant has done what was asked. */
  "finished",
  "screened-out",
  "consent-needed",
]);

export const nextTasks = route({
  method: "POST",
  path: "/api/projects/:project/next",
  summary: "tasks that are mine until they expire: those I hold, and new ones until it is `count`",
  access: "annotator",
  body: z.object({ count: z.int().min(1).max(5).default(2) }),
  answer: json(
    z.object({
      tasks: z.array(taskSchema),
      idle: idleReason.nullable(),
      /** Where a crowd's participant goes at the end, with the code. */
      leave: z.object({ code: z.string(), url: z.string() }).nullable(),
    }),
  ),
});

export const judge = route({
  method: "POST",
  path: "/api/projects/:project/judgements",
  summary: "judge a task; the same judgement sent again is the same one",
  access: "annotator",
  body: z.object({
    /** Made by whoever sends it. */
    id: z.uuid(),
    assignment: z.uuid(),
    /** Of the project's kind; answers by the order in which they were shown. */
    judgement: z.unknown(),
    comment: z.string().max(10_000).default(""),
    flag: z.string().max(500).default(""),
    /** Milliseconds that it was before the person. */
    shownMs: z
      .int()
      .min(0)
      .max(2 ** 31 - 1),
  }),
  answer: json(
    z.object({
      /** `late`: its place was taken meanwhile, or the project closed; kept, and does not count. */
      state: z.enum(["counted", "late"]),
    }),
  ),
});

export const skip = route({
  method: "POST",
  path: "/api/projects/:project/skips",
  summary: "cannot tell, or something is wrong: the task goes to others",
  access: "annotator",
  body: z.object({
    assignment: z.uuid(),
    flag: z.string().max(500).default(""),
    comment: z.string().max(10_000).default(""),
  }),
  answer: json(done),
});

export const undo = route({
  method: "POST",
  path: "/api/projects/:project/undo",
  summary: "my last judgement or skip is taken back, and its task is mine again",
  access: "annotator",
  answer: json(
    z.object({
      task: taskSchema,
      /** What was judged, by the order shown; null after a skip. */
      judgement: z.unknown().nullable(),
      comment: z.string(),
      flag: z.string(),
    }),
  ),
});

export const progress = route({
  method: "GET",
  path: "/api/projects/:project/progress",
  summary: "how far I am, how fast, and how often others agree with me",
  access: "annotator",
  answer: json(
    z.object({
      /** My judgements that count, and those of today. */
      mine: z.int(),
      today: z.int(),
      /** Judgements the project still needs, of me alone or of anybody; null for a crowd's
       * participant. */
      left: z.int().nullable(),
      /** Judgements of a crowd's participant until the end; null for others. */
      toFinish: z.int().nullable(),
      /** Median seconds of my last 50. */
      secondsEach: z.number().nullable(),
      /** Share of judgements on shared tasks in which another agrees with me. */
      agreement: intervalSchema,
    }),
  ),
});
