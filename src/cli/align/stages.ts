/**
 * The stages of `attune align` as runs of their commands, and what decides whether one is done
 * already.
 */
import { createHash } from "node:crypto";
import { constants, existsSync, readFileSync, statSync } from "node:fs";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { filesBelow } from "../../runs/files.ts";
import type { Stage } from "../../runs/pipeline.ts";
import { PIPELINE_HINT, changesSince, refuseChanges } from "../../runs/recorded.ts";
import { readRunInfo } from "../../runs/run-folder.ts";
import type { AlignStage } from "./file.ts";
import { valueAt } from "./file.ts";
import type { StageMethod } from "./sections.ts";
import type { CommandContext, CommandLookup, CommandModule } from "../command.ts";

/** What `attune align` needs beside what every command is given. */
export interface AlignContext extends CommandContext {
  /** Finds the commands that its stages are runs of. */
  readonly lookup: CommandLookup;
}

/** The command that a stage is a run of. */
export async function stageCommand(
  method: StageMethod,
  lookup: CommandLookup,
): Promise<CommandModule> {
  if (method === "constitution revise")
    return (await import("../constitution/revise.ts")).reviseCommand;
  if (method === "constitution compare")
    return (await import("../constitution/compare.ts")).compareCommand;
  return (await lookup(method))!;
}

export async function asStage(
  { method, folder: name, title, needs, options }: AlignStage,
  out: string,
  context: AlignContext,
): Promise<Stage> {
  const module = await stageCommand(method, context.lookup);
  return {
    name,
    title,
    needs,
    inputs: {
      ...withoutPaths(options, OPTIONS_WITHOUT_INFLUENCE),
      ...fileHashes(
        options,
        needs.map((need) => resolve(out, need)),
      ),
    },
    start: (folder) => module.begin!({ values: options, out: folder }, context),
    async resume(folder) {
      const info = readRunInfo(folder);
      refuseChanges(folder, changesSince(folder, info), PIPELINE_HINT);
      await module.resume!({ folder, info }, context);
    },
  };
}

/** What is shown, waited for and paid, which no result depends on. */
export const OPTIONS_WITHOUT_INFLUENCE = [
  "reportTo",
  "sampleSteps",
  "samplePrompts",
  "criticSettings",
  "concurrency",
  "timeout",
  "retries",
  "priceInput",
  "priceOutput",
  "budget",
  "rewardTimeout",
];

export const withoutPaths = (
  options: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options).filter(([name]) => !names.includes(name)));

/** Options that name files or models which are not results of other stages. */
const FILE_OPTIONS = [
  "data",
  "model",
  "reward",
  "heldOutReward",
  "ptx.data",
  "helpful",
  "constitution",
  "critic",
  "judge",
] as const;

/**
 * Hashes of the files that options name, so that changed content counts as a change. Ids of a hub
 * stand for themselves.
 */
export function fileHashes(
  options: Readonly<Record<string, unknown>>,
  results: readonly string[] = [],
): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of FILE_OPTIONS) {
    for (const path of [valueAt(options, name)].flat()) {
      if (
        typeof path === "string" &&
        existsSync(path) &&
        !results.some((folder) => isWithin(path, folder)) &&
        !existsSync(join(path, "run.json"))
      )
        found[`${name} ${path}`] = fingerprint(path);
    }
  }
  return found;
}

/** Whether a path is a folder or lies below it. */
export function isWithin(path: string, folder: string): boolean {
  const way = relative(resolve(folder), resolve(path));
  return way.split(sep)[0] !== ".." && !isAbsolute(way);
}

/** Larger files are told apart by size and time: reading them takes longer than it saves. */
const HASHED_BYTES = 64 * 2 ** 20;

function fingerprint(path: string): string {
  const hash = createHash("sha256");
  const files = statSync(path).isDirectory() ? filesBelow(path) : [path];
  for (const file of files.toSorted()) {
    const { size, mtimeMs, mode } = statSync(file);
    // a FIFO would be waited for
    const isRegular = (mode & constants.S_IFMT) === constants.S_IFREG;
    hash
      .update(`${file}\0`)
      .update(isRegular && size <= HASHED_BYTES ? readFileSync(file) : `${size} ${mtimeMs}`);
  }
  return hash.digest("hex").slice(0, 16);
}
