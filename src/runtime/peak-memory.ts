/**
 * Peak resident memory of this process. On Linux `maxRSS` of a new process starts at what its
 * parent held (exec folds the old high-water mark into it), so the kernel's own mark of the new
 * address space is read instead: VmHWM, proc_pid_status(5).
 */
import { readFileSync } from "node:fs";

/** Largest resident memory of this process so far, bytes. */
export function peakMemory(): number {
  return (
    (process.platform === "linux" ? highWaterMark(readStatus()) : undefined) ??
    process.resourceUsage().maxRSS * 1024
  );
}

/** VmHWM in the text of /proc/PID/status, bytes; undefined where it does not stand there. */
export function highWaterMark(status: string): number | undefined {
  const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

function readStatus(): string {
  try {
    return readFileSync("/proc/self/status", "utf8");
  } catch {
    return "";
  }
}
