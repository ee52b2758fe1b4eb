/** The list of runs: what is new is read, a long log without being waited for. */
import { AttuneError } from "../../core/errors.ts";
import type { RunEntry } from "../api/runs.ts";
import { entryOf, reportsIn } from "./run-details.ts";
import type { ReportEntry } from "./run-details.ts";
import type { RunIndex } from "./run-index.ts";
import type { RunWatch } from "./run-watch.ts";

/** Bytes of a log for which nobody is kept waiting. */
const LONG = 4 << 20;

export interface Overview {
  runs: RunEntry[];
  reports: ReportEntry[];
  unreadable: { name: string; problem: string }[];
  notes: string[];
}

/** Entries of runs whose numbers are put aside, as they were. */
const known = new WeakMap<RunIndex, RunEntry>();

export async function overviewOf(watch: RunWatch): Promise<Overview> {
  const { folders, notes } = await watch.find();
  const runs: RunEntry[] = [];
  const unreadable: Overview["unreadable"] = [];
  for (const { name } of folders.filter(({ isRun }) => isRun)) {
    try {
      runs.push(await entryIn(watch, name));
    } catch (error) {
      if (!(error instanceof AttuneError) && !isGone(error)) throw error;
      unreadable.push({ name, problem: error instanceof AttuneError ? error.what : "it is gone" });
    }
  }
  await watch.makeRoom();
  return {
    runs: runs.toSorted((a, b) => b.created.localeCompare(a.created)),
    reports: folders.flatMap(({ name, reports }) => reportsIn(watch.root, name, reports)),
    unreadable,
    notes: [...notes],
  };
}

/** Removed since it was found. */
const isGone = (error: unknown): boolean => (error as { status?: number }).status === 404;

async function entryIn(watch: RunWatch, name: string): Promise<RunEntry> {
  const index = watch.index(name);
  const reading = index.update();
  if ((await index.metricsLog.left()).bytes < LONG) await reading;
  else reading.catch(() => undefined);
  const entry = await entryOf(name, index);
  const before = known.get(index);
  if (!index.isHere && before !== undefined)
    return { ...before, state: entry.state, unread: entry.unread };
  known.set(index, entry);
  return entry;
}
