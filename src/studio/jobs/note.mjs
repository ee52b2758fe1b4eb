/**
 * Loaded into the process of a job before its program (`node --import`): notes which process it is
 * and how it ends, for a studio that was not there. Plain JavaScript: it runs as it is.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMainThread } from "node:worker_threads";

const folder = process.env.ATTUNE_STUDIO_JOB;
// processes that this one begins are no jobs
delete process.env.ATTUNE_STUDIO_JOB;

function note(name, value) {
  const file = join(folder, name);
  writeFileSync(`${file}.new`, JSON.stringify(value), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** As runs/process.ts tells it. */
function started() {
  try {
    const stat = readFileSync("/proc/self/stat", "utf8");
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot}/${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
  } catch {
    return null;
  }
}

if (folder !== undefined && isMainThread) {
  note("process.json", { pid: process.pid, started: started() });
  process.on("exit", (code) => note("exit.json", { code }));
}
