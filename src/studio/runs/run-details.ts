/** What the API says of a run, from its files and its index. */
import { statSync } from "node:fs";
import { join, relative } from "node:path";
import { parse } from "yaml";
import type { z } from "zod";
import { parseJson, stringifyJson } from "../../core/json.ts";
import { Checkpoints } from "../../runs/checkpoints.ts";
import { setupOf } from "../../runs/compare.ts";
import { isLocked } from "../../runs/lock.ts";
import { changesSince, flatten, readConfig } from "../../runs/recorded.ts";
import { readRunInfo } from "../../runs/run-folder.ts";
import type { RunInfo } from "../../runs/run-info.ts";
import { readRegularText } from "../../text/regular-file.ts";
import type { RunEntry } from "../api/runs.ts";
import type { getRun, reportEntry } from "../api/runs.ts";
import { told } from "./live.ts";
import { cursorOf, cursorText } from "./run-index.ts";
import type { RunIndex } from "./run-index.ts";
import { curveOf } from "./series.ts";

/** Looked at first, where a run has them; held-out values before the others. */
const HEADLINES = [
  "objective/scores",
  "eval_rewards/accuracies",
  "eval_accuracy",
  "eval_loss",
  "rewards/accuracies",
  "accuracy",
  "loss",
];
/** Points of a course in the list. */
const COURSE = 40;

export const stateOf = (folder: string, { status }: RunInfo): RunEntry["state"] =>
  status === "running" && !isLocked(folder) ? "stopped" : status;

const finite = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;

/**
 * One line of the list.
 * @throws AttuneError `run` where run.json cannot be read
 */
export async function entryOf(name: string, index: RunIndex): Promise<RunEntry> {
  const info = readRunInfo(index.folder);
  const { series } = index;
  return {
    name,
    command: info.command,
    state: stateOf(index.folder, info),
    step: series.step,
    totalSteps: index.totalSteps ?? null,
    created: info.created,
    headline: headlineOf(index),
    secondsPerStep: finite(index.secondsPerStep ?? undefined),
    warnings: index.events.filter(({ type }) => type === "warning").length,
    unread: (await index.metricsLog.left()).share,
  };
}

function headlineOf({ series }: RunIndex): RunEntry["headline"] {
  const has = (least: number) => (name: string) =>
    (series.metrics.get(name)?.values.length ?? 0) >= least;
  const metric =
    HEADLINES.find(has(2)) ?? HEADLINES.find(has(1)) ?? series.metrics.keys().next().value;
  if (metric === undefined) return null;
  const { mean } = curveOf(series, series.metrics.get(metric)!, {
    width: COURSE,
    place: (step) => step,
  });
  return { metric, last: finite(series.last(metric)), course: mean };
}

type Details = z.output<(typeof getRun)["answer"]["schema"]>;
export type ReportEntry = z.output<typeof reportEntry>;

/** @throws AttuneError `run` where run.json or the options cannot be read */
export async function detailsOf(
  name: string,
  index: RunIndex,
  reports: readonly ReportEntry[],
): Promise<Details> {
  const { folder, series } = index;
  const info = readRunInfo(folder);
  const config = readConfig(folder);
  const given = givenOptions(folder);
  const checkpoints = new Checkpoints(join(folder, "checkpoints"), info.keepLast).list();
  return {
    ...(await entryOf(name, index)),
    folder,
    argv: info.argv,
    seed: info.seed,
    versions: Object.entries(info.versions).map(([name, value]) => ({ name, value })),
    dataHash: info.dataHash,
    modelFingerprint: info.modelFingerprint,
    options: flatten(config).map(([name, value]) => ({ name, value, given: name in given })),
    given,
    changes: changesSince(folder, info, index.recorded).map(
      ({ name, before, after }) => `${name} is ${after}, was ${before}`,
    ),
    metrics: [...series.metrics].map(([name, { values }]) => ({
      name,
      points: values.length,
      last: finite(values.at(-1)),
    })),
    events: index.events.map(told),
    checkpoints: checkpoints.map(({ step, score, folder: at }) => ({
      step,
      folder: relative(folder, at),
      metric: score?.metric ?? null,
      score: finite(score?.value),
    })),
    sampled: [...new Set(index.samples.map(({ step }) => step))].toSorted((a, b) => a - b),
    reports: [...reports],
    problems: [...index.problems],
    cursor: cursorText(cursorOf(index)),
  };
}

/** Values that were given, by their dotted names; none where the file cannot be read. */
function givenOptions(folder: string): Record<string, unknown> {
  const file = join(folder, "config.given.yaml");
  try {
    const value: unknown = parse(readRegularText(file, { code: "run" }));
    return parseJson(stringifyJson(dotted(value, ""))) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function dotted(value: unknown, prefix: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null) return {};
  return Object.assign(
    {},
    ...Object.entries(value).map(([key, item]: [string, unknown]) =>
      typeof item === "object" && item !== null && !Array.isArray(item)
        ? dotted(item, `${prefix}${key}.`)
        : { [`${prefix}${key}`]: item },
    ),
  ) as Record<string, unknown>;
}

/** Pages in a folder below the folder of runs. */
export const reportsIn = (root: string, folder: string, names: readonly string[]): ReportEntry[] =>
  names.flatMap((name) => {
    const path = folder === "" ? name : `${folder}/${name}`;
    const found = statSync(join(root, path), { throwIfNoEntry: false });
    return found === undefined ? [] : [{ path, name, modified: found.mtime.toISOString() }];
  });

/** What is not equal, of several runs. */
export function differencesOf(indices: readonly RunIndex[]) {
  const setups = indices.map(({ folder }) =>
    setupOf({ info: readRunInfo(folder), config: readConfig(folder) }),
  );
  const metricNames = [...new Set(indices.flatMap(({ series }) => [...series.metrics.keys()]))];
  return {
    differences: [...new Set(setups.flatMap((setup) => [...setup.keys()]))]
      .map((name) => ({ name, values: setups.map((setup) => setup.get(name) ?? null) }))
      .filter(({ values }) => new Set(values).size > 1),
    metrics: metricNames.map((name) => ({
      name,
      values: indices.map(({ series }) => finite(series.last(name))),
    })),
  };
}
