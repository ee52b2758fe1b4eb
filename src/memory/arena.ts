/**
 * How much memory an arena touches for the values of a graph, known before it runs: ONNX Runtime
 * keeps what a session once took, in regions whose sizes double, and memory that is not written
 * takes no room in the machine.
 *
 * Source: onnxruntime's core/framework/bfc_arena.cc with the settings that it has by default: best
 * fit, chunks are split from twice the size on, neighbours that are free become one, regions grow
 * to the next power of two.
 * Differences:
 * 1. what an operator takes for itself while it runs is not known;
 * 2. results are taken to be the caller's memory.
 */
import { resolveShape } from "../graph/dimensions.ts";
import type { MemoryBlock, MemoryStep } from "./liveness.ts";

const ALIGNMENT = 256;
const FIRST_REGION = 2 ** 20;
/** A chunk of which this much would stay unused is split, whatever its size. */
const MOST_UNUSED = 2 ** 27;
/** Regions above this are as large as what is asked for. */
const LARGEST_GROWTH = 2 ** 30;

interface Region {
  /** In order, without gaps. */
  chunks: Chunk[];
  /** Starts and ends of what was written, in order, without overlap. */
  touched: [start: number, end: number][];
}

interface Chunk {
  region: Region;
  start: number;
  size: number;
  free: boolean;
}

/** Best-fit memory that only grows. */
export class Arena {
  private readonly regions: Region[] = [];
  private nextRegion = FIRST_REGION;

  take(bytes: number): Chunk {
    const size = Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
    const chunk = this.bestFit(size) ?? this.grow(size);
    if (chunk.size >= 2 * size || chunk.size - size >= MOST_UNUSED) {
      const { chunks } = chunk.region;
      chunks.splice(chunks.indexOf(chunk) + 1, 0, {
        region: chunk.region,
        start: chunk.start + size,
        size: chunk.size - size,
        free: true,
      });
      chunk.size = size;
    }
    chunk.free = false;
    touch(chunk.region, chunk.start, chunk.start + bytes);
    return chunk;
  }

  give(chunk: Chunk): void {
    chunk.free = true;
    const { chunks } = chunk.region;
    const at = chunks.indexOf(chunk);
    for (const first of [at, at - 1]) {
      const [left, right] = [chunks[first], chunks[first + 1]];
      if (!left?.free || !right?.free) continue;
      left.size += right.size;
      chunks.splice(first + 1, 1);
    }
  }

  /** Sizes of what was asked of the system, in order. */
  get regionBytes(): number[] {
    return this.regions.map(({ chunks }) => chunks.reduce((total, { size }) => total + size, 0));
  }

  get touchedBytes(): number {
    return this.regions.reduce(
      (total, { touched }) => touched.reduce((sum, [start, end]) => sum + end - start, total),
      0,
    );
  }

  private bestFit(size: number): Chunk | undefined {
    let best: Chunk | undefined;
    // Of equal chunks the lowest address: Linux maps a later region below the earlier ones.
    for (const { chunks } of this.regions.toReversed())
      for (const chunk of chunks)
        if (chunk.free && chunk.size >= size && (!best || chunk.size < best.size)) best = chunk;
    return best;
  }

  private grow(size: number): Chunk {
    const enough = this.nextRegion >= size;
    while (this.nextRegion < size) this.nextRegion *= 2;
    const region: Region = { chunks: [], touched: [] };
    const chunk = { region, start: 0, size: this.nextRegion, free: true };
    region.chunks.push(chunk);
    this.regions.push(region);
    if (enough && this.nextRegion * 2 < LARGEST_GROWTH) this.nextRegion *= 2;
    return chunk;
  }
}

function touch({ touched }: Region, start: number, end: number): void {
  const apart = touched.filter(([from, to]) => to < start || from > end);
  const joined = touched.filter(([from, to]) => to >= start && from <= end);
  const whole: [number, number] = [
    Math.min(start, ...joined.map(([from]) => from)),
    Math.max(end, ...joined.map(([, to]) => to)),
  ];
  touched.splice(0, touched.length, ...[...apart, whole].toSorted(([a], [b]) => a - b));
}

/** Turns after which an arena has what it needs: the second finds other gaps than the first. */
const TURNS = 3;

/**
 * Bytes that an arena has touched after several runs in turn, in which the symbols have these
 * sizes.
 */
export function arenaBytes(
  steps: readonly MemoryStep[],
  ...runs: readonly Readonly<Record<string, number>>[]
): number {
  const arena = new Arena();
  for (const sizes of Array.from({ length: TURNS }, () => runs).flat()) {
    const live = new Map<MemoryBlock, Chunk>();
    for (const { taken, freed } of steps) {
      for (const block of taken)
        live.set(block, arena.take(resolveShape([block.bytes], sizes)[0]!));
      for (const block of freed) {
        arena.give(live.get(block)!);
        live.delete(block);
      }
    }
    for (const chunk of live.values()) arena.give(chunk);
  }
  return arena.touchedBytes;
}
