/** What the run folders of compared models say: the world's seed, and what a model was trained for. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { runOfCheckpoint } from "../../models/checkpoint.ts";
import { readConfig } from "../../runs/recorded.ts";
import { readRunInfo } from "../../runs/run-folder.ts";
import type { Source } from "./sources.ts";

/** What the quickstart's runs say of their data and their reward. */
const WORLD = "the built-in world";
const WORLD_REWARD = "reward model";
const WORLD_REWARD_FOLDER = "reward";

interface TrainedModel {
  folder: string;
  config: Readonly<Record<string, unknown>>;
  seed: number;
}

function runsOf(sources: readonly Source[]): TrainedModel[] {
  return sources.flatMap((source) => {
    if (source.kind !== "model") return [];
    const folder = resolve(runOfCheckpoint(source.model) ?? source.model);
    if (!existsSync(join(folder, "run.json"))) return [];
    const { seed } = readRunInfo(folder);
    return [{ folder, config: readConfig(folder) as Record<string, unknown>, seed }];
  });
}

/** Seed of the built-in world that the models were trained in; 1 where they do not say. */
export const worldSeedOf = (sources: readonly Source[]): number =>
  runsOf(sources).find(({ config }) => config["data"] === WORLD)?.seed ?? 1;

/** Whether one of the models was trained to please this judge. */
export function isOptimised(judge: string, sources: readonly Source[]): boolean {
  const place = resolve(judge);
  return runsOf(sources).some(({ folder, config }) =>
    [config["reward"], config["judge"]].flat().some((reward) => {
      if (typeof reward !== "string" || reward === "") return false;
      return reward === WORLD_REWARD
        ? place === join(dirname(folder), WORLD_REWARD_FOLDER)
        : place === resolve(reward) || judge === reward;
    }),
  );
}
