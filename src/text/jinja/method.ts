/** A method of a built-in type. */
import type { Bound, Runtime } from "./runtime.ts";
import type { Value } from "./values.ts";

export interface Method<Self> {
  readonly parameters: readonly string[];
  readonly call: (self: Self, given: Bound, runtime: Runtime) => Value;
}
