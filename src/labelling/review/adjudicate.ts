/**
 * What becomes of a task on which people differ. `accepted`: a label holds, whatever was voted.
 * `rejected`: it has none, and no judgement of it counts. `returned`: those who judged do so once
 * more. `passed-on`: others do. Every decision is in the history, and can be taken back.
 */
import { z } from "zod";
import { AttuneError } from "../../core/errors.ts";
import { checkJudgement } from "../exchange/new-task.ts";
import type { KindName } from "../kinds/index.ts";
import { kindNamed } from "../kinds/index.ts";
import { contentSchema } from "../kinds/kind.ts";
import type { Content } from "../kinds/kind.ts";
import { offerAgain } from "../queue/expire.ts";
import { transact } from "../queue/visit.ts";
import type { Database, Queries } from "../store/database.ts";
import { select, selectOne } from "../store/database.ts";

export const DECISIONS = ["accepted", "rejected", "returned", "passed-on"] as const;
export type Decision = (typeof DECISIONS)[number];

export interface Adjudication {
  readonly project: { readonly id: number; readonly kind: KindName };
  readonly task: number;
  /** Who decides. */
  readonly person: string;
  readonly decision: Decision;
  /** The label that holds; only where it is accepted. */
  readonly judgement?: unknown;
  /** Judgements that are returned or passed on; all where left out. */
  readonly judgements?: readonly string[] | undefined;
  readonly note: string;
}

const stateSchema = z.enum(["open", "full", "settled", "withdrawn"]);
export type TaskState = z.output<typeof stateSchema>;
const taskRow = z.object({
  content: contentSchema,
  gold: z.boolean(),
  state: stateSchema,
});

async function lockTask(
  queries: Queries,
  project: number,
  task: number,
): Promise<z.output<typeof taskRow>> {
  const found = await selectOne(
    queries,
    taskRow,
    `SELECT content, gold IS NOT NULL AS gold, state FROM tasks
     WHERE id = $1 AND project = $2 FOR NO KEY UPDATE`,
    [task, project],
  );
  if (found === undefined)
    throw new AttuneError("usage", "there is no such task in this project", { got: String(task) });
  return found;
}

/** @throws AttuneError `usage` for what cannot be decided so */
export async function adjudicate(
  database: Database,
  given: Adjudication,
): Promise<{ state: TaskState; judgements: number }> {
  const { project, task, person, decision, note } = given;
  return transact(database, async (queries) => {
    const { content, gold } = await lockTask(queries, project.id, task);
    if (gold)
      throw new AttuneError("usage", "what is right is known of this task: it is a gold question");
    const judgement = labelOf(given, content);
    const touched =
      decision === "accepted"
        ? []
        : decision === "returned"
          ? await giveBack(queries, given)
          : await reject(queries, given);
    if ((decision === "returned" || decision === "passed-on") && touched.length === 0)
      throw new AttuneError("usage", "none of these judgements counts any more", {
        hint: "load the list again",
      });
    await queries.rows(
      `INSERT INTO adjudications (task, project, person, decision, judgement, note)
       VALUES ($1, $2, $3, $4, $5::jsonb -> 'judgement', $6)
       ON CONFLICT (task) DO UPDATE SET person = excluded.person, decision = excluded.decision,
         judgement = excluded.judgement, note = excluded.note, created = now()`,
      [task, project.id, person, decision, judgement === undefined ? {} : { judgement }, note],
    );
    const ids = touched.map(({ id }) => id);
    await tell(queries, given, { decision, judgements: ids, judgement, note });
    const state =
      decision === "accepted" ? "settled" : decision === "rejected" ? "withdrawn" : undefined;
    return { state: await count(queries, task, state), judgements: ids.length };
  });
}

function labelOf({ project, decision, judgement }: Adjudication, content: Content): unknown {
  if (decision !== "accepted") {
    if (judgement === undefined) return undefined;
    throw new AttuneError("usage", "only an accepted task has a label", { got: decision });
  }
  const checked = checkJudgement(judgement, kindNamed(project.kind));
  const ranks = project.kind === "rank" ? (checked as { ranks: number[] }).ranks : undefined;
  if (ranks !== undefined && ranks.length !== content.answers.length)
    throw new AttuneError("data", "a ranking has another number of answers than its task", {
      got: String(ranks.length),
      expected: String(content.answers.length),
    });
  return checked;
}

const rejectedRow = z.object({ id: z.string() });

/**
 * Each counts until whoever gave it has judged once more: nobody else takes the place meanwhile.
 */
async function giveBack(
  queries: Queries,
  { task, judgements, note }: Adjudication,
): Promise<z.output<typeof rejectedRow>[]> {
  return select(
    queries,
    rejectedRow,
    `UPDATE assignments a SET state = 'returned', returned = $4 FROM judgements j
     WHERE j.assignment = a.id AND j.task = $1 AND j.state = 'counted'
       AND ($2 OR j.id IN (SELECT e::uuid FROM jsonb_array_elements_text($3::jsonb -> 'ids') AS e))
     RETURNING j.id`,
    [task, judgements === undefined, { ids: judgements ?? [] }, note],
  );
}

/** Those that counted, and no longer do. */
async function reject(
  queries: Queries,
  { task, judgements }: Adjudication,
): Promise<z.output<typeof rejectedRow>[]> {
  return select(
    queries,
    rejectedRow,
    `UPDATE judgements SET state = 'rejected' WHERE task = $1 AND state = 'counted'
       AND ($2 OR id IN (SELECT e::uuid FROM jsonb_array_elements_text($3::jsonb -> 'ids') AS e))
     RETURNING id`,
    [task, judgements === undefined, { ids: judgements ?? [] }],
  );
}

/** Counts a task's judgements again. @returns its state: the one given, else what the count says */
async function count(
  queries: Queries,
  task: number,
  state: TaskState | undefined,
): Promise<TaskState> {
  const row = await selectOne(
    queries,
    z.object({ state: stateSchema, project: z.number() }),
    `UPDATE tasks t SET judged = c.judged, state = coalesce($2,
         CASE WHEN c.judged >= p.overlap AND t.gold IS NULL THEN 'full' ELSE 'open' END)
     FROM projects p, (SELECT count(*)::integer AS judged FROM judgements
       WHERE task = $1 AND state = 'counted') c
     WHERE t.id = $1 AND p.id = t.project RETURNING t.state, t.project`,
    [task, state ?? null],
  );
  if (row!.state === "open")
    // whose cursor is past it finds it by this number; the project's row is locked last
    await queries.rows(
      `WITH numbered AS (UPDATE projects p SET freed = p.freed + 1 FROM tasks t
         WHERE t.id = $1 AND p.id = t.project RETURNING p.freed)
       UPDATE tasks SET freed = numbered.freed FROM numbered WHERE id = $1`,
      [task],
    );
  // others have looked past it
  if (row!.state === "open") await offerAgain(queries, row!.project, [task]);
  return row!.state;
}

const tell = (
  queries: Queries,
  { project, task, person }: Pick<Adjudication, "project" | "task" | "person">,
  detail: object,
): Promise<unknown> =>
  queries.rows(
    `INSERT INTO history (project, person, what, task, detail)
     VALUES ($1, $2, 'adjudicated', $3, $4)`,
    [project.id, person, task, detail],
  );

/**
 * Takes a decision back. Judgements that it rejected count again, but for those of people who have
 * judged once more.
 * @throws AttuneError `usage` where nothing was decided
 */
export async function reopen(
  database: Database,
  given: Pick<Adjudication, "project" | "task" | "person">,
): Promise<{ state: TaskState; restored: number }> {
  const { project, task } = given;
  return transact(database, async (queries) => {
    await lockTask(queries, project.id, task);
    const gone = await queries.rows("DELETE FROM adjudications WHERE task = $1 RETURNING task", [
      task,
    ]);
    if (gone.length === 0)
      throw new AttuneError("usage", "nothing was decided on this task", { got: String(task) });
    const restored = await select(
      queries,
      rejectedRow,
      `UPDATE judgements j SET state = 'counted' WHERE j.task = $1 AND j.state = 'rejected'
         AND j.id::text IN (SELECT jsonb_array_elements_text(detail -> 'judgements') FROM
           (SELECT detail FROM history WHERE project = $2 AND task = $1 AND what = 'adjudicated'
             AND detail ? 'decision' ORDER BY id DESC LIMIT 1) h)
         AND NOT EXISTS (SELECT FROM judgements o
           WHERE o.task = j.task AND o.person = j.person AND o.state = 'counted')
       RETURNING j.id`,
      [task, project.id],
    );
    await queries.rows(
      "UPDATE assignments SET state = 'judged', returned = NULL WHERE task = $1 AND state = 'returned'",
      [task],
    );
    await tell(queries, given, { reopened: true, judgements: restored.map(({ id }) => id) });
    return { state: await count(queries, task, undefined), restored: restored.length };
  });
}
