/** What is answered of runs. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { z } from "zod";
import { parseJson } from "../../core/json.ts";
import { ApiError } from "../../server/api-error.ts";
import type { JobAnswer } from "../api/jobs.ts";
import type { LiveEvent, RunEntry } from "../api/runs.ts";
import {
  compareRuns,
  getCurves,
  getRun,
  getSamples,
  listRuns,
  openReport,
  watchRuns,
  watchSchema,
} from "../api/runs.ts";
import type { CallContext, ServerEvent } from "../http/handler.ts";
import { handle } from "../http/handler.ts";
import type { Followed } from "../runs/live.ts";
import { goOn, idOf, missing } from "../runs/live.ts";
import { overviewOf } from "../runs/overview.ts";
import { detailsOf, differencesOf, reportsIn } from "../runs/run-details.ts";
import type { RunIndex } from "../runs/run-index.ts";
import { cursorOf, cursorText, readCursor } from "../runs/run-index.ts";
import { runFile } from "../runs/run-path.ts";
import { curveOf } from "../runs/series.ts";
import { jobAnswer } from "./jobs.ts";

const AXES = {
  step: () => (step: number) => step,
  tokens: (index: RunIndex) => (step: number) => index.timeAt(step).tokens,
  time: (index: RunIndex) => (step: number) => index.timeAt(step).seconds,
} as const;

const malformed = (what: string): ApiError =>
  new ApiError(400, `${what} is not as it should be`, { code: "invalid_request" });

function jsonOf<Schema extends z.ZodType>(text: string, schema: Schema, what: string) {
  try {
    return schema.parse(parseJson(text));
  } catch {
    throw malformed(what);
  }
}

/** A page of untrusted text: no script, nothing from elsewhere, an origin of its own. */
export const REPORT_POLICY = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
  "sandbox",
].join("; ");
/** Bytes of a page that is shown. */
const LARGEST_REPORT = 64 << 20;

export const runHandlers = [
  handle(listRuns, async (_, { studio: { watch } }) => ({
    folder: watch.root,
    ...(await overviewOf(watch)),
  })),
  handle(getRun, async ({ params }, { studio: { watch } }) => {
    const index = await watch.open(params.run);
    const { folders } = await watch.find();
    const reports = folders
      .filter(({ name }) => name === params.run || params.run.startsWith(`${name}/`))
      .flatMap(({ name, reports }) => reportsIn(watch.root, name, reports));
    return detailsOf(params.run, index, reports);
  }),
  handle(getCurves, async ({ params, query }, { studio: { watch } }) => {
    const index = await watch.open(params.run);
    const { series } = index;
    const { width, from, to } = query;
    const names = query.metrics?.split(",") ?? [...series.metrics.keys()];
    const place = AXES[query.axis](index);
    return {
      curves: names.flatMap((name) => {
        const metric = series.metrics.get(name);
        const part = {
          ...(from === undefined ? {} : { from }),
          ...(to === undefined ? {} : { to }),
        };
        return metric === undefined
          ? []
          : [{ name, ...curveOf(series, metric, { width, place, ...part }) }];
      }),
      cursor: cursorText(cursorOf(index)),
    };
  }),
  handle(getSamples, async ({ params, query }, { studio: { watch } }) =>
    (await watch.open(params.run)).samplesAt(query.step),
  ),
  handle(compareRuns, async ({ query }, { studio: { watch } }) => {
    const runs = jsonOf(query.runs, z.array(z.string()).min(1).max(20), "the list of runs");
    const indices: RunIndex[] = [];
    for (const run of runs) indices.push(await watch.open(run));
    return { runs, ...differencesOf(indices) };
  }),
  handle(watchRuns, (request, context) => live(request.query, context)),
  handle(openReport, async ({ query: { path } }, { studio: { watch } }) => {
    if (!/\.html?$/i.test(path))
      throw new ApiError(404, "there is no such file", { code: "unknown_run" });
    const bytes = readFileSync(runFile(watch.root, path));
    if (bytes.length > LARGEST_REPORT)
      throw new ApiError(413, "the page is too large to be shown here", { code: "too_large" });
    return {
      name: basename(path),
      type: "text/html; charset=utf-8",
      body: bytes,
      inline: { contentSecurityPolicy: REPORT_POLICY },
    };
  }),
];

async function* live(
  query: { watch: string; list: "yes" | "no" },
  { studio, signal, lastEventId }: CallContext,
): AsyncGenerator<ServerEvent<LiveEvent>> {
  const { watch } = studio;
  const asked = jsonOf(query.watch, watchSchema, "watch");
  const later = laterCursors(lastEventId);
  const followed: Followed[] = [];
  const stale: LiveEvent[] = [];
  for (const { run, cursor } of asked) {
    const index = await watch.open(run);
    const given = readCursor(later[run] ?? cursor);
    const found = given && (await goOn(index, given));
    followed.push({ run, index, cursor: found ?? cursorOf(index) });
    if (found === undefined) stale.push({ type: "again", run });
  }
  const list = query.list === "yes";
  const viewer = watch.view(
    followed.map(({ index }) => index),
    { list },
  );
  const shown = new Shown();
  try {
    for (const data of stale) yield { id: idOf(followed), data };
    while (!signal.aborted) {
      for (const each of followed)
        for (const data of missing(each)) yield { id: idOf(followed), data };
      if (list) {
        const jobs = (await studio.jobs.list({ limit: 50 })).map((job) => jobAnswer(studio, job));
        const data = shown.changes((await overviewOf(watch)).runs, jobs);
        if (data !== undefined) yield { id: idOf(followed), data };
      }
      await viewer.next(signal);
    }
  } finally {
    viewer.close();
  }
}

function laterCursors(header: string | undefined): Readonly<Record<string, string | undefined>> {
  if (header === undefined || header === "") return {};
  try {
    return z.record(z.string(), z.string()).parse(parseJson(decodeURIComponent(header)));
  } catch {
    throw malformed("Last-Event-ID");
  }
}

/** What a browser has of the list. */
class Shown {
  private runs = new Map<string, string>();
  private jobs = new Map<string, string>();
  private begun = false;

  /** @returns what is not as it was; undefined where everything is */
  changes(runs: readonly RunEntry[], jobs: readonly JobAnswer[]): LiveEvent | undefined {
    const [before, jobsBefore] = [this.runs, this.jobs];
    this.runs = new Map(runs.map((run) => [run.name, JSON.stringify(run)]));
    this.jobs = new Map(jobs.map((job) => [job.id, JSON.stringify(job)]));
    const data: LiveEvent = {
      type: "list",
      runs: runs.filter(({ name }) => before.get(name) !== this.runs.get(name)),
      gone: [...before.keys()].filter((name) => !this.runs.has(name)),
      jobs: jobs.filter(({ id }) => jobsBefore.get(id) !== this.jobs.get(id)),
    };
    const nothing = data.runs.length + data.gone.length + data.jobs.length === 0;
    if (nothing && this.begun) return undefined;
    this.begun = true;
    return data;
  }
}
