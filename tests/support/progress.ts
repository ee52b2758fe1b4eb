/**
 * Waiting for what another process does, for as long as that takes: a wait fails where the process
 * has ended, or where nothing at all has moved for minutes, neither its processor time nor what it
 * says. A loaded machine makes every wait longer and no test red.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Milliseconds in which a process under any load gets some processor time. */
const STILL = 300_000;
/** Milliseconds between two looks. */
const LOOK = 3;

export interface Ended {
  /** Exit status, or the name of the signal that ended it. */
  status: string;
  /** What it said on the streams that are piped. */
  said: string;
}

export class Watched {
  readonly child: ChildProcess;
  /** What it has said so far, on the streams that are piped. */
  said = "";
  private readonly closed: Promise<unknown[]>;
  private isClosed = false;

  constructor(child: ChildProcess) {
    this.child = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk: Buffer) => (this.said += chunk.toString()));
    this.closed = once(child, "close");
    void this.closed.then(() => (this.isClosed = true));
  }

  /** @returns whether it holds; false where the process has ended before */
  async until(holds: () => boolean): Promise<boolean> {
    let [moved, seen] = ["", Date.now()];
    for (;;) {
      if (holds()) return true;
      if (this.isClosed) return holds();
      const now = `${processorTime(this.child.pid)} ${this.said.length}`;
      if (now !== moved) [moved, seen] = [now, Date.now()];
      if (Date.now() - seen > STILL) {
        this.child.kill("SIGKILL");
        throw new Error(`the process stands still; it said:\n${this.said}`);
      }
      await sleep(LOOK);
    }
  }

  /** Its end, however long that takes. */
  async end(): Promise<Ended> {
    await this.until(() => this.isClosed);
    const [status, signal] = (await this.closed) as [number | null, string | null];
    return { status: String(status ?? signal), said: this.said };
  }
}

export const watched = (child: ChildProcess): Watched => new Watched(child);

/**
 * Ticks of the processor that a process has had, where the system tells; the time of day elsewhere,
 * which always moves.
 */
function processorTime(pid: number | undefined): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return `${fields[11]} ${fields[12]}`;
  } catch {
    return String(Date.now());
  }
}
