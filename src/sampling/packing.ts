/**
 * Whether the copy of the weights that ONNX Runtime packs for its products pays; see
 * docs/decisions/packed-weights.md.
 */
import type { Model } from "../models/model.ts";
import { parameterCount } from "../models/model.ts";

/**
 * Models below this many weights are packed for any number of rows; see
 * docs/decisions/packed-weights.md.
 */
const SMALL_MODEL = 256e6;
/** Rows from which packing pays for larger models, and steps from which it pays for any. */
const PREPACK_ROWS = 8;
const PREPACK_STEPS = 16;

/** Beside training, weights are packed below this many: a copy of 128 MB. */
const SMALL_BESIDE_TRAINING = 32e6;

export interface PackingQuestion {
  /** Numbers in the weights. */
  weights: number;
  rows: number;
  steps: number;
  /** Memory is short, as networks that are trained lie beside the one that decodes. */
  besideTraining?: boolean;
}

/** Whether packing pays. */
export function worthPacking({
  weights,
  rows,
  steps,
  besideTraining = false,
}: PackingQuestion): boolean {
  if (besideTraining && weights >= SMALL_BESIDE_TRAINING) return false;
  return steps >= PREPACK_STEPS && (rows >= PREPACK_ROWS || weights < SMALL_MODEL);
}

/** Numbers in a model's weights. */
export function weightCount({ family, config }: Model): number {
  return parameterCount(family, config);
}
