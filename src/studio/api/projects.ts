/** Labelling projects, who works in them, and what is in them. */
import { z } from "zod";
import { done, kindName, projectRole, time } from "./common.ts";
import { file, json, route } from "./route.ts";

const slug = z.string().regex(/^[a-z0-9][a-z0-9-]{0,59}$/, "small letters, digits and -");
const settings = z.record(z.string(), z.unknown());

export const projectSummary = z.object({
  slug: z.string(),
  name: z.string(),
  kind: kindName,
  state: z.enum(["open", "paused", "closed"]),
  role: projectRole,
  overlap: z.int(),
  /** Of tasks that are no gold questions. */
  tasks: z.int(),
  full: z.int(),
  settled: z.int(),
  gold: z.int(),
  /** Judgements that count. */
  judgements: z.int(),
  people: z.int(),
  created: time,
});
export type ProjectSummary = z.output<typeof projectSummary>;

const projectDetails = projectSummary.extend({
  settings,
  /** How the queue stands: how many tasks are where they are for which reason. */
  chosenBy: z.record(z.string(), z.int()),
});

export const listProjects = route({
  method: "GET",
  path: "/api/projects",
  summary: "projects that I am in",
  access: "person",
  answer: json(z.array(projectSummary)),
});

export const createProject = route({
  method: "POST",
  path: "/api/projects",
  summary: "begin a project",
  access: "host",
  body: z.object({
    slug,
    name: z.string().trim().min(1).max(120),
    kind: kindName,
    overlap: z.int().min(1).max(1000).default(1),
    settings: settings.default({}),
  }),
  answer: json(projectDetails),
});

export const getProject = route({
  method: "GET",
  path: "/api/projects/:project",
  summary: "a project, its settings, and how far it is",
  access: "owner",
  answer: json(projectDetails),
});

export const changeProject = route({
  method: "PUT",
  path: "/api/projects/:project",
  summary: "change settings, the overlap, the name or the state; what is left out stays",
  access: "owner",
  body: z.object({
    name: z.string().trim().min(1).max(120).optional(),
    overlap: z.int().min(1).max(1000).optional(),
    state: z.enum(["open", "paused", "closed"]).optional(),
    settings: settings.optional(),
  }),
  answer: json(projectDetails),
});

export const listPeople = route({
  method: "GET",
  path: "/api/projects/:project/people",
  summary: "who is in the project",
  access: "owner",
  answer: json(
    z.array(
      z.object({
        id: z.uuid(),
        name: z.string(),
        role: projectRole,
        joined: time,
        removed: time.nullable(),
        judgements: z.int(),
        skipped: z.int(),
        flagged: z.int(),
        lastSeen: time.nullable(),
      }),
    ),
  ),
});

export const changePerson = route({
  method: "PUT",
  path: "/api/projects/:project/people/:person",
  summary: "change somebody's role, or let nobody take tasks any more; judgements stay",
  access: "owner",
  body: z.object({ role: projectRole.optional(), removed: z.boolean().optional() }),
  answer: json(done),
});

const invitation = z.object({
  id: z.uuid(),
  role: projectRole,
  uses: z.int().nullable(),
  used: z.int(),
  note: z.string(),
  created: time,
  expires: time.nullable(),
  revoked: time.nullable(),
});

export const listInvitations = route({
  method: "GET",
  path: "/api/projects/:project/invitations",
  summary: "links that were given out; their tokens are not kept",
  access: "owner",
  answer: json(z.array(invitation)),
});

export const createInvitation = route({
  method: "POST",
  path: "/api/projects/:project/invitations",
  summary: "a link by which people join",
  access: "owner",
  body: z.object({
    role: projectRole,
    uses: z.int().min(1).max(100_000).nullable().default(null),
    note: z.string().max(200).default(""),
    /** Days until it ends. */
    days: z.number().min(0.01).max(3650).nullable().default(30),
  }),
  answer: json(
    invitation.extend({
      /** Path and fragment of the link, with the token; shown once. */
      link: z.string(),
    }),
  ),
});

export const revokeInvitation = route({
  method: "DELETE",
  path: "/api/projects/:project/invitations/:invitation",
  summary: "nobody joins by this link any more",
  access: "owner",
  answer: json(done),
});

const workSchema = z.object({
  person: z.uuid(),
  name: z.string(),
  /** Prolific's identifiers; null for others. */
  participant: z.string().nullable(),
  study: z.string().nullable(),
  session: z.string().nullable(),
  /** That count, and those that came too late to. */
  judgements: z.int(),
  late: z.int(),
  skipped: z.int(),
  gold: z.int(),
  goldMissed: z.int(),
  /** Quicker than the project's `crowd.minimumSeconds`. */
  tooQuick: z.int(),
  /** That tasks were before the person, in all, and the median. */
  seconds: z.number(),
  secondsEach: z.number().nullable(),
  pay: z.number(),
  outcome: z.enum(["completed", "screened-out"]).nullable(),
  joined: time,
  ended: time.nullable(),
});
export type WorkAnswer = z.output<typeof workSchema>;

export const listWork = route({
  method: "GET",
  path: "/api/projects/:project/payment",
  summary: "who did how much, how carefully and how fast, and what that is paid",
  access: "owner",
  answer: json(z.array(workSchema)),
});

export const saveWork = route({
  method: "GET",
  path: "/api/projects/:project/payment/file",
  summary: "the same table as CSV",
  access: "owner",
  answer: file("text/csv"),
});

const importAnswer = z.object({
  format: z.string(),
  rows: z.int(),
  /** Tasks that are new. */
  added: z.int(),
  /** Rows whose task was there already. */
  known: z.int(),
  gold: z.int(),
  judgements: z.int(),
  annotators: z.int(),
  /** What was left out, guessed or not kept, in sentences with counts and an example. */
  notes: z.array(z.string()),
});

export const importData = route({
  method: "POST",
  path: "/api/projects/:project/import",
  summary:
    "tasks from a file in any format that attune reads, Argilla's and Label Studio's exports " +
    "with their judgements and annotators",
  access: "owner",
  query: z.object({
    /** Name of the file, which its ending and split are told by. */
    name: z.string().min(1).max(200),
    /** `gold`: what the rows say is the known answer. */
    as: z.enum(["tasks", "gold"]).default("tasks"),
    /** Judgements in the file are taken over; otherwise only tasks are. */
    judgements: z.enum(["keep", "leave"]).default("keep"),
    /** Name of the format; told by the first rows where left out. */
    format: z.string().max(40).optional(),
    /** Its own names for columns, `prompt=question,chosen=best`. */
    columns: z.string().max(2000).optional(),
    /** Columns to pass over, by commas. */
    ignore: z.string().max(2000).optional(),
    /** `drop`: rows that cannot be used are left out, however many. */
    bad: z.enum(["few", "drop"]).default("few"),
  }),
  upload: true,
  bodyLimit: 512 * 2 ** 20,
  answer: json(importAnswer),
});

const exportQuery = z.object({
  /** `labels`: consensus with probability and interval; `judgements`: a row for each. */
  what: z.enum(["labels", "judgements"]).default("labels"),
  /** Name of a format (`attune data convert --to`). */
  format: z.string().default("attune"),
  /** Ending of the file. */
  as: z.enum(["jsonl", "json", "csv", "parquet"]).default("jsonl"),
  /** Labels whose probability of being right is lower are left out. */
  minimumProbability: z.coerce.number().min(0.5).max(1).default(0.5),
  /** Tasks with fewer judgements are left out. */
  minimumJudgements: z.coerce.number().int().min(1).default(1),
  since: time.optional(),
  annotator: z.uuid().optional(),
  /** `drop`: without tasks with which somebody finds something wrong. */
  flagged: z.enum(["keep", "drop"]).default("keep"),
});

export const describeExport = route({
  method: "GET",
  path: "/api/projects/:project/export/contents",
  summary: "what an export would hold, and what its format drops",
  access: "owner",
  query: exportQuery,
  answer: json(z.object({ rows: z.int(), notes: z.array(z.string()) })),
});

export const exportData = route({
  method: "GET",
  path: "/api/projects/:project/export",
  summary: "judgements or labels, in attune's formats, with where they come from",
  access: "owner",
  query: exportQuery,
  answer: file("application/jsonl", "application/json", "text/csv", "application/octet-stream"),
});
