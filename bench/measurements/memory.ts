/**
 * Peak resident memory of DPO with an adapter and recomputation, and how it grows when the model
 * has twice the layers.
 */
import { peakMemory } from "../../src/runtime/peak-memory.ts";
import { runPart } from "../parts.ts";
import type { Figure } from "../measure.ts";
import { rounded, spread } from "../measure.ts";
import { benchModel, weightBytes } from "../model.ts";
import { pairOf } from "../pairs.ts";
import { dpoSteps } from "../training.ts";

const STEPS = 3;
const LAYERS = 30;

interface Peak {
  peak: number;
  weights: number;
  baseline: number;
}

/** In a process of its own: a few steps on pairs of 1,024 tokens. */
export async function dpoPeak(layers: number): Promise<Peak> {
  const baseline = peakMemory();
  const model = await benchModel({ layers });
  const { step, close } = dpoSteps(model, [pairOf([448, 288, 288], 1)], {
    batchSize: 1,
    microBatchTokens: 1024,
  });
  for (let i = 0; i < STEPS; i++) await step();
  await close();
  return { peak: peakMemory(), weights: weightBytes(model), baseline };
}

export async function dpoMemory(): Promise<Figure[]> {
  const once = (await runPart("dpo-peak", LAYERS)) as Peak;
  const twice = (await runPart("dpo-peak", 2 * LAYERS)) as Peak;
  const [grown, weights] = [twice.peak - once.peak, twice.weights - once.weights];
  const megabytes = (bytes: number): number => rounded(bytes / 1e6, 4);
  return [
    {
      name: "dpo-memory",
      title: "LoRA DPO, 1,024 tokens, recomputing: peak resident memory, GB",
      ratio: spread([once.peak / 1e9]),
      target: { atMost: 1.3 },
      details: {
        "weights MB": megabytes(once.weights),
        "Node and libraries MB": megabytes(once.baseline),
        "rest MB": megabytes(once.peak - once.weights - once.baseline),
      },
    },
    {
      name: "dpo-memory-depth",
      title: "the same at twice the depth: growth over the growth of the weights",
      ratio: spread([grown / weights]),
      target: { atMost: 1 },
      details: {
        "peak MB": megabytes(twice.peak),
        "growth MB": megabytes(grown),
        "weights' growth MB": megabytes(weights),
      },
    },
  ];
}
