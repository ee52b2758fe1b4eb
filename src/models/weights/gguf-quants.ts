/**
 * Block formats of GGUF and their numbers. Source: ggml's ggml-quants.c (dequantize_row_*) and the layouts of
 * ggml-common.h; checked against the `gguf` Python package (scripts/golden/gguf-quants.py).
 */
import { invariant } from "../../core/errors.ts";
import { halfToFloatTable } from "../../core/tensor.ts";
import { toFloat32 } from "./safetensors.ts";

export interface BlockFormat {
  readonly name: string;
  /** Elements and bytes of one block. */
  readonly elements: number;
  readonly bytes: number;
}

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

/** Where one block is read from and written to. */
interface Block {
  bytes: Uint8Array;
  at: number;
  out: Float32Array;
  to: number;
  half(offset: number): number;
}

type BlockReader = (block: Block) => void;

/** 32 numbers of 4 bits, low nibbles first, with an optional fifth bit from a 32-bit mask. */
function nibbles(block: Block, data: number, fifth: number | undefined, place: (quant: number) => number): void {
  const { bytes, at, out, to } = block;
  for (let i = 0; i < 16; i++) {
    const byte = bytes[at + data + i]!;
    const low = fifth === undefined ? 0 : ((fifth >>> i) & 1) << 4;
    const high = fifth === undefined ? 0 : ((fifth >>> (i + 16)) & 1) << 4;
    out[to + i] = place((byte & 15) | low);
    out[to + i + 16] = place((byte >>> 4) | high);
  }
}

const mask = ({ bytes, at }: Block, offset: number): number =>
  (bytes[at + offset]! | (bytes[at + offset + 1]! << 8) | (bytes[at + offset + 2]! << 16) | (bytes[at + offset + 3]! << 24)) >>> 0;

/** Six-bit scale and minimum of sub-block `j` of a K-quant, packed into 12 bytes. */
function scaleAndMinimum({ bytes, at }: Block, offset: number, j: number): [number, number] {
  const q = (i: number): number => bytes[at + offset + i]!;
  if (j < 4) return [q(j) & 63, q(j + 4) & 63];
  return [(q(j + 4) & 15) | ((q(j - 4) >>> 6) << 4), (q(j + 4) >>> 4) | ((q(j) >>> 6) << 4)];
}

/** Q4_K and Q5_K: eight sub-blocks of 32, each with its scale and minimum. */
function kQuant(block: Block, fiveBits: boolean): void {
  const { bytes, at, out, to } = block;
  const [d, dmin] = [block.half(0), block.half(2)];
  const low = fiveBits ? 48 : 16;
  for (let j = 0; j < 8; j++) {
    const [scale, minimum] = scaleAndMinimum(block, 4, j);
    const [a, b] = [Math.fround(d * scale), Math.fround(dmin * minimum)];
    const base = at + low + (j >> 1) * 32;
    for (let i = 0; i < 32; i++) {
      const nibble = j & 1 ? bytes[base + i]! >>> 4 : bytes[base + i]! & 15;
      const fifth = fiveBits ? ((bytes[at + 16 + i]! >>> j) & 1) << 4 : 0;
      out[to + j * 32 + i] = Math.fround(a * (nibble | fifth)) - b;
    }
  }
}

function sixBits(block: Block): void {
  const { bytes, at, out, to } = block;
  const d = block.half(208);
  for (let n = 0; n < 2; n++) {
    const [ql, qh, scales] = [at + n * 64, at + 128 + n * 32, at + 192 + n * 8];
    for (let i = 0; i < 32; i++) {
      const high = bytes[qh + i]!;
      const quants = [
        (bytes[ql + i]! & 15) | ((high & 3) << 4),
        (bytes[ql + i + 32]! & 15) | (((high >>> 2) & 3) << 4),
        (bytes[ql + i]! >>> 4) | (((high >>> 4) & 3) << 4),
        (bytes[ql + i + 32]! >>> 4) | (((high >>> 6) & 3) << 4),
      ];
      quants.forEach((quant, part) => {
        const scale = (bytes[scales + (i >> 4) + 2 * part]! << 24) >> 24;
        out[to + n * 128 + part * 32 + i] = Math.fround(d * scale) * (quant - 32);
      });
    }
  }
}

const READERS: Readonly<Record<string, BlockReader>> = {
  Q4_0: (block) => {
    const d = block.half(0);
    nibbles(block, 2, undefined, (quant) => d * (quant - 8));
  },
  Q4_1: (block) => {
    const [d, m] = [block.half(0), block.half(2)];
    nibbles(block, 4, undefined, (quant) => Math.fround(d * quant) + m);
  },
  Q5_0: (block) => {
    const d = block.half(0);
    nibbles(block, 6, mask(block, 2), (quant) => d * (quant - 16));
  },
  Q5_1: (block) => {
    const [d, m] = [block.half(0), block.half(2)];
    nibbles(block, 8, mask(block, 4), (quant) => Math.fround(d * quant) + m);
  },
  Q8_0: (block) => {
    const d = block.half(0);
    for (let i = 0; i < 32; i++) block.out[block.to + i] = d * ((block.bytes[block.at + 2 + i]! << 24) >> 24);
  },
  Q4_K: (block) => kQuant(block, false),
  Q5_K: (block) => kQuant(block, true),
  Q6_K: sixBits,
};

/** The numbers of a tensor's bytes. */
export function dequantize(bytes: Uint8Array, type: number): Float32Array {
  const format = BLOCK_FORMATS[type];
  invariant(format, `ggml type ${type} was not checked`);
  if (format.elements === 1) return toFloat32(bytes, format.name, "the tensor");
  const count = bytes.length / format.bytes;
  const out = new Float32Array(count * format.elements);
  const table = halfToFloatTable();
  const block: Block = { bytes, at: 0, out, to: 0, half: (offset) => table[bytes[block.at + offset]! | (bytes[block.at + offset + 1]! << 8)]! };
  const read = READERS[format.name]!;
  for (let i = 0; i < count; i++) {
    block.at = i * format.bytes;
    block.to = i * format.elements;
    read(block);
  }
  return out;
}
