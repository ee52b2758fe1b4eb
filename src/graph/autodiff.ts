/**
 * Reverse-mode differentiation: walks the nodes backwards and lets each op's rule add the nodes of
 * its gradient. Source of the shape: tinygrad's gradient.py and Autodidax; differences: rules
 * return one gradient per input by contract (asserted), and gradient nodes are named after the node
 * they differentiate.
 */
import { AttuneError, invariant } from "../core/errors.ts";
import { add, fill } from "./build.ts";
import { formatShape, sameShape } from "./dimensions.ts";
import type { Graph, GraphNode, Value } from "./ir.ts";
import type { GradientContext, OpDefinition } from "./op-definition.ts";
import { definitionOf } from "./op-table.ts";
import type { OpName } from "./op-types.ts";

export interface Seed {
  readonly output: Value;
  /** Gradient that arrives at the output; 1 where left out (then the output must be a scalar). */
  readonly gradient?: Value;
}

/**
 * Gradients of (the sum of seed * output over) `seeds` with respect to each value of `wanted`.
 * A value that the seeds do not depend on gets zeros.
 * Throws when a needed path leads through an operation without a gradient.
 */
export function gradients(graph: Graph, seeds: readonly Seed[], wanted: readonly Value[]): Value[] {
  const reached = dependents(graph, wanted);
  const collected = new Map<Value, Value>();
  const collect = (value: Value, gradient: Value): void => {
    const known = collected.get(value);
    collected.set(value, known ? add(known, gradient) : gradient);
  };
  for (const { output, gradient } of seeds) {
    if (!gradient)
      invariant(
        output.shape.length === 0,
        `${output.name} ${formatShape(output.shape)} is no scalar and has no seed`,
      );
    collect(output, gradient ?? graph.scalar(1));
  }
  const before = graph.nodes.length;
  for (let index = before - 1; index >= 0; index--) {
    const node = graph.nodes[index]!;
    if (!node.outputs.some((output) => reached.has(output) && collected.has(output))) continue;
    graph.scopeFromRoot(`${node.name}/grad`, () => propagate(node, reached, collected, collect));
  }
  return wanted.map((value) => collected.get(value) ?? fill(graph, value.shape, 0));
}

const isFloat = (value: Value): boolean => value.dtype === "float32" || value.dtype === "float16";

const stopsGradients = ({ differentiable }: OpDefinition<OpName>): boolean =>
  differentiable?.length === 0;

/** Values that depend on any of `sources`, the sources included. */
function dependents(graph: Graph, sources: readonly Value[]): Set<Value> {
  const reached = new Set<Value>(sources);
  for (const node of graph.nodes) {
    if (stopsGradients(definitionOf(node.op))) continue;
    if (node.inputs.some((input) => reached.has(input)))
      for (const output of node.outputs) reached.add(output);
  }
  return reached;
}

function propagate(
  node: GraphNode,
  reached: ReadonlySet<Value>,
  collected: ReadonlyMap<Value, Value>,
  collect: (value: Value, gradient: Value) => void,
): void {
  const definition = definitionOf(node.op);
  const rule = definition.gradient;
  // Integers and booleans carry no gradient, so a path through them ends without being an error.
  if (!node.outputs.some(isFloat) || stopsGradients(definition)) return;
  if (typeof rule !== "function")
    throw new AttuneError("internal", `${node.name} has no gradient: ${rule.nonDifferentiable}`);
  const context: GradientContext<OpName> = {
    node,
    attributes: node.attributes,
    inputs: node.inputs,
    outputs: node.outputs,
    gradients: node.outputs.map((output) => collected.get(output)),
    wanted: (index) => reached.has(node.inputs[index]!),
  };
  const covered = definition.differentiable ?? [0];
  const stray = context.gradients.findIndex(
    (gradient, index) => gradient && !covered.includes(index),
  );
  if (stray >= 0)
    throw new AttuneError(
      "internal",
      `${node.name}: output ${stray} has no gradient; it is a statistic of the operation`,
    );
  const results = rule(context);
  invariant(
    results.length === node.inputs.length,
    `${node.op} gave ${results.length} gradients for ${node.inputs.length} inputs`,
  );
  results.forEach((gradient, index) => {
    const input = node.inputs[index]!;
    if (!reached.has(input)) return;
    if (!gradient) {
      if (isFloat(input))
        throw new AttuneError(
          "internal",
          `${node.name} has no gradient with respect to input ${index}, ${input.name}`,
        );
      return;
    }
    invariant(
      sameShape(gradient.shape, input.shape),
      `${node.name}: gradient ${formatShape(gradient.shape)} of input ${index} ` +
        `${formatShape(input.shape)}`,
    );
    collect(input, gradient);
  });
}
