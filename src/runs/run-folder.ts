/**
 * The folder of a run before there is a Run: whether it may be taken, its lock, and what its
 * run.json says.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { AttuneError } from "../core/errors.ts";
import { stringifyJson } from "../core/json.ts";
import {
  diskError,
  makeFolder,
  readWholeFile,
  removeEmptyFolders,
  writeFileAtomic,
} from "./files.ts";
import { acquireLock, type Lock } from "./lock.ts";
import { parseRunInfo, type RunInfo } from "./run-info.ts";

/** What a resumed run must still find as it was. */
export type ExpectedInputs = Pick<RunInfo, "dataHash" | "modelFingerprint">;

/** Files that an aborted creation may leave before run.json exists. */
const STARTUP_FILES =
  /^(lock|config\.(given\.yaml|resolved\.json)|(events|metrics|timing)\.jsonl|\.tmp-.*)$/;

/**
 * Reads `run.json` of a folder.
 * @throws AttuneError `run` where the folder is no run
 */
export function readRunInfo(folder: string): RunInfo {
  const file = join(folder, "run.json");
  if (!existsSync(file)) {
    throw new AttuneError(
      "run",
      existsSync(folder) ? "this folder is not a run" : "there is no such folder",
      {
        file: folder,
        expected: "a folder with run.json",
        hint: "`attune runs` lists the runs",
      },
    );
  }
  return parseRunInfo(readWholeFile(file), file);
}

/** Writes run.json, whole or not at all. */
export function writeInfo(folder: string, info: RunInfo): void {
  writeFileAtomic(join(folder, "run.json"), `${stringifyJson(info, 2)}\n`);
}

/**
 * Makes the folder where it is missing, and locks it. `undo` leaves things as they were, in a
 * folder that held nothing.
 */
export function locked(folder: string): { lock: Lock; undo: () => void } {
  const made = makeFolder(folder);
  const undo = (): void => {
    for (const name of readdirSync(folder))
      rmSync(join(folder, name), { recursive: true, force: true });
    if (made !== undefined) removeEmptyFolders(folder, dirname(made));
  };
  try {
    return { lock: acquireLock(folder), undo };
  } catch (error) {
    if (made !== undefined) removeEmptyFolders(folder, dirname(made));
    throw error;
  }
}

/**
 * Refuses a folder that holds something. Leftovers of a creation that was killed before run.json
 * existed do not count. Commands call it first, before they load a model for minutes.
 * @throws AttuneError `run`
 */
export function checkNewFolder(dir: string): void {
  const folder = resolve(dir);
  if (!existsSync(folder)) return;
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    throw diskError(error, "the run folder cannot be read", folder);
  }
  if (names.includes("run.json")) {
    const { status } = readRunInfo(folder);
    const goOn = status === "completed" ? "" : `\`attune resume ${dir}\` to go on with it, or `;
    throw new AttuneError("run", "the folder already holds a run", {
      file: dir,
      got: `a run that is ${status}`,
      hint: `${goOn}another --out`,
    });
  }
  const other = names.find((name) => !STARTUP_FILES.test(name));
  if (other !== undefined) {
    throw new AttuneError("run", "the folder for the run is not empty", {
      file: dir,
      got: `it holds ${other}`,
      hint: "another --out",
    });
  }
}

/** @throws AttuneError `run` where data or model are others than when the run began */
export function refuseOtherInput(folder: string, info: RunInfo, expected: ExpectedInputs): void {
  const changed = (["dataHash", "modelFingerprint"] as const).find(
    (key) => info[key] !== expected[key],
  );
  if (changed === undefined) return;
  const subject = changed === "dataHash" ? "data" : "model";
  throw new AttuneError("run", `the ${subject} changed since the run began`, {
    file: folder,
    got: expected[changed],
    expected: info[changed],
    hint: `put the old ${subject} back, or begin a new run`,
  });
}
