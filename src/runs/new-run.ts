/** What a run is begun with: its options, as files, and run.json. */
import { join } from "node:path";
import { stringify } from "yaml";
import { stringifyJson } from "../core/json.ts";
import { writeFileAtomic } from "./files.ts";
import { hashOfConfig, recordedRun } from "./recorded.ts";
import type { RunInfo } from "./run-info.ts";
import { versions } from "./versions.ts";

/** What a new run records about itself. */
export interface NewRun {
  readonly command: string;
  readonly argv?: readonly string[];
  readonly seed: number;
  /** The options as given, and those that have an effect. */
  readonly config: { readonly given: object; readonly effective: object };
  readonly dataHash: string;
  readonly modelFingerprint: string;
  /** Local date and time that chat templates see. */
  readonly templateTime?: string;
  /**
   * How many of the newest checkpoints to keep, besides the best; 0 for all. Where left out, as the
   * option keepCheckpoints says; 2 for what has no such option.
   */
  readonly keepLast?: number;
}

const DEFAULT_KEEP = 2;

const keptBy = (effective: object): number | undefined =>
  (effective as { keepCheckpoints?: number }).keepCheckpoints;

/** Writes the options of a new run, as given and those that have an effect. */
export function writeConfigs(folder: string, { given, effective }: NewRun["config"]): void {
  writeFileAtomic(join(folder, "config.given.yaml"), stringify(given));
  writeFileAtomic(join(folder, "config.resolved.json"), `${stringifyJson(effective, 2)}\n`);
}

/** run.json of a run that begins now, in this process. */
export function newRunInfo(given: NewRun): RunInfo {
  return {
    schema: 1,
    command: given.command,
    argv: [...(given.argv ?? [])],
    workingFolder: process.cwd(),
    status: "running",
    seed: given.seed,
    versions: versions(),
    dataHash: given.dataHash,
    modelFingerprint: given.modelFingerprint,
    ...(given.templateTime === undefined ? {} : { templateTime: given.templateTime }),
    configHash: hashOfConfig(recordedRun(given.config.effective, given).config),
    keepLast: given.keepLast ?? keptBy(given.config.effective) ?? DEFAULT_KEEP,
    created: new Date().toISOString(),
  };
}
