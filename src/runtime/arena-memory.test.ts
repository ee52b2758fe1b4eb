/**
 * That a session takes the memory that `workingBytes` says, on graphs of which the order, the
 * merging of equal nodes, writing over inputs and stored constants matter. Properties of
 * onnxruntime-node 1.30.0 on the CPU; a later release may change them.
 */
import { beforeAll, expect, test } from "vitest";
import type { HostTensor } from "../core/tensor.ts";
import { float32, zeros } from "../core/tensor.ts";
import { gradients } from "../graph/autodiff.ts";
import * as b from "../graph/build.ts";
import type { Value } from "../graph/ir.ts";
import { createGraph } from "../graph/op-table.ts";
import { Session } from "./session.ts";

const [ROWS, WIDTH, VOCABULARY] = [400, 64, 40_000];
/** 64 MB: what else a process does is small beside it. */
const BLOCK = 4 * ROWS * VOCABULARY;

/** Names and outputs of a head, its gradients and what is read beside them. */
function head(statistics: boolean): { logits: Value; outputs: Record<string, Value> } {
  const graph = createGraph();
  const [hidden, weight] = [
    graph.input("hidden", "float32", ["n", WIDTH]),
    graph.input("weight", "float32", [VOCABULARY, WIDTH]),
  ];
  const logits = b.gemm(hidden, weight, { transposeRight: true });
  const targets = graph.input("targets", "int64", ["n"]);
  const { selected, all } = b.tokenLogProbabilities(logits, targets);
  const beside = statistics
    ? { entropy: b.sum(b.multiply(b.exp(all), all), [1]), best: b.argmax(all, 1) }
    : {};
  const [dHidden] = gradients(
    graph,
    [{ output: selected, gradient: graph.input("slope", "float32", ["n"]) }],
    [hidden],
  );
  return { logits, outputs: { selected, ...beside, dHidden: dHidden! } };
}

/** Resident memory that runs add, in blocks, and what the session says of it. */
async function measured(
  graph: Value["graph"],
  outputs: Record<string, Value>,
): Promise<{ taken: number; planned: number }> {
  const before = process.memoryUsage.rss();
  const session = await Session.create(graph, outputs, { device: "cpu" });
  const feeds: Record<string, HostTensor> = {
    hidden: float32([ROWS, WIDTH], new Float32Array(ROWS * WIDTH).fill(0.1)),
    targets: zeros("int64", [ROWS]),
    slope: float32([ROWS], new Float32Array(ROWS).fill(1)),
    weight: WEIGHT,
  };
  for (let run = 0; run < 3; run++) await session.run(feeds);
  const taken = process.memoryUsage.rss() - before;
  const planned = session.workingBytes({ n: ROWS });
  await session.close();
  return { taken: taken / BLOCK, planned: planned / BLOCK };
}

const WEIGHT = float32([VOCABULARY, WIDTH], new Float32Array(VOCABULARY * WIDTH).fill(0.01));

// The first session brings the runtime's library and threads.
beforeAll(async () => {
  const graph = createGraph();
  const session = await Session.create(
    graph,
    { y: b.exp(graph.input("x", "float32", [2 ** 18])) },
    { device: "cpu" },
  );
  await session.run({ x: zeros("float32", [2 ** 18]) });
  await session.close();
});

test.each([
  ["a head: the softmax over the logits, its exponents, and the gradient", head(false), 3],
  ["with statistics that read the exponents again at the end", head(true), 4],
])("%s", async (_, { logits, outputs }, blocks) => {
  const { taken, planned } = await measured(logits.graph, outputs);
  expect(Math.round(planned)).toBe(blocks);
  expect(taken / planned).toBeGreaterThan(0.9);
  expect(taken / planned).toBeLessThan(1.15);
});

test("a constant of the vocabulary's size is stored, and what is added to it lies beside it", async () => {
  const graph = createGraph();
  const table = b.fill(graph, [ROWS, VOCABULARY], 0);
  const rows = b.scatterAddRows(
    table,
    graph.input("targets", "int64", ["n"]),
    b.gemm(
      graph.input("hidden", "float32", ["n", WIDTH]),
      graph.input("weight", "float32", [VOCABULARY, WIDTH]),
      { transposeRight: true },
    ),
  );
  const { taken, planned } = await measured(graph, { total: b.sumAll(b.multiply(rows, rows)) });
  expect(Math.round(planned)).toBe(3);
  expect(taken / planned).toBeGreaterThan(0.9);
  expect(taken / planned).toBeLessThan(1.15);
});
