/** The way of a training from answers, as its run folder tells it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import type { Look, OptimisationPath, RollOut } from "../evaluation/over-optimisation/path.ts";
import { goldRequests, readGold } from "./gold-points.ts";
import { WORLD_RECIPE } from "./recipe.ts";
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
}

/**
 * @param options.gold a file; the run folder's own where left out or empty
 * @param options.world of a run of the quickstart, where it is at hand; made again where left out
 * @throws AttuneError `run` for a folder that is no run, or no training from answers; `data` for a
 * file of gold that cannot be read
 */
export function readOptimisationRun(
  folder: string,
  { gold = "", world: given }: { gold?: string; world?: OptimisationRun["world"] } = {},
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
    gold === "" ? { looks: ownLooks(folder), clusters: undefined } : readGoldFile(gold);
  const labels = clusters ?? (world && fitting(looks, world.requests.map(requestTopic)));
  const values = looks.flatMap((look) => look.values);
  const shares = values.length > 0 && values.every((value) => value >= 0 && value <= 1);
  const guard = guardOf(options);
  const checkpoints = new Checkpoints(join(folder, "checkpoints"), Infinity).list();
  return {
    path: {
      name: nameOf(folder),
      rollOuts,
      looks,
      clusters: labels,
      ...(shares ? { range: [0, 1] as const } : {}),
      ...(guard && rollOuts.some(({ confirmed }) => confirmed !== undefined) ? { guard } : {}),
      checkpoints: checkpoints.map(({ step }) => step),
    },
    options,
    world,
    warnings: [
      ...(info.status === "completed" ? [] : [`the run is ${info.status}: its end is not there`]),
      ...(looks.length > 1 && labels === undefined
        ? [
            `the ${countOf(looks[0]!.values.length, "prompt")} of gold are taken as independent: ` +
              "the file names no clusters",
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

const numberAt = (line: Record<string, unknown>, name: string): number | undefined => {
  const value = line[name];
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
};

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

/** Lines {step, values, clusters?}; `totals` is taken for `values`. */
function readGoldFile(file: string): { looks: Look[]; clusters: Labels | undefined } {
  if (!existsSync(file))
    throw new AttuneError("data", "there is no such file", {
      file,
      hint: "check the path after --gold",
    });
  let clusters: Labels | undefined;
  const looks = readFileSync(file, "utf8")
    .split("\n")
    .flatMap((text, index): Look[] => {
      if (text.trim() === "") return [];
      const line = parseLine(text, { file, row: index + 1 });
      if (line.clusters) clusters = line.clusters;
      return [{ step: line.step, values: line.values }];
    })
    .toSorted((a, b) => a.step - b.step);
  const [first] = looks;
  const other = looks.find(({ values }) => values.length !== first!.values.length);
  if (other || (clusters && first && clusters.length !== first.values.length))
    throw new AttuneError("data", "every line must hold the same prompts, in the same order", {
      file,
      got:
        `${first!.values.length} values at step ${first!.step}, ` +
        (other
          ? `${other.values.length} at step ${other.step}`
          : `${clusters!.length} labels of clusters`),
    });
  return { looks, clusters };
}

function parseLine(
  text: string,
  place: { file: string; row: number },
): { step: number; values: number[]; clusters?: Labels } {
  const expected = '{"step": 10, "values": [0.5, 1, ...], "clusters": ["a", "a", ...]}';
  try {
    const line = JSON.parse(text) as Record<string, unknown>;
    const values = line["values"] ?? line["totals"];
    const { step, clusters } = line;
    const wrong =
      typeof step !== "number" ||
      !Array.isArray(values) ||
      values.length === 0 ||
      !values.every((value) => typeof value === "number" && Number.isFinite(value));
    if (wrong) throw new Error("step or values are missing, or a value is no finite number");
    return {
      step,
      values: values as number[],
      ...(Array.isArray(clusters) ? { clusters: clusters.map(String) } : {}),
    };
  } catch (cause) {
    throw new AttuneError("data", "this is no look of gold", {
      ...place,
      got: (cause as Error).message,
      expected,
      cause,
    });
  }
}
