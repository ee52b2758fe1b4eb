/**
 * The interpreter on whole graphs; every operation alone is compared with ONNX Runtime in check/.
 */
import { describe, expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import type { HostTensor } from "../../core/tensor.ts";
import { float32, int64 } from "../../core/tensor.ts";
import { Session } from "../../runtime/session.ts";
import { gradients } from "../autodiff.ts";
import {
  add,
  fill,
  gelu,
  linear,
  logSoftmax,
  multiply,
  pick,
  rmsNorm,
  scatterAddRows,
  square,
  sumAll,
} from "../build.ts";
import { difference } from "../check/compare.ts";
import type { Value } from "../ir.ts";
import { createGraph } from "../op-table.ts";
import { interpret, interpreterOf } from "./interpret.ts";
import { fromHost } from "./plain.ts";

/** The loss of two layers over classes, per group of rows, with a penalty; and its gradients. */
function lossGraph() {
  const graph = createGraph();
  const x = graph.input("x", "float32", ["rows", 6]);
  const targets = graph.input("targets", "int64", ["rows"]);
  const groups = graph.input("groups", "int64", ["rows"]);
  const scale = graph.input("scale", "float32", ["groups"]);
  const norm = graph.input("norm", "float32", [6]);
  const up = graph.input("up", "float32", [8, 6]);
  const down = graph.input("down", "float32", [5, 8]);
  const hidden = gelu(linear(rmsNorm(x, norm, 1e-5), up), "tanh");
  const logps = pick(logSoftmax(linear(hidden, down)), targets);
  const sums = scatterAddRows(fill(graph, ["groups"], 0), groups, logps);
  const penalty = multiply(sumAll(square(up)), 0.1);
  const loss = add(sumAll(multiply(sums, scale)), penalty);
  const trained = [norm, up, down];
  const slopes = gradients(graph, [{ output: loss }], trained);
  const named = trained.map((value, i): [string, Value] => [`slope of ${value.name}`, slopes[i]!]);
  return { graph, outputs: { loss, sums, ...Object.fromEntries(named) } };
}

function randomInputs(rows: number, groups: number): Record<string, HostTensor> {
  const random = Random.for(3, "loss graph", rows);
  const normal = (...shape: number[]): HostTensor =>
    float32(
      shape,
      random.fillNormal(new Float32Array(shape.reduce((size, axis) => size * axis, 1)), 1),
    );
  const below = (limit: number): HostTensor =>
    int64(
      [rows],
      Array.from({ length: rows }, () => random.integer(limit)),
    );
  return {
    x: normal(rows, 6),
    targets: below(5),
    groups: below(groups),
    scale: normal(groups),
    norm: normal(6),
    up: normal(8, 6),
    down: normal(5, 8),
  };
}

test("a loss with all its gradients equals ONNX Runtime's, at two sizes", async () => {
  const { graph, outputs } = lossGraph();
  const session = await Session.create(graph, outputs, { device: "cpu", threads: 1 });
  const evaluate = interpreterOf<string>(graph, outputs);
  for (const [rows, groups] of [
    [7, 3],
    [2, 1],
  ] as const) {
    const inputs = randomInputs(rows, groups);
    const got = await session.run(inputs);
    const want = evaluate(
      Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, fromHost(input)])),
    );
    expect(Object.keys(want)).toEqual(Object.keys(outputs));
    for (const name of Object.keys(outputs))
      expect(difference(fromHost(got[name]!), want[name]!, { tolerance: 1e-5 })).toBeUndefined();
  }
  await session.close();
});

describe("inputs", () => {
  const one = (): { graph: ReturnType<typeof createGraph>; y: Value } => {
    const graph = createGraph();
    const x = graph.input("x", "float32", ["n"]);
    graph.input("unused", "float32", ["n"]);
    return { graph, y: multiply(x, 0.1) };
  };

  test("a scalar counts as it was written, not as the nearest float32", () => {
    const { graph, y } = one();
    const x = { dtype: "float32", shape: [2], data: Float64Array.of(3, 1 / 3) } as const;
    expect([...interpret(graph, { y }, { x }).y.data]).toEqual([3 * 0.1, (1 / 3) * 0.1]);
  });

  test("only what is read is needed", () => {
    const { graph, y } = one();
    expect(() => interpret(graph, { y }, {})).toThrow("the interpreter needs the input x");
  });

  test("another dtype or rank is refused", () => {
    const { graph, y } = one();
    const x = { dtype: "int64", shape: [2], data: Float64Array.of(3, 1) } as const;
    expect(() => interpret(graph, { y }, { x })).toThrow("the input x does not fit");
    expect(() => interpret(graph, { y }, { x: { ...x, dtype: "float32", shape: [1, 2] } })).toThrow(
      "the input x does not fit",
    );
  });
});
