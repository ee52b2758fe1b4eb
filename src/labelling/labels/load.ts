/** A project's labels from the store, made again when something happened. */
import { z } from "zod";
import { KIND_NAMES } from "../kinds/index.ts";
import type { Database, Queries } from "../store/database.ts";
import { select, selectOne } from "../store/database.ts";
import { inPieces } from "./estimate.ts";
import type { JudgementFacts, PersonFacts, ProjectFacts, TaskFacts } from "./facts.ts";
import type { ProjectLabels } from "./labels.ts";
import { labelProject } from "./labels.ts";

const projectRow = z.object({
  kind: z.enum(KIND_NAMES),
  axes: z.array(z.string()).nullable(),
  seen: z.number(),
});
const taskRow = z.object({
  id: z.number(),
  answers: z.number(),
  longer: z.number().nullable(),
  cluster: z.string(),
  gold: z.unknown(),
  decision: z.string().nullable(),
  accepted: z.unknown(),
  state: z.string(),
  returned: z.boolean(),
});
const judgementRow = z.object({
  task: z.number(),
  person: z.string(),
  judgement: z.unknown(),
  sides: z.array(z.number()),
  flagged: z.boolean(),
  shown: z.number(),
  origin: z.string().nullable(),
  created: z.date(),
});

/** Tasks whose judgements are read in one statement. */
const PAGE = 5_000;

async function headOf(queries: Queries, project: number): Promise<z.output<typeof projectRow>> {
  return (await selectOne(
    queries,
    projectRow,
    `SELECT kind, settings -> 'axes' AS axes,
       coalesce((SELECT max(id) FROM history WHERE project = $1), 0) AS seen
     FROM projects WHERE id = $1`,
    [project],
  ))!;
}

/** Everything that counts of a project. */
export async function loadFacts(queries: Queries, project: number): Promise<ProjectFacts> {
  const { kind, axes } = await headOf(queries, project);
  const rows = await select(
    queries,
    taskRow,
    `SELECT t.id, jsonb_array_length(t.content -> 'answers') AS answers,
       length(t.content -> 'answers' ->> 0) - length(t.content -> 'answers' ->> 1) AS longer,
       coalesce(t.hidden ->> 'cluster', md5((t.content -> 'prompt')::text)) AS cluster,
       t.gold, t.state, a.decision, a.judgement AS accepted,
       coalesce(a.decision = 'returned' AND EXISTS (SELECT FROM assignments s
         WHERE s.task = t.id AND s.state IN ('returned', 'leased')), false) AS returned
     FROM tasks t LEFT JOIN adjudications a ON a.task = t.id
     WHERE t.project = $1 AND (t.judged > 0 OR t.gold IS NOT NULL OR a.task IS NOT NULL)
     ORDER BY t.id`,
    [project],
  );
  const tasks = rows.map(
    ({ id, answers, longer, cluster, gold, decision, accepted, state, returned }): TaskFacts => ({
      id,
      answers,
      longer: longer ?? 0,
      cluster,
      ...(gold === null ? {} : { gold }),
      ...(decision === "accepted" ? { accepted } : {}),
      ...(decision === "rejected" || state === "withdrawn" ? { dropped: true as const } : {}),
      ...(returned ? { returned: true as const } : {}),
    }),
  );
  const { people, judgements } = await loadJudgements(queries, project, tasks);
  return { kind, axes: axes ?? [], tasks, people, judgements };
}

async function loadJudgements(
  queries: Queries,
  project: number,
  tasks: readonly TaskFacts[],
): Promise<{ people: PersonFacts[]; judgements: JudgementFacts[] }> {
  const index = new Map(tasks.map(({ id }, n) => [id, n]));
  const numbers = new Map<string, number>();
  const found: { at: number; facts: JudgementFacts }[] = [];
  for (let start = 0; start < tasks.length; start += PAGE) {
    const last = tasks[Math.min(tasks.length, start + PAGE) - 1]!.id;
    const rows = await select(
      queries,
      judgementRow,
      `SELECT task, person, judgement, sides, flag <> '' AS flagged, shown_ms AS shown, origin,
         created
       FROM judgements
       WHERE project = $1 AND state = 'counted' AND task BETWEEN $2 AND $3
       ORDER BY task, person`,
      [project, tasks[start]!.id, last],
    );
    for (const { task, person, judgement, sides, flagged, shown, origin, created } of rows) {
      const place = index.get(task);
      if (place === undefined) continue;
      const number = numbers.get(person) ?? numbers.size;
      numbers.set(person, number);
      found.push({
        at: created.getTime(),
        facts: {
          task: place,
          person: number,
          judgement,
          sides,
          flagged,
          shownMs: shown,
          ...(origin === null ? {} : { origin }),
        },
      });
    }
  }
  const names = await select(
    queries,
    z.object({ id: z.string(), name: z.string() }),
    `SELECT id, name FROM people WHERE id IN (SELECT DISTINCT person FROM judgements
       WHERE project = $1 AND state = 'counted')`,
    [project],
  );
  const named = new Map(names.map(({ id, name }) => [id, name]));
  return {
    people: [...numbers.keys()].map((id) => ({ id, name: named.get(id) ?? "" })),
    judgements: found.toSorted((a, b) => a.at - b.at).map(({ facts }) => facts),
  };
}

export interface LoadedLabels extends ProjectLabels {
  /** The last line of the history that they know of. */
  readonly seen: number;
}

interface Kept {
  seen: number;
  /** Milliseconds that making them took, and when it was done. */
  took: number;
  at: number;
  labels: LoadedLabels;
}

/** Labels may be older than the newest judgement by so many times what making them takes. */
const PATIENCE = 10;
const MOST_PATIENCE = 60_000;

const kept = new WeakMap<Database, Map<number, { value?: Kept; work?: Promise<Kept> }>>();

/**
 * Labels of a project; made anew where the history has grown, but not more often than a tenth of
 * the time is spent on it. `fresh` waits for those of now.
 */
export async function loadLabels(
  database: Database,
  project: number,
  { fresh = false }: { fresh?: boolean } = {},
): Promise<LoadedLabels> {
  const projects = kept.get(database) ?? new Map<number, { value?: Kept; work?: Promise<Kept> }>();
  kept.set(database, projects);
  const entry = projects.get(project) ?? {};
  projects.set(project, entry);
  const { seen } = await headOf(database, project);
  const { value } = entry;
  if (value !== undefined) {
    const patience = fresh ? 0 : Math.min(MOST_PATIENCE, PATIENCE * value.took);
    if (value.seen === seen || performance.now() - value.at < patience) return value.labels;
  }
  entry.work ??= make(database, project, seen).finally(() => delete entry.work);
  const made = await entry.work;
  entry.value = made;
  // what was under way when it began may be older than what is asked for
  return fresh && made.seen < seen ? loadLabels(database, project, { fresh }) : made.labels;
}

async function make(database: Database, project: number, seen: number): Promise<Kept> {
  const began = performance.now();
  const labels = await inPieces(labelProject(await loadFacts(database, project)));
  const at = performance.now();
  return { seen, took: at - began, at, labels: { ...labels, seen } };
}
