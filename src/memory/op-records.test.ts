/** What the records of operations say of memory, against the types of their outputs. */
import { describe, expect, test } from "vitest";
import { ELEMENT_BYTES } from "../core/tensor.ts";
import { samplesOf } from "../graph/check/samples.ts";
import { product } from "../graph/dimensions.ts";
import type { Dimension } from "../graph/dimensions.ts";
import type { GraphNode, Value, ValueType } from "../graph/ir.ts";
import { OP_TABLE, createGraph, definitionOf } from "../graph/op-table.ts";
import type { OpName } from "../graph/op-types.ts";

const bytesOf = ({ dtype, shape }: ValueType): Dimension => product(ELEMENT_BYTES[dtype], ...shape);

/** A node for each sample of an operation. */
const nodesOf = (op: OpName): GraphNode[] =>
  samplesOf(op).map(({ inputs, attributes }) => {
    const graph = createGraph();
    graph.apply(
      op,
      inputs.map(({ dtype, shape }, index) => graph.input(`input ${index}`, dtype, shape)),
      attributes,
    );
    return graph.nodes[0]!;
  });

const NAMES = Object.keys(OP_TABLE) as OpName[];
const saying = (fact: "shares" | "overwrites" | "runAs" | "constantBytes"): OpName[] =>
  NAMES.filter((op) => definitionOf(op).memory?.[fact] !== undefined);

describe("an output that lies in an input's memory has as many bytes", () => {
  test.each([...saying("shares"), ...saying("overwrites")])("%s", (op) => {
    const { shares, overwrites } = definitionOf(op).memory!;
    for (const { inputs, outputs } of nodesOf(op))
      expect(bytesOf(outputs[0]!)).toBe(bytesOf(inputs[(shares ?? overwrites)!]!));
  });
});

describe("nodes that stand for another make its outputs of its inputs", () => {
  test.each(saying("runAs"))("%s", (op) => {
    for (const node of nodesOf(op)) {
      const known = new Set<Value>(node.inputs);
      for (const { inputs, outputs } of definitionOf(op).memory!.runAs!(node)) {
        for (const input of inputs) expect(known).toContain(input);
        for (const output of outputs) known.add(output);
      }
      for (const output of node.outputs) expect(known).toContain(output);
    }
  });
});

test("what is computed once has a size that is known before a run", () => {
  const graph = createGraph();
  const bytes = (...shape: Dimension[]): number | undefined => {
    graph.apply("fill", [], { shape, value: 1 });
    const node = graph.nodes.at(-1)!;
    return definitionOf(node.op).memory!.constantBytes!(node);
  };
  expect(saying("constantBytes")).toEqual(["fill"]);
  expect([bytes(64, 64), bytes(64, 65), bytes("n", 65)]).toEqual([0, 4 * 64 * 65, undefined]);
});
