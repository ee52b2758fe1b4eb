/**
 * How the examples of a run fall into optimiser steps: epochs are read through without gaps, a step
 * may cross from one into the next, and the last step of the last epoch ends with it, so `epochs`
 * passes are exactly that many.
 */
import { Random } from "../core/random.ts";
import type { ScheduleOptions } from "../optim/schedules.ts";
import { scheduleFactor } from "../optim/schedules.ts";

export interface Passes {
  batchSize: number;
  /** May be a fraction; Infinity for a stream without an end. */
  epochs: number;
  /** 0 for no limit. */
  maxSteps: number;
  seed: number;
  /** A new order for every epoch (the default), or the order of the data. */
  shuffle?: boolean;
}

type Length = Pick<Passes, "batchSize" | "epochs" | "maxSteps">;

/**
 * Examples that all passes together read, each as often as it is read; a fraction of one counts as
 * one from a half on.
 */
const samplesOf = (examples: number, epochs: number): number =>
  Math.max(1, Math.round(examples * epochs));

/** Optimiser steps of a run. */
export function totalSteps(examples: number, { batchSize, epochs, maxSteps }: Length): number {
  const all = Math.ceil(samplesOf(examples, epochs) / batchSize);
  return maxSteps > 0 ? Math.min(all, maxSteps) : all;
}

/** Examples that a run reads, each as often as it is read. */
export function examplesRead(examples: number, length: Length): number {
  return Math.min(
    totalSteps(examples, length) * length.batchSize,
    samplesOf(examples, length.epochs),
  );
}

/** Passes that are done after `steps` optimiser steps. */
export function epochsAfter(
  examples: number,
  steps: number,
  { batchSize, epochs }: Pick<Passes, "batchSize" | "epochs">,
): number {
  return Math.min(steps * batchSize, samplesOf(examples, epochs)) / examples;
}

/** Where an optimiser step stands in its run. */
export interface StepPlace {
  /** From 1. */
  step: number;
  learningRate: number;
  /** Passes that are done after it. */
  epoch: number;
}

/** Options of a run from data that place its steps. */
export interface DataSchedule extends Passes, Omit<ScheduleOptions, "totalSteps"> {
  /** Peak. */
  learningRate: number;
}

/** @param index of the step, from 0 */
export function placeOf(index: number, examples: number, config: DataSchedule): StepPlace {
  const factor = scheduleFactor(index, { ...config, totalSteps: totalSteps(examples, config) });
  return {
    step: index + 1,
    learningRate: config.learningRate * factor,
    epoch: epochsAfter(examples, index + 1, config),
  };
}

/** Items of optimiser step `step` (from 0). */
export function itemsOfStep<Item>(
  items: readonly Item[],
  step: number,
  passes: Omit<Passes, "maxSteps">,
): Item[] {
  const { batchSize } = passes;
  return itemsBetween(items, { start: step * batchSize, end: (step + 1) * batchSize }, passes);
}

/**
 * Items of the whole run, in order; those of step i are the next `batchSize` from i times
 * `batchSize` on.
 */
export function itemsOfRun<Item>(items: readonly Item[], passes: Passes): Item[] {
  return itemsBetween(
    items,
    { start: 0, end: totalSteps(items.length, passes) * passes.batchSize },
    passes,
  );
}

/** The items that a run sees at all. */
export function itemsSeen<Item>(items: readonly Item[], passes: Passes): Item[] {
  return itemsBetween(
    items,
    { start: 0, end: Math.min(items.length, totalSteps(items.length, passes) * passes.batchSize) },
    passes,
  );
}

function itemsBetween<Item>(
  items: readonly Item[],
  { start, end }: { start: number; end: number },
  { epochs, seed, shuffle = true }: Pick<Passes, "epochs" | "seed" | "shuffle">,
): Item[] {
  const chosen: Item[] = [];
  let order: readonly Item[] = items;
  let epochOfOrder = -1;
  for (let index = start; index < Math.min(end, samplesOf(items.length, epochs)); index++) {
    const epoch = Math.floor(index / items.length);
    if (shuffle && epoch !== epochOfOrder) {
      order = Random.for(seed, "order", epoch).shuffle(items);
      epochOfOrder = epoch;
    }
    chosen.push(order[index % items.length]!);
  }
  return chosen;
}
