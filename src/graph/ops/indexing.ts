/**
 * Reading and adding at positions named by integer indices: each reader's gradient is the matching
 * adder.
 */
import { AttuneError } from "../../core/errors.ts";
import { fill, gatherRows, pick, scatterAddPicked, scatterAddRows } from "../build.ts";
import { formatShape, sameShape } from "../dimensions.ts";
import type { ValueType } from "../ir.ts";
import type { OpDefinition } from "../op-definition.ts";
import { defineOp } from "../op-definition.ts";
import type { IndexingAttributes } from "../op-types.ts";
import { asNode, everywhere, namesOf } from "./shared.ts";

function requireIndices(indices: ValueType): void {
  if (indices.dtype !== "int64")
    throw new AttuneError("internal", `indices must be int64, got ${indices.dtype}`);
}

function requireMatrixAndVector(x: ValueType, indices: ValueType): void {
  requireIndices(indices);
  if (x.shape.length !== 2 || indices.shape.length !== 1 || indices.shape[0] !== x.shape[0]) {
    throw new AttuneError(
      "internal",
      `needs [N, V] and [N], got ${formatShape(x.shape)} and ${formatShape(indices.shape)}`,
    );
  }
}

export const indexing = {
  gatherRows: defineOp("gatherRows", {
    doc: "rows of a table [R, ...] named by indices [...I]: [...I, ...]",
    infer([table, indices]) {
      requireIndices(indices!);
      return [{ dtype: table!.dtype, shape: [...indices!.shape, ...table!.shape.slice(1)] }];
    },
    emit: everywhere(asNode("Gather", { axis: 0 })),
    gradient: ({ inputs, gradients }) => {
      const [table, indices] = inputs;
      return [
        scatterAddRows(fill(table!.graph, table!.shape, 0), indices!, gradients[0]!),
        undefined,
      ];
    },
  }),
  scatterAddRows: defineOp("scatterAddRows", {
    doc:
      "base [R, ...] with updates [...I, ...] added to the rows that indices [...I] name; " +
      "repeats add up",
    infer([base, indices, updates]) {
      requireIndices(indices!);
      const wanted = [...indices!.shape, ...base!.shape.slice(1)];
      if (!sameShape(updates!.shape, wanted)) {
        throw new AttuneError(
          "internal",
          `updates must be ${formatShape(wanted)}, got ${formatShape(updates!.shape)}`,
        );
      }
      return [{ dtype: base!.dtype, shape: base!.shape }];
    },
    emit: everywhere((writer, node) => {
      const [base, indices, updates] = namesOf(node.inputs) as [string, string, string];
      const tuples = writer.node("Unsqueeze", [indices, writer.integers([-1])]);
      writer.nodeOutputs("ScatterND", [base, tuples, updates], {
        attributes: { reduction: "add" },
        outputs: [node.outputs[0]!.name],
      });
    }),
    gradient: ({ inputs, gradients, wanted }) => [
      gradients[0]!,
      undefined,
      wanted(2) ? gatherRows(gradients[0]!, inputs[1]!) : undefined,
    ],
  }),
  pick: defineOp("pick", {
    doc: "one entry of each row: x [N, V], indices [N] -> [N]",
    infer([x, indices]) {
      requireMatrixAndVector(x!, indices!);
      return [{ dtype: x!.dtype, shape: indices!.shape }];
    },
    emit: everywhere((writer, node) => {
      const [x, indices] = namesOf(node.inputs) as [string, string];
      const column = writer.node("Unsqueeze", [indices, writer.integers([1])]);
      const picked = writer.node("GatherElements", [x, column], { attributes: { axis: 1 } });
      writer.nodeOutputs("Squeeze", [picked, writer.integers([1])], {
        outputs: [node.outputs[0]!.name],
      });
    }),
    gradient: ({ inputs, gradients }) => {
      const [x, indices] = inputs;
      return [scatterAddPicked(fill(x!.graph, x!.shape, 0), indices!, gradients[0]!), undefined];
    },
  }),
  scatterAddPicked: defineOp("scatterAddPicked", {
    doc: "base [N, V] with updates [N] added at one entry of each row",
    infer([base, indices, updates]) {
      requireMatrixAndVector(base!, indices!);
      if (!sameShape(updates!.shape, indices!.shape))
        throw new AttuneError("internal", `updates must be ${formatShape(indices!.shape)}`);
      return [base!];
    },
    emit: everywhere((writer, node) => {
      const [base, indices, updates] = namesOf(node.inputs) as [string, string, string];
      const axis = writer.integers([1]);
      const columns = [
        writer.node("Unsqueeze", [indices, axis]),
        writer.node("Unsqueeze", [updates, axis]),
      ];
      writer.nodeOutputs("ScatterElements", [base, ...columns], {
        attributes: { axis: 1, reduction: "add" },
        outputs: [node.outputs[0]!.name],
      });
    }),
    gradient: ({ inputs, gradients, wanted }) => [
      gradients[0]!,
      undefined,
      wanted(2) ? pick(gradients[0]!, inputs[1]!) : undefined,
    ],
    memory: { overwrites: 0 },
  }),
} satisfies { [N in keyof IndexingAttributes]: OpDefinition<N> };
