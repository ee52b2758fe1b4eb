/**
 * Evaluates an objective's own graph in float64, by the interpreter: for metrics, for held-out
 * data, and wherever a loss is wanted without a model. A loss is written once, as graph.
 */
import { invariant } from "../core/errors.ts";
import type { HostTensor } from "../core/tensor.ts";
import { interpreterOf } from "../graph/interpreter/interpret.ts";
import type { PlainTensor } from "../graph/interpreter/plain.ts";
import type { Graph, Value, ValueType } from "../graph/ir.ts";
import { createGraph } from "../graph/op-table.ts";
import type { Objective, TermsOf } from "../models/plans/plan.ts";
import { buildLoss } from "../models/plans/plan.ts";

/** Inputs of an objective by name, in row-major order: the step's own tensors, or numbers. */
export type NumbersOf<O extends Objective> = {
  readonly [Name in keyof O["inputs"]]: HostTensor | ArrayLike<number>;
};

/** What an objective gives, in float64. */
export interface Evaluated<O extends Objective> {
  loss: number;
  /** Metrics and terms by name, in row-major order; truth values are 0 or 1. */
  values: Readonly<Record<TermsOf<O>, Float64Array>>;
}

/** An objective as a function of what was read, [S], and its inputs. */
export type Evaluator<O extends Objective> = (
  readout: ArrayLike<number>,
  inputs: NumbersOf<O>,
) => Evaluated<O>;

/**
 * Builds an objective's graph once, to be evaluated on many batches.
 * @throws AttuneError `internal`, where an evaluation lacks an input or its length does not fit
 */
export function evaluatorOf<O extends Objective>(objective: O): Evaluator<O> {
  const graph = createGraph();
  const { loss, metrics, terms } = buildLoss(
    objective,
    graph.input("readout", "float32", ["selected"]),
  );
  const wanted: Record<string, Value> = { loss, ...metrics, ...terms };
  const evaluate = interpreterOf(graph, wanted);
  return (readout, inputs) => {
    const results = evaluate(plainInputs(graph, { ...inputs, readout }));
    const values = Object.entries(results).map(([name, { data }]) => [name, data]);
    return {
      loss: results["loss"]!.data[0]!,
      values: Object.fromEntries(values) as Evaluated<O>["values"],
    };
  };
}

/**
 * Metrics and terms over all micro-batches of a step, in their order, from what the step read.
 */
export function evaluateStep<O extends Objective>(
  objective: O,
  results: readonly { readonly readout: ArrayLike<number> }[],
  batches: readonly { readonly inputs: NumbersOf<O> }[],
): Readonly<Record<TermsOf<O>, number[]>> {
  const evaluate = evaluatorOf(objective);
  const parts = results.map(({ readout }, i) => evaluate(readout, batches[i]!.inputs).values);
  const names = Object.keys(parts[0] ?? {}) as TermsOf<O>[];
  return Object.fromEntries(
    names.map((name) => [name, parts.flatMap((part) => [...part[name]])]),
  ) as Record<TermsOf<O>, number[]>;
}

/** Tensors for the inputs of an objective's graph, `readout` among them; others may be left out. */
export function plainInputs(
  graph: Graph,
  given: Readonly<Record<string, HostTensor | ArrayLike<number>>>,
): Record<string, PlainTensor> {
  const tensors = graph.inputs.flatMap((input) => {
    const numbers = given[input.name];
    return numbers ? [[input.name, plainTensor(input, numbers)] as const] : [];
  });
  return Object.fromEntries(tensors);
}

/** A tensor of these numbers; an axis that is a symbol gets the size that is left for it. */
function plainTensor(
  { name, dtype, shape }: ValueType & { name: string },
  given: HostTensor | ArrayLike<number>,
): PlainTensor {
  const numbers: ArrayLike<number | bigint> = "data" in given ? given.data : given;
  const fixed = shape.reduce<number>(
    (total, axis) => (typeof axis === "number" ? total * axis : total),
    1,
  );
  const symbols = shape.filter((axis) => typeof axis === "string");
  const size = numbers.length / fixed;
  invariant(
    symbols.length === 0 ? size === 1 : symbols.length === 1 && Number.isInteger(size),
    `${numbers.length} numbers do not fit the input ${name} [${shape.join(", ")}]`,
  );
  return {
    dtype,
    shape: shape.map((axis) => (typeof axis === "number" ? axis : size)),
    data: floats(numbers),
  };
}

/** Without a call for every number where that is not needed. */
function floats(numbers: ArrayLike<number | bigint>): Float64Array {
  if (numbers instanceof Float32Array) return new Float64Array(numbers);
  return Float64Array.from(numbers, Number);
}
