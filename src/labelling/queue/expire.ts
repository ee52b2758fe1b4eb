/** Leases that ended: their places go to others. */
import { z } from "zod";
import type { Queries } from "../store/database.ts";
import { select } from "../store/database.ts";

/** At a time; the rest with the next request. */
const AT_ONCE = 100;

const lockedRow = z.object({ id: z.string(), task: z.number() });
const freedRow = z.object({ freed: z.number() });
const endedRow = z.object({ task: z.number(), holds: z.boolean() });

/**
 * Ends what is past its time; tasks that others are busy with are left to them.
 * @returns the last number of `tasks.freed`, where places became free
 */
export async function expireLeases(queries: Queries, project: number): Promise<number | undefined> {
  const past = await select(
    queries,
    lockedRow,
    `SELECT a.id, a.task FROM assignments a JOIN tasks t ON t.id = a.task
     WHERE a.project = $1 AND a.state = 'leased' AND a.expires < now()
     ORDER BY a.task LIMIT ${AT_ONCE} FOR NO KEY UPDATE OF t SKIP LOCKED`,
    [project],
  );
  if (past.length === 0) return undefined;
  const ended = await select(
    queries,
    endedRow,
    `WITH ended AS (
       UPDATE assignments a SET holds = false,
         state = CASE WHEN a.returned IS NULL THEN 'expired' ELSE 'returned' END
       FROM assignments old
       WHERE a.id = old.id AND a.id = ANY($1::uuid[]) AND a.state = 'leased' AND a.expires < now()
       RETURNING a.task, a.person, old.holds
     ), told AS (
       INSERT INTO history (project, person, what, task)
       SELECT $2, person, 'expired', task FROM ended
     )
     SELECT task, holds FROM ended`,
    [past.map(({ id }) => id), project],
  );
  return freePlaces(
    queries,
    project,
    ended.filter(({ holds }) => holds).map(({ task }) => task),
  );
}

/**
 * Gives places back that leases held, of tasks that this transaction has locked.
 * @returns as {@link offerAgain}
 */
export async function freePlaces(
  queries: Queries,
  project: number,
  tasks: readonly number[],
): Promise<number | undefined> {
  if (tasks.length === 0) return undefined;
  await queries.rows(
    `UPDATE tasks t SET leased = t.leased - places.number
     FROM (SELECT task, count(*)::integer AS number FROM unnest($1::bigint[]) AS task GROUP BY task)
       AS places
     WHERE t.id = places.task`,
    [tasks],
  );
  return offerAgain(queries, project, tasks);
}

/**
 * Numbers tasks that have a free place again, so that those whose cursor is past them find them. The
 * project's row is locked last of all, so numbers are committed in their order.
 * @returns the last number
 */
export async function offerAgain(
  queries: Queries,
  project: number,
  tasks: readonly number[],
): Promise<number | undefined> {
  const numbered = await select(
    queries,
    freedRow,
    `WITH places AS (
       SELECT task, row_number() OVER (ORDER BY task) AS n
       FROM (SELECT DISTINCT task FROM unnest($2::bigint[]) AS task) AS given
     ), numbered AS (
       UPDATE projects SET freed = freed + (SELECT count(*) FROM places) WHERE id = $1
       RETURNING freed - (SELECT count(*) FROM places) AS before
     )
     UPDATE tasks t SET freed = numbered.before + places.n
     FROM places, numbered WHERE t.id = places.task RETURNING t.freed`,
    [project, tasks],
  );
  return numbered.length === 0 ? undefined : Math.max(...numbered.map(({ freed }) => freed));
}
