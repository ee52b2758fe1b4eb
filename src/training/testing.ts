/**
 * What the tests of the trainers share: a tiny model, made-up preferences that can be learned,
 * events and their metrics.
 */
import { mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { Random } from "../core/random.ts";
import type { PreferenceRecord } from "../data/records.ts";
import type { Model } from "../models/model.ts";
import { TINY_CONFIGS, randomModel } from "../models/testing.ts";
import type { TrainingEvent } from "../runs/events.ts";
import { Run } from "../runs/run.ts";
import { createEncoder } from "../text/encoder.ts";
import { byteTokenizer } from "../text/testing.ts";
import type { TrainingContext } from "./loop.ts";

export const tokenizer = byteTokenizer();
export const encoder = createEncoder(tokenizer, { maxLength: 48, template: "none" });

export const tinyModel = (type = "llama", changes: Readonly<Record<string, unknown>> = {}): Model =>
  randomModel(
    {
      ...TINY_CONFIGS[type]!,
      ...changes,
      vocab_size: tokenizer.vocabularySize,
      max_position_embeddings: 128,
      n_positions: 128,
    },
    3,
    0.15,
  );

/** Vowels are preferred to x, y and z. */
export const madePairs = (count: number): PreferenceRecord[] =>
  Array.from({ length: count }, (_, index) => {
    const random = Random.for(index, "pair");
    const word = (letters: string): string =>
      Array.from({ length: 2 + random.integer(9) }, () => random.pick([...letters])).join("");
    return {
      kind: "preference",
      prompt: word("abcdefgh"),
      chosen: word("aeiou"),
      rejected: word("xyz"),
      p: 1,
      place: { row: index + 1 },
    };
  });

export const COMMON = {
  model: "tiny",
  data: "made",
  batchSize: 8,
  maxLength: 48,
  heldOut: 0,
  warmupRatio: 0,
  schedule: "constant",
} as const;

export async function collect(events: AsyncIterable<TrainingEvent>): Promise<TrainingEvent[]> {
  const all: TrainingEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

/** Runs a trainer to its end: what happened, and what it gave back. */
export async function finished<T>(
  events: AsyncGenerator<TrainingEvent, T>,
): Promise<{ events: TrainingEvent[]; result: T }> {
  const all: TrainingEvent[] = [];
  for (;;) {
    const { value, done } = await events.next();
    if (done) return { events: all, result: value };
    all.push(value);
  }
}

/** A metric of every step. */
export const stepMetric = (events: readonly TrainingEvent[], name: string): number[] =>
  events.flatMap((event) =>
    event.type === "step" ? [(event.metrics as Record<string, number>)[name]!] : [],
  );

/** All metrics of every step. */
export const stepsOf = (events: readonly TrainingEvent[]): Record<string, number>[] =>
  events.flatMap((event) =>
    event.type === "step" ? [event.metrics as Record<string, number>] : [],
  );

export const warningsOf = (events: readonly TrainingEvent[]): string[] =>
  events.flatMap((event) => (event.type === "warning" ? [event.id] : []));

/**
 * A run of three steps that is cut off after the second, and gone on with, leaves the bytes of one
 * that was not: metrics, checkpoint and the folders that it made.
 */
export async function expectSameBytes(
  train: (context: TrainingContext) => AsyncIterable<TrainingEvent>,
  artifacts: readonly string[] = ["model"],
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "attune-same-bytes-"));
  const facts = {
    command: "test",
    seed: 42,
    config: { given: {}, effective: {} },
    dataHash: "d",
    modelFingerprint: "m",
    keepLast: 100,
  };
  const whole = Run.create(join(folder, "whole"), facts);
  await collect(train({ run: whole }));
  whole.close();
  const stop = new AbortController();
  let run = Run.create(join(folder, "cut"), facts);
  for await (const event of train({ run, signal: stop.signal }))
    if (event.type === "step" && event.step === 2) stop.abort();
  run.close();
  ({ run } = await Run.open(join(folder, "cut")));
  await collect(train({ run }));
  run.close();
  for (const file of [
    "metrics.jsonl",
    ...[...artifacts, "checkpoints/step-000003"].flatMap((part) =>
      readdirSync(join(folder, "whole", part)).map((name) => join(part, name)),
    ),
  ]) {
    expect(
      readFileSync(join(folder, "cut", file)).equals(readFileSync(join(folder, "whole", file))),
      file,
    ).toBe(true);
  }
}
