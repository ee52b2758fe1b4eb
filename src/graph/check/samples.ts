/**
 * Inputs for every operation, on which it is compared with its reference. An operation without any
 * does not compile.
 */
import type { OpName } from "../op-types.ts";
import { attention } from "./samples/attention.ts";
import { elementwise } from "./samples/elementwise.ts";
import { indexing } from "./samples/indexing.ts";
import { linearAlgebra } from "./samples/linear-algebra.ts";
import { reduce } from "./samples/reduce.ts";
import type { Sample } from "./samples/sample.ts";
import { shape } from "./samples/shape.ts";

const SAMPLES: { readonly [N in OpName]: readonly Sample<N>[] } = {
  ...elementwise,
  ...reduce,
  ...shape,
  ...indexing,
  ...linearAlgebra,
  ...attention,
};

export function samplesOf<N extends OpName>(op: N): readonly Sample<N>[] {
  return SAMPLES[op];
}
