/** Sorts a project's open tasks by what `attune ask` found, when its job has ended. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import {
  CURVE_FILE,
  ORDER_FILE,
  curveFileSchema,
  orderRowSchema,
} from "../../labelling/asking/files.ts";
import type { CurveFile } from "../../labelling/asking/files.ts";
import type { Database } from "../../labelling/store/database.ts";
import { readWholeFile } from "../../runs/files.ts";
import type { Job } from "../jobs/jobs.ts";
import type { Studio } from "../studio.ts";

/** From now on, also for jobs that ended while no studio was there. */
export function sortWhenAsked({ jobs, database, warn }: Studio): void {
  jobs.onEnded((job) => {
    if (job.kind !== "ask" || job.state !== "completed" || job.project === null) return;
    void sortQueue(database, job).catch((error: unknown) =>
      warn("asking", `the queue was not sorted: ${error instanceof Error ? error.message : error}`),
    );
  });
}

const taskOf = z.object({ task: z.int() });

/**
 * Only tasks that are open still are moved, and those that came in meanwhile stand behind them.
 * @returns how many were; 0 where this was done already
 */
export async function sortQueue(
  database: Database,
  { id, project, folder }: Pick<Job, "id" | "project" | "folder">,
): Promise<number> {
  const places = readWholeFile(join(folder, ORDER_FILE))
    .trimEnd()
    .split("\n")
    .map((line, index) => {
      const row = orderRowSchema.parse(JSON.parse(line));
      return { id: taskOf.parse(row.extra).task, rank: index + 1, chosen: row.chosen_by };
    });
  return database.transaction(async (queries) => {
    // whoever takes a task or sorts waits for the other
    await queries.rows("SELECT id FROM projects WHERE id = $1 FOR UPDATE", [project]);
    const done = await queries.rows(
      "SELECT id FROM history WHERE project = $1 AND what = 'sorted' AND detail ->> 'job' = $2",
      [project, id],
    );
    if (done.length > 0) return 0;
    await queries.rows(
      `UPDATE tasks SET rank = rank + $2 WHERE project = $1 AND state = 'open' AND gold IS NULL`,
      [project, places.length],
    );
    const moved = await queries.rows(
      `UPDATE tasks SET rank = given.rank, chosen_by = given.chosen
       FROM jsonb_to_recordset($2::jsonb -> 'places') AS given(id bigint, rank float8, chosen text)
       WHERE tasks.id = given.id AND tasks.project = $1 AND tasks.state = 'open'
         AND tasks.gold IS NULL RETURNING tasks.id`,
      [project, { places }],
    );
    await queries.rows("UPDATE projects SET generation = generation + 1 WHERE id = $1", [project]);
    await queries.rows("INSERT INTO history (project, what, detail) VALUES ($1, 'sorted', $2)", [
      project,
      { job: id, tasks: moved.length },
    ]);
    return moved.length;
  });
}

/** null where there is none. */
export function readCurve(folder: string): CurveFile | null {
  const file = join(folder, CURVE_FILE);
  if (!existsSync(file)) return null;
  return curveFileSchema.safeParse(JSON.parse(readWholeFile(file))).data ?? null;
}

const workSchema = z.object({
  type: z.literal("work"),
  done: z.int(),
  total: z.int(),
  what: z.string(),
});

/** The last that a job said of how far it is. */
export function readWork(folder: string): { done: number; total: number; what: string } | null {
  const file = join(folder, "events.jsonl");
  if (!existsSync(file)) return null;
  for (const line of readWholeFile(file).trimEnd().split("\n").toReversed()) {
    if (!line.includes('"work"') || !line.endsWith("}")) continue;
    const parsed = workSchema.safeParse(JSON.parse(line));
    if (parsed.success) return parsed.data;
  }
  return null;
}
