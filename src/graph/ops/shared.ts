/** What the records of several operations are made of. */
import { AttuneError } from "../../core/errors.ts";
import type { NodeOptions } from "../emission.ts";
import type { GraphNode, Value, ValueType } from "../ir.ts";
import type { EmitRule } from "../op-definition.ts";
import type { OpName } from "../op-types.ts";

export const namesOf = (values: readonly Value[]): string[] => values.map((value) => value.name);

export function requireFloat(inputs: readonly ValueType[]): void {
  for (const input of inputs) {
    if (input.dtype !== "float32")
      throw new AttuneError("internal", `needs float32 inputs, got ${input.dtype}`);
  }
}

/** Type of the only output of an operation that changes each number by itself. */
export function sameType(inputs: readonly ValueType[]): ValueType[] {
  requireFloat(inputs);
  return [inputs[0]!];
}

/**
 * Devices that compute a form that names none of them, as the op table's check showed on each. A
 * new device stands here once the check has run on it; until then every record is asked for it.
 */
type CheckedDevice = "cpu" | "webgpu";

/** One ONNX form for every device. */
export const everywhere = <N extends OpName>(
  rule: EmitRule<N>,
): Readonly<Record<CheckedDevice, EmitRule<N>>> => ({ cpu: rule, webgpu: rule });

type NodeAttributes = NonNullable<NodeOptions["attributes"]>;

/** One ONNX node with the inputs and outputs of the graph node. */
export function asNode<N extends OpName>(
  opType: string,
  attributes: NodeAttributes | ((node: GraphNode<N>) => NodeAttributes) = {},
  domain: NodeOptions["domain"] = "",
): EmitRule<N> {
  return (writer, node) =>
    void writer.nodeOutputs(opType, namesOf(node.inputs), {
      attributes: typeof attributes === "function" ? attributes(node) : attributes,
      domain,
      outputs: namesOf(node.outputs),
    });
}
