/**
 * Plain tensors of the interpreter: every dtype held as float64 numbers, read and made by index.
 * Clear rather than fast.
 */
import type { DType, HostTensor } from "../../core/tensor.ts";
import { elementCount, halfToFloatTable, tensor, toHalf } from "../../core/tensor.ts";

export interface PlainTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Numbers in row-major order; integers and truth values (0 or 1) are kept as numbers too. */
  readonly data: Float64Array;
}

/** A tensor whose entry at each index is computed; the index array is reused between calls. */
export function build(
  dtype: DType,
  shape: readonly number[],
  entry: (index: readonly number[]) => number,
): PlainTensor {
  const data = new Float64Array(elementCount(shape));
  const index = shape.map(() => 0);
  for (let flat = 0; flat < data.length; flat++) {
    data[flat] = entry(index);
    advance(index, shape);
  }
  return { dtype, shape, data };
}

/** Moves an index to the next entry in row-major order. */
export function advance(index: number[], shape: readonly number[]): void {
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (++index[axis]! < shape[axis]!) return;
    index[axis] = 0;
  }
}

/** Row-major position of an index. */
export function flatIndex(shape: readonly number[], index: readonly number[]): number {
  let flat = 0;
  for (const [axis, size] of shape.entries()) flat = flat * size + index[axis]!;
  return flat;
}

export function at(x: PlainTensor, index: readonly number[]): number {
  return x.data[flatIndex(x.shape, index)]!;
}

/**
 * The entry that broadcasting puts at an index: axes aligned at the end, axes of size 1 repeated.
 */
export function broadcastAt(x: PlainTensor, index: readonly number[]): number {
  const offset = index.length - x.shape.length;
  let flat = 0;
  for (const [axis, size] of x.shape.entries())
    flat = flat * size + (size === 1 ? 0 : index[axis + offset]!);
  return x.data[flat]!;
}

/** Shape of an elementwise result of plain sizes. */
export function broadcastSizes(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    return sizes.find((size) => size !== 1) ?? 1;
  });
}

/** Applies a function of numbers to every entry of the last axis at once. */
export function mapRows(
  x: PlainTensor,
  transform: (row: Float64Array) => ArrayLike<number>,
): PlainTensor {
  const width = x.shape.at(-1)!;
  const data = new Float64Array(x.data.length);
  for (let start = 0; start < data.length; start += width)
    data.set(transform(x.data.subarray(start, start + width)), start);
  return { ...x, data };
}

/** The same numbers as ONNX Runtime takes them; float32 and float16 are rounded. */
export function toHost({ dtype, shape, data }: PlainTensor): HostTensor {
  switch (dtype) {
    case "float32":
      return tensor(dtype, shape, Float32Array.from(data));
    case "float16":
      return tensor(dtype, shape, Uint16Array.from(data, toHalf));
    case "int64":
      return tensor(dtype, shape, BigInt64Array.from(data, BigInt));
    case "int32":
      return tensor(dtype, shape, Int32Array.from(data));
    case "int8":
      return tensor(dtype, shape, Int8Array.from(data));
    case "bool":
      return tensor(dtype, shape, Uint8Array.from(data));
  }
}

export function fromHost({ dtype, shape, data }: HostTensor): PlainTensor {
  const table = dtype === "float16" ? halfToFloatTable() : undefined;
  return {
    dtype,
    shape,
    data: Float64Array.from(data as ArrayLike<number | bigint>, (entry) =>
      table ? table[Number(entry)]! : Number(entry),
    ),
  };
}
