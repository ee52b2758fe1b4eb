/** Coming into a project: by invitation, or by the door for crowds. */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { acceptInvitation, enterCrowd, getInvitation } from "../api/session.ts";
import { projectRole } from "../api/common.ts";
import { tell } from "../../labelling/queue/history.ts";
import { transact } from "../../labelling/queue/visit.ts";
import { readSettings } from "../../labelling/settings.ts";
import type { Queries } from "../../labelling/store/database.ts";
import { selectOne } from "../../labelling/store/database.ts";
import { ApiError } from "../../server/api-error.ts";
import type { Person } from "../http/caller.ts";
import { beginSession, tokenHash } from "../http/caller.ts";
import { handle } from "../http/handler.ts";
import { sessionOf } from "./session.ts";

const settings = z.record(z.string(), z.unknown()).transform(readSettings);

const invitationRow = z.object({
  id: z.string(),
  project: z.number(),
  slug: z.string(),
  name: z.string(),
  role: projectRole,
  settings,
  full: z.boolean(),
  ended: z.boolean(),
});
type Invitation = z.output<typeof invitationRow>;

/** @throws ApiError 404 where it is none, 410 where it has ended */
async function invitationOf(queries: Queries, token: string): Promise<Invitation> {
  const found = await selectOne(
    queries,
    invitationRow,
    `SELECT i.id, i.project, p.slug, p.name, i.role, p.settings,
       coalesce(i.used >= i.uses, false) AS "full",
       i.revoked IS NOT NULL OR coalesce(i.expires < now(), false) AS ended
     FROM invitations i JOIN projects p ON p.id = i.project WHERE i.hash = $1
     FOR NO KEY UPDATE OF i`,
    [tokenHash(token)],
  );
  if (found === undefined)
    throw new ApiError(404, "this is no invitation: was the whole link copied?", {
      code: "unknown_invitation",
    });
  if (found.ended)
    throw new ApiError(410, "this invitation has ended: ask for a new one", {
      code: "invitation_ended",
    });
  return found;
}

const memberRow = z.object({ role: projectRole, removed: z.boolean() });

/** Makes somebody a member; a role is only ever raised. @returns whether he is new */
async function join(queries: Queries, person: Person, invitation: Invitation): Promise<boolean> {
  const { project, role } = invitation;
  const member = await selectOne(
    queries,
    memberRow,
    `SELECT role, removed IS NOT NULL AS removed FROM memberships
     WHERE project = $1 AND person = $2 FOR NO KEY UPDATE`,
    [project, person.id],
  );
  if (member?.removed)
    throw new ApiError(403, "you are no longer in this project", { code: "removed" });
  if (member !== undefined && (member.role === role || member.role === "owner")) return false;
  await queries.rows(
    `INSERT INTO memberships (project, person, role) VALUES ($1, $2, $3)
     ON CONFLICT (project, person) DO UPDATE SET role = excluded.role`,
    [project, person.id, role],
  );
  return true;
}

const crowdRow = z.object({ id: z.number(), slug: z.string(), state: z.string(), settings });
const participantRow = z.object({
  id: z.string(),
  name: z.string(),
  host: z.boolean(),
  consented: z.boolean(),
});

export const doorHandlers = [
  handle(getInvitation, async ({ body }, { studio }) => {
    const { name, role, settings } = await invitationOf(studio.database, body.token);
    return { project: name, role, guidelines: settings.guidelines };
  }),
  handle(acceptInvitation, async ({ body }, { studio, visitor, setSession }) => {
    const outcome = await transact(studio.database, async (queries) => {
      const invitation = await invitationOf(queries, body.token);
      const person = visitor ?? { id: randomUUID(), name: body.name, host: false };
      if (visitor === undefined)
        await queries.rows("INSERT INTO people (id, name) VALUES ($1, $2)", [
          person.id,
          person.name,
        ]);
      const isNew = await join(queries, person, invitation);
      if (isNew) {
        if (invitation.full)
          throw new ApiError(410, "this invitation was for fewer people: ask for a new one", {
            code: "invitation_used",
          });
        await queries.rows("UPDATE invitations SET used = used + 1 WHERE id = $1", [invitation.id]);
        await tell(queries, {
          project: invitation.project,
          person: person.id,
          what: "joined",
          detail: { invitation: invitation.id, role: invitation.role },
        });
      }
      const token = visitor === undefined ? await beginSession(queries, person.id) : undefined;
      return { token, person, slug: invitation.slug };
    });
    if (outcome.token !== undefined) setSession(outcome.token);
    return { ...(await sessionOf(studio.database, outcome.person)), slug: outcome.slug };
  }),
  handle(enterCrowd, async ({ params, body }, { studio, setSession }) => {
    const outcome = await transact(studio.database, async (queries) => {
      const project = await selectOne(
        queries,
        crowdRow,
        "SELECT id, slug, state, settings FROM projects WHERE slug = $1",
        [params.project],
      );
      if (project === undefined || !project.settings.crowd.open)
        throw new ApiError(404, "this study is not open here", { code: "unknown_project" });
      const person = await participant(queries, project.id, body);
      const token = await beginSession(queries, person.id);
      return { token, person, project };
    });
    setSession(outcome.token);
    const { person, project } = outcome;
    const { consent } = project.settings.crowd;
    return {
      ...(await sessionOf(studio.database, person)),
      slug: project.slug,
      consent: consent === "" || person.consented ? null : consent,
    };
  }),
];

/** The same participant of the same study is the same person, and a member of the project. */
async function participant(
  queries: Queries,
  project: number,
  { participant, study, session }: { participant: string; study: string; session: string },
) {
  const name = `Participant ${participant.slice(0, 8)}`;
  const outside = { platform: "prolific", participant, study, session };
  await queries.rows(
    `INSERT INTO people (id, name, outside) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
    [randomUUID(), name, outside],
  );
  const find = `SELECT id FROM people WHERE outside ->> 'platform' = 'prolific'
    AND outside ->> 'participant' = $2 AND outside ->> 'study' = $3 AND outside IS NOT NULL`;
  const joined = await queries.rows(
    `INSERT INTO memberships (project, person, role) SELECT $1, id, 'annotator' FROM (${find}) AS p
     ON CONFLICT DO NOTHING RETURNING person`,
    [project, participant, study],
  );
  const person = (await selectOne(
    queries,
    participantRow,
    `SELECT p.id, p.name, p.host, m.consented IS NOT NULL AS consented
     FROM people p JOIN memberships m ON m.person = p.id AND m.project = $1
     WHERE p.id IN (${find})`,
    [project, participant, study],
  ))!;
  if (joined.length > 0)
    await tell(queries, { project, person: person.id, what: "joined", detail: outside });
  return person;
}
