/**
 * The metadata of a GGUF file, read by key.
 * Source: llama.cpp's gguf-py/gguf/constants.py.
 */
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { type GgufHeader, type GgufValue, showValue } from "./header.ts";

export type Json = Record<string, unknown>;

/**
 * attune's own key: positions of a model whose window is shorter. llama.cpp does not know such
 * windows, so `context_length`, beyond which it warns, is the window there.
 */
export const OWN_CONTEXT_LENGTH = "attune.context_length";

/** Metadata of one architecture; every complaint names the key. */
export class MetadataReader {
  readonly file: string;
  readonly header: GgufHeader;
  private readonly architecture: string;

  constructor(file: string, header: GgufHeader, architecture: string) {
    this.file = file;
    this.header = header;
    this.architecture = architecture;
  }

  value(key: string): GgufValue | undefined {
    return this.header.metadata.get(`${this.architecture}.${key}`);
  }

  integer(key: string, fallback?: number): number {
    const value = this.value(key) ?? fallback;
    if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return value;
    if (typeof value === "bigint" && value > 0n && value <= BigInt(Number.MAX_SAFE_INTEGER))
      return Number(value);
    throw this.wrong(key, value, "a positive whole number");
  }

  number(key: string, fallback?: number): number {
    const value = this.value(key) ?? fallback;
    if (typeof value === "number" && Number.isFinite(value)) return shortest(value);
    throw this.wrong(key, value, "a number");
  }

  /** Of a model with a window, see {@link OWN_CONTEXT_LENGTH}. */
  ownContextLength(): number {
    const own = this.header.metadata.get(OWN_CONTEXT_LENGTH);
    return typeof own === "number" && Number.isSafeInteger(own) && own > 0
      ? own
      : this.integer("context_length");
  }

  /** Id of a special token, where there is one. */
  tokenId(name: string): number | undefined {
    const value = this.header.metadata.get(`tokenizer.ggml.${name}_token_id`);
    return typeof value === "number" && Number.isSafeInteger(value) ? value : undefined;
  }

  private wrong(key: string, value: GgufValue | undefined, expected: string): AttuneError {
    const name = `${this.architecture}.${key}`;
    if (value === undefined)
      return new AttuneError("model", `the GGUF file lacks ${name}`, {
        file: this.file,
        expected,
        hint: "another conversion of this model",
      });
    return new AttuneError("model", `the GGUF file's ${name} is wrong`, {
      file: this.file,
      got: showValue(value),
      expected,
    });
  }
}

/**
 * The shortest decimal that stands for the same float32: 1e-5 rather than 0.000009999999747378752.
 */
export function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === Math.fround(value)) return rounded;
  }
  return value;
}

/** Ids of the special tokens, as config.json has them. */
export function tokenIds(reader: MetadataReader): Json {
  const ids = {
    bos_token_id: reader.tokenId("bos"),
    eos_token_id: reader.tokenId("eos"),
    pad_token_id: reader.tokenId("padding"),
  };
  return Object.fromEntries(Object.entries(ids).filter(([, id]) => id !== undefined));
}

/** Rows of the embedding: converters pad it beyond the tokenizer's vocabulary for some models. */
export function vocabularySize(reader: MetadataReader): number {
  const rows = reader.header.tensors.get("token_embd.weight")?.shape[0];
  if (rows === undefined)
    throw new AttuneError("model", "the GGUF file has no token_embd.weight", {
      file: reader.file,
      hint: "download the file again",
    });
  return rows;
}

/** Layers; each has tensors, so a hostile count cannot exceed what the file holds. */
export function blockCount(reader: MetadataReader): number {
  const count = reader.integer("block_count");
  const { tensors } = reader.header;
  const isLast = (name: string): boolean => name.startsWith(`blk.${count - 1}.`);
  if (count > tensors.size || ![...tensors.keys()].some(isLast)) {
    throw new AttuneError("model", `the GGUF file has no tensors of layer ${count - 1}`, {
      file: reader.file,
      got: countOf(tensors.size, "tensor"),
      expected: `${countOf(count, "layer")} by its block_count`,
    });
  }
  return count;
}

/** Size of a query head, key or value. */
export function headSize(reader: MetadataReader): number {
  return reader.value("attention.key_length") === undefined
    ? reader.integer("embedding_length") / reader.integer("attention.head_count")
    : reader.integer("attention.key_length");
}
