/** Dtypes and plain host tensors: a typed array with a shape. No arithmetic lives here. */
import { AttuneError } from "./errors.ts";

/** What the numbers of a tensor are. */
export type DType = "float32" | "float16" | "int64" | "int32" | "int8" | "bool";

/**
 * The typed array that holds each dtype; float16 is kept as raw 16-bit patterns, bool as 0 or 1.
 */
export interface ArrayOf {
  /** Single precision. */
  float32: Float32Array;
  /** Raw bits of half precision, one number each. */
  float16: Uint16Array;
  /** Whole numbers of 64 bits, such as token ids in a graph. */
  int64: BigInt64Array;
  /** Whole numbers of 32 bits. */
  int32: Int32Array;
  /** Whole numbers of 8 bits, such as rounded weights. */
  int8: Int8Array;
  /** 0 or 1. */
  bool: Uint8Array;
}
export type TensorData = ArrayOf[DType];

/** Numbers in memory with a shape. */
export interface HostTensor<
  D extends DType = DType,
  S extends readonly number[] = readonly number[],
> {
  /** What they are. */
  readonly dtype: D;
  /** Sizes, slowest dimension first. */
  readonly shape: S;
  /** Row-major, as many as the product of the shape. */
  readonly data: ArrayOf[D];
}

/** Bytes of one element. */
export const ELEMENT_BYTES = {
  float32: 4,
  float16: 2,
  int64: 8,
  int32: 4,
  int8: 1,
  bool: 1,
} as const satisfies Record<DType, number>;

/** Number of elements of a shape. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const dim of shape) count *= dim;
  return count;
}

/** Wraps an array; throws when its length does not match the shape. */
export function tensor<D extends DType, const S extends readonly number[]>(
  dtype: D,
  shape: S,
  data: ArrayOf[D],
): HostTensor<D, S> {
  if (data.length !== elementCount(shape)) {
    throw new AttuneError(
      "internal",
      `tensor: ${data.length} elements do not fill the shape [${shape.join(", ")}]`,
    );
  }
  return { dtype, shape, data };
}

/** A new tensor of zeros. */
export function zeros<D extends DType>(dtype: D, shape: readonly number[]): HostTensor<D> {
  const count = elementCount(shape);
  const make: { [K in DType]: () => ArrayOf[K] } = {
    float32: () => new Float32Array(count),
    float16: () => new Uint16Array(count),
    int64: () => new BigInt64Array(count),
    int32: () => new Int32Array(count),
    int8: () => new Int8Array(count),
    bool: () => new Uint8Array(count),
  };
  return { dtype, shape, data: make[dtype]() as ArrayOf[D] };
}

export function float32<const S extends readonly number[]>(
  shape: S,
  data: Float32Array | readonly number[],
): HostTensor<"float32", S> {
  return tensor("float32", shape, data instanceof Float32Array ? data : Float32Array.from(data));
}

export function int64<const S extends readonly number[]>(
  shape: S,
  data: BigInt64Array | readonly number[],
): HostTensor<"int64", S> {
  return tensor(
    "int64",
    shape,
    data instanceof BigInt64Array ? data : BigInt64Array.from(data, BigInt),
  );
}

export function int32(
  shape: readonly number[],
  data: Int32Array | readonly number[],
): HostTensor<"int32"> {
  return tensor("int32", shape, data instanceof Int32Array ? data : Int32Array.from(data));
}

export function int8(shape: readonly number[], data: Int8Array): HostTensor<"int8"> {
  return tensor("int8", shape, data);
}

const halfScratch = new Float32Array(1);
const halfBits = new Uint32Array(halfScratch.buffer);

/** IEEE 754 binary16 bits of a number, rounded to nearest even. */
export function toHalf(value: number): number {
  halfScratch[0] = value;
  const bits = halfBits[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const mantissa = bits & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (mantissa ? 0x200 : 0);
  const halfExponent = exponent - 112;
  if (halfExponent >= 31) return sign | 0x7c00;
  if (halfExponent <= 0) {
    if (halfExponent < -10) return sign;
    const full = mantissa | 0x800000;
    const shift = 14 - halfExponent;
    return sign | roundShift(full, shift);
  }
  // A carry out of the mantissa runs into the exponent, which is the right result.
  return sign + (halfExponent << 10) + roundShift(mantissa, 13);
}

/** value >> shift, rounded to nearest, ties to even. */
function roundShift(value: number, shift: number): number {
  const kept = value >>> shift;
  const rest = value & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept;
}

let halfTable: Float32Array | undefined;

/** Numbers of all 65,536 binary16 patterns. */
export function halfToFloatTable(): Float32Array {
  if (halfTable) return halfTable;
  halfTable = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >>> 10) & 0x1f;
    const mantissa = bits & 0x3ff;
    const magnitude =
      exponent === 0
        ? mantissa * 2 ** -24
        : exponent === 31
          ? mantissa
            ? NaN
            : Infinity
          : (1 + mantissa / 1024) * 2 ** (exponent - 15);
    halfTable[bits] = bits & 0x8000 ? -magnitude : magnitude;
  }
  return halfTable;
}
