/**
 * Writes GGUF files, version 3, little-endian. Source: ggml's docs/gguf.md. Tensors are written one
 * after the other, so that no more than one need be in memory; equal models give equal bytes.
 */
import type { FileHandle } from "node:fs/promises";
import { invariant } from "../../core/errors.ts";
import { elementCount } from "../../core/tensor.ts";
import { narrow, type WeightDType } from "../weights/dtypes.ts";
import { BLOCK, QUANT_BYTES, quantize, type QuantName } from "../weights/gguf-quantize.ts";
import { writeWhole } from "../weights/safetensors-writer.ts";

/** A metadata value with the type that it has in the file. */
export type TypedValue =
  | { type: "uint32" | "int32" | "float32"; value: number }
  | { type: "bool"; value: boolean }
  | { type: "string"; value: string }
  | { type: "strings"; value: readonly string[] }
  | { type: "int32s" | "float32s"; value: readonly number[] };

export interface GgufTensorToWrite {
  readonly name: string;
  /** Row-major, outermost first. */
  readonly shape: readonly number[];
  readonly dtype: GgufDType;
  /** Gives the numbers when their turn comes. */
  readonly data: () => Float32Array;
}

/** What a tensor may be written in. */
export type GgufDType = WeightDType | QuantName;

const TENSOR_TYPES: Readonly<Record<GgufDType, number>> = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q4_1: 3,
  Q8_0: 8,
  BF16: 30,
};
const ALIGNMENT = 32;
const [UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY] = [4, 5, 6, 7, 8, 9];

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
const isQuant = (dtype: GgufDType): dtype is QuantName => dtype in QUANT_BYTES;

function bytesOf({ shape, dtype }: GgufTensorToWrite): number {
  return isQuant(dtype)
    ? (elementCount(shape) / BLOCK) * QUANT_BYTES[dtype]
    : elementCount(shape) * (dtype === "F32" ? 4 : 2);
}

/** Bytes of a header, collected in pieces. */
class HeaderBytes {
  private readonly pieces: Buffer[] = [];

  uint32(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return this.add(bytes);
  }

  uint64(value: number): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return this.add(bytes);
  }

  text(value: string): this {
    const bytes = Buffer.from(value, "utf8");
    return this.uint64(bytes.length).add(bytes);
  }

  /** The type of a value, and the value. */
  value({ type, value }: TypedValue): this {
    switch (type) {
      case "uint32":
        return this.uint32(UINT32).uint32(value);
      case "int32":
        return this.uint32(INT32).numbers(Int32Array.of(value));
      case "float32":
        return this.uint32(FLOAT32).numbers(Float32Array.of(value));
      case "bool":
        return this.uint32(BOOL).add(Buffer.of(value ? 1 : 0));
      case "string":
        return this.uint32(STRING).text(value);
      case "strings":
        return value.reduce(
          (bytes: this, text) => bytes.text(text),
          this.uint32(ARRAY).uint32(STRING).uint64(value.length),
        );
      case "int32s":
        return this.uint32(ARRAY)
          .uint32(INT32)
          .uint64(value.length)
          .numbers(Int32Array.from(value));
      case "float32s":
        return this.uint32(ARRAY)
          .uint32(FLOAT32)
          .uint64(value.length)
          .numbers(Float32Array.from(value));
    }
  }

  finish(): Buffer {
    const bytes = Buffer.concat(this.pieces);
    return Buffer.concat([bytes, Buffer.alloc(aligned(bytes.length) - bytes.length)]);
  }

  private numbers(values: Int32Array | Float32Array): this {
    return this.add(Buffer.from(values.buffer, values.byteOffset, values.byteLength));
  }

  private add(bytes: Buffer): this {
    this.pieces.push(bytes);
    return this;
  }
}

/**
 * Writes one file: to a temporary name in the same folder, flushed, then renamed.
 * @throws AttuneError `disk`
 */
export async function writeGguf(
  path: string,
  metadata: ReadonlyMap<string, TypedValue>,
  tensors: readonly GgufTensorToWrite[],
): Promise<void> {
  const header = new HeaderBytes()
    .uint32(0x46554747)
    .uint32(3)
    .uint64(tensors.length)
    .uint64(metadata.size);
  for (const [key, value] of metadata) header.text(key).value(value);
  let offset = 0;
  for (const tensor of tensors) {
    header.text(tensor.name).uint32(tensor.shape.length);
    for (const size of tensor.shape.toReversed()) header.uint64(size);
    header.uint32(TENSOR_TYPES[tensor.dtype]).uint64(offset);
    offset += aligned(bytesOf(tensor));
  }
  await writeWhole(path, async (handle) => {
    await handle.writeFile(header.finish());
    for (const tensor of tensors) await writeTensor(handle, tensor);
  });
}

/** Numbers that are narrowed and written at a time; whole blocks. */
const PIECE = 2 ** 20;

async function writeTensor(handle: FileHandle, tensor: GgufTensorToWrite): Promise<void> {
  const numbers = tensor.data();
  invariant(
    numbers.length === elementCount(tensor.shape),
    `tensor ${tensor.name} does not fill [${tensor.shape.join(", ")}]`,
  );
  const { dtype } = tensor;
  for (let at = 0; at < numbers.length; at += PIECE) {
    const piece = numbers.subarray(at, at + PIECE);
    await handle.writeFile(isQuant(dtype) ? quantize(piece, dtype) : narrow(piece, dtype));
  }
  const bytes = bytesOf(tensor);
  await handle.writeFile(new Uint8Array(aligned(bytes) - bytes));
}
