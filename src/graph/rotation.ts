/**
 * Turning rows before they are rounded to 8 bits: a few large numbers among many small ones, which
 * language models are full of, would take all of the range. A Hadamard matrix spreads each over its
 * block; turning both sides of a product leaves it as it is.
 * Source: QuaRot (Ashkboos et al. 2024), section 3; there whole rows are turned, here blocks, which
 * costs a small product instead of an operator of its own.
 */
import type { HostTensor } from "../core/tensor.ts";
import { float32 } from "../core/tensor.ts";

/** Widest block: 64 takes 3 to 5% of the time of the float32 product that it makes unnecessary. */
const ROTATION_LIMIT = 64;

/**
 * Width of the blocks in rows of this width: the largest power of two that divides it, at most 64.
 */
export function rotationBlock(width: number): number {
  let block = 1;
  while (block < ROTATION_LIMIT && width % (2 * block) === 0) block *= 2;
  return block;
}

/**
 * Orthogonal and symmetric [size, size], for a power of two: entries of 1 / sqrt(size) with both
 * signs (Sylvester's construction).
 */
export function hadamard(size: number): HostTensor<"float32"> {
  const entries = new Float32Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++)
      entries[row * size + column] = (isOdd(row & column) ? -1 : 1) / Math.sqrt(size);
  }
  return float32([size, size], entries);
}

/** Whether an odd number of bits are set. */
function isOdd(bits: number): boolean {
  let odd = false;
  for (let rest = bits; rest > 0; rest &= rest - 1) odd = !odd;
  return odd;
}

/** Turns a row in place, in blocks that divide its width. */
export function rotate(row: Float64Array, block: number): void {
  const scale = 1 / Math.sqrt(block);
  for (let half = 1; half < block; half *= 2) {
    for (let start = 0; start < row.length; start += 2 * half) {
      for (let i = start; i < start + half; i++) {
        const a = row[i]!;
        const b = row[i + half]!;
        row[i] = a + b;
        row[i + half] = a - b;
      }
    }
  }
  for (let i = 0; i < row.length; i++) row[i]! *= scale;
}
