/** A process that is told from a later one with the same number. */
import { readFileSync } from "node:fs";

export interface ProcessName {
  pid: number;
  /** When it started, as the system counts it; null where the system does not tell. */
  started: string | null;
}

/**
 * Start time of a process in clock ticks since boot, with the boot's id (Linux); `ended` for a
 * zombie; null elsewhere.
 */
export function processStart(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z") return "ended";
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot}/${fields[19]}`;
  } catch {
    return null;
  }
}

/** Whether it is there still, on this machine. */
export function isRunning({ pid, started }: ProcessName): boolean {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives and belongs to somebody else
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const now = processStart(pid);
  return started === null || now === null || started === now;
}
