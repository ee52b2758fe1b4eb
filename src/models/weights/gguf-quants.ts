/**
 * Block formats of GGUF tensors and their numbers. Source: ggml's ggml-quants.c
 * (`dequantize_row_*`) and the layouts of ggml-common.h; the golden files come from the `gguf`
 * Python package (scripts/golden/gguf-quants.py). Every product of a half and a quant is exact in
 * float64 and so is their sum with a half's product, so each number is rounded once, on the way
 * into the Float32Array: the same bits as float32 arithmetic in any order.
 */
import { invariant } from "../../core/errors.ts";
import { halfToFloatTable } from "../../core/tensor.ts";
import { widenInto } from "./dtypes.ts";

export type GgufTypeName =
  | "F32"
  | "F16"
  | "BF16"
  | "Q8_0"
  | "Q4_0"
  | "Q4_1"
  | "Q5_0"
  | "Q5_1"
  | "Q4_K"
  | "Q5_K"
  | "Q6_K";

export interface BlockFormat {
  readonly name: GgufTypeName;
  /** Elements and bytes of one block. */
  readonly elements: number;
  readonly bytes: number;
}

/** Formats that attune reads, by ggml's number for them. */
export const BLOCK_FORMATS: Readonly<Record<number, BlockFormat>> = {
  0: { name: "F32", elements: 1, bytes: 4 },
  1: { name: "F16", elements: 1, bytes: 2 },
  2: { name: "Q4_0", elements: 32, bytes: 18 },
  3: { name: "Q4_1", elements: 32, bytes: 20 },
  6: { name: "Q5_0", elements: 32, bytes: 22 },
  7: { name: "Q5_1", elements: 32, bytes: 24 },
  8: { name: "Q8_0", elements: 32, bytes: 34 },
  12: { name: "Q4_K", elements: 256, bytes: 144 },
  13: { name: "Q5_K", elements: 256, bytes: 176 },
  14: { name: "Q6_K", elements: 256, bytes: 210 },
  30: { name: "BF16", elements: 1, bytes: 2 },
};

/** ggml's names of the formats that attune does not read, for messages. */
const OTHER_FORMATS: Readonly<Record<number, string>> = {
  9: "Q8_1",
  10: "Q2_K",
  11: "Q3_K",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  20: "IQ4_NL",
  21: "IQ3_S",
  22: "IQ2_S",
  23: "IQ4_XS",
  24: "I8",
  25: "I16",
  26: "I32",
  27: "I64",
  28: "F64",
  29: "IQ1_M",
  34: "TQ1_0",
  35: "TQ2_0",
  39: "MXFP4",
};

/** ggml's name of a tensor type. */
export function ggmlTypeName(type: number): string {
  return BLOCK_FORMATS[type]?.name ?? OTHER_FORMATS[type] ?? `ggml type ${type}`;
}

/** Reads whole blocks from `bytes` into the start of `out`. */
type Dequantizer = (bytes: Uint8Array, out: Float32Array, halves: Float32Array) => void;

/** The number of the half at `at`. */
function half(bytes: Uint8Array, at: number, halves: Float32Array): number {
  return halves[bytes[at]! | (bytes[at + 1]! << 8)]!;
}

function uint32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** d, then 32 signed bytes. */
const q8: Dequantizer = (bytes, out, halves) => {
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0, to = 0; at < bytes.length; at += 34, to += 32) {
    const d = half(bytes, at, halves);
    for (let i = 0; i < 32; i++) out[to + i] = d * signed[at + 2 + i]!;
  }
};

/** d, then 32 nibbles around 8: low ones are elements 0 to 15, high ones 16 to 31. */
const q40: Dequantizer = (bytes, out, halves) => {
  for (let at = 0, to = 0; at < bytes.length; at += 18, to += 32) {
    const d = half(bytes, at, halves);
    for (let i = 0; i < 16; i++) {
      const byte = bytes[at + 2 + i]!;
      out[to + i] = d * ((byte & 15) - 8);
      out[to + i + 16] = d * ((byte >>> 4) - 8);
    }
  }
};

/** d, minimum, then 32 nibbles. */
const q41: Dequantizer = (bytes, out, halves) => {
  for (let at = 0, to = 0; at < bytes.length; at += 20, to += 32) {
    const d = half(bytes, at, halves);
    const minimum = half(bytes, at + 2, halves);
    for (let i = 0; i < 16; i++) {
      const byte = bytes[at + 4 + i]!;
      out[to + i] = d * (byte & 15) + minimum;
      out[to + i + 16] = d * (byte >>> 4) + minimum;
    }
  }
};

/** d, 32 fifth bits, then 32 nibbles; around 16. */
const q50: Dequantizer = (bytes, out, halves) => {
  for (let at = 0, to = 0; at < bytes.length; at += 22, to += 32) {
    const d = half(bytes, at, halves);
    const fifths = uint32(bytes, at + 2);
    for (let i = 0; i < 16; i++) {
      const byte = bytes[at + 6 + i]!;
      out[to + i] = d * (((byte & 15) | (((fifths >>> i) & 1) << 4)) - 16);
      out[to + i + 16] = d * (((byte >>> 4) | (((fifths >>> (i + 16)) & 1) << 4)) - 16);
    }
  }
};

/** d, minimum, 32 fifth bits, then 32 nibbles. */
const q51: Dequantizer = (bytes, out, halves) => {
  for (let at = 0, to = 0; at < bytes.length; at += 24, to += 32) {
    const d = half(bytes, at, halves);
    const minimum = half(bytes, at + 2, halves);
    const fifths = uint32(bytes, at + 4);
    for (let i = 0; i < 16; i++) {
      const byte = bytes[at + 8 + i]!;
      out[to + i] = d * ((byte & 15) | (((fifths >>> i) & 1) << 4)) + minimum;
      out[to + i + 16] = d * ((byte >>> 4) | (((fifths >>> (i + 16)) & 1) << 4)) + minimum;
    }
  }
};

/**
 * Six-bit scale (`minimum` false) or minimum (true) of sub-block `j`, packed with the others into
 * the 12 bytes at `at`.
 */
function sixBits(bytes: Uint8Array, at: number, j: number, minimum: boolean): number {
  const offset = at + (minimum ? 4 : 0);
  if (j < 4) return bytes[offset + j]! & 63;
  const low = bytes[at + j + 4]!;
  return (minimum ? low >>> 4 : low & 15) | ((bytes[offset + j - 4]! >>> 6) << 4);
}

/** d, d of the minimums, 12 bytes of scales and minimums, then eight sub-blocks of 32 nibbles. */
const q4k: Dequantizer = (bytes, out, halves) => {
  for (let at = 0, to = 0; at < bytes.length; at += 144, to += 256) {
    const d = half(bytes, at, halves);
    const dm = half(bytes, at + 2, halves);
    for (let j = 0; j < 8; j++) {
      const scale = d * sixBits(bytes, at + 4, j, false);
      const minimum = dm * sixBits(bytes, at + 4, j, true);
      const from = at + 16 + (j >> 1) * 32;
      const shift = (j & 1) * 4;
      for (let i = 0; i < 32; i++)
        out[to + j * 32 + i] = scale * ((bytes[from + i]! >>> shift) & 15) - minimum;
    }
  }
};

/**
 * As Q4_K, with 32 bytes of fifth bits before the nibbles: bit j of byte i belongs to element i of
 * sub-block j.
 */
const q5k: Dequantizer = (bytes, out, halves) => {
  for (let at = 0, to = 0; at < bytes.length; at += 176, to += 256) {
    const d = half(bytes, at, halves);
    const dm = half(bytes, at + 2, halves);
    for (let j = 0; j < 8; j++) {
      const scale = d * sixBits(bytes, at + 4, j, false);
      const minimum = dm * sixBits(bytes, at + 4, j, true);
      const from = at + 48 + (j >> 1) * 32;
      const shift = (j & 1) * 4;
      for (let i = 0; i < 32; i++) {
        const fifth = ((bytes[at + 16 + i]! >>> j) & 1) << 4;
        out[to + j * 32 + i] = scale * (((bytes[from + i]! >>> shift) & 15) | fifth) - minimum;
      }
    }
  }
};

/**
 * 128 bytes of low nibbles, 64 of upper bit pairs, 16 signed scales, d; in two halves of four runs
 * of 32; around 32.
 */
const q6k: Dequantizer = (bytes, out, halves) => {
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0, to = 0; at < bytes.length; at += 210, to += 256) {
    const d = half(bytes, at + 208, halves);
    for (let run = 0; run < 8; run++) {
      const [side, part] = [run >> 2, run & 3];
      const low = at + side * 64 + (part & 1) * 32;
      const high = at + 128 + side * 32;
      const nibble = (part >> 1) * 4;
      for (let i = 0; i < 32; i++) {
        const quant =
          ((bytes[low + i]! >>> nibble) & 15) | (((bytes[high + i]! >>> (part * 2)) & 3) << 4);
        out[to + run * 32 + i] = d * signed[at + 192 + run * 2 + (i >> 4)]! * (quant - 32);
      }
    }
  }
};

const DEQUANTIZERS: Readonly<Record<Exclude<GgufTypeName, "F32" | "F16" | "BF16">, Dequantizer>> = {
  Q8_0: q8,
  Q4_0: q40,
  Q4_1: q41,
  Q5_0: q50,
  Q5_1: q51,
  Q4_K: q4k,
  Q5_K: q5k,
  Q6_K: q6k,
};

/**
 * Numbers of whole blocks, written to the start of `out`.
 * @param type ggml's number of a format in {@link BLOCK_FORMATS}
 */
export function dequantizeInto(bytes: Uint8Array, type: number, out: Float32Array): void {
  const format = BLOCK_FORMATS[type];
  invariant(
    format && bytes.length % format.bytes === 0,
    `${bytes.length} bytes are no whole blocks of ${ggmlTypeName(type)}`,
  );
  const { name } = format;
  if (name === "F32" || name === "F16" || name === "BF16") widenInto(bytes, name, out);
  else DEQUANTIZERS[name](bytes, out, halfToFloatTable());
}
