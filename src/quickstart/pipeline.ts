/**
 * The quickstart: every stage on the built-in world, then the gold scorer's judgement of every
 * model on requests that nothing was chosen on. Stages that are done are skipped.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { RevisionChain } from "../constitution/revise.ts";
import type { TrainingEvent } from "../runs/events.ts";
import type { PlannedStage, StageResult } from "../runs/pipeline.ts";
import { runPipeline } from "../runs/pipeline.ts";
import type { Interval } from "../stats/intervals.ts";
import { createEncoder } from "../text/encoder.ts";
import { tokenizerFromFiles } from "../text/tokenizer.ts";
import { readHeldOut } from "../training/offline/held-out.ts";
import type { World } from "../world/index.ts";
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
import { goldRequests } from "./gold-points.ts";
import type { PolicyPath } from "./policy-path.ts";
import { readPath } from "./policy-path.ts";
import type { Opinions } from "./opinions.ts";
import { opinionsOf } from "./opinions.ts";
import type { WallClock } from "../runs/wall-clock.ts";
import { wallClock } from "../runs/wall-clock.ts";
import { WORLD_MODELS, worldStages } from "./stages.ts";
import { stageModels } from "./world-stage.ts";

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
      readPath(name, join(folder, WORLD_MODELS[name]), {
        world,
        requests: goldRequests(world, recipe),
      }),
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
