/**
 * Training steps of whole models on WebGPU give what the CPU gives, and no arithmetic of theirs
 * falls back to it.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { Random } from "../../src/core/random.ts";
import { float32, int64, zeros } from "../../src/core/tensor.ts";
import { gradients } from "../../src/graph/autodiff.ts";
import * as b from "../../src/graph/build.ts";
import { difference } from "../../src/graph/check/compare.ts";
import { fromHost } from "../../src/graph/interpreter/plain.ts";
import type { Graph, Value } from "../../src/graph/ir.ts";
import { createGraph } from "../../src/graph/op-table.ts";
import type { Objective } from "../../src/models/plans/plan.ts";
import { BlockwisePlan } from "../../src/models/plans/blockwise.ts";
import { WholePlan } from "../../src/models/plans/whole.ts";
import { TINY_CONFIGS, randomBatch, randomModel } from "../../src/models/testing.ts";
import { makeTrainable } from "../../src/models/trainable.ts";
import { createAdamW } from "../../src/optim/optimizer.ts";
import type { Tensors } from "../../src/runtime/session.ts";
import { Session } from "../../src/runtime/session.ts";
import { withoutWebgpu } from "./support.ts";

const likelihood: Objective = {
  name: "likelihood",
  reads: "tokens",
  inputs: { weights: { dtype: "float32", shape: ["selected"] } },
  build: (readout, inputs) => ({
    loss: b.sumAll(b.multiply(readout, inputs["weights"]!)),
    metrics: {},
  }),
  linearIn: "weights",
};

interface Trained {
  losses: number[];
  gradients: Float32Array;
  values: Float32Array;
}

/** Three optimiser steps of a tiny model with the default device. */
async function train(type: string, plan: "whole" | "blockwise"): Promise<Trained> {
  const model = randomModel(TINY_CONFIGS[type]!, 1);
  const trainable = makeTrainable(model, model.weights.keys());
  const options = {
    model,
    trainable,
    objective: likelihood,
    reads: "tokens",
    maxLength: 16,
    statistics: true,
  } as const;
  const executed =
    plan === "whole"
      ? new WholePlan(options)
      : new BlockwisePlan({ ...options, recompute: "all", headRows: 5 });
  const optimizer = await createAdamW(trainable, {
    beta1: 0.9,
    beta2: 0.99,
    epsilon: 1e-3,
    weightDecay: 0.01,
  });
  const losses: number[] = [];
  let first: Float32Array | undefined;
  for (let step = 0; step < 3; step++) {
    const batch = randomBatch(model, 2 + step, 5 + step);
    const weights = float32(
      batch.selected.shape,
      new Float32Array(batch.selected.data.length).fill(-1 / batch.selected.data.length),
    );
    trainable.gradients.fill(0);
    losses.push((await executed.step(batch, { weights })).loss);
    first ??= trainable.gradients.slice();
    await optimizer.step({ learningRate: 1e-2, gradientScale: 1 });
  }
  await optimizer.close();
  await executed.close();
  return { losses, gradients: first!, values: trainable.values };
}

/** A network of every kind of layer that a model has, its loss and its gradients. */
function network(): { graph: Graph; outputs: Record<string, Value>; feeds: Tensors } {
  const graph = createGraph();
  const random = new Random(1);
  const feeds: Record<string, Tensors[string]> = {};
  const input = (name: string, shape: (string | number)[], sizes: number[]): Value => {
    feeds[name] = float32(
      sizes,
      random.fillNormal(new Float32Array(sizes.reduce((x, y) => x * y, 1)), 0.5),
    );
    return graph.input(name, "float32", shape);
  };
  const table = input("table", [11, 8], [11, 8]);
  const [norm, gain, bias] = ["norm", "gain", "bias"].map((name) => input(name, [8], [8])) as [
    Value,
    Value,
    Value,
  ];
  const w = input("w", [8, 8], [8, 8]);
  const cosines = input("cosines", [6, 2], [6, 2]);
  const sines = input("sines", [6, 2], [6, 2]);
  const tokens = graph.input("tokens", "int64", ["batch", "time"]);
  const positions = graph.input("positions", "int64", ["batch", "time"]);
  const targets = graph.input("targets", "int64", ["batch*time"]);
  const mask = graph.input("mask", "float32", ["batch", 1, "time", "time"]);
  const x = graph.scope("embedding", () => b.gatherRows(table, b.reshape(tokens, ["batch*time"])));
  const mixed = graph.scope("attention", () => {
    const heads = (y: Value): Value =>
      b.transpose(b.reshape(y, ["batch", "time", 2, 4]), [0, 2, 1, 3]);
    const normed = b.rmsNorm(x, norm, 1e-5);
    const turned = b.rotary(heads(b.linear(normed, w)), { positions, cosines, sines });
    const weights = b.softmax(
      b.add(b.matmul(turned, turned, { transposeRight: true, scale: 0.5 }), mask),
    );
    return b.reshape(b.transpose(b.matmul(weights, heads(normed)), [0, 2, 1, 3]), [
      "batch*time",
      8,
    ]);
  });
  const y = graph.scope("mlp", () =>
    b.add(
      b.silu(b.linear(b.layerNorm(b.add(x, mixed), gain, bias, 1e-5), w, bias)),
      b.gelu(mixed, "tanh"),
    ),
  );
  const { selected } = graph.scope("readout", () =>
    b.tokenLogProbabilities(b.linear(y, table), targets),
  );
  const loss = graph.scope("loss", () => b.negate(b.meanAll(selected)));
  const wanted = { table, norm, gain, bias, w };
  const slopes = gradients(graph, [{ output: loss }], Object.values(wanted));
  const outputs = {
    loss,
    ...Object.fromEntries(
      Object.keys(wanted).map((name, i) => [`gradient of ${name}`, slopes[i]!]),
    ),
  };
  const [rows, time] = [2, 4];
  const ids = (limit: number): number[] =>
    Array.from({ length: rows * time }, () => random.integer(limit));
  const causal = zeros("float32", [rows, 1, time, time]);
  causal.data.forEach(
    (_, i) => (causal.data[i] = i % time > Math.floor(i / time) % time ? -1e9 : 0),
  );
  return {
    graph,
    outputs,
    feeds: {
      ...feeds,
      tokens: int64([rows, time], ids(11)),
      positions: int64([rows, time], ids(6)),
      targets: int64([rows * time], ids(11)),
      mask: causal,
    },
  };
}

describe.skipIf(withoutWebgpu)("on WebGPU", () => {
  afterEach(() => vi.unstubAllEnvs());

  test("a network of every kind of layer has the gradients of the CPU, and its arithmetic stays on the device", async () => {
    const { graph, outputs, feeds } = network();
    const folder = mkdtempSync(join(tmpdir(), "attune-webgpu-"));
    const onCpu = await (await Session.create(graph, outputs, { device: "cpu" })).run(feeds);
    const session = await Session.create(graph, outputs, {
      device: "webgpu",
      profile: join(folder, "profile"),
    });
    const results = await session.run(feeds);
    session.endProfiling();
    await session.close();
    for (const [name, want] of Object.entries(onCpu))
      expect(
        difference(fromHost(results[name]!), fromHost(want), { tolerance: 1e-4 }),
        name,
      ).toBeUndefined();
    const events = JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]!), "utf8")) as {
      cat: string;
      args?: { provider?: string; op_name?: string };
    }[];
    rmSync(folder, { recursive: true, force: true });
    const placed = events.filter(({ cat, args }) => cat === "Node" && args?.provider);
    const onDevice = placed.filter(({ args }) => args!.provider === "WebGpuExecutionProvider");
    const fallen = new Set(
      placed
        .filter(({ args }) => args!.provider === "CPUExecutionProvider")
        .map(({ args }) => args!.op_name),
    );
    expect(onDevice.length).toBeGreaterThan(80);
    // Integers: shapes that are read from inputs, and indices that are given another axis.
    expect(
      [...fallen].filter(
        (op) =>
          !["Shape", "Concat", "Mul", "Unsqueeze", "Gather", "Reshape", "Squeeze"].includes(op!),
      ),
    ).toEqual([]);
  });

  test.each(
    Object.keys(TINY_CONFIGS).flatMap((type) =>
      (["whole", "blockwise"] as const).map((plan) => [type, plan] as const),
    ),
  )("%s, %s: three optimiser steps equal those on the CPU", async (type, plan) => {
    vi.stubEnv("ATTUNE_DEVICE", "cpu");
    const cpu = await train(type, plan);
    vi.stubEnv("ATTUNE_DEVICE", "webgpu");
    const gpu = await train(type, plan);
    gpu.losses.forEach((loss, step) =>
      expect(Math.abs(loss - cpu.losses[step]!)).toBeLessThan(1e-3 * Math.abs(cpu.losses[step]!)),
    );
    const compare = (name: "gradients" | "values", tolerance: number): string | undefined =>
      difference(
        fromHost(float32([gpu[name].length], gpu[name])),
        fromHost(float32([cpu[name].length], cpu[name])),
        { tolerance },
      );
    expect(compare("gradients", 1e-4)).toBeUndefined();
    expect(compare("values", 1e-3)).toBeUndefined();
  });
});
