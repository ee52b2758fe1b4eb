/**
 * Runs hostile inputs one after the other: each is read or refused by an AttuneError, none hangs,
 * and memory does not grow without end.
 */
import { setFlagsFromString } from "node:v8";
import { createContext, runInNewContext, Script } from "node:vm";
import type { Arbitrary } from "fast-check";
import { sample } from "fast-check";
import { expect } from "vitest";
import { AttuneError } from "../../src/core/errors.ts";

/** A hang, not a slow machine: inputs are meant to take at most two seconds. */
const HANG_MILLISECONDS = 60_000;
const MAX_GROWTH = 512 * 2 ** 20;
const LONGEST_MESSAGE = 2000;

export interface Survival<T> {
  seed: number;
  runs: number;
  /** Codes of errors that refuse an input. */
  codes: readonly string[];
  work(input: T): void;
}

export interface Survived {
  read: number;
  refused: number;
}

export function survivors<T>(
  name: string,
  inputs: Arbitrary<T>,
  { seed, runs, codes, work }: Survival<T>,
): Survived {
  const survived: Survived = { read: 0, refused: 0 };
  setFlagsFromString("--expose_gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  collectGarbage();
  const before = process.resourceUsage().maxRSS;
  const slowest = { milliseconds: 0, index: -1 };
  // only the virtual machine can interrupt code that never returns
  const script = new Script("run()");
  for (let index = 0; index < runs; index++) {
    const [input] = sample(inputs, { seed: seed * 1_000_003 + index, numRuns: 1 }) as [T];
    const told = (): string =>
      `input ${index} of seed ${seed}: ${JSON.stringify(input).slice(0, 3000)}`;
    // what earlier inputs left is not this one's
    collectGarbage();
    const began = process.cpuUsage();
    try {
      script.runInContext(createContext({ run: () => work(input) }), {
        timeout: HANG_MILLISECONDS,
      });
      survived.read++;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT")
        throw new Error(`${told()} hangs`, { cause: error });
      if (
        !(
          error instanceof AttuneError &&
          codes.includes(error.code) &&
          error.message.length < LONGEST_MESSAGE
        )
      )
        throw new Error(`${told()}: ${String(error)}`, { cause: error });
      survived.refused++;
    }
    const { user, system } = process.cpuUsage(began);
    if ((user + system) / 1000 > slowest.milliseconds)
      Object.assign(slowest, { milliseconds: (user + system) / 1000, index });
  }
  const growth = (process.resourceUsage().maxRSS - before) * 1024;
  process.stdout.write(
    `${name}: ${JSON.stringify(survived)}, the slowest (${slowest.index}) took ` +
      `${Math.round(slowest.milliseconds)} ms of processor time, peak memory grew by ` +
      `${Math.round(growth / 2 ** 20)} MiB\n`,
  );
  expect(growth).toBeLessThan(MAX_GROWTH);
  return survived;
}
