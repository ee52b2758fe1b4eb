/**
 * A file of data into a project: its rows as tasks, what they know as gold, and the judgements of
 * people whom they name. It is read twice: once to see that all of it can be used, then to add it,
 * batch by batch, so that people go on judging meanwhile. An import that broke off is begun again
 * with the same file: what is there is known.
 */
import { z } from "zod";
import { countOf } from "../../core/counts.ts";
import { AttuneError, formatPlace } from "../../core/errors.ts";
import type { ErrorPlace } from "../../core/errors.ts";
import type { OnBad } from "../../data/bad-row.ts";
import { refuseBadRows } from "../../data/bad-row.ts";
import { hashContent, splitOf } from "../../data/files.ts";
import { ReadReport, readRecords } from "../../data/stream.ts";
import type { ReadOptions } from "../../data/stream.ts";
import type { DataRecord } from "../../data/records.ts";
import type { KindName } from "../kinds/index.ts";
import { kindNamed } from "../kinds/index.ts";
import type { Database } from "../store/database.ts";
import { selectOne } from "../store/database.ts";
import { addTasks } from "./add-tasks.ts";
import { ImportedPeople, keepJudgements } from "./judgements-in.ts";
import type { ImportedJudgement } from "./judgements-in.ts";
import type { DrawnTask } from "./tasks-of-records.ts";
import { tasksOf } from "./tasks-of-records.ts";

export interface ImportOptions {
  readonly project: { readonly id: number; readonly kind: KindName };
  /** What critiques are by. */
  readonly principles: readonly string[];
  /** Where the file lies. */
  readonly path: string;
  /** As it is called; its ending and its part of the data are told by it. */
  readonly name: string;
  /** `gold`: what a row says is the known answer to it. */
  readonly as: "tasks" | "gold";
  readonly judgements: "keep" | "leave";
  /** `few` where left out: rows that cannot be used are at most 1%. */
  readonly onBad?: OnBad;
  readonly reading?: Pick<ReadOptions, "columns" | "format" | "ignoreColumns">;
  readonly signal?: AbortSignal;
}

export interface ImportOutcome {
  format: string;
  rows: number;
  added: number;
  known: number;
  gold: number;
  judgements: number;
  annotators: number;
  notes: string[];
}

/** Tasks of one transaction. */
const BATCH = 500;

/** @throws AttuneError `data` where the file cannot be used; the store is then as it was */
export async function importFile(
  database: Database,
  options: ImportOptions,
): Promise<ImportOutcome> {
  const { project, as } = options;
  if (as === "gold" && (project.kind === "rewrite" || project.kind === "critique"))
    throw new AttuneError("usage", `there is no one right answer to a task to ${project.kind}`, {
      expected: "gold questions in a project to compare, rank or accept",
    });
  const found = new Found();
  const report = await lookOver(options, found);
  const format = [...new Set([...report.formats.values()].map(({ name }) => name))].join(" + ");
  const number = await beginImport(database, options, { format, report });
  const outcome: ImportOutcome = {
    format,
    rows: report.rows,
    added: 0,
    known: 0,
    gold: 0,
    judgements: 0,
    annotators: 0,
    notes: [],
  };
  const people = new ImportedPeople(project.id);
  const counts = { repeated: 0, mended: 0 };
  for await (const batch of batchesOf(drawnOf(options, new ReadReport()))) {
    options.signal?.throwIfAborted();
    await database.transaction(async (queries) => {
      const { tasks, ...sums } = await addTasks(
        queries,
        project,
        batch.map((each) => each.task),
        { import: number },
      );
      const own =
        options.judgements === "keep" ? judgementsOf(batch, tasks, { ...options, format }) : [];
      const kept = await keepJudgements(queries, people, { project: project.id, judgements: own });
      outcome.added += sums.added;
      outcome.known += sums.known;
      outcome.gold += sums.gold;
      counts.mended += sums.mended;
      outcome.judgements += kept.kept;
      counts.repeated += kept.known;
    });
  }
  outcome.annotators = people.count;
  outcome.notes = [...report.warnings, ...found.notes(options), ...countNotes(outcome, counts)];
  await endImport(database, { number, project: project.id, outcome, name: options.name });
  return outcome;
}

/** Reads all of it without a change to the store. */
async function lookOver(options: ImportOptions, found: Found): Promise<ReadReport> {
  const report = new ReadReport();
  let tasks = 0;
  for await (const { claim, place } of drawnOf(options, report, found)) {
    tasks++;
    if (claim?.annotator !== undefined)
      for (const note of claim.notes ?? []) found.add(note, place);
    if (claim !== undefined && claim.annotator === undefined) found.add(UNNAMED, place);
    if (claim === undefined && options.as === "gold") found.add(NO_GOLD, place);
  }
  refuseBadRows(report.badRows, report.rows, options.onBad ?? "few");
  if (report.rows === 0) throw new AttuneError("data", "the file is empty", { file: options.name });
  if (tasks === 0)
    throw new AttuneError("data", `no row gives a task to ${options.project.kind}`, {
      file: options.name,
      got: found.notes(options)[0] ?? report.warnings.join("; "),
      hint: "import it into a project of another kind",
    });
  return report;
}

const UNNAMED = "unnamed";
const NO_GOLD = "no-gold";

/** Things of one kind, with their count and the first of them. */
class Found {
  private readonly kinds = new Map<string, { count: number; first: ErrorPlace }>();

  add(what: string, place: ErrorPlace): void {
    const found = this.kinds.get(what) ?? { count: 0, first: place };
    found.count++;
    this.kinds.set(what, found);
  }

  notes({ as, judgements }: Pick<ImportOptions, "as" | "judgements">): string[] {
    return [...this.kinds].flatMap(([what, { count, first }]) => {
      const at = `the first at ${formatPlace(first)}`;
      if (what === NO_GOLD)
        return [`${countOf(count, "row")} without a judgement, taken as plain tasks; ${at}`];
      if (what !== UNNAMED) {
        const left = what.startsWith("no ") || what.startsWith("more ");
        if (!left && judgements === "leave") return [];
        return [`${left ? "left out" : "not kept"}: ${what} (${countOf(count, "row")}); ${at}`];
      }
      return as === "gold"
        ? []
        : [
            `${countOf(count, "label")} without the name of whoever judged: kept beside the task, ` +
              `and counted as nobody's judgement; ${at}`,
          ];
    });
  }
}

function countNotes(
  { known }: ImportOutcome,
  { repeated, mended }: { repeated: number; mended: number },
): string[] {
  const say = (count: number, text: string): string[] => (count === 0 ? [] : [text]);
  return [
    ...say(known, `${countOf(known, "task")} that the project has already`),
    ...say(
      repeated,
      `${countOf(repeated, "judgement")} left out: the same person has judged the task already`,
    ),
    ...say(
      mended,
      `${countOf(mended, "task")} with characters that no store holds (NUL, halves of pairs): ` +
        "replaced; or with numbers beyond 2^53: kept as texts",
    ),
  ];
}

type Drawn = DrawnTask & { place: ErrorPlace; record: DataRecord };

async function* drawnOf(
  options: ImportOptions,
  report: ReadReport,
  found?: Found,
): AsyncGenerator<Drawn> {
  const { project, principles, path, name, as, reading, signal } = options;
  const split = splitOf(name);
  const source = { path, ...(split === undefined ? {} : { split }) };
  const how = { ...reading, ...(signal === undefined ? {} : { signal }) };
  try {
    for await (const record of readRecords([source], how, report)) {
      const place = { ...record.place, file: name };
      const tasks = tasksOf(record, { kind: project.kind, principles, file: name });
      if (typeof tasks === "string") {
        found?.add(tasks, place);
        continue;
      }
      for (const { task, claim } of tasks)
        yield {
          task: as === "gold" && claim !== undefined ? golden(task, claim.judgement) : task,
          ...(claim === undefined || as === "gold" ? {} : { claim }),
          place,
          record,
        };
    }
  } catch (error) {
    // the file as people know it, not where it lies meanwhile
    if (error instanceof AttuneError && error.details.file === path)
      throw new AttuneError(error.code, error.what, { ...error.details, file: name });
    throw error;
  }
}

function golden(task: DrawnTask["task"], gold: unknown): DrawnTask["task"] {
  const { label: _, ...hidden } = task.hidden ?? {};
  return { ...task, hidden, gold };
}

async function* batchesOf(drawn: AsyncIterable<Drawn>): AsyncGenerator<Drawn[]> {
  let batch: Drawn[] = [];
  for await (const each of drawn) {
    batch.push(each);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function judgementsOf(
  batch: readonly Drawn[],
  tasks: readonly { id: number; moved: readonly number[] }[],
  { project, format }: ImportOptions & { format: string },
): ImportedJudgement[] {
  const kind = kindNamed(project.kind);
  return batch.flatMap(({ claim, record }, n): ImportedJudgement[] => {
    if (claim?.annotator === undefined) return [];
    const { id, moved } = tasks[n]!;
    return [
      {
        task: id,
        annotator: claim.annotator,
        source: record.source ?? "",
        judgement: kind.reindex(claim.judgement, (index) => moved[index]!),
        sides: (claim.sides ?? []).map((index) => moved[index]!),
        comment: claim.comment ?? "",
        origin: format,
      },
    ];
  });
}

async function beginImport(
  database: Database,
  { project, name, path }: ImportOptions,
  { format, report }: { format: string; report: ReadReport },
): Promise<number> {
  const row = await selectOne(
    database,
    z.object({ id: z.number() }),
    `INSERT INTO imports (project, name, format, sha256, rows) VALUES ($1, $2, $3, $4, $5)
     RETURNING id`,
    [project.id, name, format, await hashContent(path), report.rows],
  );
  return row!.id;
}

async function endImport(
  database: Database,
  {
    number,
    project,
    outcome,
    name,
  }: { number: number; project: number; outcome: ImportOutcome; name: string },
): Promise<void> {
  const { notes, ...counts } = outcome;
  await database.transaction(async (queries) => {
    await queries.rows("UPDATE imports SET notes = $2::jsonb -> 'notes' WHERE id = $1", [
      number,
      { notes },
    ]);
    await queries.rows(
      "INSERT INTO history (project, what, detail) VALUES ($1, 'imported', $2::jsonb)",
      [project, { import: number, name, ...counts }],
    );
  });
}
