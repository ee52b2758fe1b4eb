import { describe, expect, test } from "vitest";
import { add, exp, multiply, sqrt, sumAll, tanh, tokenLogProbabilities } from "../graph/build.ts";
import { executedNodes } from "./execution.ts";
import type { Value } from "../graph/ir.ts";
import { createGraph } from "../graph/op-table.ts";
import { liveNodes } from "../graph/passes.ts";

const opsOf = (...results: readonly Value[]): string[] =>
  executedNodes(liveNodes(results[0]!.graph, results), results).map(({ op }) => op);

describe("nodes as ONNX Runtime runs them", () => {
  const matrix = (): Value => createGraph().input("x", "float32", ["n", 8]);

  test("what is computed twice is computed once, also where it follows from equal values", () => {
    const x = matrix();
    expect(opsOf(multiply(tanh(exp(x)), tanh(exp(x))))).toEqual(["exp", "tanh", "multiply"]);
    expect(opsOf(multiply(tanh(exp(x)), exp(sqrt(x))))).toHaveLength(5);
  });

  test("results stay, though they are equal", () => {
    const x = matrix();
    expect(opsOf(exp(x), exp(x))).toEqual(["exp", "exp"]);
  });

  test("the last result comes first, and of a node's inputs the one that was written last", () => {
    const x = matrix();
    const [early, late] = [exp(x), tanh(x)];
    expect(opsOf(add(early, late))).toEqual(["tanh", "exp", "add"]);
    const [first, second] = [sqrt(early), sqrt(multiply(late, early))];
    expect(opsOf(first, second)).toEqual(["tanh", "exp", "multiply", "sqrt", "sqrt"]);
    expect(
      executedNodes(liveNodes(x.graph, [first, second]), [first, second]).at(-1)!.outputs,
    ).toEqual([first]);
  });

  test("log-probabilities of targets are picked at the end, so all of them are kept until then", () => {
    const x = matrix();
    const { selected, all } = tokenLogProbabilities(x, x.graph.input("targets", "int64", ["n"]));
    expect(opsOf(selected, sumAll(exp(all)))).toEqual(["logSoftmax", "exp", "sum", "pick"]);
  });
});
