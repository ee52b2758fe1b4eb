import { expect, test } from "vitest";
import { float32 } from "../../core/tensor.ts";
import { multiply, sumAll } from "../../graph/build.ts";
import { makeTrainable } from "../trainable.ts";
import { TINY_CONFIGS, randomBatch, randomModel } from "../testing.ts";
import { BlockwisePlan } from "./blockwise.ts";
import { padTime } from "./padding.ts";
import type { Objective } from "./plan.ts";

const objective: Objective = {
  name: "weighted",
  reads: "tokens",
  inputs: { weights: { dtype: "float32", shape: ["selected"] } },
  build: (readout, inputs) => ({
    loss: sumAll(multiply(readout, inputs["weights"]!)),
    metrics: {},
  }),
  linearIn: "weights",
};

test("padding is hidden from all but itself and never read", () => {
  const batch = randomBatch(randomModel(TINY_CONFIGS["llama"]!), 2, 5);
  expect(padTime(batch, 5)).toBe(batch);
  const padded = padTime(batch, 4);
  expect(padded.tokens.shape).toEqual([2, 8]);
  expect([...padded.tokens.data.subarray(8, 13)]).toEqual([...batch.tokens.data.subarray(5)]);
  const bias = (row: number, query: number): number[] =>
    [...padded.bias.data.subarray((row * 8 + query) * 8, (row * 8 + query + 1) * 8)].map((x) =>
      x === 0 ? 1 : 0,
    );
  expect(bias(1, 4)).toEqual([1, 1, 1, 1, 1, 0, 0, 0]);
  expect(bias(1, 6)).toEqual([0, 0, 0, 0, 0, 0, 1, 0]);
  expect([...padded.selected.data]).toEqual([0n, 1n, 2n, 3n, 8n, 9n, 10n, 11n]);
});

test.each([1, 3, 9])(
  "a batch of %i tokens gives what it gives with more padding",
  async (length) => {
    const results: Float32Array[][] = [];
    for (const extra of [false, true]) {
      const model = randomModel(TINY_CONFIGS["llama"]!, 1);
      const trainable = makeTrainable(model, model.weights.keys());
      const given = randomBatch(model, 2, length);
      // The last token of a row is not read by a random batch; here it is, so that one token is
      // enough.
      const all = Array.from({ length: 2 * length }, (_, index) => BigInt(index));
      const batch = {
        ...given,
        selected: { ...given.selected, shape: [2 * length], data: BigInt64Array.from(all) },
        targets: { ...given.targets, shape: [2 * length], data: BigInt64Array.from(all) },
      };
      const plan = new BlockwisePlan({
        model,
        trainable,
        objective,
        reads: "tokens",
        maxLength: 64,
      });
      const weights = float32(
        [2 * length],
        Float32Array.from(all, (index) => Math.cos(Number(index))),
      );
      const { readout } = await plan.step(extra ? padTime(batch, 16) : batch, { weights });
      await plan.close();
      results.push([readout, trainable.gradients]);
    }
    const [[readout, gradients], [paddedReadout, paddedGradients]] = results as [
      [Float32Array, Float32Array],
      [Float32Array, Float32Array],
    ];
    readout.forEach((x, i) => expect(Math.abs(x - paddedReadout[i]!)).toBeLessThan(1e-4));
    expect(gradients.some((x) => x !== 0)).toBe(true);
    gradients.forEach((x, i) => expect(Math.abs(x - paddedGradients[i]!)).toBeLessThan(1e-3));
  },
);
