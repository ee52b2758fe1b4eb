/**
 * The reference of every operation: what it means, in plain TypeScript and float64. The interpreter
 * evaluates graphs by them, and the harness of check/ compares ONNX Runtime with them. An operation
 * without one does not compile.
 */
import type { OpName } from "../op-types.ts";
import { attention } from "./references/attention.ts";
import { elementwise } from "./references/elementwise.ts";
import { indexing } from "./references/indexing.ts";
import { linearAlgebra } from "./references/linear-algebra.ts";
import { reduce } from "./references/reduce.ts";
import type { Reference } from "./references/reference.ts";
import { shape } from "./references/shape.ts";

const REFERENCES: { readonly [N in OpName]: Reference<N> } = {
  ...elementwise,
  ...reduce,
  ...shape,
  ...indexing,
  ...linearAlgebra,
  ...attention,
};

/** What an operation means. */
export function referenceOf<N extends OpName>(op: N): Reference<N> {
  return REFERENCES[op];
}
