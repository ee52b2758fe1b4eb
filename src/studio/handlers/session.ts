/** Coming in, and leaving. */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { Database, Queries } from "../../labelling/store/database.ts";
import { select, selectOne } from "../../labelling/store/database.ts";
import { ApiError } from "../../server/api-error.ts";
import { projectRole } from "../api/common.ts";
import { closeSession, getSession, openSession, renamePerson } from "../api/session.ts";
import type { Person } from "../http/caller.ts";
import { beginSession, tokenHash } from "../http/caller.ts";
import { handle } from "../http/handler.ts";

const projectRow = z.object({ slug: z.string(), name: z.string(), role: projectRole });

/** What a session is told of itself. */
export async function sessionOf(queries: Queries, person: Person) {
  const projects = await select(
    queries,
    projectRow,
    person.host
      ? "SELECT slug, name, 'owner' AS role FROM projects ORDER BY created DESC, id DESC"
      : `SELECT p.slug, p.name, m.role FROM projects p JOIN memberships m ON m.project = p.id
         WHERE m.person = $1 AND m.removed IS NULL ORDER BY m.joined DESC, p.id DESC`,
    person.host ? [] : [person.id],
  );
  const { id, name, host } = person;
  return { person: { id, name, host }, projects };
}

const hostRow = z.object({ id: z.string(), name: z.string(), host: z.literal(true) });

/** Whoever runs the studio; made where the store is new. */
export async function hostPerson(database: Database): Promise<Person> {
  const sql = "SELECT id, name, host FROM people WHERE host ORDER BY created LIMIT 1";
  const found = await selectOne(database, hostRow, sql);
  if (found !== undefined) return found;
  const id = randomUUID();
  await database.rows("INSERT INTO people (id, name, host) VALUES ($1, 'Host', true)", [id]);
  return { id, name: "Host", host: true };
}

/** @param hostToken what the link of the terminal holds */
export const sessionHandlers = (hostToken: string) => [
  handle(getSession, async (_, { visitor, studio }) =>
    visitor === undefined ? { person: null } : sessionOf(studio.database, visitor),
  ),
  handle(openSession, async ({ body }, { studio, setSession }) => {
    if (!tokenHash(body.token).equals(tokenHash(hostToken)))
      throw new ApiError(
        401,
        "this link is no longer the studio's: its terminal shows the new one",
        {
          code: "wrong_token",
        },
      );
    const person = await hostPerson(studio.database);
    setSession(await beginSession(studio.database, person.id));
    return sessionOf(studio.database, person);
  }),
  handle(closeSession, async (_, { studio, session, setSession }) => {
    await studio.database.rows("DELETE FROM sessions WHERE hash = $1", [tokenHash(session)]);
    setSession(null);
    return { done: true as const };
  }),
  handle(renamePerson, async ({ body }, { studio, person }) => {
    await studio.database.rows("UPDATE people SET name = $2 WHERE id = $1", [person.id, body.name]);
    return sessionOf(studio.database, { ...person, name: body.name });
  }),
];
