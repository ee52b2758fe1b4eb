/** The process of a job: begun so that it outlives the studio, and found again by what it noted. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync } from "node:fs";
import { fstatSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { parseJson } from "../../core/json.ts";
import { FILE_MODE } from "../../runs/files.ts";
import type { ProcessName } from "../../runs/process.ts";

/** What a job's process runs first. */
const NOTE = new URL("note.mjs", import.meta.url).href;

const logOf = (folder: string): string => join(folder, "log.txt");

/**
 * @param folder of the job: its log, and what the process notes of itself
 * @param command program and its first arguments; no shell reads them
 */
export function beginProcess(
  folder: string,
  [program, ...rest]: readonly string[],
  argv: readonly string[],
): ChildProcess {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const log = openSync(logOf(folder), "a", FILE_MODE.private);
  try {
    return spawn(program!, ["--import", NOTE, ...rest, ...argv], {
      // a session of its own: neither Ctrl-C in the studio's terminal nor its end reach it
      detached: true,
      stdio: ["ignore", log, log],
      env: { ...process.env, ATTUNE_STUDIO_JOB: folder, NO_COLOR: "1" },
    });
  } finally {
    closeSync(log);
  }
}

const processSchema = z.object({ pid: z.int().positive(), started: z.string().nullable() });
const exitSchema = z.object({ code: z.int() });

function noted<Schema extends z.ZodType>(
  file: string,
  schema: Schema,
): z.output<Schema> | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return schema.safeParse(parseJson(readFileSync(file, "utf8"))).data;
  } catch {
    return undefined;
  }
}

/** Which process it is, as it noted itself; undefined where it never began. */
export const notedProcess = (folder: string): ProcessName | undefined =>
  noted(join(folder, "process.json"), processSchema);

/** Its exit status; undefined where it was killed, or is at work. */
export const notedExit = (folder: string): number | undefined =>
  noted(join(folder, "exit.json"), exitSchema)?.code;

/** Bytes at the end of a log that are looked at, and lines that are told. */
const [TAIL_BYTES, TAIL_LINES] = [8_192, 30];
/** Escape sequences and other controls, but line feeds and tabs. */
// oxlint-disable-next-line no-control-regex
const CONTROLS = /\u001b\[[0-9;?]*[A-Za-z]|[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** The last lines of a job's log; '' where there is none. */
export function logTail(folder: string): string {
  const file = logOf(folder);
  if (!existsSync(file)) return "";
  const handle = openSync(file, "r");
  try {
    const { size } = fstatSync(handle);
    const start = Math.max(0, size - TAIL_BYTES);
    const buffer = Buffer.alloc(size - start);
    readSync(handle, buffer, 0, buffer.length, start);
    const lines = buffer.toString("utf8").replaceAll(CONTROLS, "").trimEnd().split("\n");
    // the first may be the rest of one
    return lines
      .slice(start === 0 ? 0 : 1)
      .slice(-TAIL_LINES)
      .join("\n");
  } finally {
    closeSync(handle);
  }
}
