/**
 * The op table: every operation with its shape rule, ONNX form per device and gradient. An
 * operation that lacks one of them does not compile. References of the same operations:
 * `interpreter/`; samples: `check/`.
 */
import { Graph } from "./ir.ts";
import type { OpTable } from "./ir.ts";
import { attention } from "./ops/attention.ts";
import { elementwise } from "./ops/elementwise.ts";
import { indexing } from "./ops/indexing.ts";
import { linearAlgebra } from "./ops/linear-algebra.ts";
import { reduce } from "./ops/reduce.ts";
import { shape } from "./ops/shape.ts";

export const OP_TABLE = {
  ...elementwise,
  ...reduce,
  ...shape,
  ...indexing,
  ...linearAlgebra,
  ...attention,
} satisfies OpTable;

/** An empty graph over the op table. */
export function createGraph(): Graph {
  return new Graph(OP_TABLE);
}
