/**
 * Sessions: what is refused, how errors and profiles lead back to the model code, and results that
 * do not vary.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { AttuneError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { float32, int64, zeros } from "../core/tensor.ts";
import { gradients } from "../graph/autodiff.ts";
import * as b from "../graph/build.ts";
import type { NodeWriter } from "../graph/emission.ts";
import type { Graph, Value } from "../graph/ir.ts";
import type { EmitRule } from "../graph/op-definition.ts";
import { createGraph, definitionOf } from "../graph/op-table.ts";
import { changeRecord } from "../graph/testing.ts";
import { defaultDevice } from "./devices.ts";
import { Session } from "./session.ts";

/** Rows of a table, made inside scopes as a model would. */
function embedding(): { graph: Graph; y: Value } {
  const graph = createGraph();
  const table = graph.input("table", "float32", ["rows", 4]);
  const ids = graph.input("ids", "int64", ["n"]);
  return {
    graph,
    y: graph.scope("model.layers.3", () =>
      graph.scope("embedding", () => b.gatherRows(table, ids)),
    ),
  };
}

/** A graph whose only node, inside a scope, is written as the given ONNX node on the CPU. */
function forged(write: (writer: NodeWriter, input: string, output: string) => void): {
  graph: Graph;
  y: Value;
} {
  const rule: EmitRule<"exp"> = (writer, { inputs, outputs }) =>
    write(writer, inputs[0]!.name, outputs[0]!.name);
  changeRecord("exp", { emit: { ...definitionOf("exp").emit, cpu: rule } });
  const graph = createGraph();
  return {
    graph,
    y: graph.scope("model.layers.3", () => b.exp(graph.input("x", "float32", [2, 4]))),
  };
}

async function failure(action: Promise<unknown>): Promise<AttuneError> {
  const error: unknown = await action.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(AttuneError);
  return error as AttuneError;
}

describe("errors name the model code", () => {
  test("when a node fails in a run", async () => {
    const { graph, y } = embedding();
    const session = await Session.create(graph, { y }, { label: "scoring" });
    const error = await failure(
      session.run({ table: zeros("float32", [2, 4]), ids: int64([1], [7]) }),
    );
    expect(error.code).toBe("runtime");
    expect(error.what).toBe("scoring failed at model.layers.3/embedding/gatherRows");
    expect(error.message).toMatch(/idx=7/);
    expect(error.cause).toBeInstanceOf(Error);
  });

  test("when shapes do not fit while a session is made", async () => {
    const { graph, y } = forged(
      (writer, x, out) => void writer.nodeOutputs("MatMul", [x, x], { outputs: [out] }),
    );
    const error = await failure(Session.create(graph, { y }, { label: "training", device: "cpu" }));
    expect(error.what).toBe("cannot prepare training for cpu at model.layers.3/exp");
  });

  test("when ONNX Runtime has no such operator", async () => {
    const { graph, y } = forged(
      (writer, x, out) => void writer.nodeOutputs("NoSuchOperator", [x], { outputs: [out] }),
    );
    const error = await failure(Session.create(graph, { y }, { device: "cpu" }));
    expect(error.what).toBe("cannot prepare graph for cpu at model.layers.3/exp");
    expect(error.message).toMatch(/NoSuchOperator/);
  });
});

describe("feeds", () => {
  const { graph, y } = embedding();
  const table = float32(
    [3, 4],
    Array.from({ length: 12 }, (_, i) => i),
  );
  const expectRefused = async (
    feeds: Parameters<Session["run"]>[0],
    got: string,
    expected: string,
  ): Promise<void> => {
    const error = await failure((await Session.create(graph, { y })).run(feeds));
    expect(error.details).toMatchObject({ got, expected });
  };

  test("that are missing", () => expectRefused({ table }, "nothing", "int64[n]"));
  test("of another dtype", () =>
    expectRefused({ table, ids: float32([1], [0]) }, "float32[1]", "int64[n]"));
  test("of another size", () =>
    expectRefused(
      { table: zeros("float32", [3, 5]), ids: int64([1], [0]) },
      "float32[3, 5]",
      "float32[rows, 4]",
    ));
  test("of another rank", () =>
    expectRefused({ table, ids: int64([1, 1], [0]) }, "int64[1, 1]", "int64[n]"));

  test("beyond those needed are ignored", async () => {
    const session = await Session.create(graph, { y });
    const results = await session.run({ table, ids: int64([2], [2, 0]), other: table });
    expect([...results["y"]!.data]).toEqual([8, 9, 10, 11, 0, 1, 2, 3]);
  });

  test("may be parts of a larger buffer", async () => {
    const session = await Session.create(graph, { y });
    const part = float32([2, 4], (table.data as Float32Array).subarray(4));
    expect([...(await session.run({ table: part, ids: int64([1], [0]) }))["y"]!.data]).toEqual([
      4, 5, 6, 7,
    ]);
  });

  test("with no rows give results with no rows", async () => {
    const session = await Session.create(graph, { y });
    expect((await session.run({ table, ids: int64([0], []) }))["y"]!.shape).toEqual([0, 4]);
  });

  test("a result may be fed to another session", async () => {
    const session = await Session.create(graph, { y });
    const first = (await session.run({ table, ids: int64([2], [2, 1]) }))["y"]!;
    expect([...(await session.run({ table: first, ids: int64([1], [0]) }))["y"]!.data]).toEqual([
      8, 9, 10, 11,
    ]);
  });
});

describe("profiles", () => {
  const folder = mkdtempSync(join(tmpdir(), "attune-profile-"));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test("show every kernel under the name of the model code, gradients included", async () => {
    const graph = createGraph();
    const x = graph.input("x", "float32", ["n", 32]);
    const w = graph.input("w", "float32", [32, 32]);
    const norm = graph.input("norm", "float32", [32]);
    const targets = graph.input("targets", "int64", ["n"]);
    const hidden = graph.scope("layers.0", () =>
      b.add(x, b.silu(b.linear(b.rmsNorm(x, norm, 1e-5), w))),
    );
    const { selected } = graph.scope("readout", () =>
      b.tokenLogProbabilities(b.linear(hidden, w), targets),
    );
    const loss = graph.scope("loss", () => b.negate(b.meanAll(selected)));
    const [dw, dNorm] = gradients(graph, [{ output: loss }], [w, norm]);
    const session = await Session.create(
      graph,
      { loss, dw: dw!, dNorm: dNorm! },
      { profile: join(folder, "profile"), device: "cpu" },
    );
    const random = new Random(3);
    const feeds = {
      x: float32([4, 32], random.fillNormal(new Float32Array(128))),
      w: float32([32, 32], random.fillNormal(new Float32Array(1024))),
      norm: float32([32], new Float32Array(32).fill(1)),
      targets: int64([4], [1, 2, 3, 4]),
    };
    await session.run(feeds);
    session.endProfiling();
    await session.close();
    const events = JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]!), "utf8")) as {
      cat: string;
      name: string;
    }[];
    const kernels = events
      .filter(({ cat, name }) => cat === "Node" && name.endsWith("_kernel_time"))
      .map(({ name }) => name);
    expect(kernels.length).toBeGreaterThan(15);
    expect(kernels.filter((name) => !/^(layers\.0|readout|loss)\//.test(name))).toEqual([]);
    expect(kernels.some((name) => name.startsWith("layers.0/gemm/grad/gemm"))).toBe(true);
  });
});

describe("results", () => {
  const graph = createGraph();
  const x = graph.input("x", "float32", ["n", 256]);
  const w = graph.input("w", "float32", [256, 256]);
  const y = b.softmax(b.silu(b.linear(b.linear(x, w), w)));
  const random = new Random(5);
  const feeds = {
    x: float32([64, 256], random.fillNormal(new Float32Array(64 * 256))),
    w: float32([256, 256], random.fillNormal(new Float32Array(65536), 0.05)),
  };
  const run = async (options: Parameters<typeof Session.create>[2]): Promise<Float32Array> => {
    const session = await Session.create(graph, { y }, options);
    const { data } = (await session.run(feeds))["y"]!;
    await session.close();
    return data as Float32Array;
  };

  test("are the same bytes in every run, with the arena or without", async () => {
    const first = await run({ device: "cpu" });
    for (const options of [{}, { arena: false }, {}] as const)
      expect(await run({ device: "cpu", ...options })).toEqual(first);
  });

  test("outlive their session", async () => {
    const data = await run({ device: "cpu" });
    const copy = data.slice();
    for (let i = 0; i < 5; i++) await run({ device: "cpu" });
    expect(data).toEqual(copy);
  });
});

describe("the default device", () => {
  afterEach(() => vi.unstubAllEnvs());

  test("is the CPU unless ATTUNE_DEVICE says otherwise", () => {
    vi.stubEnv("ATTUNE_DEVICE", undefined);
    expect(defaultDevice()).toBe("cpu");
    vi.stubEnv("ATTUNE_DEVICE", "webgpu");
    expect(defaultDevice()).toBe("webgpu");
    vi.stubEnv("ATTUNE_DEVICE", "gpu");
    expect(() => defaultDevice()).toThrow(
      /ATTUNE_DEVICE names no device\n {2}got: gpu\n {2}expected: cpu or webgpu/,
    );
  });
});
