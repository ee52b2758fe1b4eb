/** How gold judges a policy on the way: a line of gold.jsonl in its run folder, every few steps. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Model } from "../models/model.ts";
import type { TrainingEvent } from "../runs/events.ts";
import { writeFileAtomic } from "../runs/files.ts";
import { readJsonLines } from "../runs/json-lines.ts";
import type { Run } from "../runs/run.ts";
import type { World } from "../world/index.ts";
import type { Request } from "../world/requests.ts";
import { goldScore } from "../world/gold.ts";
import { answerRequests } from "./answers.ts";
import type { WorldRecipe } from "./recipe.ts";
import type { WorldPipeline } from "./world-stage.ts";

/**
 * One line of gold.jsonl: gold totals of greedy answers to requests of the tuning split, in their
 * order.
 */
export interface GoldPoint {
  step: number;
  totals: number[];
  /** What was said to {@link followedRequests}; runs of older versions have none. */
  answers?: string[];
}

/** In a run folder. */
export const GOLD_FILE = "gold.jsonl";

export const readGold = (folder: string): GoldPoint[] =>
  existsSync(join(folder, GOLD_FILE))
    ? readJsonLines(join(folder, GOLD_FILE)).map((line) => line as unknown as GoldPoint)
    : [];

/** The requests that gold looks at on the way. */
export const goldRequests = (world: World, recipe: WorldRecipe): readonly Request[] =>
  world.tuning.slice(0, recipe.goldRequests);

/** Of each kind. */
const FOLLOWED = 6;

/** The first few of each kind: their answers are kept along the way, for people to read. */
export function followedRequests(requests: readonly Request[]): Request[] {
  const seen = new Map<string, number>();
  return requests.filter(({ kind }) => {
    const count = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, count);
    return count <= FOLLOWED;
  });
}

/**
 * Judges the policy by gold while it learns, every few steps and where the guard speaks up. The
 * trainer sees nothing of it.
 */
export async function* withGold(
  events: AsyncIterable<TrainingEvent>,
  { world, encoder, recipe, signal }: WorldPipeline,
  { run, model }: { run: Run; model: () => Model },
): AsyncGenerator<TrainingEvent> {
  const requests = goldRequests(world, recipe);
  const followed = followedRequests(requests);
  let points = readGold(run.folder);
  let alarmed = false;
  const judge = async (): Promise<Omit<GoldPoint, "step">> => {
    const said = await answerRequests(model(), encoder, requests, signal);
    return {
      totals: requests.map(
        (request, index) => goldScore(world.village, request, said[index]!).total,
      ),
      answers: followed.map((request) => said[requests.indexOf(request)]!),
    };
  };
  const measure = async (step: number): Promise<void> => {
    points = [...points.filter((point) => point.step < step), { step, ...(await judge()) }];
    writeFileAtomic(
      join(run.folder, GOLD_FILE),
      points.map((point) => `${JSON.stringify(point)}\n`).join(""),
    );
  };
  for await (const event of events) {
    yield event;
    if (event.type === "start" && !event.resumedStep) await measure(0);
    if (event.type === "warning" && event.id === "guard") alarmed = true;
    if (
      event.type === "step" &&
      (alarmed || event.step % recipe.goldSteps === 0 || event.step === event.totalSteps)
    ) {
      alarmed = false;
      await measure(event.step);
    }
  }
}
