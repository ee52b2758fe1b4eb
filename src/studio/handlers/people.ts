/** Who is in a project, the links by which they come, and what they are paid for. */
import { randomUUID } from "node:crypto";
import { stringify } from "csv-stringify/sync";
import { z } from "zod";
import {
  changePerson,
  createInvitation,
  listInvitations,
  listPeople,
  listWork,
  revokeInvitation,
  saveWork,
} from "../api/projects.ts";
import { projectRole } from "../api/common.ts";
import { workOf } from "../../labelling/payment.ts";
import { getProject } from "../../labelling/projects.ts";
import { tell } from "../../labelling/queue/history.ts";
import { transact } from "../../labelling/queue/visit.ts";
import { select } from "../../labelling/store/database.ts";
import { ApiError } from "../../server/api-error.ts";
import { newToken, tokenHash } from "../http/caller.ts";
import { handle } from "../http/handler.ts";

const told = (date: Date): string => date.toISOString();
const date = z.date().transform(told);
const dateOrNull = z
  .date()
  .nullable()
  .transform((value) => (value === null ? null : told(value)));

const personRow = z.object({
  id: z.string(),
  name: z.string(),
  role: projectRole,
  joined: date,
  removed: dateOrNull,
  judgements: z.number(),
  skipped: z.number(),
  flagged: z.number(),
  lastSeen: dateOrNull,
});

const PEOPLE = `
  SELECT o.id, o.name, m.role, m.joined, m.removed, coalesce(j.judgements, 0) AS judgements,
    coalesce(s.skipped, 0) AS skipped, coalesce(j.flagged, 0) + coalesce(s.flagged, 0) AS flagged,
    greatest(m.seen, j.last, s.last) AS "lastSeen"
  FROM memberships m JOIN people o ON o.id = m.person
  LEFT JOIN (SELECT person, count(*) FILTER (WHERE state = 'counted') AS judgements,
      count(*) FILTER (WHERE state = 'counted' AND flag <> '') AS flagged,
      max(created) FILTER (WHERE origin IS NULL) AS last
    FROM judgements WHERE project = $1 GROUP BY person) j ON j.person = o.id
  LEFT JOIN (SELECT person, count(*) AS skipped, count(*) FILTER (WHERE flag <> '') AS flagged,
      max(ended) AS last
    FROM assignments WHERE project = $1 AND state = 'skipped' GROUP BY person) s ON s.person = o.id
  WHERE m.project = $1 ORDER BY m.joined, o.id`;

const invitationRow = z.object({
  id: z.string(),
  role: projectRole,
  uses: z.number().nullable(),
  used: z.number(),
  note: z.string(),
  created: date,
  expires: dateOrNull,
  revoked: dateOrNull,
});
const INVITATION = "id, role, uses, used, note, created, expires, revoked";

const missing = (what: string): ApiError =>
  new ApiError(404, `there is no such ${what} in this project`, { code: `unknown_${what}` });
/** @throws ApiError 404 for what can be no id */
function idIn(text: string, what: string): string {
  if (!z.uuid().safeParse(text).success) throw missing(what);
  return text;
}

/** A text that a spreadsheet takes for a formula is kept from being one. */
const cell = (text: string): string => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);

export const peopleHandlers = [
  handle(listPeople, (_, { studio, membership }) =>
    select(studio.database, personRow, PEOPLE, [membership.project]),
  ),
  handle(changePerson, async ({ params, body }, { studio, membership, person }) => {
    const id = idIn(params.person, "person");
    await transact(studio.database, async (queries) => {
      const changed = await queries.rows(
        `UPDATE memberships SET role = coalesce($3, role),
           removed = CASE WHEN $4::boolean IS NULL THEN removed WHEN $4 THEN coalesce(removed, now())
             ELSE NULL END
         WHERE project = $1 AND person = $2 RETURNING 1`,
        [membership.project, id, body.role ?? null, body.removed ?? null],
      );
      if (changed.length === 0) throw missing("person");
      // what a removed person holds goes to others with the next request
      if (body.removed === true)
        await queries.rows(
          `UPDATE assignments SET expires = least(expires, now()) WHERE project = $1 AND person = $2
             AND state = 'leased'`,
          [membership.project, id],
        );
      await tell(queries, {
        project: membership.project,
        person: person.id,
        what: "person changed",
        detail: { of: id, ...body },
      });
    });
    return { done: true as const };
  }),
  handle(listInvitations, (_, { studio, membership }) =>
    select(
      studio.database,
      invitationRow,
      `SELECT ${INVITATION} FROM invitations WHERE project = $1 ORDER BY created DESC, id`,
      [membership.project],
    ),
  ),
  handle(createInvitation, async ({ body }, { studio, membership, person }) => {
    const token = newToken();
    const { role, uses, note, days } = body;
    const id = randomUUID();
    const [row] = await transact(studio.database, async (queries) => {
      await tell(queries, {
        project: membership.project,
        person: person.id,
        what: "invited",
        detail: { invitation: id, role, uses, note },
      });
      return select(
        queries,
        invitationRow,
        `INSERT INTO invitations (id, hash, project, role, uses, note, expires)
         VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7::float8))
         RETURNING ${INVITATION}`,
        [
          id,
          tokenHash(token),
          membership.project,
          role,
          uses,
          note,
          days === null ? null : days * 24 * 3600,
        ],
      );
    });
    // behind #, which browsers do not send
    return { ...row!, link: `/#/join/${token}` };
  }),
  handle(revokeInvitation, async ({ params }, { studio, membership, person }) => {
    const id = idIn(params.invitation, "invitation");
    await transact(studio.database, async (queries) => {
      const revoked = await queries.rows(
        `UPDATE invitations SET revoked = coalesce(revoked, now()) WHERE project = $1 AND id = $2
         RETURNING 1`,
        [membership.project, id],
      );
      if (revoked.length === 0) throw missing("invitation");
      await tell(queries, {
        project: membership.project,
        person: person.id,
        what: "invitation revoked",
        detail: { invitation: id },
      });
    });
    return { done: true as const };
  }),
  handle(listWork, async (_, { studio: { database }, membership }) => {
    const work = await workOf(database, await getProject(database, membership.project));
    return work.map(({ joined, ended, ...rest }) => ({
      ...rest,
      joined: told(joined),
      ended: ended === null ? null : told(ended),
    }));
  }),
  handle(saveWork, async (_, { studio: { database }, membership }) => {
    const work = await workOf(database, await getProject(database, membership.project));
    const rows = work.map(({ joined, ended, ...rest }) => {
      const plain = { ...rest, joined: told(joined), ended: ended === null ? "" : told(ended) };
      return Object.fromEntries(
        Object.entries(plain).map(([name, value]) => [
          name,
          typeof value === "string" ? cell(value) : value,
        ]),
      );
    });
    return {
      name: `${membership.slug}-payment.csv`,
      type: "text/csv; charset=utf-8",
      body: stringify(rows, { header: true }),
    };
  }),
];
