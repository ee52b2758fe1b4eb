/**
 * A program of its own: adds two numbers on WebGPU, or ends with the reason why it cannot. Apart,
 * since a driver may end its process.
 */
import { float32 } from "../core/tensor.ts";
import { add } from "../graph/build.ts";
import { createGraph } from "../graph/op-table.ts";
import { Session } from "./session.ts";

const graph = createGraph();
const [a, b] = ["a", "b"].map((name) => graph.input(name, "float32", [1]));
const session = await Session.create(
  graph,
  { sum: add(a!, b!) },
  { device: "webgpu", label: "a sum" },
);
const { sum } = await session.run({
  a: float32([1], Float32Array.of(2)),
  b: float32([1], Float32Array.of(3)),
});
await session.close();
if ((sum!.data as Float32Array)[0] !== 5) throw new Error("2 + 3 is not 5 on this device");
