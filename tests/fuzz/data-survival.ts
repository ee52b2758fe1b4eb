/**
 * Hostile tables one after another, until one of them does something else than being read or
 * refused.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AttuneError } from "../../src/core/errors.ts";
import type { HostileTable } from "./data-fuzz.ts";
import { hostileTable, readTable } from "./data-fuzz.ts";

const SEED = Number(process.env["ATTUNE_FUZZ_SEED"] ?? 1);
/** A hang, not a slow machine. */
const HANG_MILLISECONDS = 120_000;
/** A message that repeats the file would fill a terminal. */
const LONGEST_MESSAGE = 12_000;

export interface Survival {
  readonly read: number;
  readonly refused: number;
  /** By processor time. */
  readonly slowest: {
    readonly milliseconds: number;
    readonly origin: string;
    readonly bytes: number;
  };
}

/** @throws for anything but rows or an AttuneError that the user can mend, naming the table */
export async function surviveTables({
  runs,
  largest,
}: {
  runs: number;
  largest: number;
}): Promise<Survival> {
  const folder = mkdtempSync(join(tmpdir(), "attune-tables-"));
  const counts = { read: 0, refused: 0 };
  let slowest = { milliseconds: -1, origin: "", bytes: 0 };
  try {
    for (let index = 0; index < runs; index++) {
      const table = hostileTable(SEED, index, largest);
      const before = process.cpuUsage();
      counts[await survives(table, index, folder)]++;
      const { user, system } = process.cpuUsage(before);
      const milliseconds = (user + system) / 1000;
      if (milliseconds > slowest.milliseconds)
        slowest = {
          milliseconds,
          origin: `number ${index}, ${table.origin}`,
          bytes: table.bytes.length,
        };
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { ...counts, slowest };
}

async function survives(
  table: HostileTable,
  index: number,
  folder: string,
): Promise<"read" | "refused"> {
  const told = `table ${index} of seed ${SEED} (${table.name}, ${table.origin}, ${table.bytes.length} bytes)`;
  let timer: NodeJS.Timeout | undefined;
  const hang = new Promise<never>(
    (_, reject) =>
      (timer = setTimeout(() => reject(new Error(`${told} hangs`)), HANG_MILLISECONDS)),
  );
  try {
    await Promise.race([readTable(table, folder), hang]);
    return "read";
  } catch (error) {
    if (
      error instanceof AttuneError &&
      error.exitCode === 2 &&
      error.message.length < LONGEST_MESSAGE
    )
      return "refused";
    throw new Error(`${told}: ${String(error).slice(0, 500)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
