/** The way of a training from answers, as its run folder tells it. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import type { Look, OptimisationPath, RollOut } from "../evaluation/over-optimisation/path.ts";
import { checkSteps, readGoldFile } from "./gold-file.ts";
import { GOLD_FILE, goldRequests, readGold } from "./gold-points.ts";
import { WORLD_RECIPE } from "./recipe.ts";
import type { Checkpoint } from "../runs/checkpoints.ts";
import { Checkpoints } from "../runs/checkpoints.ts";
import { readJsonLines } from "../runs/json-lines.ts";
import { readConfig } from "../runs/recorded.ts";
import { readRunInfo } from "../runs/run-folder.ts";
import type { Labels } from "../stats/clusters.ts";
import type { World } from "../world/index.ts";
import { DEFAULT_SIZES, createWorld } from "../world/index.ts";
import type { Request } from "../world/requests.ts";
import { requestTopic } from "../world/requests.ts";

/** By which a run of the quickstart says where its model and data are from. */
export const BUILT_IN = "the built-in world";

export interface OptimisationRun {
  path: OptimisationPath;
  /** Options of the run. */
  options: Readonly<Record<string, unknown>>;
  /** Of a run of the quickstart: its world and the requests that gold was asked about. */
  world: { world: World; requests: readonly Request[] } | undefined;
  warnings: string[];
  /** Kept checkpoints in the order of their steps. */
  kept: Checkpoint[];
  /** Step whose policy the run's model is: its last, unless a guard made it go back. */
  modelStep: number;
}

/**
 * @param options.gold a file; the run folder's own where left out or empty
 * @param options.looks false where somebody else says what was meant; default true
 * @param options.world of a run of the quickstart, where it is at hand; made again where left out
 * @throws AttuneError `run` for a folder that is no run, or no training from answers; `data` for a
 * file of gold that cannot be read
 */
export function readOptimisationRun(
  folder: string,
  {
    gold = "",
    looks: looked = true,
    world: given,
  }: { gold?: string; looks?: boolean; world?: OptimisationRun["world"] } = {},
): OptimisationRun {
  const info = readRunInfo(folder);
  const options = readConfig(folder);
  const rollOuts = readRollOuts(folder);
  if (rollOuts.length === 0)
    throw new AttuneError("run", "the run has no roll-outs", {
      file: folder,
      got: `a run of ${info.command}`,
      expected: "a training from the model's own answers: PPO, GRPO, RLOO, online DPO, ...",
    });
  const world =
    options["model"] === BUILT_IN && gold === "" ? (given ?? builtInWorld(info.seed)) : undefined;
  const { looks, clusters } =
    gold === ""
      ? { looks: looked ? ownLooks(folder) : [], clusters: undefined }
      : readGoldFile(gold);
  checkSteps(looks, {
    file: gold === "" ? join(folder, GOLD_FILE) : gold,
    last: rollOuts.at(-1)!.step,
  });
  const labels = clusters ?? (world && fitting(looks, world.requests.map(requestTopic)));
  const values = looks.flatMap((look) => look.values);
  const shares = values.length > 0 && values.every((value) => value >= 0 && value <= 1);
  const guard = guardOf(options);
  const checkpoints = new Checkpoints(join(folder, "checkpoints"), Infinity);
  const kept = checkpoints.list();
  return {
    path: {
      name: nameOf(folder),
      rollOuts,
      looks,
      clusters: labels,
      ...(shares ? { range: [0, 1] as const } : {}),
      ...(guard && rollOuts.some(({ confirmed }) => confirmed !== undefined) ? { guard } : {}),
      checkpoints: kept.map(({ step }) => step),
    },
    options,
    world,
    kept,
    modelStep: (endedEarly(folder) ? checkpoints.best()?.step : undefined) ?? rollOuts.at(-1)!.step,
    warnings: [
      ...(info.status === "completed" ? [] : [`the run is ${info.status}: its end is not there`]),
      ...checkpoints
        .skipped()
        .map(({ folder: at, reason }) => `${basename(at)} is left out of checkpoints: ${reason}`),
      ...(!looked && existsSync(join(folder, GOLD_FILE))
        ? [`${GOLD_FILE} of the run is not read: a judge says what was meant (--judge)`]
        : []),
      ...(looks.length > 1 && labels === undefined
        ? [
            `the ${countOf(looks[0]!.values.length, "prompt")} of gold are taken as independent: ` +
              "the file names no clusters",
          ]
        : []),
      ...(looks.length > 1 && looks[0]!.step > 0
        ? [
            `the first look of gold is at step ${looks[0]!.step}: what is said of its beginning ` +
              "is said of that step, when the policy had learned already",
          ]
        : []),
    ],
  };
}

export const nameOf = (folder: string): string =>
  folder
    .replace(/[\\/]+$/, "")
    .split(/[\\/]/)
    .at(-1)!;

/** Whether the run was stopped before its last step, and so gave the best checkpoint as its model. */
function endedEarly(folder: string): boolean {
  const end = readJsonLines(join(folder, "events.jsonl")).findLast(({ type }) => type === "end");
  const [step, all] = [numberAt(end ?? {}, "step"), numberAt(end ?? {}, "totalSteps")];
  return end?.["status"] === "completed" && step !== undefined && all !== undefined && step < all;
}

const numberAt = (line: Record<string, unknown>, name: string): number | undefined => {
  const value = line[name];
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
};

/** Whether a folder's run learned from its own answers, and logged how. */
export const hasRollOuts = (folder: string): boolean =>
  existsSync(join(folder, "metrics.jsonl")) && readRollOuts(folder).length > 0;

function readRollOuts(folder: string): RollOut[] {
  return readJsonLines(join(folder, "metrics.jsonl")).flatMap((line): RollOut[] => {
    const [step, kl, proxy] = [
      numberAt(line, "step"),
      numberAt(line, "objective/kl"),
      numberAt(line, "objective/scores"),
    ];
    if (step === undefined || kl === undefined || proxy === undefined) return [];
    const heldOut = numberAt(line, "objective/held_out_scores");
    const confirmed = numberAt(line, "guard/unconfirmed");
    return [
      {
        step,
        kl,
        proxy,
        ...(heldOut === undefined ? {} : { heldOut }),
        ...(confirmed === undefined ? {} : { confirmed }),
      },
    ];
  });
}

function guardOf(options: Readonly<Record<string, unknown>>): OptimisationPath["guard"] {
  const [window, share] = [numberAt(options, "guardWindow"), numberAt(options, "guardShare")];
  return window === undefined || share === undefined ? undefined : { window, share };
}

const ownLooks = (folder: string): Look[] =>
  readGold(folder).map(({ step, totals }) => ({ step, values: totals }));

/** Labels, where there is one for each prompt. */
const fitting = (looks: readonly Look[], labels: Labels): Labels | undefined =>
  looks[0]?.values.length === labels.length ? labels : undefined;

export function builtInWorld(seed: number): NonNullable<OptimisationRun["world"]> {
  const { pairs, sizes } = WORLD_RECIPE;
  const world = createWorld({
    seed,
    sizes: {
      ...DEFAULT_SIZES,
      ...sizes,
      preferences: pairs.reward,
      auditedPreferences: pairs.heldOutReward,
    },
  });
  return { world, requests: goldRequests(world, WORLD_RECIPE) };
}
