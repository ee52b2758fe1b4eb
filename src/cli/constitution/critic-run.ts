/** A run of a command that asks critics: its cost, its folder, and the answers kept there. */
import { AnswerCache } from "../../constitution/answer-cache.ts";
import type { Critic } from "../../constitution/critic.ts";
import type { Estimate } from "../../constitution/estimate.ts";
import { ServerCritic } from "../../constitution/server-critic.ts";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { jointHash } from "../../runs/joint-hash.ts";
import type { Run } from "../../runs/run.ts";
import type { CommandContext } from "../command.ts";
import { formatCount, formatDuration } from "../display/words.ts";
import type { RunFacts } from "../training/training-command.ts";
import type { CostConfig } from "./costs.ts";
import { announceCosts } from "./costs.ts";
import type { CriticConfig, OpenedCritic } from "./critics.ts";
import { openCritics } from "./critics.ts";

export interface CriticWork {
  /** As after `attune`. */
  command: string;
  /** Names of the critics to open. */
  critics: readonly string[];
  /** What there is to do. */
  items: { name: "prompts" | "pairs"; count: number };
  estimate: Estimate;
  /** Of everything but models that a resumed run must find as it was. */
  dataHash: string;
  /** @param critics in the order of their names */
  work(run: Run, critics: readonly Critic[]): Promise<void>;
}

export interface CriticCall {
  config: CriticConfig & CostConfig & { seed: number; reuse: readonly string[] };
  dryRun: boolean;
  openRun: (facts: RunFacts) => Promise<Run>;
}

/** Says what asking will take and does the work; in a dry run nothing is asked or written. */
export async function runWithCritics(
  { command, critics, items, estimate, dataHash, work }: CriticWork,
  { config, dryRun, openRun }: CriticCall,
  context: CommandContext,
): Promise<void> {
  if (dryRun) {
    const said = announceCosts(estimate, config, context);
    context.reporter.result(
      { dryRun: true, [items.name]: items.count, ...estimate },
      `${command} would ask for this (nothing was asked or written):\n  ` +
        `${countOf(items.count, items.name.slice(0, -1))}; ${said}`,
    );
    // behind the estimate, which is of use without a key or a model too
    await openCritics(critics, config, context);
    return;
  }
  const opened = await openCritics(critics, config, context);
  if (opened.some(({ isServer }) => isServer)) announceCosts(estimate, config, context);
  const run = await openRun({
    seed: config.seed,
    dataHash,
    modelFingerprint: jointHash(...opened.map(({ fingerprint }) => fingerprint)),
  });
  await askCritics(run, opened, { reuse: config.reuse, work: (made) => work(run, made) });
}

/**
 * Runs work that asks critics. Whatever ends it, what was answered stays in the run folder, and the
 * run can be resumed.
 */
async function askCritics(
  run: Run,
  critics: readonly OpenedCritic[],
  {
    reuse,
    work,
  }: { reuse: readonly string[]; work: (critics: readonly Critic[]) => Promise<void> },
): Promise<void> {
  const cache = AnswerCache.open(run.folder, reuse);
  const made: Critic[] = [];
  try {
    for (const each of critics) made.push(await each.open(cache));
    await work(made);
    run.finish("completed");
  } catch (error) {
    // before the command's own guard, which would take a run without steps back, and its answers
    // with it
    if (cache.size > 0) run.fail(error);
    if (!(error instanceof AttuneError) || error.code !== "interrupted") throw error;
    throw new AttuneError("interrupted", "stopped before the end", {
      got: `kept: ${countOf(cache.size, "answer")}`,
      hint: `\`attune resume ${run.folder}\` goes on from there`,
      cause: error,
    });
  } finally {
    for (const critic of new Set(made)) await critic.close();
    cache.close();
  }
}

/**
 * Does the first item alone where a server is asked, and says how long the others will take; its
 * answers are kept, so nothing is asked twice. A local model works on many items at once, and the
 * display of its progress tells the time left.
 */
export async function timeFirstItem(
  items: number,
  critics: readonly Critic[],
  { reporter }: CommandContext,
  first: () => Promise<unknown>,
): Promise<void> {
  if (items < 2 || !critics.every((critic) => critic instanceof ServerCritic)) return;
  const asked = (): number => critics.reduce((total, { usage }) => total + usage.asked, 0);
  const [before, start] = [asked(), Date.now()];
  await first();
  if (asked() === before) return;
  const seconds = (Date.now() - start) / 1000;
  const together = Math.min(...critics.map(({ concurrency }) => concurrency));
  reporter.note(
    `the first of ${formatCount(items)} took ${formatDuration(seconds)}: the others take about ` +
      `${formatDuration((seconds * (items - 1)) / together)} at ${together} a time`,
  );
}
