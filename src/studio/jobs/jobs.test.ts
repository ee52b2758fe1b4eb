import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStore } from "../../labelling/store/open.ts";
import type { Database } from "../../labelling/store/database.ts";
import { isRunning } from "../../runs/process.ts";
import type { Job } from "./jobs.ts";
import { Jobs } from "./jobs.ts";
import { notedProcess } from "./job-process.ts";

/** Does what its argument says, and says it. */
const PROGRAM = `
const [what] = process.argv.slice(2);
console.log("begins: " + what);
if (what === "fail") { console.error("\\u001b[31mno such file\\u001b[0m"); process.exitCode = 2; }
else if (what !== "end") {
  const timer = setInterval(() => {}, 1000);
  if (what === "wait")
    process.on("SIGINT", () => { console.log("saved"); process.exitCode = 1; clearInterval(timer); });
  console.log("ready");
}
`;

let folder: string;
let database: Database;
const warnings: string[] = [];

const open = (atOnce?: number): Jobs =>
  new Jobs(
    {
      database,
      folder: join(folder, "studio"),
      command: [process.execPath, join(folder, "program.cjs")],
      warn: (_, message) => void warnings.push(message),
    },
    atOnce === undefined ? {} : { atOnce },
  );

const start = (jobs: Jobs, what: string): Promise<Job> =>
  jobs.start({ kind: "train", argv: [what], folder: join(folder, "runs", what) });

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(20);
  }
}

const ended = (jobs: Jobs, id: string): Promise<Job> =>
  until(async () => {
    await jobs.look();
    const job = (await jobs.get(id))!;
    return job.ended === null ? undefined : job;
  });

const ready = (jobs: Jobs, id: string): Promise<true> =>
  until(async () => (jobs.tail(id).includes("ready") ? true : undefined));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "attune-jobs-"));
  writeFileSync(join(folder, "program.cjs"), PROGRAM);
  database = await openStore({ folder, databaseUrl: "" });
});

afterAll(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("a job", () => {
  test("runs, and its end, status and last lines are told", async () => {
    const jobs = open();
    const told: Job[] = [];
    const off = jobs.onEnded((job) => told.push(job));
    const [done, failed] = [await start(jobs, "end"), await start(jobs, "fail")];
    expect(await ended(jobs, done.id)).toMatchObject({ state: "completed", exitCode: 0 });
    expect(await ended(jobs, failed.id)).toMatchObject({ state: "failed", exitCode: 2 });
    expect(jobs.tail(failed.id)).toBe("begins: fail\nno such file");
    expect(told.map(({ id, state }) => [id, state])).toEqual([
      [done.id, "completed"],
      [failed.id, "failed"],
    ]);
    off();
    await jobs.close();
  });

  test("waits for the one before it, and does not begin where it is stopped", async () => {
    const jobs = open();
    const [first, second, third] = [
      await start(jobs, "wait"),
      await start(jobs, "wait"),
      await start(jobs, "end"),
    ];
    expect([first.state, second.state, third.state]).toEqual(["running", "queued", "queued"]);
    expect((await jobs.stop(second.id)).state).toBe("stopped");
    await ready(jobs, first.id);
    await jobs.stop(first.id);
    expect((await ended(jobs, first.id)).state).toBe("stopped");
    expect((await ended(jobs, third.id)).state).toBe("completed");
    expect(jobs.tail(second.id)).toBe("");
    await jobs.close();
  });

  test("is asked to end, and is stopped at once where it does not", async () => {
    const jobs = open();
    const asked = await start(jobs, "wait");
    await ready(jobs, asked.id);
    await jobs.stop(asked.id);
    expect(await ended(jobs, asked.id)).toMatchObject({ state: "stopped", exitCode: 1 });
    expect(jobs.tail(asked.id)).toContain("saved");
    const killed = await start(jobs, "wait");
    await ready(jobs, killed.id);
    await jobs.stop(killed.id, { now: true });
    expect(await ended(jobs, killed.id)).toMatchObject({ state: "stopped", exitCode: null });
    await expect(jobs.stop(killed.id)).resolves.toMatchObject({ state: "stopped" });
    await expect(jobs.stop("no-uuid")).rejects.toThrow("there is no such job");
    await jobs.close();
  });

  test("that is killed from outside is lost", async () => {
    const jobs = open();
    const job = await start(jobs, "wait");
    await ready(jobs, job.id);
    process.kill(notedProcess(join(folder, "studio", "jobs", job.id))!.pid, "SIGKILL");
    expect(await ended(jobs, job.id)).toMatchObject({ state: "lost", exitCode: null });
    await jobs.close();
  });

  test("whose program is not there has failed", async () => {
    const jobs = new Jobs({
      database,
      folder: join(folder, "other"),
      command: [join(folder, "nothing")],
      warn: (_, message) => void warnings.push(message),
    });
    const job = await start(jobs, "end");
    expect(await ended(jobs, job.id)).toMatchObject({ state: "failed" });
    await until(async () => warnings.find((warning) => warning.includes("ENOENT")));
    await jobs.close();
  });

  test("outlives its studio, which finds it again, also where it had not noted the process", async () => {
    const first = open();
    const job = await start(first, "wait");
    await ready(first, job.id);
    await first.close();
    const name = notedProcess(join(folder, "studio", "jobs", job.id))!;
    expect(isRunning(name)).toBe(true);
    await database.rows("UPDATE jobs SET pid = NULL, pid_started = NULL WHERE id = $1", [job.id]);
    const second = open();
    await second.look();
    expect((await second.get(job.id))!.state).toBe("running");
    await second.stop(job.id);
    expect(await ended(second, job.id)).toMatchObject({ state: "stopped", exitCode: 1 });
    await second.close();
  });

  test("whose number another process has is not taken for it", async () => {
    const jobs = open();
    const job = await start(jobs, "wait");
    await ready(jobs, job.id);
    const name = notedProcess(join(folder, "studio", "jobs", job.id))!;
    await jobs.close();
    process.kill(name.pid, "SIGKILL");
    const other = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    try {
      await database.rows("UPDATE jobs SET pid = $2 WHERE id = $1", [job.id, other.pid!]);
      const later = open();
      await later.look();
      expect((await later.get(job.id))!.state).toBe(name.started === null ? "running" : "lost");
      await expect(later.stop(job.id)).rejects.toThrow("the job has ended");
      expect(other.exitCode).toBe(null);
      await later.close();
    } finally {
      other.kill("SIGKILL");
    }
  });

  test("ends while no studio is there, and its status is known", async () => {
    const first = open();
    const job = await start(first, "wait");
    await ready(first, job.id);
    await first.close();
    const own = join(folder, "studio", "jobs", job.id);
    process.kill(notedProcess(own)!.pid, "SIGINT");
    await until(async () => (existsSync(join(own, "exit.json")) ? true : undefined));
    await until(async () => (isRunning(notedProcess(own)!) ? undefined : true));
    const second = open();
    const told: Job[] = [];
    second.onEnded((each) => told.push(each));
    await second.look();
    expect(told).toMatchObject([{ id: job.id, state: "failed", exitCode: 1 }]);
    await second.close();
  });

  test("keeps what whoever began it wants to know again", async () => {
    const jobs = open(2);
    const { id } = await jobs.start({
      kind: "sample",
      argv: ["end"],
      folder,
      detail: { round: 3 },
    });
    expect(await ended(jobs, id)).toMatchObject({ kind: "sample", detail: { round: 3 } });
    expect((await jobs.list({ kind: "sample" })).map((each) => each.id)).toEqual([id]);
    await jobs.close();
  });

  test("has a log that is its user's alone", async () => {
    const jobs = open();
    const { id } = await start(jobs, "end");
    await ended(jobs, id);
    const log = join(folder, "studio", "jobs", id, "log.txt");
    expect(readFileSync(log, "utf8")).toBe("begins: end\n");
    await jobs.close();
  });
});
