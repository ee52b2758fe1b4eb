/**
 * A plain TypeScript twin of every operation: what the operation means, written without ONNX, in
 * float64. An operation without one does not compile.
 */
import type { OpName } from "../op-types.ts";
import { attention } from "./references/attention.ts";
import { elementwise } from "./references/elementwise.ts";
import { indexing } from "./references/indexing.ts";
import { linearAlgebra } from "./references/linear-algebra.ts";
import { reduce } from "./references/reduce.ts";
import type { Reference } from "./references/reference.ts";
import { shape } from "./references/shape.ts";

export const REFERENCES = {
  ...elementwise,
  ...reduce,
  ...shape,
  ...indexing,
  ...linearAlgebra,
  ...attention,
} satisfies { [N in OpName]: Reference<N> };
