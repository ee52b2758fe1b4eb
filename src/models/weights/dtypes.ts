/**
 * Dtypes of safetensors files and their numbers.
 * Source: huggingface/safetensors, `Dtype` of its Rust reader; bfloat16 is the upper half of a
 * float32.
 */
import { AttuneError } from "../../core/errors.ts";
import { halfToFloatTable, toHalf } from "../../core/tensor.ts";

/** Bits of one element. */
export const DTYPE_BITS = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  U8: 8,
  I8: 8,
  U16: 16,
  I16: 16,
  F16: 16,
  BF16: 16,
  U32: 32,
  I32: 32,
  F32: 32,
  U64: 64,
  I64: 64,
  F64: 64,
  C64: 64,
} as const;

export type SafetensorsDType = keyof typeof DTYPE_BITS;

/** Dtypes that attune writes. */
export type WeightDType = "F32" | "F16" | "BF16";

export function isDType(text: string): text is SafetensorsDType {
  return Object.hasOwn(DTYPE_BITS, text);
}

type Widen = (bytes: Uint8Array, out: Float32Array) => void;

/** A copy of `bytes` typed as `kind`, which may only look at aligned offsets. */
function view<T>(
  bytes: Uint8Array,
  size: number,
  kind: new (buffer: ArrayBufferLike, offset: number, length: number) => T,
): T {
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  return new kind(aligned.buffer, aligned.byteOffset, bytes.length / size);
}

const widen16 =
  (table: () => Float32Array): Widen =>
  (bytes, out) => {
    const halves = view(bytes, 2, Uint16Array);
    const numbers = table();
    for (let i = 0; i < halves.length; i++) out[i] = numbers[halves[i]!]!;
  };

/** Float32 numbers of each dtype that holds numbers; the last wide integers lose their low bits. */
const WIDEN: Readonly<Partial<Record<SafetensorsDType, Widen>>> = {
  F32: (bytes, out) => new Uint8Array(out.buffer, out.byteOffset, bytes.length).set(bytes),
  F16: widen16(halfToFloatTable),
  BF16: (bytes, out) => {
    const halves = view(bytes, 2, Uint16Array);
    const bits = new Uint32Array(out.buffer, out.byteOffset, halves.length);
    for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  },
  F64: (bytes, out) => out.set(view(bytes, 8, Float64Array)),
  I32: (bytes, out) => out.set(view(bytes, 4, Int32Array)),
  U32: (bytes, out) => out.set(view(bytes, 4, Uint32Array)),
  I16: (bytes, out) => out.set(view(bytes, 2, Int16Array)),
  U16: (bytes, out) => out.set(view(bytes, 2, Uint16Array)),
  I8: (bytes, out) => out.set(view(bytes, 1, Int8Array)),
  U8: (bytes, out) => out.set(bytes),
  BOOL: (bytes, out) => out.set(bytes),
  I64: (bytes, out) => view(bytes, 8, BigInt64Array).forEach((item, i) => (out[i] = Number(item))),
  U64: (bytes, out) => view(bytes, 8, BigUint64Array).forEach((item, i) => (out[i] = Number(item))),
};

/**
 * Float32 numbers of little-endian `bytes`, written to the start of `out`.
 * @throws AttuneError `model` for a dtype that has no reading as float32 (8-bit floats and smaller,
 * complex)
 */
export function widenInto(bytes: Uint8Array, dtype: SafetensorsDType, out: Float32Array): void {
  const widen = WIDEN[dtype];
  if (!widen) {
    throw new AttuneError("model", `weights of dtype ${dtype} cannot be read`, {
      expected: Object.keys(WIDEN).join(", "),
      hint: "the F32, F16 or BF16 form of this model",
    });
  }
  widen(bytes, out);
}

/**
 * Bytes of float32 numbers in a dtype, rounded to nearest even. The bytes of F32 share the memory
 * of `data`.
 */
export function narrow(data: Float32Array, dtype: WeightDType): Uint8Array {
  if (dtype === "F32") return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const halves = new Uint16Array(data.length);
  if (dtype === "F16") {
    for (let i = 0; i < data.length; i++) halves[i] = toHalf(data[i]!);
  } else {
    const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
    for (let i = 0; i < data.length; i++) halves[i] = toBfloat(bits[i]!);
  }
  return new Uint8Array(halves.buffer);
}

/** bfloat16 bits of float32 bits, rounded to nearest even; NaN stays NaN. */
function toBfloat(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}
