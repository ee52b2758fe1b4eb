/** Projects: begun, told about, and changed at any time. */
import { z } from "zod";
import type { KindName } from "./kinds/index.ts";
import { KIND_NAMES } from "./kinds/index.ts";
import type { ProjectSettings } from "./project.config.ts";
import { tell } from "./queue/history.ts";
import { takeProject, transact } from "./queue/visit.ts";
import { changeSettings, readSettings } from "./settings.ts";
import type { Database, Queries } from "./store/database.ts";
import { select, selectOne } from "./store/database.ts";

const STATES = ["open", "paused", "closed"] as const;
export type ProjectState = (typeof STATES)[number];

/** Counts of a project, out of what triggers keep (project_counts). */
const COUNTED = `
  SELECT p.id, p.slug, p.name, p.kind, p.state, p.overlap, p.settings, p.created,
    coalesce(c.open + c.filled + c.settled + c.withdrawn, 0) AS tasks,
    coalesce(c.filled, 0) AS "full", coalesce(c.settled, 0) AS settled,
    coalesce(c.gold, 0) AS gold, coalesce(c.judged, 0) AS judgements,
    greatest(coalesce(c.open * p.overlap - c.open_judged, 0), 0) AS needed,
    (SELECT count(*) FROM memberships m WHERE m.project = p.id AND m.removed IS NULL) AS people
  FROM projects p LEFT JOIN LATERAL (
    SELECT sum(open)::bigint AS open, sum(filled)::bigint AS filled,
      sum(settled)::bigint AS settled, sum(withdrawn)::bigint AS withdrawn,
      sum(gold)::bigint AS gold, sum(judged)::bigint AS judged,
      sum(open_judged)::bigint AS open_judged
    FROM project_counts WHERE project = p.id
  ) c ON true`;

const projectRow = z.object({
  id: z.number(),
  slug: z.string(),
  name: z.string(),
  kind: z.enum(KIND_NAMES),
  state: z.enum(STATES),
  overlap: z.number(),
  settings: z.record(z.string(), z.unknown()).transform(readSettings),
  created: z.date(),
  tasks: z.number(),
  full: z.number(),
  settled: z.number(),
  gold: z.number(),
  /** That count, on tasks that are no gold questions. */
  judgements: z.number(),
  /** Judgements until every open task is full. */
  needed: z.number(),
  people: z.number(),
});
export type Project = z.output<typeof projectRow>;

/** Every project, or those that somebody is in; the newest first. */
export const listProjects = (database: Database, person?: string): Promise<Project[]> =>
  person === undefined
    ? select(database, projectRow, `${COUNTED} ORDER BY p.created DESC, p.id DESC`)
    : select(
        database,
        projectRow,
        `${COUNTED} WHERE p.id IN (SELECT project FROM memberships
           WHERE person = $1 AND removed IS NULL) ORDER BY p.created DESC, p.id DESC`,
        [person],
      );

/** A project that is there. */
export const getProject = async (queries: Queries, id: number): Promise<Project> =>
  (await selectOne(queries, projectRow, `${COUNTED} WHERE p.id = $1`, [id]))!;

const reasonRow = z.object({ chosen_by: z.string(), n: z.number() });

/** How many tasks stand where they do for which reason; gold questions stand nowhere. */
export async function reasonsOf(queries: Queries, project: number) {
  const rows = await select(
    queries,
    reasonRow,
    `SELECT chosen_by, count(*) AS n FROM tasks WHERE project = $1 AND gold IS NULL
     GROUP BY chosen_by ORDER BY chosen_by`,
    [project],
  );
  return Object.fromEntries(rows.map(({ chosen_by: reason, n }) => [reason, n]));
}

export interface NewProject {
  slug: string;
  name: string;
  kind: KindName;
  overlap: number;
  settings: Readonly<Record<string, unknown>>;
  /** Who begins it, and is its first owner. */
  owner: string;
}

/** @returns its number; undefined where the slug is taken */
export function createProject(database: Database, given: NewProject): Promise<number | undefined> {
  const settings: ProjectSettings = changeSettings({}, given.settings);
  return transact(database, async (queries) => {
    const [row] = await queries.rows(
      `INSERT INTO projects (slug, name, kind, overlap, settings) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (slug) DO NOTHING RETURNING id`,
      [given.slug, given.name, given.kind, given.overlap, settings],
    );
    if (row === undefined) return undefined;
    const id = row["id"] as number;
    await queries.rows("INSERT INTO memberships (project, person, role) VALUES ($1, $2, 'owner')", [
      id,
      given.owner,
    ]);
    const { owner: person, overlap, kind } = given;
    await tell(queries, {
      project: id,
      person,
      what: "begun",
      detail: { kind, overlap, settings },
    });
    return id;
  });
}

export interface ProjectChange {
  name?: string | undefined;
  overlap?: number | undefined;
  state?: ProjectState | undefined;
  settings?: Readonly<Record<string, unknown>> | undefined;
}

const currentRow = z.object({
  name: z.string(),
  overlap: z.number(),
  state: z.enum(STATES),
  settings: z.record(z.string(), z.unknown()),
});

/** Changes what is given; nobody is at work in the project meanwhile. */
export const changeProject = (
  database: Database,
  { project, person }: { project: number; person: string },
  change: ProjectChange,
): Promise<void> =>
  transact(database, async (queries) => {
    await takeProject(queries, project);
    const before = (await selectOne(
      queries,
      currentRow,
      "SELECT name, overlap, state, settings FROM projects WHERE id = $1",
      [project],
    ))!;
    const after = {
      name: change.name ?? before.name,
      overlap: change.overlap ?? before.overlap,
      state: change.state ?? before.state,
      settings: changeSettings(before.settings, change.settings ?? {}),
    };
    await queries.rows(
      "UPDATE projects SET name = $2, overlap = $3, state = $4, settings = $5 WHERE id = $1",
      [project, after.name, after.overlap, after.state, after.settings],
    );
    if (after.overlap !== before.overlap) await moveOverlap(queries, project, after.overlap);
    await tell(queries, { project, person, what: "changed", detail: { before, after } });
  });

/** Tasks that need no more are full, those that need more are open; judgements stay as they are. */
async function moveOverlap(queries: Queries, project: number, overlap: number): Promise<void> {
  await queries.rows(
    `UPDATE tasks SET state = 'full'
     WHERE project = $1 AND state = 'open' AND gold IS NULL AND judged > 0 AND judged >= $2`,
    [project, overlap],
  );
  await queries.rows(
    `UPDATE tasks SET state = 'open'
     WHERE project = $1 AND state = 'full' AND gold IS NULL AND judged > 0 AND judged < $2`,
    [project, overlap],
  );
  // tasks whose places were all held have more of them too: everybody looks from the front again
  await queries.rows("UPDATE projects SET generation = generation + 1 WHERE id = $1", [project]);
}
