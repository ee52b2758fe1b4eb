/** Asking where it matters. */
import { z } from "zod";
import { select, selectOne } from "../../labelling/store/database.ts";
import type { Database } from "../../labelling/store/database.ts";
import { getAsking, startAsking as startRoute } from "../api/asking.ts";
import { readCurve, readWork } from "../asking/sort.ts";
import { startAsking } from "../asking/start.ts";
import { handle } from "../http/handler.ts";
import { jobAnswer } from "./jobs.ts";
import { projectOf } from "./project-of.ts";

/** Jobs that are looked through for the newest of a project. */
const LOOKED = 500;

const share = z.object({ name: z.string(), count: z.coerce.number() });

async function sharesOf(database: Database, project: number, where: string) {
  const rows = await select(
    database,
    share,
    `SELECT chosen_by AS name, count(*) AS count FROM tasks
     WHERE project = $1 AND gold IS NULL AND ${where} GROUP BY chosen_by ORDER BY chosen_by`,
    [project],
  );
  return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
}

const sortedRow = z.object({ at: z.coerce.date(), tasks: z.coerce.number() });

export const askingHandlers = [
  handle(getAsking, async (_, context) => {
    const { studio, membership } = context;
    const { database } = studio;
    const { project } = membership;
    const jobs = (await studio.jobs.list({ limit: LOOKED })).filter(
      (each) => each.kind === "ask" && each.project === project,
    );
    const [newest] = jobs;
    const completed = jobs.find(({ state }) => state === "completed");
    const sorted = await selectOne(
      database,
      sortedRow,
      `SELECT at, detail ->> 'tasks' AS tasks FROM history
       WHERE project = $1 AND what = 'sorted' ORDER BY id DESC LIMIT 1`,
      [project],
    );
    return {
      labels: await sharesOf(database, project, "judged > 0"),
      queue: await sharesOf(database, project, "state = 'open'"),
      job: newest === undefined ? null : jobAnswer(studio, newest),
      work: newest?.state === "running" ? readWork(newest.folder) : null,
      curve: completed === undefined ? null : readCurve(completed.folder),
      sorted: sorted === undefined ? null : { at: sorted.at.toISOString(), tasks: sorted.tasks },
    };
  }),
  handle(startRoute, async ({ body }, context) =>
    jobAnswer(context.studio, await startAsking(context.studio, await projectOf(context), body)),
  ),
];
