import { describe, expect, test } from "vitest";
import { float32 } from "../../core/tensor.ts";
import { Random } from "../../core/random.ts";
import { multiply, negate, sumAll } from "../../graph/build.ts";
import { createAdapter } from "../adapter.ts";
import { makeTrainable } from "../trainable.ts";
import { TINY_CONFIGS, randomBatch, randomModel } from "../testing.ts";
import { BlockwisePlan } from "./blockwise.ts";
import type { ExecutionPlan, Objective, Recompute } from "./plan.ts";
import { RECOMPUTE } from "./plan.ts";
import { WholePlan } from "./whole.ts";

/** -sum w log p, with weights as input: linear in what is read. */
const weighted: Objective = {
  name: "weighted",
  reads: "tokens",
  inputs: { weights: { dtype: "float32", shape: ["selected"] } },
  build: (readout, inputs) => ({
    loss: sumAll(multiply(readout, inputs["weights"]!)),
    metrics: { negative: negate(readout) },
  }),
  linearIn: "weights",
};

/** A loss that is not linear in what is read. */
const squared: Objective = {
  name: "squared",
  reads: "tokens",
  inputs: {},
  build: (readout) => ({ loss: sumAll(multiply(readout, readout)), metrics: {} }),
};

function setUp(type: string, adapter: boolean) {
  const model = randomModel(TINY_CONFIGS[type]!, 1);
  if (adapter) {
    const targets = Object.keys(model.family.projections(model.config));
    model.adapter = createAdapter(
      model.family,
      model.config,
      { rank: 3, alpha: 6, rsLora: false, targets },
      1,
    );
    for (const [name, tensor] of model.adapter.weights)
      if (name.includes("lora_B")) Random.for(2, name).fillNormal(tensor.data, 0.1);
  }
  const names = model.adapter ? [...model.adapter.weights.keys()] : [...model.weights.keys()];
  return { model, trainable: makeTrainable(model, names) };
}

async function run(plan: ExecutionPlan, objective: Objective, rows: number, type: string) {
  const model = randomModel(TINY_CONFIGS[type]!, 1);
  const batch = randomBatch(model, rows, 7);
  const count = batch.selected.data.length;
  const weights = float32(
    [count],
    Float32Array.from({ length: count }, (_, index) => Math.sin(index)),
  );
  return plan.step(batch, objective === weighted ? { weights } : {});
}

function expectClose(actual: Float32Array, expected: Float32Array, tolerance: number): void {
  const scale = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-6);
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  actual.forEach((x, index) => (worst = Math.max(worst, Math.abs(x - expected[index]!))));
  expect(worst / scale).toBeLessThan(tolerance);
}

describe.each(Object.keys(TINY_CONFIGS))("%s", (type) => {
  const modes = [
    ["full", false, weighted],
    ["adapter", true, weighted],
    // of the plan, not of the family
    ...(type === "llama" ? ([["adapter, loss not linear", true, squared]] as const) : []),
  ] as const;
  test.each(modes)("block-wise equals whole: %s", async (_name, adapter, objective) => {
    const make = async (plan: "whole" | Recompute) => {
      const { model, trainable } = setUp(type, adapter);
      const options = {
        model,
        trainable,
        objective,
        reads: "tokens",
        maxLength: 16,
        statistics: true,
      } as const;
      const executed =
        plan === "whole"
          ? new WholePlan(options)
          : new BlockwisePlan({ ...options, recompute: plan, headRows: 5 });
      await run(executed, objective, 1, type);
      trainable.gradients.fill(0);
      const result = await run(executed, objective, 2, type);
      await executed.close();
      return { result, gradients: trainable.gradients };
    };
    const whole = await make("whole");
    for (const plan of RECOMPUTE) {
      const other = await make(plan);
      expect(Math.abs(other.result.loss - whole.result.loss)).toBeLessThan(
        1e-4 * Math.abs(whole.result.loss) + 1e-5,
      );
      expectClose(other.result.readout, whole.result.readout, 1e-5);
      expectClose(other.result.statistics!.entropy, whole.result.statistics!.entropy, 1e-5);
      expectClose(other.gradients, whole.gradients, 1e-4);
    }
  });

  test("gradients accumulate, and agree with a difference of losses along them", async () => {
    const { model, trainable } = setUp(type, false);
    const plan = new WholePlan({
      model,
      trainable,
      objective: weighted,
      reads: "tokens",
      maxLength: 16,
    });
    const first = await run(plan, weighted, 2, type);
    const gradient = trainable.gradients.slice();
    await run(plan, weighted, 2, type);
    expectClose(
      trainable.gradients,
      gradient.map((x) => 2 * x),
      1e-5,
    );
    const norm = Math.sqrt(gradient.reduce((total, x) => total + x * x, 0));
    const at = async (step: number): Promise<number> => {
      gradient.forEach((x, index) => (trainable.values[index]! += step * x));
      const { loss } = await run(plan, weighted, 2, type);
      gradient.forEach((x, index) => (trainable.values[index]! -= step * x));
      return loss;
    };
    const slopeOver = async (step: number): Promise<number> =>
      ((await at(step)) - (await at(-step))) / (2 * step);
    // Richardson's: the loss curves the more, the more layers there are
    const step = 1e-2 / norm;
    const slope = (4 * (await slopeOver(step / 2)) - (await slopeOver(step))) / 3;
    expect(Math.abs(slope / (norm * norm) - 1)).toBeLessThan(5e-3);
    expect(Number.isFinite(first.loss)).toBe(true);
    await plan.close();
  });
});
