/** Autodiff as a whole; the gradient of every single operation is checked in check/. */
import { describe, expect, test } from "vitest";
import { float32, int64 } from "../core/tensor.ts";
import type { Tensors } from "../runtime/session.ts";
import { Session } from "../runtime/session.ts";
import { gradients } from "./autodiff.ts";
import * as b from "./build.ts";
import type { Graph, Value } from "./ir.ts";
import type { GradientRule } from "./op-definition.ts";
import { createGraph } from "./op-table.ts";
import { verify } from "./passes.ts";
import { changeRecord } from "./testing.ts";

async function evaluate(
  graph: Graph,
  outputs: Record<string, Value>,
  feeds: Tensors,
): Promise<Record<string, number[]>> {
  verify(graph);
  const session = await Session.create(graph, outputs, { device: "cpu" });
  const results = await session.run(feeds);
  await session.close();
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, Array.from(data, Number)]),
  );
}

const X = [0.5, -1, 2];
const vector = (): { graph: Graph; x: Value } => {
  const graph = createGraph();
  return { graph, x: graph.input("x", "float32", [3]) };
};

describe("values", () => {
  test("a value used several times collects every contribution", async () => {
    const { graph, x } = vector();
    const y = b.add(b.add(b.multiply(x, x), b.exp(x)), b.add(x, x));
    const [dx] = gradients(graph, [{ output: b.sumAll(y) }], [x]);
    const { dx: got } = await evaluate(graph, { dx: dx! }, { x: float32([3], X) });
    got!.forEach((g, i) => expect(g).toBeCloseTo(2 * X[i]! + Math.exp(X[i]!) + 2, 5));
  });

  test("the same value as every input of one node", async () => {
    const { graph, x } = vector();
    const joined = b.concat([x, x, b.negate(x)], 0);
    const weights = graph.constant(float32([9], [1, 2, 3, 10, 20, 30, 100, 200, 300]));
    const [dx] = gradients(graph, [{ output: b.sumAll(b.multiply(joined, weights)) }], [x]);
    expect((await evaluate(graph, { dx: dx! }, { x: float32([3], X) }))["dx"]).toEqual([
      -89, -178, -267,
    ]);
  });

  test("several seeds add up, with the gradients that arrive at them", async () => {
    const { graph, x } = vector();
    const upstream = graph.input("upstream", "float32", [3]);
    const [dx] = gradients(
      graph,
      [{ output: b.multiply(x, 3), gradient: upstream }, { output: b.sumAll(x) }],
      [x],
    );
    expect(
      (
        await evaluate(
          graph,
          { dx: dx! },
          { x: float32([3], X), upstream: float32([3], [1, 2, 3]) },
        )
      )["dx"],
    ).toEqual([4, 7, 10]);
  });

  test("an intermediate value has a gradient too, and one that is a seed has its own", async () => {
    const { graph, x } = vector();
    const middle = b.multiply(x, 2);
    const loss = b.sumAll(b.multiply(middle, middle));
    const [dMiddle, dLoss, dx] = gradients(graph, [{ output: loss }], [middle, loss, x]);
    const got = await evaluate(
      graph,
      { dMiddle: dMiddle!, dLoss: dLoss!, dx: dx! },
      { x: float32([3], X) },
    );
    expect(got).toEqual({ dMiddle: X.map((x) => 4 * x), dLoss: [1], dx: X.map((x) => 8 * x) });
  });

  test("a value that the seeds do not depend on has a gradient of zeros", async () => {
    const { graph, x } = vector();
    const other = graph.input("other", "float32", ["n", 2]);
    const [dOther] = gradients(graph, [{ output: b.sumAll(x) }], [other]);
    expect(
      (await evaluate(graph, { dOther: dOther! }, { other: float32([2, 2], [1, 2, 3, 4]) }))[
        "dOther"
      ],
    ).toEqual([0, 0, 0, 0]);
  });

  test("a gradient can be differentiated again", async () => {
    const { graph, x } = vector();
    const cube = b.multiply(b.multiply(x, x), x);
    const [first] = gradients(graph, [{ output: b.sumAll(cube) }], [x]);
    const [second] = gradients(graph, [{ output: b.sumAll(first!) }], [x]);
    (await evaluate(graph, { second: second! }, { x: float32([3], X) }))["second"]!.forEach(
      (g, i) => expect(g).toBeCloseTo(6 * X[i]!, 5),
    );
  });
});

describe("where gradients end", () => {
  test("stopGradient lets none through, other paths stay", async () => {
    const { graph, x } = vector();
    const [dx] = gradients(graph, [{ output: b.sumAll(b.multiply(b.stopGradient(x), x)) }], [x]);
    expect((await evaluate(graph, { dx: dx! }, { x: float32([3], X) }))["dx"]).toEqual(X);
  });

  test("a stopped value may be asked for itself without leaking further", async () => {
    const { graph, x } = vector();
    const stopped = b.stopGradient(x);
    const [dStopped, dx] = gradients(
      graph,
      [{ output: b.sumAll(b.multiply(stopped, 3)) }],
      [stopped, x],
    );
    expect(await evaluate(graph, { dStopped: dStopped!, dx: dx! }, { x: float32([3], X) })).toEqual(
      { dStopped: [3, 3, 3], dx: [0, 0, 0] },
    );
  });

  test("a path through integers or truth values ends without an error", async () => {
    const { graph, x } = vector();
    const hit = b.cast(b.equal(b.argmax(x, 0), graph.constant(int64([], [2]))), "float32");
    const kept = b.where(b.greater(x, 0), x, b.negate(x));
    const [dx] = gradients(graph, [{ output: b.add(hit, b.sumAll(kept)) }], [x]);
    expect((await evaluate(graph, { dx: dx! }, { x: float32([3], X) }))["dx"]).toEqual([1, -1, 1]);
  });

  test("an operation without a gradient says so, with its place and reason", () => {
    const graph = createGraph();
    const input = (
      name: string,
      shape: (string | number)[],
      dtype: "float32" | "int32" = "float32",
    ): Value => graph.input(name, dtype, shape);
    const [query, key, value] = ["q", "k", "v"].map((name) => input(name, ["n", "s", 16]));
    const [pastKey, pastValue] = ["pk", "pv"].map((name) => input(name, ["n", 1, "m", 16]));
    const inputs = [
      query!,
      key!,
      value!,
      pastKey!,
      pastValue!,
      input("lengths", ["n"], "int32"),
      input("total", [1], "int32"),
    ];
    const mixed = graph.scope(
      "layers.3",
      () =>
        graph.apply("cachedAttention", inputs, {
          heads: 1,
          keyValueHeads: 1,
          rotary: false,
          window: 0,
        })[0]!,
    );
    expect(() => gradients(graph, [{ output: b.sumAll(mixed) }], [query!])).toThrow(
      "layers.3/cachedAttention has no gradient: it serves decoding only; training uses matmul " +
        "and softmax",
    );
  });

  test("a statistic of an operation has no gradient", () => {
    const { graph, x } = vector();
    const [, inverse] = graph.scope("norm", () =>
      graph.apply("rmsNorm", [x, graph.constant(float32([3], [1, 1, 1]))], { epsilon: 1e-5 }),
    );
    expect(() => gradients(graph, [{ output: b.sumAll(inverse!) }], [x])).toThrow(
      "norm/rmsNorm: output 1 has no gradient",
    );
  });

  test("an input that the rule takes for a constant has no gradient", () => {
    const graph = createGraph();
    const tables = {
      positions: graph.input("positions", "int64", ["n", "t"]),
      cosines: graph.input("cosines", "float32", [9, 2]),
      sines: graph.input("sines", "float32", [9, 2]),
    };
    const y = graph.scope("attention", () =>
      b.rotary(graph.input("x", "float32", ["n", 2, "t", 4]), tables),
    );
    expect(() => gradients(graph, [{ output: b.sumAll(y) }], [tables.cosines])).toThrow(
      "attention/rotary has no gradient with respect to input 2, cosines",
    );
  });

  test("a seed without a gradient must be a scalar", () => {
    const { graph, x } = vector();
    expect(() => gradients(graph, [{ output: b.exp(x) }], [x])).toThrow(
      /exp:out \[3\] is no scalar and has no seed/,
    );
  });
});

describe("the nodes of a gradient", () => {
  test("are named after the node that they differentiate", () => {
    const { graph, x } = vector();
    const y = graph.scope("layers.0", () => graph.scope("mlp", () => b.silu(b.multiply(x, 2))));
    const loss = graph.scope("loss", () => b.sumAll(y));
    const before = graph.nodes.length;
    graph.scope("elsewhere", () => gradients(graph, [{ output: loss }], [x]));
    const names = graph.nodes.slice(before).map(({ name }) => name);
    expect(names.length).toBeGreaterThan(3);
    for (const name of names)
      expect(name).toMatch(/^(layers\.0\/mlp\/(silu|multiply)|loss\/sum)\/grad\//);
    expect(names.some((name) => name.startsWith("layers.0/mlp/silu/grad/"))).toBe(true);
  });

  test("are made only for what is wanted: a frozen weight costs no product", () => {
    const graph = createGraph();
    const x = graph.input("x", "float32", ["n", 4]);
    const frozen = graph.input("frozen", "float32", [4, 4]);
    const trained = graph.input("trained", "float32", [4, 4]);
    const loss = b.sumAll(b.linear(b.linear(b.linear(x, trained), frozen), frozen));
    const before = graph.nodes.length;
    gradients(graph, [{ output: loss }], [trained]);
    // Two products carry the gradient back through the frozen layers, one gives the weight's own.
    expect(graph.nodes.slice(before).filter(({ op }) => op === "gemm")).toHaveLength(3);
  });
});

describe("rules that break the contract are caught", () => {
  const differentiate = (gradient: GradientRule<"exp">): unknown => {
    changeRecord("exp", { gradient });
    const graph = createGraph();
    const x = graph.input("x", "float32", [2, 3]);
    return gradients(graph, [{ output: b.sumAll(b.exp(x)) }], [x]);
  };

  test("fewer gradients than inputs", () => {
    expect(() => differentiate(() => [])).toThrow("exp gave 0 gradients for 1 inputs");
  });

  test("a gradient of another shape", () => {
    expect(() => differentiate(({ inputs }) => [b.sum(inputs[0]!, [0])])).toThrow(
      "exp: gradient [3] of input 0 [2, 3]",
    );
  });

  test("a gradient left out", () => {
    expect(() => differentiate(() => [undefined])).toThrow(
      "exp has no gradient with respect to input 0, x",
    );
  });
});
