import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { float32, int64 } from "../core/tensor.ts";
import { rotate, rotationBlock } from "../graph/rotation.ts";
import { sftObjective } from "../objectives/sft.ts";
import { Decoder } from "../sampling/decoder.ts";
import { byteTokenizer } from "../text/testing.ts";
import { createAdapter } from "./adapter.ts";
import { cloneModel } from "./initialize.ts";
import { int8Names, roundWeight } from "./int8.ts";
import { applyAdapter } from "./merge-adapter.ts";
import type { Model } from "./model.ts";
import { projectionsByWeight, shareBase } from "./model.ts";
import { openModel } from "./open.ts";
import { BlockwisePlan } from "./plans/blockwise.ts";
import type { Recompute, TokenBatch } from "./plans/plan.ts";
import { RECOMPUTE } from "./plans/plan.ts";
import { WholePlan } from "./plans/whole.ts";
import { sharesBase } from "../training/rollout/roles.ts";
import { openWeights } from "../training/open-weights.ts";
import { roundProjections } from "./round-projections.ts";
import { saveTrained } from "./save.ts";
import { TINY_CONFIGS, decodableConfig, randomBatch, randomModel } from "./testing.ts";
import { makeTrainable } from "./trainable.ts";
import { onExact } from "../../tests/support/int8.ts";

/** B of x B by its codes: turned back, at row `row` and column `column`. */
function restored(
  model: Pick<Model, "int8">,
  weight: string,
  side: "codes" | "transposedCodes",
  column: number,
): Float64Array {
  const names = int8Names(weight);
  const codes = model.int8!.get(names[side])!;
  const scale = model.int8!.get(side === "codes" ? names.scales : names.transposedScales)!.data[
    column
  ]!;
  const [rows, columns] = codes.shape as readonly [number, number];
  const values = Float64Array.from(
    { length: rows },
    (_, row) => codes.data[row * columns + column]! * scale,
  );
  // The matrix that turns is its own inverse.
  rotate(values, rotationBlock(rows));
  return values;
}

describe("weights in 8 bits", () => {
  test.each([
    ["[out, in]", false],
    ["[in, out], as in GPT-2", true],
  ])("are within half a step of the weight, from both sides: %s", (_, transposed) => {
    const [inputs, outputs] = [24, 10];
    const data = new Random(1).fillNormal(new Float32Array(inputs * outputs), 0.3);
    const int8: NonNullable<Model["int8"]> = new Map();
    roundWeight(int8, "w", data, { inputs, outputs, transposed });
    const entry = (input: number, output: number): number =>
      data[transposed ? input * outputs + output : output * inputs + input]!;
    const stepOf = (scales: string, column: number): number => int8.get(scales)!.data[column]!;
    for (let output = 0; output < outputs; output++) {
      const values = restored({ int8 }, "w", "codes", output);
      // Half a step of each of the eight numbers that are turned together, at worst.
      values.forEach((value, input) =>
        expect(Math.abs(value - entry(input, output))).toBeLessThanOrEqual(
          (stepOf("w.scales", output) / 2) * Math.sqrt(8) + 1e-7,
        ),
      );
    }
    for (let input = 0; input < inputs; input++) {
      const values = restored({ int8 }, "w", "transposedCodes", input);
      values.forEach((value, output) =>
        expect(Math.abs(value - entry(input, output))).toBeLessThanOrEqual(
          (stepOf("w.transposed_scales", input) / 2) * Math.sqrt(2) + 1e-7,
        ),
      );
    }
  });

  test("a column of zeros stays zero", () => {
    const int8: NonNullable<Model["int8"]> = new Map();
    roundWeight(int8, "w", new Float32Array(12), { inputs: 4, outputs: 3, transposed: false });
    expect([...int8.values()].every(({ data }) => data.every((value) => value === 0))).toBe(true);
  });
});

/** With an adapter that changes something, so that all its gradients are other than zero. */
function adapted(model: Model): Model {
  const targets = Object.keys(model.family.projections(model.config));
  const adapter = createAdapter(
    model.family,
    model.config,
    { rank: 3, alpha: 6, rsLora: false, targets },
    1,
  );
  for (const [name, tensor] of adapter.weights)
    if (name.includes("lora_B")) Random.for(2, name).fillNormal(tensor.data, 0.1);
  return { ...model, adapter };
}

async function step(model: Model, batch: TokenBatch, kind: "whole" | Recompute = "whole") {
  const trainable = makeTrainable(model, model.adapter!.weights.keys());
  const options = {
    model,
    trainable,
    objective: sftObjective,
    reads: "tokens",
    maxLength: 16,
  } as const;
  const plan =
    kind === "whole"
      ? new WholePlan(options)
      : new BlockwisePlan({ ...options, recompute: kind, headRows: 5 });
  const count = batch.selected.data.length;
  try {
    const { readout } = await plan.step(batch, {
      slope: float32([count], new Float32Array(count).fill(-1 / count)),
    });
    return { readout: Float32Array.from(readout), gradients: trainable.gradients };
  } finally {
    await plan.close();
  }
}

const rootMeanSquare = (values: readonly number[]): number =>
  Math.sqrt(values.reduce((total, value) => total + value * value, 0) / values.length);
const between = (a: Float32Array, b: Float32Array): number =>
  rootMeanSquare(Array.from(a, (x, i) => x - b[i]!));
function cosine(a: Float32Array, b: Float32Array): number {
  const product = (x: Float32Array, y: Float32Array): number =>
    x.reduce((total, value, i) => total + value * y[i]!, 0);
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b));
}

describe.each(Object.keys(TINY_CONFIGS))("a model in 8 bits: %s", (type) => {
  const make = async (rounded: boolean): Promise<Model> => {
    // Weights so small that a token's log-probability is no coin toss.
    // Every layer rounds anew, so all families have two.
    const model = randomModel({ ...TINY_CONFIGS[type]!, num_hidden_layers: 2 }, 1, 0.15);
    if (rounded) await roundProjections(model);
    return adapted(model);
  };

  onExact("computes nearly what the float32 model does, and its adapter's gradients", async () => {
    const [model, plain] = [await make(true), await make(false)];
    const batch = randomBatch(plain, 3, 9);
    expect(
      [...projectionsByWeight(model.family, model.config).keys()].some((name) =>
        model.weights.has(name),
      ),
    ).toBe(false);
    const [got, want] = [await step(model, batch), await step(plain, batch)];
    const spread = rootMeanSquare([...want.readout].map((x) => x + Math.log(61)));
    expect(between(got.readout, want.readout)).toBeGreaterThan(0);
    expect(between(got.readout, want.readout)).toBeLessThan(0.05 * Math.max(spread, 0.1));
    expect(cosine(got.gradients, want.gradients)).toBeGreaterThan(0.995);
  });

  onExact("computes the same by every plan", async () => {
    const batch = randomBatch(await make(false), 2, 9);
    const whole = await step(await make(true), batch);
    // what is kept of a block is of the plan, not of the family
    for (const kind of type === "llama" ? RECOMPUTE : RECOMPUTE.slice(0, 1)) {
      const other = await step(await make(true), batch, kind);
      // One code may be rounded to the other side where sums come in another order.
      expect(between(other.readout, whole.readout)).toBeLessThan(1e-3);
      expect(cosine(other.gradients, whole.gradients)).toBeGreaterThan(0.9999);
    }
  });

  onExact("decodes with the log-probabilities that training reads", async () => {
    const model = adapted(
      await (async () => {
        const wide = randomModel(decodableConfig(type), 1, 0.1);
        await roundProjections(wide);
        return wide;
      })(),
    );
    const batch = randomBatch(model, 1, 9);
    const plan = new WholePlan({ model, reads: "tokens", maxLength: 16 });
    const { readout } = await plan.score(batch);
    await plan.close();
    const ids = Array.from(batch.tokens.data, Number);
    for (const prepack of [false, true]) {
      const decoder = await Decoder.create(model, { maxLength: 16, prepack });
      const rows = await decoder.start([ids.slice(0, 1)]);
      for (let i = 1; i < ids.length; i++) {
        expect(Math.abs(rows.scores(0).logp(ids[i]!) - readout[i - 1]!)).toBeLessThan(5e-3);
        await rows.step([ids[i]!]);
      }
      await decoder.close();
    }
  });
});

onExact("a row's result does not depend on the rows beside it", async () => {
  const model = adapted(randomModel(TINY_CONFIGS["llama"]!, 1));
  await roundProjections(model);
  const both = randomBatch(model, 2, 9);
  const first: TokenBatch = {
    tokens: int64([1, 9], both.tokens.data.slice(0, 9)),
    positions: int64([1, 9], both.positions.data.slice(0, 9)),
    bias: float32([1, 1, 9, 9], both.bias.data.slice(0, 81)),
    selected: int64([8], both.selected.data.slice(0, 8)),
    targets: int64([8], both.targets.data.slice(0, 8)),
  };
  const plan = new WholePlan({ model, reads: "tokens", maxLength: 16 });
  const [alone, beside] = [await plan.score(first), await plan.score(both)];
  await plan.close();
  expect(between(alone.readout, beside.readout.slice(0, 8))).toBeLessThan(1e-6);
});

describe("opening a model in 8 bits", () => {
  const vocabulary = { vocab_size: byteTokenizer().vocabularySize };
  const same = (got: Model, want: Model): void => {
    expect([...got.weights.keys()].toSorted()).toEqual([...want.weights.keys()].toSorted());
    expect([...got.int8!.keys()].toSorted()).toEqual([...want.int8!.keys()].toSorted());
    for (const [name, { data }] of want.int8!)
      expect(got.int8!.get(name)!.data, name).toEqual(data);
  };

  onExact("rounds as it reads, and after an adapter was merged", async () => {
    const folder = mkdtempSync(join(tmpdir(), "attune-int8-"));
    const base = join(folder, "base");
    const model = randomModel({ ...TINY_CONFIGS["llama"]!, ...vocabulary }, 1);
    await saveTrained(model, { tokenizer: byteTokenizer() }, base);
    const wanted = cloneModel(model);
    await roundProjections(wanted);
    same((await openModel(base, { precision: "int8" })).model, wanted);

    const { adapter } = adapted(model);
    await saveTrained(
      { ...model, adapter: adapter!, source: base },
      { tokenizer: byteTokenizer() },
      join(folder, "adapted"),
    );
    applyAdapter(model, adapter!, 1);
    await roundProjections(model);
    same(
      (await openModel(join(folder, "adapted"), { precision: "int8", merge: true })).model,
      model,
    );
    const apart = (await openModel(join(folder, "adapted"), { precision: "int8" })).model;
    same(apart, wanted);
    expect(apart.adapter).toBeDefined();
  });

  onExact("lets nothing be trained or merged that is rounded", async () => {
    const model = randomModel(TINY_CONFIGS["llama"]!, 1);
    const { adapter } = adapted(model);
    await roundProjections(model);
    expect(() =>
      openWeights(model, {
        adapter: "none",
        lora: { rank: 1, alpha: 1, rslora: false, targets: [] },
        adapterSeed: 1,
      }),
    ).toThrow("kept in int8, which cannot be trained");
    expect(() => applyAdapter(model, adapter!, 1)).toThrow(
      "cannot merge an adapter into int8 weights",
    );
  });

  onExact("roles over one base share the rounded weights", async () => {
    const model = randomModel(TINY_CONFIGS["llama"]!, 1);
    await roundProjections(model);
    expect(sharesBase(shareBase(model), model)).toBe(true);
    const other = randomModel(TINY_CONFIGS["llama"]!, 1);
    await roundProjections(other);
    expect(sharesBase({ ...other, weights: model.weights }, model)).toBe(false);
  });
});
