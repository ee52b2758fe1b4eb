/**
 * Whether a project of a million pairs stays usable: how long the next task takes at ten thousand
 * pairs and at a million, on the same store in the same run, in turns; their ratio at the 99th
 * percentile is judged (at most 5). Ends with 1 where it is more.
 *
 *   node scripts/studio-scale.mjs [--small 10000] [--large 1000000] [--asks 1000] [--store both]
 */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createProject, getProject } from "../dist/labelling/projects.js";
import { progressOf } from "../dist/labelling/progress.js";
import { nextTasks } from "../dist/labelling/queue/claim.js";
import { judgeTask } from "../dist/labelling/queue/judge.js";
import { openStore } from "../dist/labelling/store/open.js";
import { startPostgresql } from "../dist/labelling/testing/server.js";
import { hostPerson } from "../dist/studio/handlers/session.js";

const { values: options } = parseArgs({
  options: {
    small: { type: "string", default: "10000" },
    large: { type: "string", default: "1000000" },
    asks: { type: "string", default: "1000" },
    store: { type: "string", default: "both" },
  },
});
const PEOPLE = 10;
const BATCH = 50_000;
const MOST = 5;

async function project(database, host, size) {
  const id = await createProject(database, {
    slug: `scale-${size}`,
    name: `${size} pairs`,
    kind: "compare",
    overlap: 2,
    settings: { strength: false },
    owner: host.id,
  });
  for (let from = 0; from < size; from += BATCH)
    await database.rows(
      `INSERT INTO tasks (project, content, digest, rank)
       SELECT $1, jsonb_build_object('prompt', 'question ' || n, 'answers',
           jsonb_build_array(repeat('one ' || n || ' ', 20), repeat('other ' || n || ' ', 20))),
         sha256(convert_to(n::text, 'UTF8')), n
       FROM generate_series($2::integer, $3::integer) AS n`,
      [id, from, Math.min(from + BATCH, size) - 1],
    );
  const people = [];
  for (let number = 0; number < PEOPLE; number++) {
    const person = randomUUID();
    await database.rows("INSERT INTO people (id, name) VALUES ($1, 'Person')", [person]);
    await database.rows(
      "INSERT INTO memberships (project, person, role) VALUES ($1, $2, 'annotator')",
      [id, person],
    );
    people.push({ project: id, person });
  }
  return { id, people, next: [], judge: [], progress: [], details: [] };
}

async function timed(list, work) {
  const began = performance.now();
  const outcome = await work();
  list.push(performance.now() - began);
  return outcome;
}

const quantile = (values, share) =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)];
const spread = (values) =>
  [0.5, 0.99].map((share) => Math.round(quantile(values, share) * 100) / 100);

async function scale(store) {
  const folder = mkdtempSync(join(tmpdir(), "attune-scale-"));
  const server = store === "postgresql" ? await startPostgresql() : undefined;
  try {
    const database = await openStore({ folder, databaseUrl: server?.url ?? "" });
    const host = await hostPerson(database);
    const began = performance.now();
    const sizes = [Number(options.small), Number(options.large)];
    const both = [];
    for (const size of sizes) both.push(await project(database, host, size));
    await database.rows("ANALYZE");
    const filled = Math.round((performance.now() - began) / 1000);
    for (let ask = 0; ask < Number(options.asks); ask++)
      for (const each of both) {
        const visitor = each.people[ask % PEOPLE];
        const { tasks } = await timed(each.next, () => nextTasks(database, visitor, 1));
        const given = { id: randomUUID(), assignment: tasks[0].assignment, comment: "", flag: "" };
        await timed(each.judge, () =>
          judgeTask(database, visitor, { ...given, judgement: { choice: 0 }, shownMs: 1000 }),
        );
        if (ask % 10 > 0) continue;
        await timed(each.progress, () => progressOf(database, visitor));
        await timed(each.details, () => getProject(database, each.id));
      }
    const [small, large] = both;
    const ratio = quantile(large.next, 0.99) / quantile(small.next, 0.99);
    const figures = ({ next, judge, progress, details }) => ({
      nextMs: spread(next),
      judgeMs: spread(judge),
      progressMs: spread(progress),
      projectMs: spread(details),
    });
    console.log(
      JSON.stringify({
        store,
        sizes,
        secondsToFill: filled,
        small: figures(small),
        large: figures(large),
        ratio: Math.round(ratio * 100) / 100,
      }),
    );
    if (ratio > MOST) process.exitCode = 1;
    await database.close();
  } finally {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const store of options.store === "both" ? ["pglite", "postgresql"] : [options.store])
  await scale(store);
