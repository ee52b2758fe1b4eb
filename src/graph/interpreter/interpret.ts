/**
 * The interpreter of graphs: evaluates any values of a graph in float64 on plain arrays, without a
 * runtime. What an operation means is its reference (references.ts).
 *
 * Numbers that stand in the graph as float32 scalars count as they were written, so that a loss
 * with beta 0.1 is evaluated with 0.1 and not with the nearest float32.
 */
import { AttuneError } from "../../core/errors.ts";
import { fitsSize, formatShape, resolveShape, symbolSizes } from "../dimensions.ts";
import type { Graph, GraphNode, Value } from "../ir.ts";
import { liveNodes } from "../passes.ts";
import type { PlainTensor } from "./plain.ts";
import { fromHost } from "./plain.ts";
import { referenceOf } from "./references.ts";

/** Inputs by name. */
export type PlainInputs = Readonly<Record<string, PlainTensor>>;
/** What was asked for, by the names under which it was asked. */
export type PlainResults<Name extends string> = Record<Name, PlainTensor>;

/**
 * Evaluates once.
 * @param outputs the values that are wanted, by any names
 * @param inputs tensors by the names of the graph's inputs; further names are ignored
 * @throws AttuneError `internal` where an input that is needed is missing or does not fit
 */
export function interpret<Name extends string>(
  graph: Graph,
  outputs: Readonly<Record<Name, Value>>,
  inputs: PlainInputs,
): PlainResults<Name> {
  return interpreterOf(graph, outputs)(inputs);
}

/** The same as {@link interpret}, for many evaluations of one graph. */
export function interpreterOf<Name extends string>(
  graph: Graph,
  outputs: Readonly<Record<Name, Value>>,
): (inputs: PlainInputs) => PlainResults<Name> {
  const wanted = Object.entries<Value>(outputs) as [Name, Value][];
  const nodes = liveNodes(
    graph,
    wanted.map(([, value]) => value),
  );
  return (inputs) => {
    const known = inputsOf(graph, inputs);
    const sizes = symbolSizes(
      graph.inputs.flatMap((input) => {
        const given = known.get(input);
        return given ? [[input.shape, given.shape] as const] : [];
      }),
    );
    for (const node of nodes) evaluate(node, known, sizes);
    return Object.fromEntries(
      wanted.map(([name, value]) => [name, read(value, known)]),
    ) as PlainResults<Name>;
  };
}

function inputsOf(graph: Graph, inputs: PlainInputs): Map<Value, PlainTensor> {
  const known = new Map<Value, PlainTensor>();
  for (const input of graph.inputs) {
    const given = inputs[input.name];
    if (!given) continue;
    const fits =
      given.dtype === input.dtype &&
      given.shape.length === input.shape.length &&
      input.shape.every((dimension, axis) => fitsSize(dimension, given.shape[axis]!));
    if (!fits)
      throw new AttuneError("internal", `the input ${input.name} does not fit`, {
        got: `${given.dtype}${formatShape(given.shape)}`,
        expected: `${input.dtype}${formatShape(input.shape)}`,
      });
    known.set(input, given);
  }
  return known;
}

function evaluate(
  node: GraphNode,
  known: Map<Value, PlainTensor>,
  sizes: Readonly<Record<string, number>>,
): void {
  const results = referenceOf(node.op)(
    node.inputs.map((input) => read(input, known)),
    node.attributes,
    (shape) => resolveShape(shape, sizes),
  );
  node.outputs.forEach((output, index) => known.set(output, results[index]!));
}

function read(value: Value, known: Map<Value, PlainTensor>): PlainTensor {
  const found = known.get(value);
  if (found) return found;
  if (!value.constant)
    throw new AttuneError("internal", `the interpreter needs the input ${value.name}`, {
      got: "nothing",
      expected: `${value.dtype}${formatShape(value.shape)}`,
    });
  const constant =
    value.written === undefined
      ? fromHost(value.constant)
      : { ...value.constant, data: Float64Array.of(value.written) };
  known.set(value, constant);
  return constant;
}
