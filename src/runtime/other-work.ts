/**
 * How busy other processes keep the processors, so that a measured time can be told from a
 * disturbed one.
 */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";

/** Busy time of all processors since the machine started, seconds. */
function busySeconds(): number {
  try {
    // hundredths of a second, and the time that a hypervisor gave to others (proc_stat(5))
    const [, user, nice, system, , , irq, softirq, steal] = readFileSync("/proc/stat", "utf8")
      .split("\n", 1)[0]!
      .split(/\s+/)
      .map(Number);
    return (user! + nice! + system! + irq! + softirq! + steal!) / 100;
  } catch {
    return (
      cpus().reduce(
        (total, { times }) => total + times.user + times.nice + times.sys + times.irq,
        0,
      ) / 1000
    );
  }
}

/**
 * Starts watching; the function that it gives tells which share of all processors other processes
 * used since, 0 to 1.
 */
export function watchOthers(): () => number {
  const [busy, own, began] = [busySeconds(), process.cpuUsage(), performance.now()];
  return () => {
    const { user, system } = process.cpuUsage(own);
    const elapsed = (performance.now() - began) / 1000;
    return Math.max(
      0,
      Math.min(
        1,
        (busySeconds() - busy - (user + system) / 1e6) / (elapsed * availableParallelism()),
      ),
    );
  };
}
