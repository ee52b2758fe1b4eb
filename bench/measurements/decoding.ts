/** Decoding against the memory bandwidth, and a batch against a single row. */
import { Decoder } from "../../src/sampling/decoder.ts";
import type { DecodingBatch } from "../../src/sampling/decoder.ts";
import { weightCount, worthPacking } from "../../src/sampling/packing.ts";
import { bandwidth } from "../limits.ts";
import type { Figure, Measured } from "../measure.ts";
import {
  PATIENCE,
  disturbance,
  inTurns,
  median,
  ratios,
  rounded,
  seconds,
  spread,
} from "../measure.ts";
import { benchModel, randomIds, weightBytes } from "../model.ts";
import type { Model } from "../../src/models/model.ts";
import { peakMemory } from "../../src/runtime/peak-memory.ts";

const PROMPT = 64;
/** Tokens for which packing the weights has to pay. */
const ANSWER = 64;
/** Decoding steps of one turn. */
const STEPS = 8;

/**
 * Seconds of a decoding step, the mean over a few, with room for so many turns even where others
 * are busy; the decoder is what `generate` would make for so many rows.
 */
async function decodingStep(model: Model, rows: number, turns: number): Promise<Measured> {
  const decoder = await Decoder.create(model, {
    maxLength: PROMPT + (PATIENCE * turns + 2) * STEPS,
    prepack: worthPacking({ weights: weightCount(model), rows, steps: ANSWER }),
  });
  const batch: DecodingBatch = await decoder.start(
    Array.from({ length: rows }, (_, row) => randomIds(PROMPT, row)),
  );
  const next = new Int32Array(rows).fill(100);
  const run = async (): Promise<void> => {
    for (let i = 0; i < STEPS; i++) await batch.step(next);
  };
  await run();
  return async () => (await seconds(run)) / STEPS;
}

export async function decodeOne(rounds: number): Promise<Figure[]> {
  const model = await benchModel();
  const bytes = weightBytes(model);
  const limit = await bandwidth();
  const turns = await inTurns({
    subject: await decodingStep(model, 1, rounds),
    limit: async () => bytes / (await limit()),
    rounds,
  });
  const details = {
    "tokens/s": rounded(1 / median(turns.subject)),
    "step ms": rounded(1e3 * median(turns.subject)),
    "reading ms": rounded(1e3 * median(turns.limit)),
    "weights MB": rounded(bytes / 1e6),
    "bandwidth GB/s": rounded(bytes / median(turns.limit) / 1e9),
    "others busy": disturbance(turns),
  };
  return [
    {
      name: "decode-1",
      title: "decoding, batch 1: time over that of reading the weights once",
      ratio: spread(ratios(turns.subject, turns.limit)),
      target: { atMost: 1.3 },
      details,
    },
  ];
}

const ROWS = 32;

export async function decodeMany(rounds: number): Promise<Figure[]> {
  const model = await benchModel();
  const [one, many] = [
    await decodingStep(model, 1, rounds + 1),
    await decodingStep(model, ROWS, rounds),
  ];
  const turns = await inTurns({
    subject: async () => ROWS / (await many()),
    limit: async () => 1 / (await one()),
    rounds,
  });
  const details = {
    "tokens/s, batch 32": rounded(median(turns.subject)),
    "tokens/s, batch 1": rounded(median(turns.limit)),
    "peak memory, MB": rounded(peakMemory() / 1e6),
    "others busy": disturbance(turns),
  };
  return [
    {
      name: "decode-32",
      title: "decoding: tokens/s of batch 32 over batch 1",
      ratio: spread(ratios(turns.subject, turns.limit)),
      target: { atLeast: 6 },
      details,
    },
  ];
}
