/**
 * What attune's memory budget rests on: ONNX Runtime neither copies what it is fed nor what it is
 * told to fill. These are properties of onnxruntime-node 1.30.0 on the CPU; a later release may
 * lose them.
 */
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { float32, tensor, zeros } from "../core/tensor.ts";
import * as b from "../graph/build.ts";
import { createGraph } from "../graph/op-table.ts";
import { peakMemory } from "./peak-memory.ts";
import { Session } from "./session.ts";

const MEGABYTE = 2 ** 20;
/** Index of the first entry that is not the same bits, else -1. */
const firstDifference = (a: Float32Array, b: Float32Array): number =>
  a.findIndex((entry, i) => !Object.is(entry, b[i]));

test("a feed of 512 MB is not copied", async () => {
  const graph = createGraph();
  const x = graph.input("x", "float32", [2 ** 17, 1024]);
  const session = await Session.create(graph, { y: b.slice(x, 0, 1, 2) }, { device: "cpu" });
  const feeds = { x: zeros("float32", [2 ** 17, 1024]) };
  await session.run(feeds);
  // Else a copy could hide below an earlier peak.
  expect(peakMemory() - process.memoryUsage().rss).toBeLessThan(300 * MEGABYTE);
  const before = peakMemory();
  for (let run = 1; run <= 3; run++) {
    feeds.x.data[1024 + run] = run;
    const row = (await session.run(feeds))["y"]!.data;
    expect([row[0], row[run], row[1023]]).toEqual([0, run, 0]);
  }
  expect(peakMemory() - before).toBeLessThan(64 * MEGABYTE);
  await session.close();
});

test("float16 weights are fed without a copy as well", async () => {
  const graph = createGraph();
  const x = graph.input("x", "float16", [2 ** 18, 1024]);
  const session = await Session.create(
    graph,
    { y: b.cast(b.slice(x, 0, 0, 1), "float32") },
    { device: "cpu" },
  );
  const feeds = { x: zeros("float16", [2 ** 18, 1024]) };
  await session.run(feeds);
  expect(peakMemory() - process.memoryUsage().rss).toBeLessThan(300 * MEGABYTE);
  const before = peakMemory();
  feeds.x.data[3] = 0x3c00;
  expect((await session.run(feeds))["y"]!.data[3]).toBe(1);
  expect(peakMemory() - before).toBeLessThan(64 * MEGABYTE);
  await session.close();
});

describe("pre-allocated outputs", () => {
  test("are written in place and given back", async () => {
    const graph = createGraph();
    const x = graph.input("x", "float32", ["n"]);
    const session = await Session.create(
      graph,
      { y: b.exp(x), z: b.negate(x), filled: b.fill(graph, [2], 5) },
      { device: "cpu" },
    );
    const y = zeros("float32", [3]);
    const filled = zeros("float32", [2]);
    const buffer = y.data;
    const results = await session.run({ x: float32([3], [0, 1, 2]) }, { y, filled });
    expect(results["y"]).toBe(y);
    expect(y.data).toBe(buffer);
    expect([...buffer].map((entry) => entry.toFixed(3))).toEqual(["1.000", "2.718", "7.389"]);
    expect([...filled.data]).toEqual([5, 5]);
    expect([...results["z"]!.data]).toEqual([-0, -1, -2]);
  });

  test("may be parts of a larger buffer", async () => {
    const graph = createGraph();
    const x = graph.input("x", "float32", ["n"]);
    const session = await Session.create(graph, { y: b.add(x, 1) }, { device: "cpu" });
    const whole = new Float32Array(6);
    await session.run({ x: float32([2], [1, 2]) }, { y: float32([2], whole.subarray(3, 5)) });
    expect([...whole]).toEqual([0, 0, 0, 2, 3, 0]);
  });

  test("of another shape are refused", async () => {
    const graph = createGraph();
    const session = await Session.create(
      graph,
      { y: b.exp(graph.input("x", "float32", ["n"])) },
      { device: "cpu" },
    );
    await expect(
      session.run({ x: zeros("float32", [3]) }, { y: zeros("float32", [2]) }),
    ).rejects.toThrow(/shape/i);
  });
});

describe("large outputs", () => {
  const COUNT = 2 ** 26;

  test("are written in place without a copy of them", async () => {
    const graph = createGraph();
    const [x, y] = ["x", "y"].map((name) => graph.input(name, "float32", ["n"]));
    const session = await Session.create(
      graph,
      { z: b.add(x!, y!), first: b.slice(graph.input("w", "float32", [3]), 0, 0, 1) },
      { device: "cpu" },
    );
    const sum = float32([COUNT], new Float32Array(COUNT).fill(1));
    const feeds = {
      x: sum,
      y: float32([COUNT], new Float32Array(COUNT).fill(2)),
      w: float32([3], [7, 8, 9]),
    };
    expect(peakMemory() - process.memoryUsage().rss).toBeLessThan(200 * MEGABYTE);
    const before = peakMemory();
    for (let run = 1; run <= 4; run++) {
      const { z, first } = await session.run(feeds, { z: sum });
      expect(z).toBe(sum);
      expect([sum.data[0], sum.data[COUNT - 1], first!.data[0]]).toEqual([
        1 + 2 * run,
        1 + 2 * run,
        7,
      ]);
    }
    // a copy would be of 256 MB
    expect(peakMemory() - before).toBeLessThan(64 * MEGABYTE);
    await session.close();
  });

  test("without memory of their own get some, of the right shape, in every run", async () => {
    const graph = createGraph();
    const x = graph.input("x", "float32", ["n", 4]);
    const session = await Session.create(
      graph,
      { y: b.reshape(b.exp(x), ["4*n"]), count: b.argmax(x, 1) },
      { device: "cpu" },
    );
    const runs = [];
    for (const value of [0, 1])
      runs.push(
        await session.run({ x: float32([10_000, 4], new Float32Array(40_000).fill(value)) }),
      );
    expect(runs.map(({ y }) => [y!.shape, y!.data[0], y!.data[39_999]])).toEqual([
      [[40_000], 1, 1],
      [[40_000], Math.fround(Math.E), Math.fround(Math.E)],
    ]);
    expect(runs.map(({ count }) => [count!.dtype, count!.data.length])).toEqual([
      ["int64", 10_000],
      ["int64", 10_000],
    ]);
  });

  test("of a run that fails give its error", async () => {
    const graph = createGraph();
    const x = graph.input("x", "float32", [20_000, 2]);
    const session = await Session.create(
      graph,
      { rows: b.gatherRows(x, graph.input("i", "int64", ["n"])), all: b.exp(x) },
      { device: "cpu", label: "rows" },
    );
    await expect(
      session.run({
        x: zeros("float32", [20_000, 2]),
        i: tensor("int64", [1], BigInt64Array.of(99_999n)),
      }),
    ).rejects.toThrow(/^rows failed at .*gatherRows/);
  });
});

describe("an output in the memory of an input", () => {
  /** Large enough to be split between threads. */
  const COUNT = 300_007;
  const random = new Random(11);
  const weights = random.fillNormal(new Float32Array(COUNT));
  const slopes = random.fillNormal(new Float32Array(COUNT));

  test("plain descent: w - rate g into w", async () => {
    const graph = createGraph();
    const [w, g] = ["w", "g"].map((name) => graph.input(name, "float32", [COUNT])) as [
      ReturnType<typeof graph.input>,
      ReturnType<typeof graph.input>,
    ];
    const session = await Session.create(
      graph,
      { w2: b.subtract(w, b.multiply(g, graph.input("rate", "float32", []))) },
      { device: "cpu" },
    );
    const inPlace = float32([COUNT], weights.slice());
    const feeds = { w: inPlace, g: float32([COUNT], slopes), rate: float32([], [0.25]) };
    const expected = weights.slice();
    for (let step = 0; step < 3; step++) {
      await session.run(feeds, { w2: inPlace });
      slopes.forEach((slope, i) => (expected[i] = expected[i]! - slope * 0.25));
    }
    expect(firstDifference(inPlace.data, expected)).toBe(-1);
  });

  test("moments and weights of one update, each in its own memory", async () => {
    const graph = createGraph();
    const [w, m, g] = ["w", "m", "g"].map((name) => graph.input(name, "float32", [COUNT]));
    const moment = b.add(b.multiply(m!, 0.5), b.multiply(g!, 0.5));
    const outputs = { m2: moment, w2: b.subtract(w!, b.multiply(moment, 0.25)) };
    const session = await Session.create(graph, outputs, { device: "cpu" });
    const state = { w: float32([COUNT], weights.slice()), m: zeros("float32", [COUNT]) };
    const g1 = tensor("float32", [COUNT], slopes);
    const plain = { w: weights.slice(), m: new Float32Array(COUNT) };
    for (let step = 0; step < 3; step++) {
      await session.run({ ...state, g: g1 }, { w2: state.w, m2: state.m });
      for (let i = 0; i < COUNT; i++) {
        plain.m[i] = Math.fround(plain.m[i]! * 0.5) + Math.fround(slopes[i]! * 0.5);
        plain.w[i] = plain.w[i]! - Math.fround(plain.m[i]! * 0.25);
      }
    }
    expect(firstDifference(state.m.data, plain.m)).toBe(-1);
    expect(firstDifference(state.w.data, plain.w)).toBe(-1);
  });

  test("accumulation: sum + gradient into sum", async () => {
    const graph = createGraph();
    const x = graph.input("x", "float32", ["n", 8]);
    const y = graph.input("y", "float32", ["n", 8]);
    const total = graph.input("total", "float32", [8, 8]);
    const session = await Session.create(
      graph,
      { sum: b.add(total, b.gemm(x, y, { transposeLeft: true })) },
      { device: "cpu" },
    );
    const sum = float32([8, 8], new Float32Array(64).fill(1));
    const ones = float32([5, 8], new Float32Array(40).fill(1));
    await session.run({ x: ones, y: ones, total: sum }, { sum });
    await session.run({ x: ones, y: ones, total: sum }, { sum });
    expect([...sum.data]).toEqual(Array.from({ length: 64 }, () => 11));
  });
});

test("a run holds the thread until it is done", async () => {
  const graph = createGraph();
  let x = graph.input("x", "float32", [512, 512]);
  const first = x;
  for (let i = 0; i < 20; i++) x = b.matmul(x, first);
  const session = await Session.create(graph, { y: x }, { device: "cpu" });
  const feeds = { x: zeros("float32", [512, 512]) };
  await session.run(feeds);
  let ticks = 0;
  let counting = true;
  const tick = (): void => {
    ticks++;
    if (counting) setImmediate(tick);
  };
  setImmediate(tick);
  for (let run = 0; run < 3; run++) await session.run(feeds);
  counting = false;
  // Were runs asynchronous, the event loop would turn thousands of times meanwhile.
  expect(ticks).toBeLessThan(30);
});
