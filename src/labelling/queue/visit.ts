/**
 * The beginning of everything that a person does in a project: one thing at a time for each person,
 * and none while the project's overlap or order changes.
 */
import { z } from "zod";
import { AttuneError } from "../../core/errors.ts";
import { KIND_NAMES } from "../kinds/index.ts";
import type { KindName } from "../kinds/index.ts";
import type { ProjectSettings } from "../project.config.ts";
import { readSettings } from "../settings.ts";
import type { Database, Queries } from "../store/database.ts";
import { selectOne } from "../store/database.ts";
import { Refused } from "./refused.ts";

/** Who does something, and where: the numbers that the store has for them. */
export interface Visitor {
  readonly project: number;
  readonly person: string;
}

export interface Visit extends Visitor {
  readonly queries: Queries;
  readonly kind: KindName;
  readonly state: "open" | "paused" | "closed";
  readonly overlap: number;
  readonly settings: ProjectSettings;
  readonly member: Member;
  /** The project's own counts, as of the member's. */
  readonly generation: number;
  readonly freed: number;
}

export interface Member {
  readonly removed: boolean;
  /** Came through the door for crowds. */
  readonly crowd: boolean;
  readonly consented: boolean;
  readonly outcome: "completed" | "screened-out" | null;
  readonly generation: number;
  readonly cursorRank: number | null;
  readonly cursorTask: number | null;
  readonly cursorFreed: number;
  readonly given: number;
}

/** For the lock that work in a project shares, and that a change of the project takes alone. */
const LOCK = 4_173_002;

export const shareProject = (queries: Queries, project: number) =>
  queries.rows("SELECT pg_advisory_xact_lock_shared($1, $2)", [LOCK, project]);
export const takeProject = (queries: Queries, project: number) =>
  queries.rows("SELECT pg_advisory_xact_lock($1, $2)", [LOCK, project]);

const row = z
  .object({
    kind: z.enum(KIND_NAMES),
    state: z.enum(["open", "paused", "closed"]),
    overlap: z.number(),
    settings: z.record(z.string(), z.unknown()),
    project_generation: z.number(),
    freed: z.number(),
    removed: z.boolean(),
    crowd: z.boolean(),
    consented: z.boolean(),
    outcome: z.enum(["completed", "screened-out"]).nullable(),
    generation: z.number(),
    cursor_rank: z.number().nullable(),
    cursor_task: z.number().nullable(),
    cursor_freed: z.number(),
    given: z.number(),
  })
  .transform((row) => ({
    kind: row.kind,
    state: row.state,
    overlap: row.overlap,
    settings: readSettings(row.settings),
    generation: row.project_generation,
    freed: row.freed,
    member: {
      removed: row.removed,
      crowd: row.crowd,
      consented: row.consented,
      outcome: row.outcome,
      generation: row.generation,
      cursorRank: row.cursor_rank,
      cursorTask: row.cursor_task,
      cursorFreed: row.cursor_freed,
      given: row.given,
    },
  }));

const ENTER = `
  SELECT p.kind, p.state, p.overlap, p.settings, p.generation AS project_generation, p.freed,
    m.removed IS NOT NULL AS removed, coalesce(o.outside ->> 'platform' = 'prolific', false) AS crowd,
    m.consented IS NOT NULL AS consented, m.outcome, m.generation, m.cursor_rank, m.cursor_task,
    m.cursor_freed, m.given
  FROM memberships m JOIN projects p ON p.id = m.project JOIN people o ON o.id = m.person
  WHERE m.project = $1 AND m.person = $2 FOR NO KEY UPDATE OF m`;

/**
 * Codes of PostgreSQL: what was taken back since others were in the way is done again. The last is
 * that of a key which somebody else brought in the same moment: the next attempt finds it there.
 */
const AGAIN = new Set(["40P01", "40001", "23505"]);
const ATTEMPTS = 5;

/** @param work is done again from its beginning where transactions were in each other's way */
export async function transact<T>(
  database: Database,
  work: (queries: Queries) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++)
    try {
      return await database.transaction(work);
    } catch (error) {
      if (attempt >= ATTEMPTS || !AGAIN.has((error as { code?: string }).code ?? "")) throw error;
    }
}

/** Does something as a person in a project, in one transaction. */
export const visit = <T>(
  database: Database,
  visitor: Visitor,
  work: (visit: Visit) => Promise<T>,
): Promise<T> =>
  transact(database, async (queries) => {
    await shareProject(queries, visitor.project);
    const values = [visitor.project, visitor.person];
    let found = await selectOne(queries, row, ENTER, values);
    if (found === undefined) {
      // whoever runs the studio is an owner everywhere, and a member where he works
      await queries.rows(
        `INSERT INTO memberships (project, person, role)
         SELECT $1, id, 'owner' FROM people WHERE id = $2 AND host ON CONFLICT DO NOTHING`,
        values,
      );
      found = await selectOne(queries, row, ENTER, values);
    }
    if (found === undefined) throw new AttuneError("internal", "a visitor is no member");
    return work({ ...visitor, ...found, queries });
  });

/** @throws Refused where a crowd's participant may not judge */
export function checkCrowd({ member, settings }: Visit): void {
  if (!member.crowd) return;
  if (member.outcome !== null) throw new Refused("ended", "you have finished here already");
  if (settings.crowd.consent !== "" && !member.consented)
    throw new Refused("consent_needed", "agree to take part first");
}
