/**
 * Judgements that the studio's server takes, against plain inserts of the same rows into the same
 * store: what sessions, roles, checks, leases, counts and the history cost.
 */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createProject } from "../../src/labelling/projects.ts";
import type { Database } from "../../src/labelling/store/database.ts";
import { openStore } from "../../src/labelling/store/open.ts";
import { postgresqlPrograms, startPostgresql } from "../../src/labelling/testing/server.ts";
import { hostPerson } from "../../src/studio/handlers/session.ts";
import { beginSession } from "../../src/studio/http/caller.ts";
import { serveStudio } from "../../src/studio/testing.ts";
import type { Figure } from "../measure.ts";
import { disturbance, inTurns, median, ratios, rounded, seconds, spread } from "../measure.ts";

/** At once. */
const PEOPLE = 10;
/** Of each person, in a turn. */
const EACH = 40;

interface Judge {
  person: string;
  token: string;
}

async function people(database: Database, project: number): Promise<Judge[]> {
  const judges: Judge[] = [];
  for (let number = 0; number < PEOPLE; number++) {
    const person = randomUUID();
    await database.rows("INSERT INTO people (id, name) VALUES ($1, 'Person')", [person]);
    await database.rows(
      "INSERT INTO memberships (project, person, role) VALUES ($1, $2, 'annotator')",
      [project, person],
    );
    judges.push({ person, token: await beginSession(database, person) });
  }
  return judges;
}

let tasks = 0;

/** Tasks that a person holds. @returns their assignments */
async function hold(database: Database, project: number, person: string): Promise<string[]> {
  const from = tasks;
  tasks += EACH;
  const rows = await database.rows(
    `WITH fresh AS (
       INSERT INTO tasks (project, content, digest, rank, leased)
       SELECT $1, '{"prompt": "question", "answers": ["one", "other"]}',
         sha256(convert_to(n::text, 'UTF8')), n, 1
       FROM generate_series($3::integer, $4::integer) AS n RETURNING id
     )
     INSERT INTO assignments (id, project, task, person, state, sides, claimed, expires, holds)
     SELECT gen_random_uuid(), $1, id, $2, 'leased', '{0,1}', now(), now() + interval '1 day', true
     FROM fresh RETURNING id`,
    [project, person, from, tasks - 1],
  );
  return rows.map((row) => row["id"] as string);
}

const PLAIN = `INSERT INTO judgements
  (id, assignment, project, task, person, judgement, sides, shown_ms, state)
  SELECT $1, id, project, task, person, $3, sides, 1000, 'counted' FROM assignments WHERE id = $2`;

async function measure(store: "pglite" | "postgresql", rounds: number): Promise<Figure> {
  const folder = mkdtempSync(join(tmpdir(), "attune-bench-"));
  const own = store === "postgresql" ? await startPostgresql() : undefined;
  const database = await openStore({ folder, databaseUrl: own?.url ?? "" });
  const studio = await serveStudio(database);
  const host = await hostPerson(database);
  const project = (await createProject(database, {
    slug: "bench",
    name: "Bench",
    kind: "compare",
    overlap: 1,
    settings: { strength: false },
    owner: host.id,
  }))!;
  const judges = await people(database, project);
  /** Judgements a second, everybody at once, each one after the other. */
  const rate = async (one: (judge: Judge, assignment: string) => Promise<unknown>) => {
    const held: string[][] = [];
    for (const { person } of judges) held.push(await hold(database, project, person));
    const took = await seconds(() =>
      Promise.all(
        judges.map(async (judge, index) => {
          for (const assignment of held[index]!) await one(judge, assignment);
        }),
      ),
    );
    return (PEOPLE * EACH) / took;
  };
  const subject = (): Promise<number> =>
    rate(async ({ token }, assignment) => {
      const reply = await fetch(`${studio.url}/api/projects/bench/judgements`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
        body: JSON.stringify({
          id: randomUUID(),
          assignment,
          judgement: { choice: 0 },
          shownMs: 1000,
        }),
      });
      if (!reply.ok) throw new Error(`the studio answered ${reply.status}`);
      await reply.arrayBuffer();
    });
  const limit = (): Promise<number> =>
    rate((_, assignment) => database.rows(PLAIN, [randomUUID(), assignment, { choice: 0 }]));
  try {
    await subject();
    await limit();
    const turns = await inTurns({ subject, limit, rounds });
    return {
      name: `judgements-${store}`,
      title: `judgements a second at the studio's server over plain inserts, ${store}`,
      ratio: spread(ratios(turns.subject, turns.limit)),
      target: { atLeast: 0.3 },
      details: {
        "judgements/s": rounded(median(turns.subject)),
        "plain inserts/s": rounded(median(turns.limit)),
        "people at once": PEOPLE,
        "others busy": disturbance(turns),
      },
    };
  } finally {
    await studio.close();
    await database.close();
    await own?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Clients and server share a process, so what the clients cost counts against the server. */
export async function judgements(rounds: number): Promise<Figure[]> {
  const figures = [await measure("pglite", rounds)];
  if (postgresqlPrograms() !== undefined) figures.push(await measure("postgresql", rounds));
  return figures;
}
