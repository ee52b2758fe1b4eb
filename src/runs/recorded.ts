/**
 * What a run was begun with, as its history tells, beside what its files say now. Whoever goes on
 * with a run trusts its config.resolved.json and run.json, so a change in them is told, and taken
 * only from somebody who asks for it.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import { parseJson, stringifyJson } from "../core/json.ts";
import { readWholeFile } from "./files.ts";
import { readJsonLines } from "./json-lines.ts";
import type { RunInfo } from "./run-info.ts";

/** The fields of run.json that decide how a run goes on, beside its options. */
const FACTS = ["command", "seed", "dataHash", "modelFingerprint", "templateTime"] as const;
type Facts = { readonly [Name in (typeof FACTS)[number]]?: string | number | undefined };

/** Form in which the event that begins a run, or accepts a change, holds options and facts. */
export const recordedSchema = z.object({
  config: z.record(z.string(), z.unknown()),
  run: z.record(z.string(), z.union([z.string(), z.number()])),
});
export type RecordedRun = z.output<typeof recordedSchema>;

/** One value that is not what it was; texts, as people write them. */
export interface Change {
  /** An option by its path, a field of run.json, or the file. */
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

export const recordedRun = (config: object, info: Facts): RecordedRun => ({
  config: parseJson(stringifyJson(config)) as RecordedRun["config"],
  run: Object.fromEntries(
    FACTS.flatMap((name) => (info[name] === undefined ? [] : [[name, info[name]]])),
  ),
});

/** Hash of options, whatever the order in which a file holds them. */
export function hashOfConfig(config: object): string {
  const sorted = flatten(config).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(sorted)).digest("hex");
}

/**
 * What is not as it was when the run began, or when a change was last accepted. A run of an earlier
 * version, which recorded nothing, has no changes that can be told.
 * @param recorded what the history said last; read where left out
 * @throws AttuneError `run` where the options cannot be read
 */
export function changesSince(
  folder: string,
  info: RunInfo,
  recorded: RecordedRun | undefined = recordedIn(folder),
): Change[] {
  const config = readConfig(folder);
  if (recorded === undefined) {
    const after = hashOfConfig(config);
    return info.configHash === undefined || info.configHash === after
      ? []
      : [
          {
            name: "config.resolved.json",
            before: `hash ${info.configHash.slice(0, 12)}`,
            after: `hash ${after.slice(0, 12)}`,
          },
        ];
  }
  const now = recordedRun(config, info);
  return [
    ...differences(recorded.config, now.config, ""),
    ...differences(recorded.run, now.run, "run.json: "),
  ];
}

/**
 * @param config options that have an effect, as given now
 * @throws AttuneError `run` where the run was begun with others
 */
export function refuseOtherOptions(folder: string, config: object): void {
  const given = parseJson(stringifyJson(config)) as object;
  const [first, ...others] = differences(readConfig(folder), given, "");
  if (!first) return;
  const more = others.length === 0 ? "" : `, and ${countOf(others.length, "more option")}`;
  throw new AttuneError("run", "the run was begun with other options", {
    file: folder,
    got: `${first.name} ${first.after}${more}`,
    expected: `${first.name} ${first.before}`,
    hint: "the options that it was begun with, or another folder",
  });
}

const acceptHint = (folder: string): string =>
  `put it back, or \`attune resume ${folder} --accept-changes\` to go on with it as it is now`;
/** Hint for a stage of a pipeline, whose own file says what a stage is. */
export const PIPELINE_HINT =
  "put it back; where another value is wanted, it belongs into the pipeline, which then does " +
  "this stage again";

/** @throws AttuneError `run`, with every change, where there is one and nobody asked to take it */
export function refuseChanges(
  folder: string,
  changes: readonly Change[],
  hint = acceptHint(folder),
): void {
  if (changes.length === 0) return;
  throw new AttuneError(
    "run",
    changes.length === 1
      ? "the run was changed by hand since it began"
      : `the run was changed by hand since it began, in ${countOf(changes.length, "place")}`,
    {
      file: folder,
      got: changes.map(({ name, after }) => `${name} ${after}`).join(", "),
      expected: changes.map(({ name, before }) => `${name} ${before}`).join(", "),
      hint,
    },
  );
}

/** The last record of the history. */
function recordedIn(folder: string): RecordedRun | undefined {
  for (const { recorded } of readJsonLines(join(folder, "events.jsonl")).toReversed()) {
    const parsed = recordedSchema.safeParse(recorded);
    if (parsed.success) return parsed.data;
  }
  return undefined;
}

const NOTHING = "not given";

function differences(before: object, after: object, prefix: string): Change[] {
  const [old, now] = [new Map(flatten(before)), new Map(flatten(after))];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((name) => old.get(name) !== now.get(name))
    .map((name) => ({
      name: `${prefix}${name}`,
      before: old.get(name) ?? NOTHING,
      after: now.get(name) ?? NOTHING,
    }));
}

/**
 * The options of a run that have an effect.
 * @throws AttuneError `run`
 */
export function readConfig(folder: string): Record<string, unknown> {
  const file = join(folder, "config.resolved.json");
  try {
    const value = parseJson(readWholeFile(file));
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new Error("it is no JSON object");
    return value as Record<string, unknown>;
  } catch (cause) {
    throw new AttuneError("run", "the options of the run cannot be read", {
      file,
      got: existsSync(file) ? (cause as Error).message : "no such file",
      hint: "the folder is damaged",
      cause,
    });
  }
}

/** Options as people write them: `{ lora: { rank: 8 } }` to `[["lora.rank", "8"]]`. */
export function flatten(value: object, prefix = ""): [string, string][] {
  return Object.entries(value).flatMap(([key, item]: [string, unknown]) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? flatten(item, `${prefix}${key}.`)
      : [[`${prefix}${key}`, typeof item === "string" ? item : JSON.stringify(item ?? null)]],
  );
}
