/** What the header of a GGUF file says; weights/gguf-header.ts reads it. */
import { preview } from "../../core/errors.ts";

/** 64-bit integers are bigints; arrays are plain arrays. */
export type GgufValue = number | bigint | boolean | string | GgufValue[];

export type GgufMetadata = ReadonlyMap<string, GgufValue>;

export interface GgufTensor {
  readonly name: string;
  /** Row-major, outermost first: the reverse of the file's order. */
  readonly shape: readonly number[];
  /** ggml's number of the block format, one of BLOCK_FORMATS. */
  readonly type: number;
  /** Bytes from the start of the file. */
  readonly start: number;
  readonly end: number;
}

export interface GgufHeader {
  readonly version: number;
  readonly metadata: GgufMetadata;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /** Bytes of the header, without the padding before the tensors. */
  readonly length: number;
}

/** A metadata value for messages; a hostile list could be too long for a text. */
export function showValue(value: GgufValue | undefined): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === "string" ? preview(value) : String(value ?? "none");
}
