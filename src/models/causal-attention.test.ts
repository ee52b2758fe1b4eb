import { expect, test } from "vitest";
import { Random } from "../core/random.ts";
import type { HostTensor } from "../core/tensor.ts";
import { elementCount, float32, zeros } from "../core/tensor.ts";
import { gradients } from "../graph/autodiff.ts";
import { difference } from "../graph/check/compare.ts";
import { fromHost } from "../graph/interpreter/plain.ts";
import type { Dimension } from "../graph/dimensions.ts";
import { lower } from "../onnx/lower.ts";
import { createGraph } from "../graph/op-table.ts";
import { Session } from "../runtime/session.ts";
import { causalAttention } from "./causal-attention.ts";

const [HEADS, KEY_HEADS, SIZE] = [4, 2, 8];

/** Outputs and gradients of attention whose time has the given dimension. */
function build(time: Dimension): Parameters<typeof Session.create> {
  const graph = createGraph();
  const input = (name: string, heads: number): ReturnType<typeof graph.input> =>
    graph.input(name, "float32", ["batch", heads, time, SIZE]);
  const [query, key, value] = [
    input("query", HEADS),
    input("key", KEY_HEADS),
    input("value", KEY_HEADS),
  ];
  const mixed = causalAttention({
    query,
    key,
    value,
    bias: graph.input("bias", "float32", ["batch", 1, time, time]),
  });
  const [dQuery, dKey, dValue] = gradients(
    graph,
    [{ output: mixed, gradient: input("upstream", HEADS) }],
    [query, key, value],
  );
  return [graph, { mixed, dQuery: dQuery!, dKey: dKey!, dValue: dValue! }];
}

/** Random numbers, and a causal bias with a further hidden stretch, as a shared prefix has. */
function feedsOf(batch: number, time: number): Record<string, HostTensor> {
  const random = new Random(time);
  const normal = (shape: number[]): HostTensor =>
    float32(shape, random.fillNormal(new Float32Array(elementCount(shape))));
  const bias = zeros("float32", [batch, 1, time, time]);
  bias.data.forEach((_, flat) => {
    const [query, key] = [Math.floor(flat / time) % time, flat % time];
    const hidden =
      key > query || (query > (2 * time) / 3 && key > time / 3 && key < (2 * time) / 3);
    bias.data[flat] = hidden ? -1e9 : 0;
  });
  const feeds = Object.fromEntries(
    (
      [
        ["query", HEADS],
        ["key", KEY_HEADS],
        ["value", KEY_HEADS],
        ["upstream", HEADS],
      ] as const
    ).map(([name, heads]) => [name, normal([batch, heads, time, SIZE])]),
  );
  return { ...feeds, bias };
}

test.each([2, 3, 4])("%i blocks give what one gives, outputs and gradients", async (count) => {
  const whole = await Session.create(...build("time"));
  const blocks = await Session.create(...build(`${count}*block`));
  for (const [batch, time] of [
    [2, 12],
    [1, 24],
  ] as const) {
    const want = await whole.run(feedsOf(batch, time));
    const got = await blocks.run(feedsOf(batch, time));
    for (const name of Object.keys(want))
      expect(
        difference(fromHost(got[name]!), fromHost(want[name]!), { tolerance: 1e-5 }),
        name,
      ).toBeUndefined();
  }
});

test("only a time of several blocks is split", () => {
  const products = (time: Dimension): number =>
    build(time)[0].nodes.filter(({ op }) => op === "matmul").length;
  expect([products("time"), products(12), products("4*block")]).toEqual([6, 6, 24]);
  expect(lower(...build("4*block")).inputs.get("query")!.shape).toEqual([
    "batch",
    HEADS,
    "4*block",
    SIZE,
  ]);
});
