/**
 * Numbers as blocks of GGUF: 8 bits (Q8_0) and 4 bits around zero (Q4_0) or above a minimum (Q4_1),
 * 32 numbers to a block.
 * Source: ggml's ggml-quants.c (`quantize_row_*_ref`); the golden file has the bytes of the `gguf`
 * Python package. All arithmetic is float32's.
 */
import { AttuneError, invariant } from "../../core/errors.ts";
import { toHalf } from "../../core/tensor.ts";

export type QuantName = "Q8_0" | "Q4_0" | "Q4_1";

/** Numbers in a block. */
export const BLOCK = 32;

/** Bytes of a block. */
export const QUANT_BYTES: Readonly<Record<QuantName, number>> = { Q8_0: 34, Q4_0: 18, Q4_1: 20 };

const { fround } = Math;

/** An exponent of ones: the scale does not fit a half. */
const HALF_INFINITY = 0x7c00;

/**
 * @param data whole blocks
 * @throws AttuneError `numeric` for numbers too large for the halves that scale a block
 */
export function quantize(data: Float32Array, name: QuantName): Uint8Array {
  invariant(data.length % BLOCK === 0, `${data.length} numbers are no whole blocks`);
  const size = QUANT_BYTES[name];
  const bytes = new Uint8Array((data.length / BLOCK) * size);
  for (let block = 0; block * BLOCK < data.length; block++)
    WRITERS[name](
      data.subarray(block * BLOCK, (block + 1) * BLOCK),
      bytes.subarray(block * size, (block + 1) * size),
    );
  return bytes;
}

type BlockWriter = (numbers: Float32Array, into: Uint8Array) => void;

const WRITERS: Readonly<Record<QuantName, BlockWriter>> = {
  /** d, then 32 signed bytes; halves are rounded away from zero. */
  Q8_0(numbers, into) {
    let largest = 0;
    for (const x of numbers) largest = Math.max(largest, Math.abs(x));
    const scale = fround(largest / 127);
    const inverse = inverseOf(scale);
    putHalf(into, 0, scale);
    for (let i = 0; i < BLOCK; i++) into[2 + i] = roundAway(fround(numbers[i]! * inverse));
  },
  /**
   * d, by which the number of the largest size is -8, then nibbles around 8: the first 16 numbers
   * in the low ones.
   */
  Q4_0(numbers, into) {
    let outermost = 0;
    for (const x of numbers) if (Math.abs(x) > Math.abs(outermost)) outermost = x;
    const scale = fround(outermost / -8);
    const inverse = inverseOf(scale);
    putHalf(into, 0, scale);
    putNibbles(into, 2, (i) => Math.trunc(fround(fround(numbers[i]! * inverse) + 8.5)));
  },
  /** d, the minimum, then nibbles above it. */
  Q4_1(numbers, into) {
    let [least, most] = [Infinity, -Infinity];
    for (const x of numbers) [least, most] = [Math.min(least, x), Math.max(most, x)];
    const scale = fround(fround(most - least) / 15);
    const inverse = inverseOf(scale);
    putHalf(into, 0, scale);
    putHalf(into, 2, least);
    putNibbles(into, 4, (i) =>
      Math.trunc(fround(fround(fround(numbers[i]! - least) * inverse) + 0.5)),
    );
  },
};

/** 0 where there is nothing to scale, or so little that its inverse is beyond float32. */
function inverseOf(scale: number): number {
  const inverse = scale === 0 ? 0 : fround(1 / scale);
  return Number.isFinite(inverse) ? inverse : 0;
}

const roundAway = (x: number): number => Math.sign(x) * Math.floor(Math.abs(x) + 0.5);

function putHalf(into: Uint8Array, at: number, value: number): void {
  const bits = toHalf(value);
  if ((bits & HALF_INFINITY) === HALF_INFINITY)
    throw new AttuneError("numeric", "a weight is too large to be quantised", {
      got: String(value),
      expected: "scales of blocks up to 65504",
    });
  [into[at], into[at + 1]] = [bits & 0xff, bits >>> 8];
}

function putNibbles(into: Uint8Array, start: number, quant: (index: number) => number): void {
  const clipped = (index: number): number => Math.min(15, Math.max(0, quant(index)));
  for (let i = 0; i < BLOCK / 2; i++) into[start + i] = clipped(i) | (clipped(i + BLOCK / 2) << 4);
}
