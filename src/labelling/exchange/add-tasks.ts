/**
 * The one place where tasks come into a store. The same question is there once in a project: whoever
 * brings it again is told that it is known.
 */
import { z } from "zod";
import { AttuneError } from "../../core/errors.ts";
import type { KindName } from "../kinds/index.ts";
import { kindNamed } from "../kinds/index.ts";
import type { Queries } from "../store/database.ts";
import { select } from "../store/database.ts";
import type { NewTask, ReadyTask } from "./new-task.ts";
import { readyTask } from "./new-task.ts";

/** A project, as far as its tasks go. */
export interface TaskProject {
  readonly id: number;
  readonly kind: KindName;
}

export interface AddOptions {
  /** Number of the import that they are of. */
  readonly import?: number;
  /** Ends the work. */
  readonly signal?: AbortSignal;
}

/** What became of one of the tasks. */
export interface AddedTask {
  readonly id: number;
  /** It was not there before. */
  readonly fresh: boolean;
  /** Place of each answer in the store, by the place that it was given in. */
  readonly moved: readonly number[];
}

export interface Added {
  /** Tasks that are new. */
  added: number;
  /** Those that were there, or came twice. */
  known: number;
  /** Those that became gold questions, new or known. */
  gold: number;
  /** Those in which characters were replaced that a store does not hold. */
  mended: number;
  /** In the order in which they came. */
  tasks: AddedTask[];
}

/** Rows of one statement. */
const BATCH = 500;

/**
 * Adds tasks, batch by batch: within a transaction where `queries` is one, else each batch by
 * itself, so that others are answered in between.
 * @throws AttuneError `data` for a task that is none of the project's kind
 */
export async function addTasks(
  queries: Queries,
  project: TaskProject,
  tasks: Iterable<NewTask> | AsyncIterable<NewTask>,
  options: AddOptions = {},
): Promise<Added> {
  const total: Added = { added: 0, known: 0, gold: 0, mended: 0, tasks: [] };
  const ranks = { next: await lastRank(queries, project.id) };
  let batch: NewTask[] = [];
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return;
    options.signal?.throwIfAborted();
    const {
      added,
      known,
      gold,
      mended,
      tasks: own,
    } = await addBatch(queries, project, batch, {
      ...options,
      ranks,
    });
    total.added += added;
    total.known += known;
    total.gold += gold;
    total.mended += mended;
    for (const task of own) total.tasks.push(task);
    batch = [];
  };
  for await (const task of tasks) {
    batch.push(task);
    if (batch.length >= BATCH) await flush();
  }
  await flush();
  // another import may have had the same places in the queue, and people have looked past them
  if (total.added > 0)
    await queries.rows("UPDATE projects SET generation = generation + 1 WHERE id = $1", [
      project.id,
    ]);
  return total;
}

const storedRow = z.object({ digest: z.string(), id: z.number(), fresh: z.boolean() });
const goldRow = z.object({ id: z.number() });

const INSERT = `
  WITH given AS (
    SELECT * FROM jsonb_to_recordset($2::jsonb -> 'tasks')
      AS t(n integer, content jsonb, hidden jsonb, gold jsonb, digest text, rank float8, chosen text)
  ), fresh AS (
    INSERT INTO tasks (project, content, hidden, gold, digest, rank, chosen_by, import)
    SELECT $1, content, hidden, gold, decode(digest, 'hex'), rank, chosen, $3::bigint
    FROM given ORDER BY n
    ON CONFLICT (project, digest) DO NOTHING
    RETURNING id, digest
  )
  SELECT encode(digest, 'hex') AS digest, id, true AS fresh FROM fresh
  UNION ALL
  SELECT given.digest, t.id, false FROM given
  JOIN tasks t ON t.project = $1 AND t.digest = decode(given.digest, 'hex')`;

/** Where the queue ends. */
async function lastRank(queries: Queries, project: number): Promise<number> {
  const [row] = await queries.rows(
    `SELECT rank FROM tasks WHERE project = $1 AND state = 'open' AND gold IS NULL
     ORDER BY rank DESC LIMIT 1`,
    [project],
  );
  return z.object({ rank: z.number() }).optional().parse(row)?.rank ?? 0;
}

/** @throws AttuneError as {@link addTasks} */
async function addBatch(
  queries: Queries,
  project: TaskProject,
  tasks: readonly NewTask[],
  { import: source, ranks }: AddOptions & { ranks: { next: number } },
): Promise<Added> {
  const kind = kindNamed(project.kind);
  const ready = tasks.map((task) => readyTask(task, kind));
  const once = new Map<string, ReadyTask>();
  for (const task of ready) {
    const before = once.get(task.digest);
    // the same question with an answer to it is worth more
    if (before === undefined || (before.gold === undefined && task.gold !== undefined))
      once.set(task.digest, task);
  }
  const stored = await insert(queries, project.id, { once, ranks, source: source ?? null });
  const golden = await queries.rows(
    `UPDATE tasks SET gold = given.gold
     FROM jsonb_to_recordset($1::jsonb -> 'gold') AS given(id bigint, gold jsonb)
     WHERE tasks.id = given.id AND tasks.gold IS NULL RETURNING tasks.id`,
    [
      {
        gold: [...once.values()].flatMap(({ digest, gold }) => {
          const { id, fresh } = stored.get(digest)!;
          return gold === undefined || fresh ? [] : [{ id, gold }];
        }),
      },
    ],
  );
  const seen = new Set<string>();
  const own = ready.map(({ digest, moved }): AddedTask => {
    const { id, fresh } = stored.get(digest)!;
    const first = !seen.has(digest);
    seen.add(digest);
    return { id, fresh: fresh && first, moved };
  });
  const added = own.filter(({ fresh }) => fresh).length;
  return {
    added,
    known: own.length - added,
    gold:
      golden.map((row) => goldRow.parse(row)).length +
      [...once.values()].filter(
        ({ digest, gold }) => gold !== undefined && stored.get(digest)!.fresh,
      ).length,
    mended: ready.filter(({ mended }) => mended).length,
    tasks: own,
  };
}

async function insert(
  queries: Queries,
  project: number,
  {
    once,
    ranks,
    source,
  }: {
    once: ReadonlyMap<string, ReadyTask>;
    ranks: { next: number };
    source: number | null;
  },
): Promise<Map<string, { id: number; fresh: boolean }>> {
  const tasks = [...once.values()].map(
    ({ content, hidden, gold, digest, rank, chosenBy: chosen }, n) => ({
      n,
      content,
      hidden,
      ...(gold === undefined ? {} : { gold }),
      digest,
      rank: rank ?? ++ranks.next,
      chosen,
    }),
  );
  const stored = new Map<string, { id: number; fresh: boolean }>();
  // one that another transaction adds meanwhile is seen by neither half of the statement
  for (let attempt = 0; attempt < 3 && stored.size < once.size; attempt++) {
    const rows = await select(queries, storedRow, INSERT, [project, { tasks }, source]);
    for (const { digest, id, fresh } of rows)
      stored.set(digest, { id, fresh: fresh || stored.get(digest)?.fresh === true });
  }
  if (stored.size < once.size)
    throw new AttuneError("run", "the tasks could not be added: others were adding the same", {
      hint: "try again",
    });
  return stored;
}
