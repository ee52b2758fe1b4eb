/**
 * What the studio begins beside itself: trainings and the like, each a process of its own that
 * outlives a closed tab and a studio that ends or is killed. The store says what was begun; what
 * became of it is asked of the process. One at a time, unless told otherwise: two trainings on one
 * machine only slow each other.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";
import { AttuneError } from "../../core/errors.ts";
import { isRunning, processStart } from "../../runs/process.ts";
import { readRunInfo } from "../../runs/run-folder.ts";
import type { Database } from "../../labelling/store/database.ts";
import { select, selectOne } from "../../labelling/store/database.ts";
import type { JobKind, JobState } from "../api/jobs.ts";
import { JOB_KINDS, JOB_STATES } from "../api/jobs.ts";
import { beginProcess, logTail, notedExit, notedProcess } from "./job-process.ts";

const date = z.coerce.date();
const jobRow = z.object({
  id: z.string(),
  project: z.number().nullable(),
  kind: z.enum(JOB_KINDS),
  argv: z.array(z.string()),
  folder: z.string(),
  pid: z.number().nullable(),
  pid_started: z.string().nullable(),
  state: z.enum(JOB_STATES),
  exit_code: z.number().nullable(),
  detail: z.record(z.string(), z.unknown()),
  created: date,
  began: date.nullable(),
  stop_asked: date.nullable(),
  ended: date.nullable(),
});
type JobRow = z.output<typeof jobRow>;

export interface JobRequest {
  kind: JobKind;
  /** Number of the project that it is for. */
  project?: number;
  /** Behind the command; no shell reads it. */
  argv: readonly string[];
  /** What it makes or works on; tells how a training ended. */
  folder: string;
  /** For whoever began it: kept, and given back. */
  detail?: Readonly<Record<string, unknown>>;
}

export interface Job extends Required<Omit<JobRequest, "project">> {
  id: string;
  project: number | null;
  state: JobState;
  /** null while it is at work, and where it was killed. */
  exitCode: number | null;
  created: Date;
  began: Date | null;
  stopAsked: Date | null;
  ended: Date | null;
}

const jobOf = ({
  exit_code,
  stop_asked,
  pid: _pid,
  pid_started: _started,
  ...row
}: JobRow): Job => ({
  ...row,
  exitCode: exit_code,
  stopAsked: stop_asked,
});

/** Milliseconds. */
const LOOK_EVERY = 1_000;
const COLUMNS = Object.keys(jobRow.shape).join(", ");

/** What it takes of a studio. */
export interface JobsHome {
  readonly database: Database;
  readonly folder: string;
  readonly command: readonly string[];
  readonly warn: (id: string, message: string) => void;
}

export class Jobs {
  private readonly home: JobsHome;
  private readonly atOnce: number;
  private readonly listeners = new Set<(job: Job) => void>();
  private timer: NodeJS.Timeout | undefined;
  private work: Promise<void> = Promise.resolve();
  private closed = false;

  /** @param atOnce processes at the same time */
  constructor(home: JobsHome, { atOnce = 1 }: { atOnce?: number } = {}) {
    this.home = home;
    this.atOnce = atOnce;
  }

  /** Finds again what was at work, and goes on with what waits. */
  begin(): void {
    this.timer = setInterval(() => void this.look(), LOOK_EVERY);
    this.timer.unref();
    void this.look();
  }

  /** Puts a job behind those that wait; it begins once nothing is before it. */
  async start({ kind, project, argv, folder, detail = {} }: JobRequest): Promise<Job> {
    const id = randomUUID();
    const rows = await select(
      this.home.database,
      jobRow,
      `INSERT INTO jobs (id, project, kind, argv, folder, studio, state, detail)
       VALUES ($1, $2, $3, $4::text::jsonb, $5, $6, 'queued', $7::text::jsonb)
       RETURNING ${COLUMNS}`,
      [
        id,
        project ?? null,
        kind,
        JSON.stringify(argv),
        resolve(folder),
        this.studio,
        JSON.stringify(detail),
      ],
    );
    await this.look();
    return (await this.get(id)) ?? jobOf(rows[0]!);
  }

  /** Newest first. */
  async list({
    kind,
    project,
    limit = 100,
  }: { kind?: JobKind; project?: number; limit?: number } = {}): Promise<Job[]> {
    const rows = await select(
      this.home.database,
      jobRow,
      `SELECT ${COLUMNS} FROM jobs WHERE studio = $1
         AND ($2::text IS NULL OR kind = $2) AND ($3::bigint IS NULL OR project = $3)
       ORDER BY created DESC, id LIMIT $4`,
      [this.studio, kind ?? null, project ?? null, limit],
    );
    return rows.map(jobOf);
  }

  async get(id: string): Promise<Job | undefined> {
    const row = await this.row(id);
    return row && jobOf(row);
  }

  /** The last lines that it wrote. */
  tail(id: string): string {
    return logTail(this.folderOf(id));
  }

  /**
   * Asks a job to end: a training saves a checkpoint first. One that waits does not begin.
   * @param now ends it at once: what came after the newest checkpoint is lost
   * @throws AttuneError `usage` where it has ended, or is none
   */
  async stop(id: string, { now = false }: { now?: boolean } = {}): Promise<Job> {
    const { database } = this.home;
    if ((await this.row(id)) === undefined)
      throw new AttuneError("usage", "there is no such job", { got: id });
    await database.rows(
      `UPDATE jobs SET state = 'stopped', stop_asked = now(), ended = now()
       WHERE id = $1 AND studio = $2 AND state = 'queued'`,
      [id, this.studio],
    );
    const row = (await this.row(id))!;
    if (row.state === "running") {
      await database.rows("UPDATE jobs SET stop_asked = now() WHERE id = $1", [id]);
      const name = this.processOf(row);
      // the group is the job's own: what it began ends too
      if (name !== undefined && isRunning(name))
        process.kill(now ? -name.pid : name.pid, now ? "SIGKILL" : "SIGINT");
      await this.look();
    } else if (row.state !== "stopped")
      throw new AttuneError("usage", "the job has ended", { got: row.state });
    return (await this.get(id))!;
  }

  /** @returns what takes the listener away */
  onEnded(listener: (job: Job) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Looks at every process, one look at a time. */
  look(): Promise<void> {
    this.work = this.work
      .then(() => (this.closed ? undefined : this.lookOnce()))
      .catch((error: unknown) =>
        this.home.warn("jobs", error instanceof Error ? error.message : String(error)),
      );
    return this.work;
  }

  /** What it began goes on. */
  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.timer);
    await this.work;
  }

  private async lookOnce(): Promise<void> {
    const rows = await select(
      this.home.database,
      jobRow,
      `SELECT ${COLUMNS} FROM jobs WHERE studio = $1 AND state IN ('queued', 'running')
       ORDER BY created, id`,
      [this.studio],
    );
    let running = 0;
    for (const row of rows.filter(({ state }) => state === "running")) {
      const name = this.processOf(row);
      if (name !== undefined && isRunning(name)) running++;
      else await this.settle(row);
    }
    for (const row of rows.filter(({ state }) => state === "queued"))
      if (running < this.atOnce && (await this.launch(row))) running++;
  }

  /** @returns whether it is at work now */
  private async launch({ id, argv }: JobRow): Promise<boolean> {
    const { database, command } = this.home;
    const claimed = await database.rows(
      `UPDATE jobs SET state = 'running', began = now() WHERE id = $1 AND state = 'queued'
       RETURNING id`,
      [id],
    );
    if (claimed.length === 0) return false;
    const child = beginProcess(this.folderOf(id), command, argv);
    child.on("exit", () => void this.look());
    child.on("error", (error) => this.home.warn("jobs", `a job cannot begin: ${error.message}`));
    child.unref();
    if (child.pid === undefined) {
      await this.settle((await this.row(id))!, "failed");
      return false;
    }
    await database.rows("UPDATE jobs SET pid = $2, pid_started = $3 WHERE id = $1", [
      id,
      child.pid,
      processStart(child.pid),
    ]);
    return true;
  }

  /** Says what became of one whose process is gone. */
  private async settle(row: JobRow, state?: JobState): Promise<void> {
    const code = notedExit(this.folderOf(row.id));
    const rows = await select(
      this.home.database,
      jobRow,
      `UPDATE jobs SET state = $2, exit_code = $3, ended = now()
       WHERE id = $1 AND state = 'running' RETURNING ${COLUMNS}`,
      [row.id, state ?? endOf(row, code), code ?? null],
    );
    for (const ended of rows.map(jobOf))
      for (const listener of this.listeners) {
        try {
          listener(ended);
        } catch (error) {
          this.home.warn("jobs", error instanceof Error ? error.message : String(error));
        }
      }
  }

  private processOf({ id, pid, pid_started: started }: JobRow) {
    // a studio that was killed as it began the process does not know it
    return pid === null ? notedProcess(this.folderOf(id)) : { pid, started };
  }

  private async row(id: string): Promise<JobRow | undefined> {
    if (!z.uuid().safeParse(id).success) return undefined;
    return selectOne(
      this.home.database,
      jobRow,
      `SELECT ${COLUMNS} FROM jobs WHERE id = $1 AND studio = $2`,
      [id, this.studio],
    );
  }

  private get studio(): string {
    return `${hostname()}:${resolve(this.home.folder)}`;
  }

  private folderOf(id: string): string {
    return join(resolve(this.home.folder), "jobs", id);
  }
}

/** How a job ended. @param code its exit status; undefined where it was killed */
function endOf({ stop_asked: asked, folder }: JobRow, code: number | undefined): JobState {
  if (code === 0) return "completed";
  if (asked !== null || statusOf(folder) === "interrupted") return "stopped";
  return code === undefined ? "lost" : "failed";
}

function statusOf(folder: string): string | undefined {
  try {
    return readRunInfo(folder).status;
  } catch {
    // it made no run
    return undefined;
  }
}

interface WithJobs {
  readonly jobs: Jobs;
}

export const startJob = ({ jobs }: WithJobs, request: JobRequest): Promise<Job> =>
  jobs.start(request);
export const listJobs = (
  { jobs }: WithJobs,
  which: Parameters<Jobs["list"]>[0] = {},
): Promise<Job[]> => jobs.list(which);
export const stopJob = (
  { jobs }: WithJobs,
  id: string,
  how: { now?: boolean } = {},
): Promise<Job> => jobs.stop(id, how);
/** @returns what takes the listener away */
export const onJobEnded = ({ jobs }: WithJobs, listener: (job: Job) => void): (() => void) =>
  jobs.onEnded(listener);
