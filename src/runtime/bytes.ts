/**
 * Whether products of bytes are exact here: kernels of processors without VNNI or AMX sum pairs in
 * 16 bits, where large ones overflow.
 */
import { float32, int8 } from "../core/tensor.ts";
import { int8Product } from "../graph/build.ts";
import { createGraph } from "../graph/op-table.ts";
import { Session } from "./session.ts";

/** An odd width, which no rotation by blocks divides, and long enough for every kernel. */
const WIDTH = 129;
const COLUMNS = 33;
const ROWS = 17;
const LARGEST = 127;

let answer: Promise<boolean> | undefined;

/** Whether products of bytes are exact here: tried once in a process, on the largest codes. */
export function hasExactBytes(): Promise<boolean> {
  answer ??= probe();
  return answer;
}

async function probe(): Promise<boolean> {
  const graph = createGraph();
  const x = graph.input("x", "float32", [ROWS, WIDTH]);
  const product = int8Product(x, {
    codes: graph.input("codes", "int8", [WIDTH, COLUMNS]),
    scales: graph.input("scales", "float32", [COLUMNS]),
  });
  const session = await Session.create(
    graph,
    { product },
    { device: "cpu", threads: 1, label: "a product of bytes" },
  );
  try {
    const whole = <T extends Float32Array | Int8Array>(array: T, value: number): T =>
      array.fill(value) as T;
    const { product: result } = await session.run({
      x: float32([ROWS, WIDTH], whole(new Float32Array(ROWS * WIDTH), LARGEST)),
      codes: int8([WIDTH, COLUMNS], whole(new Int8Array(WIDTH * COLUMNS), LARGEST)),
      scales: float32([COLUMNS], whole(new Float32Array(COLUMNS), 1)),
    });
    return (result!.data as Float32Array).every((sum) => Math.abs(sum - WIDTH * LARGEST ** 2) < 1);
  } finally {
    await session.close();
  }
}
