import { expect, test } from "vitest";
import { float32, int64 } from "../core/tensor.ts";
import { Random } from "../core/random.ts";
import { Session } from "../runtime/session.ts";
import { gradients } from "./autodiff.ts";
import * as b from "./build.ts";
import { createGraph } from "./op-table.ts";
import { verify } from "./passes.ts";

test("a small network has the gradient that central differences give", async () => {
  const graph = createGraph();
  const x = graph.input("x", "float32", ["rows", 4]);
  const w = graph.input("w", "float32", [3, 4]);
  const targets = graph.input("targets", "int64", ["rows"]);
  const { selected } = b.tokenLogProbabilities(b.linear(b.silu(x), w), targets);
  const loss = b.negate(b.meanAll(selected));
  const [dw] = gradients(graph, [{ output: loss }], [w]);
  verify(graph);
  const session = await Session.create(graph, { loss, dw: dw! });
  const random = new Random(1);
  const weights = random.fillNormal(new Float32Array(12));
  const feeds = {
    x: float32([5, 4], random.fillNormal(new Float32Array(20))),
    w: float32([3, 4], weights),
    targets: int64([5], [0, 1, 2, 1, 0]),
  };
  const gradient = (await session.run(feeds))["dw"]!.data as Float32Array;
  for (let i = 0; i < weights.length; i++) {
    const at = async (delta: number): Promise<number> => {
      const moved = weights.slice();
      moved[i]! += delta;
      return (await session.run({ ...feeds, w: float32([3, 4], moved) }))["loss"]!
        .data[0] as number;
    };
    expect(gradient[i]).toBeCloseTo(((await at(1e-2)) - (await at(-1e-2))) / 2e-2, 3);
  }
});
