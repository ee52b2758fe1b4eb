/** Lowered models: what the ONNX bytes say, and that ONNX Runtime gives the same numbers. */
import { describe, expect, test } from "vitest";
import { float32, int64, zeros } from "../core/tensor.ts";
import { Session } from "../runtime/session.ts";
import { gradients } from "../graph/autodiff.ts";
import * as b from "../graph/build.ts";
import { difference } from "../graph/check/compare.ts";
import { fromHost } from "../graph/interpreter/plain.ts";
import type { LowerOptions } from "./lower.ts";
import type { Graph, Value } from "../graph/ir.ts";
import { lower } from "./lower.ts";
import type { ReadModel } from "./testing.ts";
import { readModel } from "./testing.ts";
import { createGraph } from "../graph/op-table.ts";

const read = (
  graph: Graph,
  outputs: Record<string, Value>,
  options: LowerOptions = {},
): ReadModel => readModel(lower(graph, outputs, options).model);
const opTypes = (model: ReadModel): string[] => model.nodes.map(({ opType }) => opType);

describe("the model", () => {
  test("declares versions, inputs and outputs with names and symbols", () => {
    const graph = createGraph();
    const x = graph.input("x", "float32", ["batch", 3]);
    const ids = graph.input("ids", "int64", ["batch"]);
    const y = graph.scope("head", () => b.pick(x, ids));
    const model = read(graph, { y });
    expect(model.irVersion).toBe(9);
    expect(model.opsets).toEqual({ "": 18, "com.microsoft": 1 });
    expect(model.inputs).toEqual({
      x: { type: 1, shape: ["batch", 3] },
      ids: { type: 7, shape: ["batch"] },
    });
    expect(model.outputs).toEqual({ "head/pick:out": { type: 1, shape: ["batch"] } });
    for (const { name } of model.nodes) expect(name).toMatch(/^head\/pick/);
  });

  test("writes each kind of attribute", () => {
    const graph = createGraph();
    const x = graph.input("x", "float32", [2, 3, 4]);
    const model = read(graph, {
      y: b.matmul(b.transpose(x, [0, 2, 1]), x, {
        transposeLeft: true,
        transposeRight: true,
        scale: -0.125,
      }),
    });
    expect(
      model.nodes.map(({ opType, attributes, domain }) => ({ opType, attributes, domain })),
    ).toEqual([
      { opType: "Transpose", attributes: { perm: [0, 2, 1] }, domain: "" },
      {
        opType: "FusedMatMul",
        attributes: { transA: 1, transB: 1, alpha: -0.125 },
        domain: "com.microsoft",
      },
    ]);
    const reduced = read(graph, { y: b.argmax(x, -1) });
    expect(reduced.nodes[0]!.attributes).toEqual({ axis: -1, keepdims: 0 });
  });

  test("stores constants once, with their bytes", () => {
    const graph = createGraph();
    const x = graph.input("x", "float32", [2]);
    const model = read(graph, { y: b.add(b.multiply(x, 2.5), b.multiply(b.exp(x), 2.5)) });
    const stored = Object.values(model.initializers);
    expect(stored).toHaveLength(1);
    expect({ ...stored[0]!, bytes: [...stored[0]!.bytes] }).toEqual({
      type: 1,
      shape: [],
      bytes: [0, 0, 0x20, 0x40],
    });
  });

  test("leaves out dead nodes, their constants and inputs", () => {
    const graph = createGraph();
    const x = graph.input("x", "float32", [2]);
    const dead = graph.input("dead", "float32", [2]);
    b.multiply(dead, 7);
    const lowered = lower(graph, { y: b.exp(x) });
    expect([...lowered.inputs.keys()]).toEqual(["x"]);
    expect(lowered.nodes.length).toBe(1);
    const model = readModel(lowered.model);
    expect(opTypes(model)).toEqual(["Exp"]);
    expect(model.initializers).toEqual({});
  });

  test("reads a run-time shape once, however often it is used", () => {
    const graph = createGraph();
    const x = graph.input("x", "float32", ["n", "m"]);
    const wide = (value: number): Value => b.fill(graph, ["n", "m", "2*n"], value);
    const model = read(graph, { a: wide(1), b: wide(2), c: b.reshape(x, ["m", "n"]) });
    expect(opTypes(model).filter((type) => type === "Shape")).toHaveLength(2);
    expect(opTypes(model).filter((type) => type === "Mul")).toHaveLength(1);
  });

  test("the form depends on the device", () => {
    const graph = createGraph();
    const x = graph.input("x", "float32", [2, 2]);
    const y = b.matmul(x, x, { transposeRight: true });
    expect(opTypes(read(graph, { y }, { device: "cpu" }))).toEqual(["FusedMatMul"]);
    expect(opTypes(read(graph, { y }, { device: "webgpu" }))).not.toContain("FusedMatMul");
  });
});

describe("symbols", () => {
  test("an input that nothing reads is kept where it alone binds a symbol", async () => {
    const graph = createGraph();
    graph.input("shape only", "float32", ["n", 4]);
    graph.input("unneeded", "float32", ["n"]);
    const session = await Session.create(graph, { y: b.fill(graph, ["n", 2], 3) });
    expect([...session.inputs.keys()]).toEqual(["shape only"]);
    expect((await session.run({ "shape only": zeros("float32", [3, 4]) }))["y"]).toMatchObject({
      shape: [3, 2],
      data: new Float32Array(6).fill(3),
    });
  });

  test("an input that is read binds its own symbols", () => {
    const graph = createGraph();
    graph.input("unneeded", "float32", ["n"]);
    const x = graph.input("x", "float32", ["n", 1]);
    expect([...lower(graph, { y: b.expand(x, ["n", 5]) }).inputs.keys()]).toEqual(["x"]);
  });

  test("a symbol that no input has is an error that names the node", () => {
    const graph = createGraph();
    const y = graph.scope("layers.0", () => b.fill(graph, ["n", "depth"], 0));
    graph.input("x", "float32", ["n"]);
    expect(() => lower(graph, { y })).toThrow(
      "layers.0/fill: no input of the graph has the dimension depth",
    );
  });

  test("a product is bound as a whole, too", async () => {
    const graph = createGraph();
    graph.input("x", "float32", ["n*m"]);
    const session = await Session.create(graph, { y: b.fill(graph, ["n*m", 1], 1) });
    expect((await session.run({ x: zeros("float32", [6]) }))["y"]!.shape).toEqual([6, 1]);
  });

  test("a symbol is bound by an input that is a multiple of it", async () => {
    const graph = createGraph();
    const x = graph.input("x", "float32", ["4*block", 2]);
    const session = await Session.create(graph, {
      y: b.transpose(b.reshape(x, [4, "block", 2]), [1, 0, 2]),
      z: b.fill(graph, ["2*block", 3], 1),
    });
    for (const block of [3, 1]) {
      const { y, z } = await session.run({ x: zeros("float32", [4 * block, 2]) });
      expect([y!.shape, z!.shape]).toEqual([
        [block, 4, 2],
        [2 * block, 3],
      ]);
    }
    await expect(session.run({ x: zeros("float32", [6, 2]) })).rejects.toThrow(
      /got: float32\[6, 2\]\n {2}expected: float32\[4\*block, 2\]/,
    );
  });

  test("sizes are bound when the session runs, not when it is made", async () => {
    const graph = createGraph();
    const x = graph.input("x", "float32", ["n", "m", 2]);
    const session = await Session.create(graph, {
      y: b.reshape(b.transpose(x, [1, 0, 2]), ["m", "2*n"]),
    });
    for (const [n, m] of [
      [1, 4],
      [3, 1],
      [2, 2],
    ] as const) {
      const feeds = {
        x: float32(
          [n, m, 2],
          Array.from({ length: n * m * 2 }, (_, i) => i),
        ),
      };
      expect((await session.run(feeds))["y"]!.shape).toEqual([m, 2 * n]);
    }
  });
});

describe("outputs", () => {
  const graph = createGraph();
  const x = graph.input("x", "float32", [3]);
  const y = b.exp(x);

  test("may share a value, be inputs, constants or fills", async () => {
    const constant = graph.constant(float32([2], [5, 6]));
    const session = await Session.create(graph, {
      y,
      again: y,
      third: y,
      input: x,
      constant,
      filled: b.fill(graph, [2], 4),
      none: b.fill(graph, [], 8),
    });
    const results = await session.run({ x: float32([3], [0, 0, 0]) });
    const numbers = Object.fromEntries(
      Object.entries(results).map(([name, { data }]) => [name, [...data]]),
    );
    expect(numbers).toEqual({
      y: [1, 1, 1],
      again: [1, 1, 1],
      third: [1, 1, 1],
      input: [0, 0, 0],
      constant: [5, 6],
      filled: [4, 4],
      none: [8],
    });
  });

  test("may be an input under its own name", async () => {
    const session = await Session.create(graph, { x });
    expect([...(await session.run({ x: float32([3], [1, 2, 3]) }))["x"]!.data]).toEqual([1, 2, 3]);
  });
});

describe("initializers", () => {
  const graph = createGraph();
  const x = graph.input("x", "float32", ["n", 2]);
  const w = graph.input("w", "float32", [3, 2]);
  const half = graph.input("half", "float16", [3]);
  const y = b.linear(x, w, b.cast(half, "float32"));
  const weights = {
    w: float32([3, 2], [1, 2, 3, 4, 5, 6]),
    half: { dtype: "float16", shape: [3], data: Uint16Array.of(0x3c00, 0xc000, 0) },
  } as const;

  test("are stored in the model and need not be fed", async () => {
    const lowered = lower(graph, { y }, { initializers: { ...weights, other: weights.w } });
    expect([...lowered.inputs.keys()]).toEqual(["x"]);
    const { initializers } = readModel(lowered.model);
    expect(Object.keys(initializers).toSorted()).toEqual(["half", "w"]);
    expect(initializers["half"]).toMatchObject({ type: 10, shape: [3] });
    expect(new Float32Array(Uint8Array.from(initializers["w"]!.bytes).buffer)).toEqual(
      weights.w.data,
    );
  });

  test("give the same numbers as when fed", async () => {
    const feeds = { x: float32([2, 2], [1, -1, 0.5, 2]) };
    const fed = await (await Session.create(graph, { y })).run({ ...feeds, ...weights });
    const stored = await (await Session.create(graph, { y }, { initializers: weights })).run(feeds);
    expect([...fed["y"]!.data]).toEqual([0, -3, -1, 5.5, 7.5, 14.5]);
    expect(stored["y"]!.data).toEqual(fed["y"]!.data);
  });

  test("that do not fit the input are refused", () => {
    expect(() =>
      lower(graph, { y }, { initializers: { ...weights, w: float32([2, 3], [1, 2, 3, 4, 5, 6]) } }),
    ).toThrow(/initializer w/);
    expect(() =>
      lower(graph, { y }, { initializers: { ...weights, w: int64([3, 2], [1, 2, 3, 4, 5, 6]) } }),
    ).toThrow(/initializer w/);
  });
});

describe("cuts", () => {
  test("a backward graph takes the activations that a forward graph saved", async () => {
    const graph = createGraph();
    const x = graph.input("x", "float32", ["n", 4]);
    const w = graph.input("w", "float32", [4, 4]);
    const hidden = b.silu(b.linear(x, w));
    const loss = b.sumAll(b.square(b.linear(hidden, w)));
    const [dw] = gradients(graph, [{ output: loss }], [w]);
    const feeds = {
      x: float32([2, 4], [1, 2, 3, 4, -1, 0.5, 0.25, 1]),
      w: float32(
        [4, 4],
        Array.from({ length: 16 }, (_, i) => Math.sin(i)),
      ),
    };
    const whole = await (await Session.create(graph, { dw: dw! })).run(feeds);
    const saved = await (await Session.create(graph, { hidden })).run(feeds);
    const lowered = lower(graph, { dw: dw! }, { cuts: [hidden] });
    expect(lowered.inputs.has(hidden.name)).toBe(true);
    expect(lowered.nodes.length).toBeLessThan(lower(graph, { dw: dw! }).nodes.length);
    const backward = await Session.create(graph, { dw: dw! }, { cuts: [hidden] });
    const parts = await backward.run({ ...feeds, [hidden.name]: saved["hidden"]! });
    expect(
      difference(fromHost(parts["dw"]!), fromHost(whole["dw"]!), { tolerance: 1e-6 }),
    ).toBeUndefined();
  });
});

describe("norms that make the sums they read", () => {
  const graph = createGraph();
  const [x, y] = ["x", "y"].map((name) => graph.input(name, "float32", ["n", 8])) as [Value, Value];
  const row = graph.input("row", "float32", [8]);
  const weight = graph.input("weight", "float32", [8]);
  const sum = b.add(x, y);
  const normal = b.rmsNorm(sum, weight, 1e-5);
  const next = b.add(normal, sum);
  const broadcast = b.rmsNorm(b.add(x, row), weight, 1e-5);
  const numbers = (count: number, scale: number): Float32Array =>
    Float32Array.from({ length: count }, (_, i) => scale * Math.sin(i + scale));
  const feeds = {
    x: float32([3, 8], numbers(24, 1)),
    y: float32([3, 8], numbers(24, 2)),
    row: float32([8], numbers(8, 3)),
    weight: float32([8], numbers(8, 0.5)),
  };

  test("are one node, and give what two give", async () => {
    expect(opTypes(read(graph, { normal, next }, { fuse: true }))).toEqual([
      "SkipSimplifiedLayerNormalization",
      "Add",
    ]);
    const run = async (fuse: boolean): Promise<Float32Array[]> => {
      const session = await Session.create(graph, { normal, sum, next }, { device: "cpu", fuse });
      const outputs = await session.run(feeds);
      await session.close();
      return ["normal", "sum", "next"].map((name) => outputs[name]!.data as Float32Array);
    };
    const [joined, apart] = [await run(true), await run(false)];
    for (const [index, data] of joined.entries())
      data.forEach((value, i) => expect(value).toBeCloseTo(apart[index]![i]!, 5));
  });

  test("stay apart where the sum broadcasts, the statistic is read, or the device is another", () => {
    const apart = ["Add", "SimplifiedLayerNormalization"];
    expect(opTypes(read(graph, { broadcast }, { fuse: true }))).toEqual(apart);
    expect(
      opTypes(read(graph, { normal, inverse: normal.producer!.outputs[1]! }, { fuse: true })),
    ).toEqual(apart);
    expect(opTypes(read(graph, { normal }, { fuse: true, device: "webgpu" }))).not.toContain(
      "SkipSimplifiedLayerNormalization",
    );
    expect(opTypes(read(graph, { normal }))).toEqual(apart);
  });
});
