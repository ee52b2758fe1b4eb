/**
 * Reads runs for people, without their locks: a list, one run in detail, and the difference of two.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { numberFromJson } from "../core/json.ts";
import { AttuneError } from "../core/errors.ts";
import { type Checkpoint, Checkpoints } from "./checkpoints.ts";
import { readJsonLines } from "./json-lines.ts";
import { isLocked } from "./lock.ts";
import { changesSince, flatten, readConfig } from "./recorded.ts";
import { readRunInfo } from "./run-folder.ts";
import type { RunInfo } from "./run-info.ts";
import { largestOf, smallestOf } from "../core/extremes.ts";

/** `stopped`: nobody works on it and it has no end, as after a crash. */
export type RunState = RunInfo["status"] | "stopped";

export interface RunOverview {
  /** Absolute path. */
  readonly folder: string;
  readonly name: string;
  readonly info: RunInfo;
  readonly state: RunState;
  /** Optimiser steps with metrics. */
  readonly step: number;
  readonly totalSteps: number | undefined;
  /** The last value of every metric. */
  readonly last: Readonly<Record<string, number>>;
}

export interface RunDetails extends RunOverview {
  readonly config: Readonly<Record<string, unknown>>;
  /** All values of every metric, with their steps. */
  readonly series: ReadonlyMap<
    string,
    readonly { readonly step: number; readonly value: number }[]
  >;
  readonly checkpoints: readonly Checkpoint[];
  readonly warnings: readonly string[];
}

/** A folder that looks like a run and cannot be read, and why. */
export interface UnreadableRun {
  readonly folder: string;
  readonly problem: string;
}

/**
 * All runs directly inside a folder, newest first.
 * @throws AttuneError `run` where the folder is missing
 */
export function listRuns(folder: string): { runs: RunOverview[]; unreadable: UnreadableRun[] } {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new AttuneError(
      "run",
      existsSync(folder) ? "this is no folder" : "there is no such folder",
      { file: folder, hint: "runs are made by every command that trains, such as `attune sft`" },
    );
  const runs: RunOverview[] = [];
  const unreadable: UnreadableRun[] = [];
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (!existsSync(join(path, "run.json"))) continue;
    try {
      runs.push(overview(path, readSeries(path)));
    } catch (error) {
      if (!(error instanceof AttuneError)) throw error;
      unreadable.push({ folder: path, problem: error.what });
    }
  }
  return {
    runs: runs.toSorted((a, b) => b.info.created.localeCompare(a.info.created)),
    unreadable,
  };
}

/**
 * Everything about one run.
 * @throws AttuneError `run` where the folder is no run
 */
export function showRun(folder: string): RunDetails {
  const series = readSeries(folder);
  const summary = overview(folder, series);
  return {
    ...summary,
    config: readConfig(folder),
    series,
    checkpoints: new Checkpoints(join(folder, "checkpoints"), summary.info.keepLast).list(),
    warnings: [
      ...readEvents(folder)
        .filter(({ type }) => type === "warning")
        .map(({ message }) => String(message)),
      ...changesSince(folder, summary.info).map(
        ({ name, before, after }) =>
          `changed by hand since the run began: ${name} is ${after}, was ${before}`,
      ),
    ],
  };
}

export interface Difference<T> {
  readonly name: string;
  readonly left: T | undefined;
  readonly right: T | undefined;
}

export interface RunDifference {
  readonly left: RunOverview;
  readonly right: RunOverview;
  /** Options, seed, versions and hashes that are not equal, as text. */
  readonly setup: readonly Difference<string>[];
  /** Last values of every metric of either. */
  readonly metrics: readonly Difference<number>[];
}

/** What is different between two runs. */
export function diffRuns(leftFolder: string, rightFolder: string): RunDifference {
  const [left, right] = [showRun(leftFolder), showRun(rightFolder)];
  const names = [...new Set([...Object.keys(left.last), ...Object.keys(right.last)])];
  const [before, after] = [setupOf(left), setupOf(right)];
  return {
    left,
    right,
    setup: [...new Set([...before.keys(), ...after.keys()])]
      .map((name) => ({ name, left: before.get(name), right: after.get(name) }))
      .filter((difference) => difference.left !== difference.right),
    metrics: names.map((name) => ({ name, left: left.last[name], right: right.last[name] })),
  };
}

/**
 * A line of block characters, lowest to highest value; a dot where a value is not finite. In plain
 * ASCII, denser signs and a question mark.
 * @param options width: most characters; longer series are averaged over equal parts
 */
export function sparkline(
  values: readonly number[],
  { width, unicode = true }: { readonly width: number; readonly unicode?: boolean },
): string {
  const [levels, none] = unicode ? ["▁▂▃▄▅▆▇█", "·"] : [".:-=+*#@", "?"];
  const columns =
    values.length <= width
      ? [...values]
      : Array.from({ length: width }, (_, column) => bucketMean(values, column, width));
  const finite = columns.filter(Number.isFinite);
  const [low, high] = [smallestOf(finite), largestOf(finite)];
  return columns
    .map((value) =>
      Number.isFinite(value)
        ? levels[Math.round(((value - low) / (high - low || 1)) * (levels.length - 1))]
        : none,
    )
    .join("");
}

function bucketMean(values: readonly number[], column: number, width: number): number {
  const part = values
    .slice(
      Math.floor((column * values.length) / width),
      Math.floor(((column + 1) * values.length) / width),
    )
    .filter(Number.isFinite);
  return part.length === 0 ? NaN : part.reduce((sum, value) => sum + value, 0) / part.length;
}

function overview(folder: string, series: RunDetails["series"]): RunOverview {
  const info = readRunInfo(folder);
  const last = Object.fromEntries(
    [...series].map(([name, points]) => [name, points.at(-1)!.value]),
  );
  const start = readEvents(folder).findLast(({ type }) => type === "start");
  return {
    folder: resolve(folder),
    name: basename(resolve(folder)),
    info,
    state: info.status === "running" && !isLocked(folder) ? "stopped" : info.status,
    step: Math.max(0, ...[...series.values()].map((points) => points.at(-1)!.step)),
    totalSteps: numberFromJson(start?.totalSteps),
    last,
  };
}

function readSeries(folder: string): Map<string, { step: number; value: number }[]> {
  const series = new Map<string, { step: number; value: number }[]>();
  const file = join(folder, "metrics.jsonl");
  for (const [index, { step, ...values }] of readJsonLines(file).entries()) {
    if (!Number.isSafeInteger(step))
      throw new AttuneError("run", "the line has no step", {
        file,
        row: index + 1,
        hint: "the log was changed by something else than attune",
      });
    for (const [name, item] of Object.entries(values)) {
      const value = numberFromJson(item);
      if (value === undefined) continue;
      const points = series.get(name) ?? [];
      series.set(name, points);
      points.push({ step: Number(step), value });
    }
  }
  return series;
}

function readEvents(folder: string): Record<string, unknown>[] {
  return readJsonLines(join(folder, "events.jsonl"));
}

/** Options, seed, versions and hashes, as text. */
export function setupOf({
  info,
  config,
}: Pick<RunDetails, "info" | "config">): Map<string, string> {
  const { command, seed, dataHash, modelFingerprint, versions } = info;
  return new Map(flatten({ command, seed, dataHash, modelFingerprint, versions, config }));
}
