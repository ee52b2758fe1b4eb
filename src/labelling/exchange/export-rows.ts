/** Labels or judgements of a project, filtered, out of the store: page by page. */
import { z } from "zod";
import type { DataRecord } from "../../data/records.ts";
import type { KindName } from "../kinds/index.ts";
import { contentSchema } from "../kinds/kind.ts";
import type { TaskLabel } from "../labels/labels.ts";
import { loadLabels } from "../labels/load.ts";
import type { Database, SqlValue } from "../store/database.ts";
import { select } from "../store/database.ts";
import type { StoredTask } from "./records-out.ts";
import { judgementRecord, labelRecord } from "./records-out.ts";

export interface ExportFilter {
  readonly what: "labels" | "judgements";
  /** Least probability of a label. */
  readonly minimumProbability: number;
  /** Least judgements of a task. */
  readonly minimumJudgements: number;
  /** Judged since then, as an ISO text. */
  readonly since?: string | undefined;
  /** Judged by this person. */
  readonly annotator?: string | undefined;
  /** `drop`: tasks (of labels) and judgements with which somebody found something wrong. */
  readonly flagged: "keep" | "drop";
}

export const WHOLE: ExportFilter = {
  what: "labels",
  minimumProbability: 0.5,
  minimumJudgements: 1,
  flagged: "keep",
};

export interface ExportProject {
  readonly id: number;
  readonly slug: string;
  readonly kind: KindName;
}

/** What a filter left out, by reason. */
export type LeftOut = Map<string, number>;

const PAGE = 500;

const count = (leftOut: LeftOut, reason: string): void =>
  void leftOut.set(reason, (leftOut.get(reason) ?? 0) + 1);

/** Records in the order of the tasks; what the filter leaves out is counted. */
export async function* exportRecords(
  database: Database,
  project: ExportProject,
  filter: ExportFilter,
  leftOut: LeftOut,
): AsyncGenerator<DataRecord> {
  const texts = project.kind === "rewrite" || project.kind === "critique";
  if (filter.what === "judgements" || texts) yield* judgements(database, project, filter, leftOut);
  else yield* labels(database, project, filter, leftOut);
}

async function* labels(
  database: Database,
  project: ExportProject,
  filter: ExportFilter,
  leftOut: LeftOut,
): AsyncGenerator<DataRecord> {
  const { facts, labels: all } = await loadLabels(database, project.id, { fresh: true });
  const chosen = await chosenTasks(database, project.id, filter);
  const kept: { id: number; label: TaskLabel }[] = [];
  for (const label of all) {
    const { id, dropped } = facts.tasks[label.task]!;
    const judged = Math.max(label.label.votes, ...label.pairs.map(({ votes }) => votes));
    const reason =
      dropped === true
        ? "withdrawn, or rejected by whoever adjudicated"
        : judged < filter.minimumJudgements
          ? `fewer than ${filter.minimumJudgements} judgements`
          : label.certainty < filter.minimumProbability
            ? `a probability below ${filter.minimumProbability}`
            : chosen?.has(id) === false
              ? "not among the judgements asked for"
              : undefined;
    if (reason === undefined) kept.push({ id, label });
    else if (judged > 0) count(leftOut, reason);
  }
  for (let start = 0; start < kept.length; start += PAGE) {
    const page = kept.slice(start, start + PAGE);
    const tasks = await storedTasks(
      database,
      page.map(({ id }) => id),
    );
    for (const { id, label } of page) {
      const record = labelRecord(tasks.get(id)!, label, project);
      if (record !== undefined) yield record;
    }
  }
}

/** Tasks that a filter on judgements names; undefined where it names all. */
async function chosenTasks(
  database: Database,
  project: number,
  filter: ExportFilter,
): Promise<Set<number> | undefined> {
  if (filter.since === undefined && filter.annotator === undefined && filter.flagged === "keep")
    return undefined;
  const rows = await select(
    database,
    z.object({ task: z.number() }),
    `SELECT task FROM judgements WHERE project = $1 AND state = 'counted' GROUP BY task
     HAVING bool_or(($2::timestamptz IS NULL OR created >= $2)
         AND ($3::uuid IS NULL OR person = $3))
       AND ($4 OR NOT bool_or(flag <> ''))`,
    [project, filter.since ?? null, filter.annotator ?? null, filter.flagged === "keep"],
  );
  return new Set(rows.map(({ task }) => task));
}

const taskRow = z.object({
  id: z.number(),
  content: contentSchema,
  hidden: z.record(z.string(), z.unknown()),
  gold: z.boolean(),
  chosenBy: z.string(),
});

async function storedTasks(
  database: Database,
  ids: readonly number[],
): Promise<Map<number, StoredTask>> {
  const rows = await select(
    database,
    taskRow,
    `SELECT id, content, hidden, gold IS NOT NULL AS gold, chosen_by AS "chosenBy" FROM tasks
     WHERE id IN (SELECT e::bigint FROM jsonb_array_elements_text($1::jsonb -> 'ids') AS e)`,
    [{ ids }],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

const judgementRow = taskRow.extend({
  judgement: z.unknown(),
  person: z.string(),
  name: z.string(),
  sides: z.array(z.number()),
  comment: z.string(),
  flag: z.string(),
  shown: z.number(),
  origin: z.string().nullable(),
  created: z.date(),
  judged: z.number(),
  accepted: z.unknown(),
});

async function* judgements(
  database: Database,
  project: ExportProject,
  filter: ExportFilter,
  leftOut: LeftOut,
): AsyncGenerator<DataRecord> {
  const names = await namesOf(database, project.id);
  let after: readonly [number, string] = [0, "00000000-0000-0000-0000-000000000000"];
  for (;;) {
    const values: SqlValue[] = [project.id, ...after, PAGE];
    const rows = await select(database, judgementRow, PAGE_OF_JUDGEMENTS, values);
    for (const row of rows) {
      const reason = refused(row, filter);
      if (reason !== undefined) {
        count(leftOut, reason);
        continue;
      }
      yield judgementRecord(
        row,
        {
          judgement: row.judgement,
          annotator: names.get(row.person)!,
          sides: row.sides,
          comment: row.comment,
          flag: row.flag,
          ...(row.origin === null ? { seconds: row.shown / 1000 } : { origin: row.origin }),
          created: row.created.toISOString(),
        },
        project,
      );
    }
    if (rows.length < PAGE) return;
    after = [rows.at(-1)!.id, rows.at(-1)!.person];
  }
}

const PAGE_OF_JUDGEMENTS = `
  SELECT t.id, t.content, t.hidden, t.gold IS NOT NULL AS gold, t.chosen_by AS "chosenBy",
    t.judged, j.judgement, j.person, p.name, j.sides, j.comment, j.flag, j.shown_ms AS shown,
    j.origin, j.created, a.judgement AS accepted
  FROM judgements j JOIN tasks t ON t.id = j.task JOIN people p ON p.id = j.person
    LEFT JOIN adjudications a ON a.task = t.id AND a.decision = 'accepted'
  WHERE j.project = $1 AND j.state = 'counted' AND (j.task, j.person) > ($2::bigint, $3::uuid)
  ORDER BY j.task, j.person LIMIT $4`;

function refused(
  row: z.output<typeof judgementRow>,
  { since, annotator, flagged, minimumJudgements, what }: ExportFilter,
): string | undefined {
  if (row.judged < minimumJudgements) return `fewer than ${minimumJudgements} judgements`;
  if (flagged === "drop" && row.flag !== "") return "flagged";
  const asked =
    (since === undefined || row.created >= new Date(since)) &&
    (annotator === undefined || row.person === annotator);
  if (!asked) return "not among the judgements asked for";
  // of texts that people wrote, the one that was chosen
  if (what === "labels" && row.accepted !== null && !same(row.accepted, row.judgement))
    return "another text was chosen by whoever adjudicated";
  return undefined;
}

const same = (a: unknown, b: unknown): boolean => sorted(a) === sorted(b);
const sorted = (value: unknown): string =>
  JSON.stringify(value, Object.keys(value as object).toSorted());

/** Names of those who judged; of two with one name each has the beginning of his number behind. */
async function namesOf(database: Database, project: number): Promise<Map<string, string>> {
  const rows = await select(
    database,
    z.object({ id: z.string(), name: z.string() }),
    `SELECT id, name FROM people WHERE id IN
       (SELECT person FROM judgements WHERE project = $1 AND state = 'counted') ORDER BY id`,
    [project],
  );
  const counts = new Map<string, number>();
  for (const { name } of rows) counts.set(name, (counts.get(name) ?? 0) + 1);
  return new Map(
    rows.map(({ id, name }) => [id, counts.get(name)! > 1 ? `${name} (${id.slice(0, 8)})` : name]),
  );
}
