/** What the tests of the trainers share: a tiny model, made-up preferences that can be learned, events and their metrics. */
import { Random } from "../core/random.ts";
import type { PreferenceRecord } from "../data/records.ts";
import type { Model } from "../models/model.ts";
import { TINY_CONFIGS, randomModel } from "../models/testing.ts";
import type { TrainingEvent } from "../runs/events.ts";
import { createEncoder } from "../text/encoder.ts";
import { byteTokenizer } from "../text/testing.ts";

export const tokenizer = byteTokenizer();
export const encoder = createEncoder(tokenizer, { maxLength: 48 });

export const tinyModel = (type = "llama", changes: Readonly<Record<string, unknown>> = {}): Model => randomModel({ ...TINY_CONFIGS[type]!, ...changes, vocab_size: tokenizer.vocabularySize, max_position_embeddings: 128, n_positions: 128 }, 3, 0.15);

/** Vowels are preferred to x, y and z. */
export const madePairs = (count: number): PreferenceRecord[] =>
  Array.from({ length: count }, (_, index) => {
    const random = Random.for(index, "pair");
    const word = (letters: string): string => Array.from({ length: 2 + random.integer(9) }, () => random.pick([...letters])).join("");
    return { kind: "preference", prompt: word("abcdefgh"), chosen: word("aeiou"), rejected: word("xyz"), p: 1, place: { row: index + 1 } };
  });

export const COMMON = { model: "tiny", data: "made", batchSize: 8, maxLength: 48, heldOut: 0, warmupRatio: 0, schedule: "constant" } as const;

export async function collect(events: AsyncIterable<TrainingEvent>): Promise<TrainingEvent[]> {
  const all: TrainingEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

/** A metric of every step. */
export const stepMetric = (events: readonly TrainingEvent[], name: string): number[] => events.flatMap((event) => (event.type === "step" ? [(event.metrics as Record<string, number>)[name]!] : []));
