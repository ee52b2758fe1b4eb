/** What the machine can do, measured in the process that is judged by it. */
import { Random } from "../src/core/random.ts";
import { float32, zeros } from "../src/core/tensor.ts";
import { gemm, max, sum } from "../src/graph/build.ts";
import { createGraph } from "../src/graph/op-table.ts";
import { Session } from "../src/runtime/session.ts";
import type { Measured } from "./measure.ts";
import { median, seconds } from "./measure.ts";

const SIZE = 2048;

/**
 * Operations per second of a 2048-cubed float32 product: the median of a few, of the faster of two
 * forms (the right side as it is, or transposed).
 */
export async function productRate(): Promise<Measured> {
  const random = new Random(1);
  const matrix = () => float32([SIZE, SIZE], random.fillNormal(new Float32Array(SIZE * SIZE)));
  const feeds = { a: matrix(), b: matrix() };
  const into = { c: zeros("float32", [SIZE, SIZE]) };
  const sessions: Session[] = [];
  for (const transposeRight of [false, true]) {
    const graph = createGraph();
    const input = (name: string) => graph.input(name, "float32", [SIZE, SIZE]);
    sessions.push(
      await Session.create(
        graph,
        { c: gemm(input("a"), input("b"), { transposeRight }) },
        { label: "the product" },
      ),
    );
  }
  const rate = async (session: Session): Promise<number> => {
    const times: number[] = [];
    for (let i = 0; i < 3; i++) times.push(await seconds(() => session.run(feeds, into)));
    return (2 * SIZE ** 3) / median(times);
  };
  const best = async (): Promise<number> =>
    Math.max(await rate(sessions[0]!), await rate(sessions[1]!));
  await best();
  return best;
}

const ROWS = 256;
const COLUMNS = 2 ** 19;

/**
 * Bytes per second at which all threads together read memory: 512 MB, far more than the caches
 * hold, summed and searched for the largest; the faster of the two. Writing is left out, as reading
 * weights writes nothing.
 */
export async function bandwidth(): Promise<Measured> {
  const buffer = float32([ROWS, COLUMNS], new Float32Array(ROWS * COLUMNS).fill(1));
  const sessions: Session[] = [];
  for (const reduce of [sum, max]) {
    const graph = createGraph();
    const y = reduce(graph.input("x", "float32", [ROWS, COLUMNS]), [1]);
    sessions.push(await Session.create(graph, { y }, { label: "reading memory" }));
  }
  const rate = async (session: Session): Promise<number> =>
    (4 * buffer.data.length) / (await seconds(() => session.run({ x: buffer })));
  const best = async (): Promise<number> => {
    const rates: number[] = [];
    for (const session of sessions) {
      const once: number[] = [];
      for (let i = 0; i < 3; i++) once.push(await rate(session));
      rates.push(median(once));
    }
    return Math.max(...rates);
  };
  await best();
  return best;
}
