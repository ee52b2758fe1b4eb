/** What this machine can do, measured in a few seconds: the product of two large matrices, and reading memory. */
import { Random } from "../../core/random.ts";
import { float32, zeros } from "../../core/tensor.ts";
import { matmul, sum } from "../../graph/build.ts";
import { createGraph } from "../../graph/op-table.ts";
import { Session } from "../../runtime/session.ts";

export interface Machine {
  /** Operations a second of a 2048-cubed float32 product. */
  rate: number;
  /** Bytes a second at which memory is read. */
  bandwidth: number;
}

const SIZE = 2048;
const ROWS = 128;
const COLUMNS = 2 ** 19;

/** Seconds of the fastest of a few runs, the first left out: other work can only slow a run down. */
async function fastest(runs: number, run: () => Promise<unknown>): Promise<number> {
  await run();
  let best = Infinity;
  for (let i = 0; i < runs; i++) {
    const began = performance.now();
    await run();
    best = Math.min(best, (performance.now() - began) / 1000);
  }
  return best;
}

async function productRate(): Promise<number> {
  const graph = createGraph();
  const [a, b] = ["a", "b"].map((name) => graph.input(name, "float32", [SIZE, SIZE]));
  const session = await Session.create(graph, { c: matmul(a!, b!) }, { device: "cpu", label: "a large product" });
  const matrix = (seed: number) => float32([SIZE, SIZE], new Random(seed).fillNormal(new Float32Array(SIZE * SIZE)));
  const feeds = { a: matrix(1), b: matrix(2) };
  const into = { c: zeros("float32", [SIZE, SIZE]) };
  const seconds = await fastest(5, () => session.run(feeds, into));
  await session.close();
  return (2 * SIZE ** 3) / seconds;
}

async function readingRate(): Promise<number> {
  const graph = createGraph();
  const session = await Session.create(graph, { y: sum(graph.input("x", "float32", [ROWS, COLUMNS]), [1]) }, { device: "cpu", label: "reading memory" });
  const x = float32([ROWS, COLUMNS], new Float32Array(ROWS * COLUMNS).fill(1));
  const seconds = await fastest(4, () => session.run({ x }));
  await session.close();
  return x.data.byteLength / seconds;
}

export async function calibrate(): Promise<Machine> {
  return { rate: await productRate(), bandwidth: await readingRate() };
}
