/**
 * Judgements that a file brings: each is kept under the name of the tool that it comes from, by a
 * person without a session. People are the same where tool, source and name are.
 */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { Queries } from "../store/database.ts";
import { select } from "../store/database.ts";

export interface ImportedJudgement {
  readonly task: number;
  /** Name of the annotator, as in the file. */
  readonly annotator: string;
  /** Data set that he is known from; names mean different people in different ones. */
  readonly source: string;
  /** Answers by their indices in the store. */
  readonly judgement: unknown;
  /** Empty where nobody knows. */
  readonly sides: readonly number[];
  readonly comment: string;
  /** Name of the tool or format. */
  readonly origin: string;
}

export interface KeptJudgements {
  kept: number;
  /** Of a person who has judged the task already. */
  known: number;
}

/** Annotators of files, by what they are known by. */
export class ImportedPeople {
  private readonly ids = new Map<string, string>();
  private readonly project: number;

  constructor(project: number) {
    this.project = project;
  }

  get count(): number {
    return this.ids.size;
  }

  id({ annotator, source, origin }: ImportedJudgement): string {
    return this.ids.get(keyOf(this.project, { annotator, source, origin }))!;
  }

  /** Makes those that are new, with their membership. */
  async add(queries: Queries, judgements: readonly ImportedJudgement[]): Promise<void> {
    const fresh = new Map<string, ImportedJudgement>();
    for (const each of judgements) {
      const key = keyOf(this.project, each);
      if (!this.ids.has(key)) fresh.set(key, each);
    }
    if (fresh.size === 0) return;
    const people = [...fresh.values()].map((each) => ({
      id: randomUUID(),
      name: each.annotator,
      outside: outsideOf(this.project, each),
    }));
    const rows = await select(
      queries,
      z.object({ id: z.string(), study: z.string(), participant: z.string() }),
      `WITH given AS (
         SELECT * FROM jsonb_to_recordset($1::jsonb -> 'people')
           AS t(id uuid, name text, outside jsonb)
       ), fresh AS (
         INSERT INTO people (id, name, outside) SELECT id, name, outside FROM given
         ON CONFLICT DO NOTHING RETURNING id, outside
       )
       SELECT id, outside ->> 'study' AS study, outside ->> 'participant' AS participant FROM fresh
       UNION ALL
       SELECT p.id, p.outside ->> 'study', p.outside ->> 'participant'
       FROM people p JOIN given ON p.outside ->> 'platform' = given.outside ->> 'platform'
         AND p.outside ->> 'participant' = given.outside ->> 'participant'
         AND p.outside ->> 'study' = given.outside ->> 'study'
       WHERE p.outside IS NOT NULL`,
      [{ people }],
    );
    for (const { id, study, participant } of rows) this.ids.set(`${study}\n${participant}`, id);
    await queries.rows(
      `INSERT INTO memberships (project, person, role)
       SELECT $1, person::uuid, 'annotator' FROM jsonb_array_elements_text($2::jsonb -> 'people')
         AS t(person)
       ON CONFLICT DO NOTHING`,
      [this.project, { people: rows.map(({ id }) => id) }],
    );
  }
}

type Known = Pick<ImportedJudgement, "annotator" | "source" | "origin">;
const outsideOf = (project: number, { annotator, source, origin }: Known) => ({
  platform: "import",
  study: `${project}/${origin}/${source}`,
  participant: annotator,
});
const keyOf = (project: number, known: Known): string => {
  const { study, participant } = outsideOf(project, known);
  return `${study}\n${participant}`;
};

const insertedRow = z.object({ id: z.string() });

/** Within a transaction: all of a batch, or none of it. */
export async function keepJudgements(
  queries: Queries,
  people: ImportedPeople,
  { project, judgements }: { project: number; judgements: readonly ImportedJudgement[] },
): Promise<KeptJudgements> {
  if (judgements.length === 0) return { kept: 0, known: 0 };
  await people.add(queries, judgements);
  const rows = judgements.map((each) => ({
    assignment: randomUUID(),
    id: randomUUID(),
    task: each.task,
    person: people.id(each),
    judgement: each.judgement,
    sides: each.sides,
    comment: each.comment,
    origin: each.origin,
  }));
  // in order, as everybody takes them
  await queries.rows(
    `SELECT id FROM tasks WHERE id IN
       (SELECT (t ->> 'task')::bigint FROM jsonb_array_elements($1::jsonb -> 'rows') AS t)
     ORDER BY id FOR NO KEY UPDATE`,
    [{ rows }],
  );
  const kept = await select(queries, insertedRow, KEEP, [project, { rows }]);
  return { kept: kept.length, known: judgements.length - kept.length };
}

const KEEP = `
  WITH given AS (
    SELECT * FROM jsonb_to_recordset($2::jsonb -> 'rows')
      AS t(assignment uuid, id uuid, task bigint, person uuid, judgement jsonb, sides jsonb,
        comment text, origin text)
  ), places AS (
    SELECT given.*,
      ARRAY(SELECT e::smallint FROM jsonb_array_elements_text(given.sides) AS e) AS places
    FROM given
  ), claimed AS (
    INSERT INTO assignments (id, project, task, person, state, sides, claimed, expires, ended)
    SELECT assignment, $1, task, person, 'judged', places, now(), now(), now() FROM places
    ON CONFLICT (task, person) DO NOTHING RETURNING id
  ), judged AS (
    INSERT INTO judgements
      (id, assignment, project, task, person, judgement, sides, comment, shown_ms, state, origin)
    SELECT p.id, p.assignment, $1, p.task, p.person, p.judgement, p.places, p.comment, 0,
      'counted', p.origin
    FROM places p JOIN claimed ON claimed.id = p.assignment
    RETURNING id, task, person, origin
  ), counts AS (
    SELECT task, count(*)::integer AS number FROM judged GROUP BY task
  ), counted AS (
    UPDATE tasks SET judged = tasks.judged + counts.number,
      state = CASE WHEN tasks.state = 'open' AND tasks.gold IS NULL
          AND tasks.judged + counts.number >= projects.overlap THEN 'full'
        ELSE tasks.state END
    FROM counts, projects WHERE tasks.id = counts.task AND projects.id = $1
  ), told AS (
    INSERT INTO history (project, person, what, task, detail)
    SELECT $1, person, 'judged', task, jsonb_build_object('judgement', id, 'origin', origin)
    FROM judged
  )
  SELECT id FROM judged`;
