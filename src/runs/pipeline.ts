/**
 * A pipeline: stages that are run folders of their own below one folder. They run in order; what is
 * done is skipped, what was cut off goes on, and what was done with other inputs is done again, the
 * old folder put aside and kept. What a stage was made from stands in pipeline.json before it
 * begins, so a process that is killed at any moment is understood by the next one. What a key holds
 * and why: docs/decisions/pipelines.md.
 */
import { createHash } from "node:crypto";
import { existsSync, renameSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { AttuneError, invariant } from "../core/errors.ts";
import { parseJson, stringifyJson } from "../core/json.ts";
import {
  makeFolder,
  readWholeFile,
  removeTemporary,
  syncFolder,
  writeFileAtomic,
} from "./files.ts";
import { acquireLock } from "./lock.ts";
import { checkNewFolder, readRunInfo } from "./run-folder.ts";
import { attuneVersion } from "./versions.ts";

export interface Stage {
  /** Its folder below the pipeline's. */
  readonly name: string;
  /** The stage's name for people. */
  readonly title: string;
  /** Everything that decides the result besides the stages that it needs, as plain JSON. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Earlier stages whose results it reads. */
  readonly needs: readonly string[];
  /** Makes a run in a new folder, and finishes it. */
  start(folder: string): Promise<void>;
  /** Goes on with the run in the folder, and finishes it. */
  resume(folder: string): Promise<void>;
}

export interface PlannedStage {
  readonly stage: Stage;
  readonly folder: string;
  readonly action: "run" | "resume" | "skip";
  /** Why, in a few words. */
  readonly because: string;
}

export interface StageResult extends PlannedStage {
  /** Seconds of the work that made the stage, in all processes that worked on it. */
  readonly seconds: number;
}

const recordSchema = z.object({
  key: z.string(),
  series: z.string().optional(),
  inputs: z.record(z.string(), z.unknown()),
  seconds: z.number(),
});
const memorySchema = z.object({
  schema: z.literal(1),
  templateTime: z.string().optional(),
  stages: z.record(z.string(), recordSchema),
});
type Memory = z.output<typeof memorySchema>;

const fileOf = (folder: string): string => join(folder, "pipeline.json");

function readMemory(folder: string): Memory {
  const file = fileOf(folder);
  if (!existsSync(file)) return { schema: 1, stages: {} };
  const parsed = memorySchema.safeParse(parseJson(readWholeFile(file)));
  if (!parsed.success)
    throw new AttuneError("run", "pipeline.json does not have the layout of this version", {
      file,
      hint: "another folder, or the version of attune that made this one",
    });
  return parsed.data;
}

function writeMemory(folder: string, memory: Memory): void {
  writeFileAtomic(fileOf(folder), `${stringifyJson(memory, 2)}\n`);
}

/** Versions of attune that compute the same: all patches of a minor version. */
export const seriesOf = (version: string): string => version.split(".").slice(0, 2).join(".");

/**
 * A stage's key changes with its inputs, with those of every stage before it that it needs, and
 * with attune's minor version.
 */
function keysOf(stages: readonly Stage[], series: string): Map<string, string> {
  const keys = new Map<string, string>();
  for (const { name, inputs, needs } of stages) {
    keys.set(
      name,
      createHash("sha256")
        .update(
          stringifyJson([
            series,
            name,
            sorted(inputs),
            needs.map((need) => keys.get(need) ?? need),
          ]),
        )
        .digest("hex"),
    );
  }
  return keys;
}

/** The value with the keys of all objects sorted, so that their order in a file does not matter. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, sorted(each)]),
  );
}

/** What {@link runPipeline} would do now. Reads only. */
export function planPipeline(
  dir: string,
  stages: readonly Stage[],
  { version = attuneVersion() }: { version?: string | undefined } = {},
): PlannedStage[] {
  const folder = resolve(dir);
  const { stages: known } = readMemory(folder);
  const series = seriesOf(version);
  const keys = keysOf(stages, series);
  const again = new Set<string>();
  return stages.map((stage) => {
    const own = join(folder, stage.name);
    const { action, because } = decide(stage, own, {
      before: known[stage.name],
      key: keys.get(stage.name)!,
      series,
      again,
    });
    if (action !== "skip") again.add(stage.name);
    return { stage, folder: own, action, because };
  });
}

interface Known {
  before: Memory["stages"][string] | undefined;
  key: string;
  series: string;
  /** Stages that are not skipped. */
  again: ReadonlySet<string>;
}

function decide(
  stage: Stage,
  folder: string,
  { before, key, series, again }: Known,
): Pick<PlannedStage, "action" | "because"> {
  if (!existsSync(join(folder, "run.json")))
    return { action: "run", because: before ? "its folder is gone" : "not done yet" };
  if (!before) return { action: "run", because: "its folder was made by something else" };
  if (before.series !== series)
    return {
      action: "run",
      because: `was made by attune ${before.series ?? "of another version"}, this is ${series}`,
    };
  if (before.key !== key)
    return {
      action: "run",
      because: changeOf(before.inputs, stage.inputs) ?? "an earlier stage has changed",
    };
  const { accepted = [], status } = readRunInfo(folder);
  if (accepted.length > 0)
    return {
      action: "run",
      because: `went on with options that were changed by hand: ${accepted.join(", ")}`,
    };
  if (status !== "completed") return { action: "resume", because: "was cut off" };
  const need = stage.needs.find((name) => again.has(name));
  return need === undefined
    ? { action: "skip", because: "done already" }
    : { action: "run", because: `${need} is done again` };
}

/** The first input that differs, in words. */
function changeOf(
  before: Readonly<Record<string, unknown>>,
  now: Readonly<Record<string, unknown>>,
): string | undefined {
  const flat = (value: unknown, path: string): [string, string][] =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.entries(value).flatMap(([key, each]) =>
          flat(each, path === "" ? key : `${path}.${key}`),
        )
      : [[path, stringifyJson(value ?? null)]];
  const [old, current] = [new Map(flat(before, "")), new Map(flat(now, ""))];
  const name = [...new Set([...old.keys(), ...current.keys()])].find(
    (each) => old.get(each) !== current.get(each),
  );
  return name === undefined
    ? undefined
    : `${name} is ${short(current.get(name))}, was ${short(old.get(name))}`;
}

const LONGEST_VALUE = 60;
const short = (text = "not there"): string =>
  text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE)}…`;

/**
 * Local date and time that the chat templates of every stage see: of the day on which the pipeline
 * began.
 */
export function templateTimeOf(dir: string): string | undefined {
  return readMemory(resolve(dir)).templateTime;
}

export interface PipelineHooks {
  /**
   * Kept with a pipeline that begins; {@link templateTimeOf} tells the one of a pipeline that goes
   * on.
   */
  templateTime?: string;
  /** Before the first stage: what will be done with each. */
  onPlan?: (planned: readonly PlannedStage[]) => void;
  onStage?: (planned: PlannedStage) => void;
  /** A stage is done, or passed over. */
  onStageEnd?: (result: StageResult) => void;
  /** The lock of a process that is gone was taken over; tells which. */
  onLockTaken?: (from: string) => void;
  signal?: AbortSignal;
  /** Stages that run at once; default 1. */
  concurrency?: number;
  /** Version of attune; this one where left out. */
  version?: string;
}

/**
 * Runs what is to be run. A stage begins once those that it needs are done, the first in the list
 * before others.
 * @throws AttuneError the first that a stage throws, once the stages beside it have ended; what is
 * done stays done; `run` where another
 *   process is at work on the folder
 */
export async function runPipeline(
  dir: string,
  stages: readonly Stage[],
  hooks: PipelineHooks = {},
): Promise<StageResult[]> {
  const folder = resolve(dir);
  makeFolder(folder);
  const lock = acquireLock(folder);
  try {
    if (lock.left !== undefined) hooks.onLockTaken?.(lock.left);
    // what a killed process was writing
    removeTemporary(folder);
    const memory = readMemory(folder);
    if (hooks.templateTime !== undefined && memory.templateTime === undefined)
      writeMemory(folder, { ...memory, templateTime: hooks.templateTime });
    return await runStages(folder, stages, hooks);
  } finally {
    lock.release();
  }
}

async function runStages(
  folder: string,
  stages: readonly Stage[],
  {
    onPlan,
    onStage,
    onStageEnd,
    signal,
    concurrency = 1,
    version = attuneVersion(),
  }: PipelineHooks,
): Promise<StageResult[]> {
  const series = seriesOf(version);
  const keys = keysOf(stages, series);
  const waiting = planPipeline(folder, stages, { version });
  onPlan?.([...waiting]);
  const results = new Map<string, StageResult>();
  const running = new Map<string, Promise<void>>();
  let failure: { error: unknown } | undefined;
  const begin = (planned: PlannedStage): void => {
    const { stage } = planned;
    onStage?.(planned);
    const ended = runStage(planned, { folder, key: keys.get(stage.name)!, series }).then(
      (seconds) => {
        const result = { ...planned, seconds };
        results.set(stage.name, result);
        onStageEnd?.(result);
      },
      (error: unknown) => void (failure ??= { error }),
    );
    running.set(
      stage.name,
      ended.finally(() => running.delete(stage.name)),
    );
  };
  const unmet = ({ stage }: PlannedStage): boolean =>
    stage.needs.some((need) => keys.has(need) && !results.has(need));
  while ((waiting.length > 0 && !failure) || running.size > 0) {
    const next =
      failure || running.size >= concurrency ? -1 : waiting.findIndex((planned) => !unmet(planned));
    if (next >= 0) {
      const [planned] = waiting.splice(next, 1);
      if (signal?.aborted)
        failure = {
          error: new AttuneError("interrupted", `stopped before ${planned!.stage.title}`, {
            hint: "the same command goes on from there",
          }),
        };
      else begin(planned!);
      continue;
    }
    invariant(running.size > 0, "a stage needs one that is not before it");
    await Promise.race(running.values());
  }
  if (failure) throw failure.error;
  return stages.map(({ name }) => results.get(name)!);
}

/** @returns seconds of work in all processes */
async function runStage(
  { stage, folder: own, action }: PlannedStage,
  { folder, key, series }: { folder: string; key: string; series: string },
): Promise<number> {
  const before = readMemory(folder).stages[stage.name]?.seconds ?? 0;
  if (action === "skip") return before;
  if (action === "run") putAside(own);
  const remember = (seconds: number): void => {
    // read again, as stages beside this one write too
    const memory = readMemory(folder);
    writeMemory(folder, {
      ...memory,
      stages: {
        ...memory.stages,
        [stage.name]: { key, series, inputs: { ...stage.inputs }, seconds },
      },
    });
  };
  const spent = action === "resume" ? before : 0;
  const began = performance.now();
  const total = (): number => spent + (performance.now() - began) / 1000;
  remember(spent);
  try {
    await (action === "run" ? stage.start(own) : stage.resume(own));
  } finally {
    remember(total());
  }
  return total();
}

/**
 * Nothing that was made is lost: the old folder gets the next free name. What a run leaves that was
 * killed while it began is nothing.
 */
function putAside(folder: string): void {
  if (isNew(folder)) return;
  for (let number = 1; ; number++) {
    const free = `${folder}.before-${number}`;
    if (existsSync(free)) continue;
    renameSync(folder, free);
    syncFolder(resolve(folder, ".."));
    return;
  }
}

function isNew(folder: string): boolean {
  try {
    checkNewFolder(folder);
    return true;
  } catch {
    return false;
  }
}
