import { describe, expect, test } from "vitest";
import {
  add,
  exp,
  fill,
  logSoftmax,
  matmul,
  reshape,
  softmax,
  sumAll,
  tanh,
  transpose,
} from "../graph/build.ts";
import type { Value } from "../graph/ir.ts";
import { memorySteps, storedBytes } from "./liveness.ts";
import { createGraph } from "../graph/op-table.ts";
import { liveNodes } from "../graph/passes.ts";
import { peakBytes } from "./testing.ts";

/** Peak over the nodes that the results need. */
function peakOf(
  results: readonly Value[],
  sizes: Record<string, number> = {},
  given: readonly Value[] = [],
): number {
  return peakBytes(
    memorySteps(liveNodes(results[0]!.graph, results, given), results, given),
    sizes,
  );
}

describe("bytes of intermediate values at once", () => {
  const matrix = (): Value => createGraph().input("x", "float32", [10, 10]);

  test("arithmetic needs a value beside its input, a softmax writes over it", () => {
    expect(peakOf([sumAll(exp(exp(exp(matrix()))))])).toBe(800);
    expect(peakOf([sumAll(logSoftmax(tanh(softmax(exp(matrix())))))])).toBe(400);
  });

  test("nothing is written over what is read once more", () => {
    const a = exp(matrix());
    expect(peakOf([sumAll(softmax(a)), sumAll(a)])).toBe(800);
  });

  test("constants of a known size are stored beside the arena, small ones in the model", () => {
    const graph = createGraph();
    const x = graph.input("x", "float32", [100, 100]);
    const results = [
      sumAll(add(x, fill(graph, [100, 100], 2))),
      sumAll(fill(graph, [64, 64], 1)),
      sumAll(fill(graph, ["n"], 1)),
    ];
    expect(storedBytes(graph.nodes)).toBe(40_000);
    // the sum of x and the constant; then n ones
    expect(peakBytes(memorySteps(graph.nodes, results), { n: 20_000 })).toBe(80_000);
  });

  test("a node that cannot write over its input needs both", () => {
    expect(peakOf([sumAll(transpose(transpose(exp(matrix()), [1, 0]), [1, 0]))])).toBe(800);
  });

  test("a value is kept until its last reader", () => {
    const a = exp(matrix());
    const b = transpose(a, [1, 0]);
    const c = transpose(b, [1, 0]);
    // a, b and c are there when c is made, as a is read once more
    expect(peakOf([sumAll(add(c, a))])).toBe(1200);
  });

  test("a reshape shares memory, and keeps it", () => {
    const a = exp(matrix());
    const flat = reshape(a, [100]);
    const other = transpose(a, [1, 0]);
    expect(peakOf([sumAll(add(sumAll(other), sumAll(flat)))])).toBe(800 + 4);
  });

  test("inputs, results and what is given do not count", () => {
    const x = matrix();
    expect(peakOf([exp(x)])).toBe(0);
    expect(peakOf([reshape(exp(x), [100])])).toBe(400);
    const a = transpose(x, [1, 0]);
    expect(peakOf([sumAll(exp(a))], {}, [a])).toBe(400);
  });

  test("sizes of symbols are set afterwards", () => {
    const graph = createGraph();
    const x = graph.input("x", "float32", ["n", 8]);
    const y = matmul(x, transpose(x, [1, 0]));
    const steps = memorySteps(graph.nodes, [sumAll(matmul(y, y))]);
    // the transposed [8, n] and y [n, n]; later y and its square
    expect(peakBytes(steps, { n: 2 })).toBe(4 * (2 * 8 + 2 * 2));
    expect(peakBytes(steps, { n: 100 })).toBe(4 * 2 * 10_000);
  });
});
