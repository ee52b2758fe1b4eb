/** The verifier refuses every broken rule; nodes that no output needs are dropped. */
import { describe, expect, test } from "vitest";
import * as b from "./build.ts";
import type { Graph, GraphNode, Value } from "./ir.ts";
import { createGraph } from "./op-table.ts";
import { liveNodes, verify } from "./passes.ts";

/** x -> exp -> sum, with a second input. */
function small(): { graph: Graph; x: Value; y: Value; loss: Value } {
  const graph = createGraph();
  const x = graph.input("x", "float32", ["n", 2]);
  graph.input("unused", "float32", [1]);
  const y = b.exp(x);
  const loss = b.sumAll(y);
  return { graph, x, y, loss };
}

/** Replaces a part that the types call read-only. */
const tamper = <T extends object>(
  target: T,
  change: Partial<{ -readonly [K in keyof T]: unknown }>,
): void => void Object.assign(target, change);

describe("verify", () => {
  test("accepts a sound graph", () => {
    expect(() => verify(small().graph)).not.toThrow();
  });

  const BROKEN: readonly [
    what: string,
    breakIt: (parts: ReturnType<typeof small>) => void,
    message: RegExp,
  ][] = [
    [
      "two inputs with one name",
      ({ graph }) => tamper(graph.inputs[1]!, { name: "x" }),
      /two inputs share a name/,
    ],
    [
      "use before production",
      ({ graph }) => void graph.nodes.push(graph.nodes.shift()!),
      /sum reads exp:out before it is made/,
    ],
    [
      "an input that the graph does not have",
      ({ graph }) => void graph.inputs.shift(),
      /exp reads x before it is made/,
    ],
    [
      "too few outputs",
      ({ graph }) => tamper(graph.nodes[0]!, { outputs: [] }),
      /exp has 0 outputs, its rule gives 1/,
    ],
    [
      "an output of another node",
      ({ graph, loss }) => tamper(graph.nodes[0]!, { outputs: [loss] }),
      /sum:out has two producers/,
    ],
    [
      "a node that is there twice",
      ({ graph }) => void graph.nodes.push(graph.nodes[0]!),
      /exp:out has two producers/,
    ],
    [
      "a wrong shape",
      ({ y }) => tamper(y, { shape: ["n", 3] }),
      /exp:out is float32\[n, 3\], its rule gives float32\[n, 2\]/,
    ],
    [
      "a wrong dtype",
      ({ y }) => tamper(y, { dtype: "float16" }),
      /exp:out is float16\[n, 2\], its rule gives float32\[n, 2\]/,
    ],
    [
      "two values with one name",
      ({ loss, y }) => tamper(loss, { name: y.name }),
      /two values are named exp:out/,
    ],
    [
      "a value named like an input",
      ({ loss }) => tamper(loss, { name: "unused" }),
      /two values are named unused/,
    ],
    [
      "inputs that do not fit",
      ({ graph }) => tamper(graph.nodes[0]!, { inputs: [graph.integers([1])] }),
      /needs float32 inputs, got int64/,
    ],
    [
      "attributes that do not fit",
      ({ graph }) => tamper(graph.nodes[1]!, { attributes: { axes: [5], keepDimensions: false } }),
      /axis 5 is out of range for rank 2/,
    ],
  ];

  test.each(BROKEN)("refuses %s", (_, breakIt, message) => {
    const parts = small();
    breakIt(parts);
    expect(() => verify(parts.graph)).toThrow(message);
  });
});

describe("liveNodes", () => {
  const names = (nodes: readonly GraphNode[]): string[] => nodes.map(({ name }) => name);

  test("keeps what the outputs need, in order", () => {
    const { graph, x, y, loss } = small();
    b.log(x);
    b.negate(y);
    expect(names(liveNodes(graph, [loss]))).toEqual(["exp", "sum"]);
    expect(names(liveNodes(graph, [y]))).toEqual(["exp"]);
    expect(names(liveNodes(graph, [x]))).toEqual([]);
  });

  test("does not compute values that are given, nor what only they need", () => {
    const { graph, y, loss } = small();
    expect(names(liveNodes(graph, [loss], [y]))).toEqual(["sum"]);
  });

  test("keeps a node of which only a further output is needed", () => {
    const { graph, x } = small();
    const [normal, inverse] = graph.apply("rmsNorm", [x, graph.input("weight", "float32", [2])], {
      epsilon: 1e-5,
    });
    expect(names(liveNodes(graph, [inverse!]))).toEqual(["rmsNorm"]);
    expect(names(liveNodes(graph, [inverse!, normal!], [normal!]))).toEqual(["rmsNorm"]);
    expect(names(liveNodes(graph, [inverse!, normal!], [normal!, inverse!]))).toEqual([]);
  });
});
