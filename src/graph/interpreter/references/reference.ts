/** The type of a reference, and what several of them need. */
import type { Shape } from "../../dimensions.ts";
import type { OpAttributes, OpName } from "../../op-types.ts";
import type { PlainTensor } from "../plain.ts";

/**
 * An operation in plain TypeScript, float64 throughout.
 * @param resolve numbers of a shape among the attributes
 * @returns the outputs; NaN marks an entry that the operation leaves open (only {@link Sample.open}
 * samples may have some)
 */
export type Reference<N extends OpName> = (
  inputs: readonly PlainTensor[],
  attributes: OpAttributes[N],
  resolve: (shape: Shape) => number[],
) => readonly PlainTensor[];

/** e^x / sum e^x. */
export function softmaxOf(row: ArrayLike<number>): Float64Array {
  const logs = logSoftmaxOf(row);
  return logs.map((x) => Math.exp(x));
}

/** x - log sum e^x. */
export function logSoftmaxOf(row: ArrayLike<number>): Float64Array {
  let largest = -Infinity;
  for (let i = 0; i < row.length; i++) largest = Math.max(largest, row[i]!);
  let total = 0;
  for (let i = 0; i < row.length; i++) total += Math.exp(row[i]! - largest);
  return Float64Array.from(row, (x) => x - largest - Math.log(total));
}
