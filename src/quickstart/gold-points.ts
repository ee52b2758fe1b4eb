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
import { goldTotals } from "./answers.ts";
import type { WorldRecipe } from "./recipe.ts";
import type { WorldPipeline } from "./world-stage.ts";

/**
 * One line of gold.jsonl: gold totals of greedy answers to requests of the tuning split, in their
 * order.
 */
export interface GoldPoint {
  step: number;
  totals: number[];
}

const GOLD_FILE = "gold.jsonl";

export const readGold = (folder: string): GoldPoint[] =>
  existsSync(join(folder, GOLD_FILE))
    ? readJsonLines(join(folder, GOLD_FILE)).map((line) => line as unknown as GoldPoint)
    : [];

/** The requests that gold looks at on the way. */
export const goldRequests = (world: World, recipe: WorldRecipe): readonly Request[] =>
  world.tuning.slice(0, recipe.goldRequests);

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
  let points = readGold(run.folder);
  let alarmed = false;
  const measure = async (step: number): Promise<void> => {
    points = [
      ...points.filter((point) => point.step < step),
      { step, totals: await goldTotals(model(), encoder, world, requests, signal) },
    ];
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
