/**
 * What the block-wise plan does after its last block: reads the hidden states, judges what was read
 * by the objective, and gives the gradient of the hidden states. Rows are read in chunks, so that
 * only a few rows of logits exist at once.
 */
import type { HostTensor } from "../../core/tensor.ts";
import { float32, int64 } from "../../core/tensor.ts";
import type { Tensors } from "../../runtime/session.ts";
import type { BlockwiseOptions } from "./blockwise-options.ts";
import { defaultHeadRows } from "./blockwise-options.ts";
import type { BlockSessions } from "./blockwise-sessions.ts";
import { accumulatorFeeds, namedWeights, readings } from "./common.ts";
import type { Readings, TokenBatch } from "./plan.ts";
import { Scratch } from "./scratch.ts";

/** The end of a training step's forward pass. */
export interface Judged {
  read: Readings;
  /** The objective's results. */
  results: Record<string, HostTensor>;
  /** Gradient of the hidden states after the last block, [N, d]. */
  gradient: HostTensor<"float32">;
}

export class BlockwiseHead {
  private readonly options: BlockwiseOptions;
  private readonly headRows: number;
  private readonly scratch = new Scratch();

  constructor(options: BlockwiseOptions) {
    this.options = options;
    this.headRows = options.headRows ?? defaultHeadRows(options);
  }

  /** @param x hidden states after the last block, [N, d] */
  read(sessions: BlockSessions, x: HostTensor<"float32">, batch: TokenBatch): Promise<Readings> {
    return this.readForward(sessions, this.selectRows(x, batch), batch);
  }

  /**
   * Head and objective: the slope of a linear objective is known beforehand, so its head is
   * computed once.
   * @param x hidden states after the last block, [N, d]
   * @param inputs the objective's
   */
  async judge(
    sessions: BlockSessions,
    x: HostTensor<"float32">,
    batch: TokenBatch,
    inputs: Tensors,
  ): Promise<Judged> {
    const rows = this.selectRows(x, batch);
    const { linearIn } = this.options.objective!;
    if (linearIn !== undefined) {
      const { gradient, ...read } = await this.readBackward(
        sessions,
        rows,
        batch,
        inputs[linearIn] as HostTensor<"float32">,
      );
      return { read, gradient, results: await this.objective(sessions, read.readout, inputs) };
    }
    const read = await this.readForward(sessions, rows, batch);
    const results = await this.objective(sessions, read.readout, inputs);
    const { gradient } = await this.readBackward(
      sessions,
      rows,
      batch,
      results["slope"] as HostTensor<"float32">,
    );
    return { read, gradient, results };
  }

  /** Operations of the matrix products of a training step that reads `count` rows. */
  operations({ readForward, training }: BlockSessions, count: number): number {
    return this.chunks(count).reduce((total, { start, end }) => {
      const chunk = { chunk: end - start };
      const backward = total + training!.readBackward.operations(chunk);
      return this.isLinear ? backward : backward + readForward.operations(chunk);
    }, 0);
  }

  /**
   * Values within the sessions of a training step that reads `count` rows, bytes.
   * @param scores whether batches of this size are scored as well
   */
  workingBytes({ readForward, training }: BlockSessions, count: number, scores: boolean): number {
    const chunk = { chunk: Math.min(count, this.chunkRows(count)) };
    const backward = training!.readBackward.workingBytes(chunk);
    return this.isLinear && !scores ? backward : readForward.workingBytes(chunk) + backward;
  }

  private get isLinear(): boolean {
    return this.options.objective!.linearIn !== undefined;
  }

  /** Copies the hidden states that are read out into a dense [S, d]. */
  private selectRows(x: HostTensor<"float32">, batch: TokenBatch): HostTensor<"float32"> {
    const width = x.shape[1]!;
    const rows = this.scratch.get("rows", [batch.selected.data.length, width]);
    batch.selected.data.forEach((row, index) =>
      rows.data.set(x.data.subarray(Number(row) * width, (Number(row) + 1) * width), index * width),
    );
    return rows;
  }

  /** Adds the gradients of the read rows back into a dense [N, d]. */
  private scatterRows(gradient: HostTensor<"float32">, batch: TokenBatch): HostTensor<"float32"> {
    const width = gradient.shape[1]!;
    const result = this.scratch.get("d last", [batch.tokens.data.length, width]);
    result.data.fill(0);
    batch.selected.data.forEach((row, index) => {
      const offset = Number(row) * width;
      for (let i = 0; i < width; i++) result.data[offset + i]! += gradient.data[index * width + i]!;
    });
    return result;
  }

  private chunkRows(count: number): number {
    return this.options.reads === "scores" ? count : this.headRows;
  }

  private chunks(count: number): Chunk[] {
    const size = this.chunkRows(count);
    const chunks: Chunk[] = [];
    for (let start = 0; start < count; start += size)
      chunks.push({ start, end: Math.min(count, start + size) });
    return chunks;
  }

  private async readForward(
    sessions: BlockSessions,
    rows: HostTensor<"float32">,
    batch: TokenBatch,
  ): Promise<Readings> {
    const weights = namedWeights(this.options.model, sessions.readoutNames);
    const collected = new Collected(rows.shape[0]!);
    for (const chunk of this.chunks(rows.shape[0]!)) {
      const feeds = { ...chunkFeeds(rows, batch, chunk), ...weights };
      collected.add(await sessions.readForward.run(feeds), chunk.start);
    }
    return readings(collected.tensors());
  }

  private async readBackward(
    sessions: BlockSessions,
    rows: HostTensor<"float32">,
    batch: TokenBatch,
    slope: HostTensor<"float32">,
  ): Promise<Readings & { gradient: HostTensor<"float32"> }> {
    const training = sessions.training!;
    const width = rows.shape[1]!;
    const weights = namedWeights(this.options.model, sessions.readoutNames);
    const gradient = this.scratch.get("d rows", rows.shape);
    const accumulators = accumulatorFeeds(
      this.options.trainable!,
      training.readoutTrainables.map((name) => [name, name] as const),
    );
    const collected = new Collected(rows.shape[0]!);
    for (const chunk of this.chunks(rows.shape[0]!)) {
      const { start, end } = chunk;
      const feeds = {
        ...chunkFeeds(rows, batch, chunk),
        slope: float32([end - start], slope.data.subarray(start, end)),
        ...weights,
        ...accumulators.feeds,
      };
      const dRows = float32(
        [end - start, width],
        gradient.data.subarray(start * width, end * width),
      );
      collected.add(await training.readBackward.run(feeds, { dRows, ...accumulators.into }), start);
    }
    return { ...readings(collected.tensors()), gradient: this.scatterRows(gradient, batch) };
  }

  private objective(
    sessions: BlockSessions,
    readout: Float32Array,
    inputs: Tensors,
  ): Promise<Record<string, HostTensor>> {
    return sessions.training!.objective.run({
      readout: float32([readout.length], readout),
      ...inputs,
    });
  }
}

/** Rows from `start` up to `end`, without it. */
interface Chunk {
  start: number;
  end: number;
}

function chunkFeeds(
  rows: HostTensor<"float32">,
  batch: TokenBatch,
  { start, end }: Chunk,
): Tensors {
  const width = rows.shape[1]!;
  return {
    rows: float32([end - start, width], rows.data.subarray(start * width, end * width)),
    targets: int64([end - start], batch.targets.data.subarray(start, end)),
  };
}

/** Joins the results of chunks. */
class Collected {
  private readonly arrays = new Map<string, Float32Array>();
  private readonly count: number;

  constructor(count: number) {
    this.count = count;
    this.arrays.set("readout", new Float32Array(count));
  }

  add(results: Tensors, start: number): void {
    for (const name of ["readout", "entropy", "correct"]) {
      const part = results[name];
      if (!part) continue;
      const whole = this.arrays.get(name) ?? new Float32Array(this.count);
      this.arrays.set(name, whole);
      whole.set(part.data as Float32Array, start);
    }
  }

  tensors(): Tensors {
    return Object.fromEntries(
      [...this.arrays].map(([name, data]) => [name, float32([this.count], data)]),
    );
  }
}
