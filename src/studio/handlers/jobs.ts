/** What the studio begins beside itself: asked for, told, and stopped. */
import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { ApiError } from "../../server/api-error.ts";
import { isLocked } from "../../runs/lock.ts";
import { readRunInfo } from "../../runs/run-folder.ts";
import type { JobAnswer } from "../api/jobs.ts";
import { listJobs, listTrainers, resumeRun, startTraining, stopJob } from "../api/jobs.ts";
import { TRAINERS } from "../../training/trainers.ts";
import { handle } from "../http/handler.ts";
import type { Job } from "../jobs/jobs.ts";
import { trainingArgv } from "../jobs/training-argv.ts";
import { runFolder, runName } from "../runs/run-path.ts";
import type { Studio } from "../studio.ts";

const told = (date: Date | null): string | null => date?.toISOString() ?? null;

export function jobAnswer(studio: Studio, job: Job): JobAnswer {
  const { id, kind, state, argv, folder, exitCode } = job;
  return {
    id,
    kind,
    state,
    argv: [...argv],
    run: runName(studio.runs, folder),
    exitCode,
    created: job.created.toISOString(),
    began: told(job.began),
    stopAsked: told(job.stopAsked),
    ended: told(job.ended),
    tail: studio.jobs.tail(id),
  };
}

/** Folders that jobs will make or are at work on. */
async function taken(studio: Studio): Promise<Set<string>> {
  const jobs = await studio.jobs.list({ limit: 500 });
  return new Set(
    jobs
      .filter(({ state }) => state === "queued" || state === "running")
      .map(({ folder }) => folder),
  );
}

const clash = (message: string): ApiError => new ApiError(409, message, { code: "busy" });

/** @throws ApiError 409 where the name is taken */
async function newFolder(studio: Studio, trainer: string, name: string): Promise<string> {
  const root = resolve(studio.runs);
  const busy = await taken(studio);
  const isFree = (folder: string): boolean => !existsSync(folder) && !busy.has(folder);
  if (name !== "") {
    const folder = join(root, name);
    if (!isFree(folder)) throw clash(`there is a run called ${name}: give another name`);
    return folder;
  }
  for (let number = 1; ; number++) {
    const folder = join(root, `${basename(trainer)}-${number}`);
    if (isFree(folder)) return folder;
  }
}

export const jobHandlers = [
  handle(listTrainers, () =>
    Promise.resolve(
      Object.entries(TRAINERS).map(([name, { title, summary, learnsFrom }]) => ({
        name,
        title,
        summary,
        learnsFrom,
      })),
    ),
  ),
  handle(listJobs, async ({ query }, { studio }) =>
    (await studio.jobs.list(query)).map((job) => jobAnswer(studio, job)),
  ),
  handle(startTraining, async ({ body: { trainer, options, name } }, { studio }) => {
    const folder = await newFolder(studio, trainer, name);
    const argv = trainingArgv(trainer, options, folder);
    return jobAnswer(studio, await studio.jobs.start({ kind: "train", argv, folder }));
  }),
  handle(resumeRun, async ({ body: { run, acceptChanges } }, { studio }) => {
    const folder = runFolder(studio.runs, run);
    if (readRunInfo(folder).status === "completed")
      throw clash("this run has finished: a new one can begin from its model");
    if (isLocked(folder)) throw clash("this run is at work already");
    if ((await taken(studio)).has(folder)) throw clash("this run will go on already");
    const argv = ["resume", ...(acceptChanges ? ["--accept-changes"] : []), "--", folder];
    return jobAnswer(studio, await studio.jobs.start({ kind: "resume", argv, folder }));
  }),
  handle(stopJob, async ({ params, body }, { studio }) =>
    jobAnswer(studio, await studio.jobs.stop(params.job, body)),
  ),
];
