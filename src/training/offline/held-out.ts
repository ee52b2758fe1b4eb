/**
 * What a trainer measured on each held-out pair, kept beside the finished model as
 * held_out_pairs.jsonl.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promptKey } from "../../data/split.ts";
import type { DataRecord } from "../../data/records.ts";
import type { Metrics } from "../../runs/events.ts";
import { readWholeFile } from "../../runs/files.ts";
import type { Score } from "../step.ts";

/** One held-out pair. */
export interface HeldOutPair {
  /**
   * Rewards; implicit ones (DPO and its relatives) are in units of the loss: beta times a
   * log-ratio, in nats.
   */
  chosen: number;
  rejected: number;
  /** Tokens, stop token included. */
  chosenLength: number;
  rejectedLength: number;
  /** Probability that chosen is preferred. */
  p: number;
  /** The same for pairs of one prompt. */
  cluster: string;
}

const FILE = "held_out_pairs.jsonl";

/** A short name for the prompt of a record. */
export const promptCluster = (record: DataRecord): string =>
  createHash("sha256").update(promptKey(record)).digest("hex").slice(0, 16);

export async function writeHeldOut(folder: string, pairs: readonly HeldOutPair[]): Promise<void> {
  await writeFile(join(folder, FILE), pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(""));
}

/** The pairs that a run's model folder holds; none where nothing was held out. */
export function readHeldOut(folder: string): HeldOutPair[] {
  const path = join(folder, FILE);
  if (!existsSync(path)) return [];
  return readWholeFile(path)
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as HeldOutPair);
}

/** The checkpoint with the lowest loss on held-out data is the result. */
export function scoreOf(metrics: Metrics, metric: "eval_loss"): Score {
  return { metric, value: metrics[metric]! };
}

/** Remembers an evaluation until the weights have changed. */
export class LastEvaluation<T> {
  private known: { step: number; value: T } | undefined;
  private readonly measure: () => Promise<T>;

  constructor(measure: () => Promise<T>) {
    this.measure = measure;
  }

  /** What was measured last. */
  get last(): T | undefined {
    return this.known?.value;
  }

  /** What holds after `step` steps. */
  async at(step: number): Promise<T> {
    if (this.known?.step !== step) this.known = { step, value: await this.measure() };
    return this.known.value;
  }
}
