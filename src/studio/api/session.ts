/** Coming in: the host's link, invitations, and the door for crowds. */
import { z } from "zod";
import { done, personSchema, projectRole } from "./common.ts";
import { json, route } from "./route.ts";

const name = z.string().trim().min(1).max(80);
const token = z.string().min(20).max(200);
const sessionAnswer = z.object({
  person: personSchema,
  projects: z.array(z.object({ slug: z.string(), name: z.string(), role: projectRole })),
});

export const getSession = route({
  method: "GET",
  path: "/api/session",
  summary: "who I am, and the projects that I am in; person is null before joining",
  access: "anyone",
  answer: json(z.union([sessionAnswer, z.object({ person: z.null() })])),
});

/** The link that the terminal shows has its token behind #, which browsers do not send. */
export const openSession = route({
  method: "POST",
  path: "/api/session",
  summary: "come in with the token of the host's link",
  access: "anyone",
  body: z.object({ token }),
  answer: json(sessionAnswer),
});

export const closeSession = route({
  method: "DELETE",
  path: "/api/session",
  summary: "leave: this browser's session ends",
  access: "person",
  answer: json(done),
});

export const renamePerson = route({
  method: "PUT",
  path: "/api/session/name",
  summary: "the name under which my judgements are shown",
  access: "person",
  body: z.object({ name }),
  answer: json(sessionAnswer),
});

export const getInvitation = route({
  method: "POST",
  path: "/api/invitation",
  summary: "what an invitation is for, before it is taken",
  access: "anyone",
  body: z.object({ token }),
  answer: json(z.object({ project: z.string(), role: projectRole, guidelines: z.string() })),
});

export const acceptInvitation = route({
  method: "POST",
  path: "/api/join",
  summary: "join a project by its invitation; with a session as who I am, else as somebody new",
  access: "anyone",
  body: z.object({ token, name }),
  answer: json(sessionAnswer.extend({ slug: z.string() })),
});

export const enterCrowd = route({
  method: "POST",
  path: "/api/crowd/:project",
  summary: "come in with Prolific's identifiers, as they stand in the address",
  access: "anyone",
  body: z.object({
    participant: z.string().min(1).max(100),
    study: z.string().min(1).max(100),
    session: z.string().min(1).max(100),
  }),
  answer: json(
    sessionAnswer.extend({
      slug: z.string(),
      /** Markdown to agree to before the first task; null where that was done. */
      consent: z.string().nullable(),
    }),
  ),
});

export const consentCrowd = route({
  method: "POST",
  path: "/api/projects/:project/consent",
  summary: "agree to take part, or decline and be given the screen-out code",
  access: "annotator",
  body: z.object({ agree: z.boolean() }),
  answer: json(
    z.object({
      /** Where to go with the code, after declining; null after agreeing. */
      leave: z.object({ code: z.string(), url: z.string() }).nullable(),
    }),
  ),
});
