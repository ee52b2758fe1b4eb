/** References of the reductions. */
import { normalizeAxis } from "../../dimensions.ts";
import type { OpAttributes, ReduceAttributes } from "../../op-types.ts";
import type { PlainTensor } from "../plain.ts";
import { advance, build, flatIndex } from "../plain.ts";
import type { Reference } from "./reference.ts";

/** Gathers the entries that fall on one result, and combines them. */
function reduceOver(
  x: PlainTensor,
  { axes, keepDimensions }: OpAttributes["sum"],
  combine: (entries: number[]) => number,
): PlainTensor[] {
  const reduced = new Set(axes.map((axis) => normalizeAxis(axis, x.shape.length)));
  const kept = x.shape.map((size, axis) => (reduced.has(axis) ? 1 : size));
  const groups = Array.from(
    { length: kept.reduce((total, size) => total * size, 1) },
    (): number[] => [],
  );
  const index = x.shape.map(() => 0);
  for (const entry of x.data) {
    groups[
      flatIndex(
        kept,
        index.map((position, axis) => (reduced.has(axis) ? 0 : position)),
      )
    ]!.push(entry);
    advance(index, x.shape);
  }
  const shape = keepDimensions ? kept : x.shape.filter((_, axis) => !reduced.has(axis));
  return [{ dtype: "float32", shape, data: Float64Array.from(groups, combine) }];
}

const total = (entries: readonly number[]): number =>
  entries.reduce((sum, entry) => sum + entry, 0);

export const reduce = {
  sum: ([x], attributes) => reduceOver(x!, attributes, total),
  mean: ([x], attributes) =>
    reduceOver(x!, attributes, (entries) => total(entries) / entries.length),
  max: ([x], attributes) => reduceOver(x!, attributes, (entries) => Math.max(...entries)),
  argmax: ([x], { axis }) => {
    const along = normalizeAxis(axis, x!.shape.length);
    const shape = x!.shape.filter((_, other) => other !== along);
    return [
      build("int64", shape, (index) => {
        const entries = Array.from(
          { length: x!.shape[along]! },
          (_, i) => x!.data[flatIndex(x!.shape, index.toSpliced(along, 0, i))]!,
        );
        return entries.indexOf(Math.max(...entries));
      }),
    ];
  },
  cumulativeSum: ([x], { reverse }) => [
    build("float32", x!.shape, (index) => {
      const at = index.at(-1)!;
      const positions = Array.from({ length: x!.shape.at(-1)! }, (_, i) => i).filter((i) =>
        reverse ? i >= at : i <= at,
      );
      return total(positions.map((i) => x!.data[flatIndex(x!.shape, [...index.slice(0, -1), i])]!));
    }),
  ],
} satisfies { [N in keyof ReduceAttributes]: Reference<N> };
