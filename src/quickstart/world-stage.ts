/**
 * What the stages of the quickstart share: the pipeline they belong to, and how a piece of work
 * becomes a stage with a run folder.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { AttuneError, invariant } from "../core/errors.ts";
import { stringifyJson } from "../core/json.ts";
import type { Model } from "../models/model.ts";
import { openModel } from "../models/open.ts";
import type { TrainingEvent } from "../runs/events.ts";
import type { Stage } from "../runs/pipeline.ts";
import { PIPELINE_HINT, changesSince, refuseChanges } from "../runs/recorded.ts";
import { Run } from "../runs/run.ts";
import { readRunInfo } from "../runs/run-folder.ts";
import type { Encoder } from "../text/encoder.ts";
import type { TrainingContext } from "../training/loop.ts";
import type { World } from "../world/index.ts";
import type { WorldRecipe } from "./recipe.ts";

export interface WorldPipeline {
  seed: number;
  world: World;
  encoder: Encoder;
  recipe: WorldRecipe;
  /** The pipeline's folder. */
  folder: string;
  /** Model of a stage that is done. */
  open: (stage: string) => Promise<Model>;
  onEvent?: ((event: TrainingEvent, stage: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

export interface WorldStage {
  name: string;
  title: string;
  needs: readonly string[];
  options: object;
  /** Does the work in the run's folder; a trainer's events, or nothing. */
  begin: (context: TrainingContext & { run: Run }) => Promise<AsyncIterable<TrainingEvent> | void>;
}

/** Models of stages that are done, each read once. */
export function stageModels(folder: string): (stage: string) => Promise<Model> {
  const opened = new Map<string, Promise<Model>>();
  return (stage) => {
    if (!opened.has(stage))
      opened.set(
        stage,
        openModel(join(folder, stage)).then(({ model }) => model),
      );
    return opened.get(stage)!;
  };
}

export function toPipelineStage(
  { name, title, needs, options, begin }: WorldStage,
  { seed, world, onEvent, signal }: WorldPipeline,
): Stage {
  const facts = { dataHash: worldHash(world), modelFingerprint: "" };
  const work = async (run: Run): Promise<void> => {
    try {
      const events = await begin({ run, ...(signal ? { signal } : {}) });
      if (events) await follow(events, title, (event) => onEvent?.(event, name));
      else run.finish("completed");
    } catch (error) {
      if (!(error instanceof AttuneError && error.code === "interrupted")) run.fail(error);
      throw error;
    } finally {
      run.close();
    }
  };
  return {
    name,
    title,
    needs,
    inputs: { ...options, world: facts.dataHash },
    start: async (folder) =>
      work(
        Run.create(folder, {
          command: "quickstart",
          seed,
          config: { given: options, effective: options },
          ...facts,
        }),
      ),
    async resume(folder) {
      refuseChanges(folder, changesSince(folder, readRunInfo(folder)), PIPELINE_HINT);
      await work((await Run.open(folder, facts)).run);
    },
  };
}

async function follow(
  events: AsyncIterable<TrainingEvent>,
  title: string,
  onEvent: (event: TrainingEvent) => void,
): Promise<void> {
  let end: TrainingEvent | undefined;
  for await (const event of events) {
    onEvent(event);
    end = event;
  }
  invariant(end?.type === "end", "a trainer ended without its last event");
  if (end.status === "interrupted")
    throw new AttuneError(
      "interrupted",
      `stopped at step ${end.step} of ${end.totalSteps}: ${title}`,
      { hint: "the same command goes on from there" },
    );
}

/** Changes whenever what the stages read of the world does. */
function worldHash({
  village: _village,
  annotators: _annotators,
  tokenizerFiles: _files,
  evaluation: _evaluation,
  tuning: _tuning,
  ...read
}: World): string {
  return createHash("sha256")
    .update(stringifyJson(Object.values(read)))
    .digest("hex");
}
