import { expect, test } from "vitest";
import { add, gemm, matmul } from "./build.ts";
import { createGraph } from "./op-table.ts";
import { liveNodes } from "./passes.ts";
import { productOperations, totalOperations } from "./products.ts";

test("only products count, two operations for every multiplication and addition", () => {
  const graph = createGraph();
  const a = graph.input("a", "float32", ["batch", 3, "time"]);
  const b = graph.input("b", "float32", ["batch", 5, "time"]);
  const scores = matmul(a, b, { transposeRight: true });
  const w = graph.input("w", "float32", [7, "rows"]);
  const y = gemm(w, w, { transposeLeft: true });
  const operations = productOperations([...graph.nodes, ...add(y, y).graph.nodes.slice(-1)]);
  expect(totalOperations(operations, { batch: 2, time: 11, rows: 13 })).toBe(
    2 * 2 * 3 * 5 * 11 + 2 * 13 * 13 * 7,
  );
  expect(productOperations(liveNodes(graph, [scores]))).toHaveLength(1);
});
