/**
 * The quickstart: every stage on the built-in world, then the gold scorer's judgement of every
 * model on requests that nothing was chosen on. Stages that are done are skipped.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { RevisionChain } from "../constitution/revise.ts";
import type { TrainingEvent } from "../runs/events.ts";
import { readJsonLines } from "../runs/json-lines.ts";
import type { PlannedStage, StageResult } from "../runs/pipeline.ts";
import { runPipeline } from "../runs/pipeline.ts";
import type { Interval } from "../stats/intervals.ts";
import { mean } from "../stats/intervals.ts";
import { pairedDifference } from "../stats/paired.ts";
import { createEncoder } from "../text/encoder.ts";
import { tokenizerFromFiles } from "../text/tokenizer.ts";
import { readHeldOut } from "../training/offline/held-out.ts";
import type { World } from "../world/index.ts";
import type { Request } from "../world/requests.ts";
import { requestTopic } from "../world/requests.ts";
import { DEFAULT_SIZES, createWorld } from "../world/index.ts";
import type { ScoredModel } from "../evaluation/gold-table.ts";
import { goldDifference } from "../evaluation/gold-table.ts";
import type { RewardModelQuality } from "../evaluation/reward-model-quality.ts";
import { rewardModelQuality } from "../evaluation/reward-model-quality.ts";
import { answerRequests, scoreAnswers } from "./answers.ts";
import type { ConstitutionModelName } from "./constitution.ts";
import { CONSTITUTION_MODELS, readCritique } from "./constitution.ts";
import { Lanes, canOpenLanes } from "./lanes.ts";
import type { WorldRecipe } from "./recipe.ts";
import { MAX_LENGTH, WORLD_RECIPE } from "./recipe.ts";
import type { WorldModelName } from "./stages.ts";
import type { GoldPoint } from "./gold-points.ts";
import { followedRequests, goldRequests, readGold } from "./gold-points.ts";
import type { Opinions } from "./opinions.ts";
import { opinionsOf } from "./opinions.ts";
import type { WallClock } from "../runs/wall-clock.ts";
import { wallClock } from "../runs/wall-clock.ts";
import { WORLD_MODELS, worldStages } from "./stages.ts";
import { stageModels } from "./world-stage.ts";

/** One moment of a policy on its way from the reference. */
export interface PathPoint {
  step: number;
  /** Nats an answer. */
  kl: number;
  /** The optimised and the held-out reward, in standard deviations over the reference's answers. */
  proxy: number;
  /** Standard deviation of the optimised reward in its roll-out; undefined at the beginning. */
  spread?: number;
  heldOut: number;
  /**
   * Mean gold total on requests of the tuning split, and what changed since the first look, paired.
   */
  gold: number;
  change: Interval;
}

export interface PolicyPath {
  name: WorldModelName;
  points: PathPoint[];
  /** The look with the highest gold, and what the end lost since, paired. */
  peak?: { step: number; gold: number; lost: Interval };
  /** Requests whose answers were kept at each look; none in runs of older versions. */
  followed: readonly { request: Request; answers: readonly string[] }[];
  /** First look at which gold is below that of the beginning with its interval clear of zero. */
  fell?: number;
  /** Where the guard would have stopped the run, and gold there. */
  alarm?: { step: number; gold: number; change: Interval; message: string };
}

/** Models with their answers to each request of the evaluation, by name. */
export interface JudgedModels {
  models: ScoredModel[];
  answers: Record<string, readonly string[]>;
}

export interface ConstitutionResult extends JudgedModels {
  chains: readonly RevisionChain[];
  /** Pairs that the models of AI and of human labels learned from, each. */
  labels: number;
}

export interface PipelineResult {
  seed: number;
  folder: string;
  world: World;
  models: ScoredModel[];
  /** Answers of each model to each request of the evaluation, by model name. */
  answers: Readonly<Record<string, readonly string[]>>;
  constitution: ConstitutionResult;
  /** On held-out pairs in the order of the noiseless preference. */
  rewardModel: RewardModelQuality;
  paths: PolicyPath[];
  /** Paired differences of the gold total, by "A - B". */
  differences: Readonly<Record<string, Interval>>;
  stages: StageResult[];
  evaluationSeconds: number;
  /** What the two reward models think of the answers, by model name. */
  opinions: { reward: Opinions; heldOut: Opinions };
  clock: WallClock;
}

export interface PipelineHooks {
  /** Before the first stage. */
  onPlan?: (planned: readonly PlannedStage[]) => void;
  /** A stage begins, or is passed over. */
  onStage?: (stage: PlannedStage) => void;
  onStageEnd?: (result: StageResult) => void;
  onLockTaken?: (from: string) => void;
  onEvaluation?: () => void;
  /** Stages may run beside each other: an event comes with the name of its own. */
  onEvent?: (event: TrainingEvent, stage: string) => void;
  signal?: AbortSignal;
}

/** Models that are compared: [better?, than]. */
export const WORLD_COMPARISONS: readonly (readonly [WorldModelName, WorldModelName])[] = [
  ["SFT", "raw"],
  ["PPO with KL", "SFT"],
  ["PPO without KL", "PPO with KL"],
  ["RLOO", "SFT"],
  ["DPO", "SFT"],
];

/** Models of the constitutional part that are compared: [better?, than]. */
export const CONSTITUTION_COMPARISONS: readonly (readonly [
  ConstitutionModelName,
  ConstitutionModelName,
])[] = [
  ["constitutional", "helpful only"],
  ["AI labels", "helpful only"],
  ["human labels", "helpful only"],
  ["constitutional", "human labels"],
];

/** Threads at most: with more, some would find no stage that is ready. */
const MOST_LANES = 3;
const lanesFor = (cores: number): number => Math.max(1, Math.min(MOST_LANES, cores));

/** Runs every stage below `folder`. The same seed gives the same result on the same machine. */
export async function runWorldPipeline(
  { seed, folder, recipe = WORLD_RECIPE }: { seed: number; folder: string; recipe?: WorldRecipe },
  { onPlan, onStage, onStageEnd, onLockTaken, onEvaluation, onEvent, signal }: PipelineHooks = {},
): Promise<PipelineResult> {
  const world = createWorld({
    seed,
    sizes: {
      ...DEFAULT_SIZES,
      ...recipe.sizes,
      preferences: recipe.pairs.reward,
      auditedPreferences: recipe.pairs.heldOutReward,
    },
  });
  const encoder = createEncoder(tokenizerFromFiles(world.tokenizerFiles), {
    maxLength: MAX_LENGTH,
  });
  const open = stageModels(folder);
  const stages = worldStages({ seed, world, encoder, recipe, folder, open, onEvent, signal });
  const hooks = {
    ...(onPlan ? { onPlan } : {}),
    ...(onStage ? { onStage } : {}),
    ...(onStageEnd ? { onStageEnd } : {}),
    ...(onLockTaken ? { onLockTaken } : {}),
    ...(signal ? { signal } : {}),
  };
  const lanes = canOpenLanes()
    ? new Lanes({ seed, world, recipe, folder }, { onEvent, signal })
    : undefined;
  const done = await (
    lanes
      ? runPipeline(
          folder,
          stages.map((stage) => lanes.through(stage)),
          { ...hooks, concurrency: lanesFor(availableParallelism()) },
        )
      : runPipeline(folder, stages, hooks)
  ).finally(() => lanes?.close());
  onEvaluation?.();
  const began = performance.now();
  const judge = async (stages: Readonly<Record<string, string>>): Promise<JudgedModels> => {
    const judged: JudgedModels = { models: [], answers: {} };
    for (const [name, stage] of Object.entries(stages)) {
      const said = await answerRequests(await open(stage), encoder, world.evaluation, signal);
      judged.answers[name] = said;
      judged.models.push(scoreAnswers(name, world, world.evaluation, said));
    }
    return judged;
  };
  const { models, answers } = await judge(WORLD_MODELS);
  const constitution = { ...(await judge(CONSTITUTION_MODELS)), ...readCritique(folder, world) };
  const thought = async (stage: "reward" | "held-out-reward"): Promise<Opinions> =>
    opinionsOf({ name: stage, model: await open(stage), encoder }, world.evaluation, answers);
  const opinions = { reward: await thought("reward"), heldOut: await thought("held-out-reward") };
  const named = (name: string): ScoredModel => models.find((model) => model.name === name)!;
  return {
    seed,
    folder,
    world,
    models,
    answers,
    constitution,
    rewardModel: rewardModelQuality(readHeldOut(join(folder, "reward", "model"))),
    paths: (["PPO with KL", "PPO without KL"] as const).map((name) =>
      readPath(name, join(folder, WORLD_MODELS[name]), goldRequests(world, recipe)),
    ),
    differences: Object.fromEntries(
      WORLD_COMPARISONS.map(([a, b]) => [`${a} - ${b}`, goldDifference(named(a), named(b))]),
    ),
    stages: done,
    evaluationSeconds: (performance.now() - began) / 1000,
    opinions,
    clock: wallClock(done),
  };
}

/** What a PPO run's folder tells of its way. */
function readPath(name: WorldModelName, folder: string, requests: readonly Request[]): PolicyPath {
  const metrics = new Map(
    readJsonLines(join(folder, "metrics.jsonl")).map((line) => [
      line["step"] as number,
      line as Record<string, number>,
    ]),
  );
  const gold = readGold(folder);
  const clusters = requests.map(requestTopic);
  const start = gold[0]?.totals ?? [];
  const points = gold.flatMap(({ step, totals }): PathPoint[] => {
    // the roll-out of a step is made before its update, and gold is measured behind it: the
    // policy's own roll-out is the next one
    const at = metrics.get(step + 1) ?? metrics.get(step);
    if (step > 0 && !at) return [];
    const [kl, proxy, heldOut] =
      step === 0
        ? [0, 0, 0]
        : [at!["objective/kl"]!, at!["objective/scores"]!, at!["objective/held_out_scores"]!];
    return [
      {
        step,
        kl,
        proxy,
        ...(step === 0 ? {} : { spread: at!["objective/scores_std"]! }),
        heldOut,
        gold: mean(totals),
        change: pairedDifference(totals, start, { clusters, range: [-1, 1] }),
      },
    ];
  });
  const fell = points.find(({ change }) => change.high < 0)?.step;
  const alarm = readJsonLines(join(folder, "events.jsonl")).find(
    (event) => event["type"] === "warning" && event["id"] === "guard",
  );
  const best = gold.reduce<GoldPoint | undefined>(
    (most, look) => (!most || mean(look.totals) > mean(most.totals) ? look : most),
    undefined,
  );
  const at = points.find(({ step }) => alarm !== undefined && step >= (alarm["step"] as number));
  return {
    name,
    points,
    ...(best
      ? {
          peak: {
            step: best.step,
            gold: mean(best.totals),
            lost: pairedDifference(gold.at(-1)!.totals, best.totals, { clusters, range: [-1, 1] }),
          },
        }
      : {}),
    followed: followedIn(gold, requests),
    ...(fell === undefined ? {} : { fell }),
    ...(alarm && at
      ? {
          alarm: {
            step: alarm["step"] as number,
            gold: at.gold,
            change: at.change,
            message: String(alarm["message"]),
          },
        }
      : {}),
  };
}

/** Only looks with answers to all of them can be read side by side. */
function followedIn(
  gold: readonly GoldPoint[],
  requests: readonly Request[],
): PolicyPath["followed"] {
  const followed = followedRequests(requests);
  if (gold.some(({ answers }) => answers?.length !== followed.length)) return [];
  return followed.map((request, index) => ({
    request,
    answers: gold.map(({ answers }) => answers![index]!),
  }));
}
