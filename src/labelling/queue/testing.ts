/** Projects, people and tasks for tests of the queue. */
import { createHash, randomUUID } from "node:crypto";
import type { KindName } from "../kinds/index.ts";
import type { Database } from "../store/database.ts";
import { nextTasks } from "./claim.ts";
import type { NextTasks } from "./claim.ts";
import type { GivenJudgement } from "./judge.ts";
import { judgeTask } from "./judge.ts";
import type { Visitor } from "./visit.ts";

let made = 0;

export interface ProjectGiven {
  kind?: KindName;
  overlap?: number;
  settings?: object;
  tasks?: number;
  gold?: number;
}

/** A project of numbered pairs, without gold unless it is asked for. @returns its number */
export async function makeProject(
  database: Database,
  { kind = "compare", overlap = 1, settings = {}, tasks = 0, gold = 0 }: ProjectGiven = {},
): Promise<number> {
  const [row] = await database.rows(
    `INSERT INTO projects (slug, name, kind, settings, overlap) VALUES ($1, 'A', $2, $3, $4)
     RETURNING id`,
    [`p${made++}`, kind, { strength: false, ...settings }, overlap],
  );
  const project = row!["id"] as number;
  await addPairs(database, project, { tasks, gold });
  return project;
}

/** Pairs to compare: of gold questions the answer at index 0 is the better one. */
export async function addPairs(
  database: Database,
  project: number,
  { tasks, gold = 0, from = 0 }: { tasks: number; gold?: number; from?: number },
): Promise<void> {
  const rows = Array.from({ length: tasks + gold }, (_, index) => {
    const name = `${from + index}`;
    return {
      content: { prompt: `question ${name}`, answers: [`good ${name}`, `bad ${name}`] },
      hidden: { models: ["secret-model-a", "secret-model-b"] },
      gold: index >= tasks ? { choice: 0 } : null,
      digest: createHash("sha256").update(`${project} ${name}`).digest("hex"),
      rank: from + index,
    };
  });
  await database.rows(
    `INSERT INTO tasks (project, content, hidden, gold, digest, rank)
     SELECT $1, content, hidden, nullif(gold, 'null'), decode(digest, 'hex'), rank
     FROM jsonb_to_recordset($2::jsonb -> 'rows')
       AS t(content jsonb, hidden jsonb, gold jsonb, digest text, rank float8)`,
    [project, { rows }],
  );
}

/** Somebody in a project. */
export async function makeMember(
  database: Database,
  project: number,
  { outside = null, host = false }: { outside?: object | null; host?: boolean } = {},
): Promise<Visitor> {
  const person = randomUUID();
  await database.rows("INSERT INTO people (id, name, host, outside) VALUES ($1, $2, $3, $4)", [
    person,
    `Person ${made++}`,
    host,
    outside,
  ]);
  if (!host)
    await database.rows(
      "INSERT INTO memberships (project, person, role) VALUES ($1, $2, 'annotator')",
      [project, person],
    );
  return { project, person };
}

/** A judgement of a task, with an id of its own. */
export const judgementOf = (
  assignment: string,
  given: Partial<GivenJudgement> = {},
): GivenJudgement => ({
  id: randomUUID(),
  assignment,
  judgement: { choice: 0 },
  comment: "",
  flag: "",
  shownMs: 2000,
  ...given,
});

/** Asks for one task and judges it. @returns its prompt; undefined where there was none */
export async function judgeOne(
  database: Database,
  visitor: Visitor,
  given: Partial<GivenJudgement> = {},
): Promise<string | undefined> {
  const { tasks } = await nextTasks(database, visitor, 1);
  const task = tasks[0];
  if (task === undefined) return undefined;
  await judgeTask(database, visitor, judgementOf(task.assignment, given));
  return String(task.content.prompt);
}

/** Judges until there is nothing left. @returns prompts in order, and why it ended */
export async function judgeAll(
  database: Database,
  visitor: Visitor,
  given: Partial<GivenJudgement> = {},
): Promise<{ prompts: string[]; idle: NextTasks["idle"] }> {
  const prompts: string[] = [];
  for (;;) {
    const prompt = await judgeOne(database, visitor, given);
    if (prompt === undefined) break;
    prompts.push(prompt);
  }
  return { prompts, idle: (await nextTasks(database, visitor, 1)).idle };
}
