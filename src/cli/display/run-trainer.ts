/**
 * Carries a trainer's events to the reporter. The trainer writes its own run folder
 * (`yield run.record(event)`).
 */
import { AttuneError, invariant } from "../../core/errors.ts";
import type { EndEvent, TrainingEvent } from "../../runs/events.ts";
import type { Reporter } from "./reporter.ts";

/** Reads the events of a dry run, which trains nothing; shows warnings that were not shown yet. */
export async function dryRunTrainer(
  events: AsyncIterable<TrainingEvent>,
  reporter: Reporter,
  told: readonly { message: string }[] = [],
): Promise<void> {
  for await (const event of events)
    if (event.type === "warning" && !told.some(({ message }) => message === event.message))
      reporter.warn(event.id, event.message);
}

/**
 * Runs a trainer to its end.
 * @param run folder that `attune resume` can go on with, for the message after an interruption
 * @returns the event `end`
 * @throws AttuneError `interrupted` where the trainer stopped because it was asked to
 */
export async function runTrainer(
  events: AsyncIterable<TrainingEvent>,
  reporter: Reporter,
  run?: string,
): Promise<EndEvent> {
  let end: EndEvent | undefined;
  for await (const event of events) {
    reporter.event(event);
    if (event.type === "end") end = event;
  }
  invariant(end, "a trainer finished without the event end");
  if (end.status === "interrupted") {
    throw new AttuneError(
      "interrupted",
      `stopped at step ${end.step} of ${end.totalSteps}`,
      run === undefined ? {} : { hint: `\`attune resume ${run}\` goes on from there` },
    );
  }
  return end;
}
