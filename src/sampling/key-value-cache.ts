/**
 * Keys and values of the tokens that rows have read, for every layer: float32 [rows, K, room, D]
 * each.
 */
import type { HostTensor } from "../core/tensor.ts";
import { float32 } from "../core/tensor.ts";
import type { DecoderConfig } from "../models/decoder-config.ts";
import type { Tensors } from "../runtime/session.ts";

export const cacheNames = (layer: number): { key: string; value: string } => ({
  key: `past_key.${layer}`,
  value: `past_value.${layer}`,
});

export type CacheSizes = Pick<DecoderConfig, "layers" | "keyValueHeads" | "headSize">;

/**
 * Gives memory under a name: the same memory under the same name, as long as it is large enough.
 */
export type Allocate = (name: string, count: number) => Float32Array;

/** Memory that is used again and grows where it must. */
export function reusedMemory(): Allocate {
  const buffers = new Map<string, Float32Array>();
  return (name, count) => {
    let buffer = buffers.get(name);
    if (!buffer || buffer.length < count) buffers.set(name, (buffer = new Float32Array(count)));
    return buffer;
  };
}

export class KeyValueCache {
  /** Tokens that a row has room for. */
  readonly room: number;
  private readonly sizes: CacheSizes;
  private readonly buffers = new Map<string, Float32Array>();
  private viewed: { rows: number; tensors: Tensors } | undefined;

  constructor(
    sizes: CacheSizes,
    rows: number,
    room: number,
    allocate: Allocate = (_, count) => new Float32Array(count),
  ) {
    this.sizes = sizes;
    this.room = room;
    const count = rows * sizes.keyValueHeads * room * sizes.headSize;
    for (let layer = 0; layer < sizes.layers; layer++) {
      const { key, value } = cacheNames(layer);
      for (const name of [key, value]) this.buffers.set(name, allocate(name, count));
    }
  }

  /** The first rows, as a session takes them. */
  tensors(rows: number): Tensors {
    if (this.viewed?.rows === rows) return this.viewed.tensors;
    const { keyValueHeads, headSize } = this.sizes;
    const shape = [rows, keyValueHeads, this.room, headSize];
    const count = rows * keyValueHeads * this.room * headSize;
    const tensors: Record<string, HostTensor> = {};
    for (const [name, buffer] of this.buffers)
      tensors[name] = float32(shape, buffer.subarray(0, count));
    this.viewed = { rows, tensors };
    return tensors;
  }

  /** Copies the first tokens of a row from this or another cache. */
  copyRow(to: number, from: { cache: KeyValueCache; row: number; tokens: number }): void {
    const { keyValueHeads, headSize } = this.sizes;
    for (const [name, buffer] of this.buffers) {
      const source = from.cache.buffers.get(name)!;
      for (let head = 0; head < keyValueHeads; head++) {
        const start = (from.row * keyValueHeads + head) * from.cache.room * headSize;
        buffer.set(
          source.subarray(start, start + from.tokens * headSize),
          (to * keyValueHeads + head) * this.room * headSize,
        );
      }
    }
  }
}
