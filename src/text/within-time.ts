/**
 * Work that may never end, ended: regular expressions that a file brings can take exponential time,
 * and only the virtual machine interrupts them.
 */
import type { Context } from "node:vm";
import { createContext, Script } from "node:vm";

const script = new Script("work()");
let context: Context | undefined;

export interface TimeLimit {
  /** About so much processor time; on a busy machine more time may pass. */
  milliseconds: number;
  error: () => Error;
}

/**
 * How often work is begun again that had too little of the processor to say anything of, each time
 * with twice as long.
 */
const ATTEMPTS = 6;

/** Runs work that has no effects of its own. Costs some 0.1 ms. */
export function withinTime<T>(work: () => T, { milliseconds, error }: TimeLimit): T {
  context ??= createContext({});
  for (let attempt = 1; ; attempt++) {
    const before = process.cpuUsage();
    context["work"] = work;
    try {
      return script.runInContext(context, { timeout: milliseconds * 2 ** (attempt - 1) }) as T;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw cause;
      const { user, system } = process.cpuUsage(before);
      if (attempt === ATTEMPTS || (user + system) / 1000 > milliseconds / 2) throw error();
    } finally {
      context["work"] = undefined;
    }
  }
}
