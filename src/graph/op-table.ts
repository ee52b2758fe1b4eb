/**
 * The op table: the record of every operation. One that is missing does not compile. References of
 * the same operations: `interpreter/`; samples: `check/`.
 */
import { Graph } from "./ir.ts";
import type { OpDefinition } from "./op-definition.ts";
import type { OpName } from "./op-types.ts";
import { attention } from "./ops/attention.ts";
import { elementwise } from "./ops/elementwise.ts";
import { indexing } from "./ops/indexing.ts";
import { linearAlgebra } from "./ops/linear-algebra.ts";
import { norms } from "./ops/norms.ts";
import { reduce } from "./ops/reduce.ts";
import { shape } from "./ops/shape.ts";
import { softmaxes } from "./ops/softmax.ts";

export type OpTable = { readonly [N in OpName]: OpDefinition<N> };

export const OP_TABLE: OpTable = {
  ...elementwise,
  ...reduce,
  ...shape,
  ...indexing,
  ...linearAlgebra,
  ...softmaxes,
  ...norms,
  ...attention,
};

/** All that is known of an operation. */
export function definitionOf<N extends OpName>(op: N): OpDefinition<N> {
  return OP_TABLE[op];
}

/** An empty graph over the op table. */
export function createGraph(): Graph {
  return new Graph(OP_TABLE);
}
