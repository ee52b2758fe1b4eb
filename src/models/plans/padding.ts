/**
 * Pads the time of a batch on the right, so that attention can be computed in blocks of equal
 * length.
 */
import { int64, zeros } from "../../core/tensor.ts";
import type { TokenBatch } from "./plan.ts";
import { HIDDEN } from "./plan.ts";

/**
 * The same batch with its time a multiple of `multiple`; the batch itself where it is one already.
 * Padding sees itself alone and nothing else sees it; its token and position are 0, and it is never
 * read.
 */
export function padTime(batch: TokenBatch, multiple: number): TokenBatch {
  const [rows, time] = batch.tokens.shape as readonly [number, number];
  const padded = Math.ceil(time / multiple) * multiple;
  if (padded === time) return batch;
  const tokens = zeros("int64", [rows, padded]);
  const positions = zeros("int64", [rows, padded]);
  const bias = zeros("float32", [rows, 1, padded, padded]);
  bias.data.fill(HIDDEN);
  for (let row = 0; row < rows; row++) {
    tokens.data.set(batch.tokens.data.subarray(row * time, (row + 1) * time), row * padded);
    positions.data.set(batch.positions.data.subarray(row * time, (row + 1) * time), row * padded);
    for (let query = 0; query < padded; query++) {
      const start = (row * padded + query) * padded;
      if (query < time)
        bias.data.set(
          batch.bias.data.subarray((row * time + query) * time, (row * time + query + 1) * time),
          start,
        );
      else bias.data[start + query] = 0;
    }
  }
  const selected = Array.from(
    batch.selected.data,
    (index) => Math.floor(Number(index) / time) * padded + (Number(index) % time),
  );
  return {
    tokens,
    positions,
    bias,
    selected: int64([selected.length], selected),
    targets: batch.targets,
  };
}
