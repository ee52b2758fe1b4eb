/** References of reading and adding at positions named by indices. */
import type { IndexingAttributes } from "../../op-types.ts";
import type { PlainTensor } from "../plain.ts";
import type { Reference } from "./reference.ts";

/** Entries of one row of a table [R, ...]. */
const rowSize = (table: PlainTensor): number =>
  table.shape.slice(1).reduce((total, size) => total * size, 1);

export const indexing = {
  gatherRows: ([table, indices]) => {
    const size = rowSize(table!);
    const data = new Float64Array(indices!.data.length * size);
    indices!.data.forEach((row, i) =>
      data.set(table!.data.subarray(row * size, (row + 1) * size), i * size),
    );
    return [{ dtype: table!.dtype, shape: [...indices!.shape, ...table!.shape.slice(1)], data }];
  },
  scatterAddRows: ([base, indices, updates]) => {
    const size = rowSize(base!);
    const data = base!.data.slice();
    indices!.data.forEach((row, i) => {
      for (let j = 0; j < size; j++) data[row * size + j]! += updates!.data[i * size + j]!;
    });
    return [{ ...base!, data }];
  },
  pick: ([x, indices]) => [
    {
      dtype: x!.dtype,
      shape: indices!.shape,
      data: indices!.data.map((column, row) => x!.data[row * x!.shape[1]! + column]!),
    },
  ],
  scatterAddPicked: ([base, indices, updates]) => {
    const data = base!.data.slice();
    indices!.data.forEach(
      (column, row) => (data[row * base!.shape[1]! + column]! += updates!.data[row]!),
    );
    return [{ ...base!, data }];
  },
} satisfies { [N in keyof IndexingAttributes]: Reference<N> };
