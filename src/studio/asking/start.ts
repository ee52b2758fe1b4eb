/** Writes labels and open tasks to files, and begins `attune ask` with them as a job. */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { AttuneError } from "../../core/errors.ts";
import { formatNamed, writeRecord } from "../../data/formats/index.ts";
import { askConfig } from "../../labelling/asking/ask.config.ts";
import { WHOLE, exportRecords } from "../../labelling/exchange/export-rows.ts";
import type { ExportProject } from "../../labelling/exchange/export-rows.ts";
import type { TextOrTurns } from "../../labelling/kinds/kind.ts";
import { contentSchema } from "../../labelling/kinds/kind.ts";
import type { Database } from "../../labelling/store/database.ts";
import { select } from "../../labelling/store/database.ts";
import { writeFileAtomic } from "../../runs/files.ts";
import type { Job } from "../jobs/jobs.ts";
import { commandArgv } from "../jobs/training-argv.ts";
import type { Studio } from "../studio.ts";

/** Fewer labels teach nothing that could sort a queue. */
const LEAST = 10;

/** @throws AttuneError `data` where there is too little to learn from, or nothing to sort */
export async function startAsking(
  studio: Studio,
  project: ExportProject,
  { model, options }: { model: string; options: Readonly<Record<string, unknown>> },
): Promise<Job> {
  if (project.kind !== "compare")
    throw new AttuneError("usage", "only comparisons of two answers are sorted by a reward model", {
      got: `a project to ${project.kind}`,
    });
  const folder = join(resolve(studio.folder), "asking", randomUUID());
  const files = { labels: join(folder, "labels.jsonl"), pool: join(folder, "pool.jsonl") };
  const out = freeRun(studio.runs, project.slug);
  const argv = commandArgv("ask", askConfig, { options: { ...options, model, ...files }, out });
  const labels = await labelLines(studio.database, project);
  if (labels.length < LEAST)
    throw new AttuneError("data", "there are too few labels to learn from", {
      got: String(labels.length),
      expected: `${LEAST} at least`,
      hint: "judge some more",
    });
  const pool = await poolLines(studio.database, project.id);
  if (pool.length === 0)
    throw new AttuneError("data", "there is no open task to sort", {
      hint: "bring in more, or raise the overlap",
    });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileAtomic(files.labels, labels.join(""));
  writeFileAtomic(files.pool, pool.join(""));
  const detail = { labels: labels.length, pool: pool.length };
  return studio.jobs.start({ kind: "ask", project: project.id, argv, folder: out, detail });
}

function freeRun(runs: string, slug: string): string {
  for (let number = 1; ; number++) {
    const folder = join(resolve(runs), `ask-${slug}-${number}`);
    if (!existsSync(folder)) return folder;
  }
}

async function labelLines(database: Database, project: ExportProject): Promise<string[]> {
  const lines: string[] = [];
  const attune = formatNamed("attune");
  for await (const record of exportRecords(database, project, WHOLE, new Map())) {
    const written = writeRecord(record, attune);
    if ("row" in written) lines.push(`${JSON.stringify(written.row)}\n`);
  }
  return lines;
}

const openRow = z.object({ id: z.number(), content: contentSchema });

/** Open tasks that nobody knows the answer to; answers that are equal or empty tell nothing. */
async function poolLines(database: Database, project: number): Promise<string[]> {
  const rows = await select(
    database,
    openRow,
    `SELECT id, content FROM tasks WHERE project = $1 AND state = 'open' AND gold IS NULL
     ORDER BY rank, id`,
    [project],
  );
  return rows.flatMap(({ id, content: { prompt, answers } }) => {
    const [chosen, rejected] = answers.map(JSON.stringify as (each: TextOrTurns) => string);
    const empty = answers.some((each) => typeof each === "string" && each.trim() === "");
    if (chosen === rejected || empty) return [];
    const plain = [prompt, ...answers].every((each) => typeof each === "string");
    const turns = (each: TextOrTurns, role: string) =>
      plain || typeof each !== "string" ? each : [{ role, content: each }];
    const row = {
      prompt: turns(prompt, "user"),
      chosen: turns(answers[0]!, "assistant"),
      rejected: turns(answers[1]!, "assistant"),
      extra: { task: id },
    };
    return [`${JSON.stringify(row)}\n`];
  });
}
