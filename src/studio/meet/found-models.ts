/** Models that are there to be met: runs that made one that answers, and GGUF files and folders. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, resolve, sep } from "node:path";
import type { Dirent } from "node:fs";
import { TRAINERS } from "../../training/trainers.ts";
import type { TrainerEntry } from "../../training/trainer.ts";
import type { FoundModel } from "../api/meet.ts";

/** How deep below the folder of runs is looked: `quickstart-1/dpo`. */
const DEPTH = 3;
const MOST = 500;

const trainers: Readonly<Record<string, TrainerEntry>> = TRAINERS;

/** Every one below the folder of runs, the newest runs first. */
export function foundModels(runs: string): FoundModel[] {
  const found: FoundModel[] = [];
  const look = (folder: string, path: string, depth: number): void => {
    if (found.length >= MOST) return;
    const model = path === "" ? undefined : modelIn(folder);
    if (model !== undefined)
      found.push({ model: folder, name: path, kind: model.kind, by: model.by });
    for (const entry of entriesOf(folder)) {
      const inner = path === "" ? entry.name : `${path}/${entry.name}`;
      if (entry.isFile() && /\.gguf$/i.test(entry.name))
        found.push({ model: join(folder, entry.name), name: inner, kind: "gguf", by: null });
      // what a run or a model holds is its own, but for the runs that a run begins
      else if (entry.isDirectory() && depth < DEPTH && !isOwn(entry.name, path !== ""))
        look(join(folder, entry.name), inner, depth + 1);
    }
  };
  look(resolve(runs), "", 0);
  return found;
}

const isOwn = (name: string, inside: boolean): boolean =>
  name.startsWith(".") || (inside && (name === "model" || name === "checkpoints"));

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).toSorted((a, b) =>
      a.name < b.name ? -1 : 1,
    );
  } catch {
    // it went meanwhile, or is not ours to read
    return [];
  }
}

/** Undefined where nothing in it answers. */
function modelIn(folder: string): Pick<FoundModel, "kind" | "by"> | undefined {
  if (existsSync(join(folder, "run.json"))) {
    const by = commandOf(folder);
    const other = by !== undefined && (trainers[by]?.makes ?? "policy") !== "policy";
    return !other && hasWeights(join(folder, "model"))
      ? { kind: "run", by: by ?? null }
      : undefined;
  }
  return hasWeights(folder) ? { kind: "folder", by: null } : undefined;
}

const WEIGHTS = ["model.safetensors", "model.safetensors.index.json"];

/** An adapter, or a whole model; no reward model. */
function hasWeights(folder: string): boolean {
  const has = (name: string): boolean => existsSync(join(folder, name));
  return (
    !has("reward_normalisation.json") &&
    (has("adapter_config.json") || (has("config.json") && WEIGHTS.some(has)))
  );
}

function commandOf(folder: string): string | undefined {
  try {
    const { command } = JSON.parse(readFileSync(join(folder, "run.json"), "utf8")) as {
      command?: unknown;
    };
    return typeof command === "string" ? command : undefined;
  } catch {
    return undefined;
  }
}

/** What a model may be called in a text: its last two names, and the last without its ending. */
export function namesOf(model: string): string[] {
  const parts = model.split(/[\\/]/).filter((part) => part !== "");
  const last = basename(parts.at(-1) ?? model).replace(/\.gguf$/i, "");
  const two = parts.slice(-2).join(sep === "\\" ? "\\" : "/");
  return [...new Set([two, last])];
}
