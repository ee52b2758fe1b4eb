import { expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { clipFactor, createAdamW, createGradientNorm, createSgd } from "./optimizer.ts";
import { SCHEDULES, scheduleFactor } from "./schedules.ts";

function parameters(size: number, decayed: number) {
  const random = new Random(1);
  return {
    values: random.fillNormal(new Float32Array(size)),
    gradients: random.fillNormal(new Float32Array(size)),
    decayed,
  };
}

test("AdamW follows Algorithm 2 over slices, decays matrices only, and updates in place", async () => {
  const size = 600_000;
  const flat = parameters(size, 300_001);
  const before = flat.values.slice();
  const options = { beta1: 0.9, beta2: 0.99, epsilon: 1e-6, weightDecay: 0.1 };
  const optimizer = await createAdamW(flat, options);
  const buffer = flat.values;
  for (let step = 0; step < 3; step++)
    await optimizer.step({ learningRate: 1e-2, gradientScale: 0.5 });
  expect(flat.values).toBe(buffer);
  for (const index of [0, 262_143, 262_144, 300_000, 300_001, size - 1]) {
    let [w, m, v] = [before[index]!, 0, 0];
    const g = 0.5 * flat.gradients[index]!;
    for (let t = 1; t <= 3; t++) {
      if (index < 300_001) w *= 1 - 1e-2 * options.weightDecay;
      m = options.beta1 * m + (1 - options.beta1) * g;
      v = options.beta2 * v + (1 - options.beta2) * g * g;
      w -=
        (1e-2 * (m / (1 - options.beta1 ** t))) /
        (Math.sqrt(v / (1 - options.beta2 ** t)) + options.epsilon);
    }
    expect(flat.values[index]).toBeCloseTo(w, 5);
  }
  await optimizer.close();
});

test("SGD moves against the gradient", async () => {
  const flat = parameters(10, 10);
  const before = flat.values.slice();
  const optimizer = await createSgd(flat, { weightDecay: 0 });
  await optimizer.step({ learningRate: 0.1, gradientScale: 1 });
  flat.values.forEach((w, i) => expect(w).toBeCloseTo(before[i]! - 0.1 * flat.gradients[i]!, 6));
  await optimizer.close();
});

test("the gradient norm is global, and clipping brings it to the limit", async () => {
  const flat = parameters(300_000, 1000);
  const norm = await createGradientNorm(flat);
  const measured = await norm.measure();
  expect(measured).toBeCloseTo(Math.sqrt(flat.gradients.reduce((total, x) => total + x * x, 0)), 2);
  expect(measured * clipFactor(measured, 1)).toBeCloseTo(1, 4);
  expect(clipFactor(0.5, 1)).toBe(1);
  expect(clipFactor(100, undefined)).toBe(1);
  await norm.close();
});

test("schedules warm up, and decay as in transformers", () => {
  const linear = { schedule: "linear", warmupRatio: 0.2, totalSteps: 10 } as const;
  // transformers: 0, 1/2, 1, 7/8, ...
  expect([2, 6, 9].map((step) => scheduleFactor(step, linear))).toEqual([1, 0.5, 0.125]);
  [1 / 3, 2 / 3].forEach((factor, step) =>
    expect(scheduleFactor(step, linear)).toBeCloseTo(factor, 12),
  );
  expect(scheduleFactor(6, { ...linear, schedule: "cosine" })).toBeCloseTo(0.5, 12);
  expect(scheduleFactor(9, { ...linear, schedule: "constant" })).toBe(1);
});

test("no step has rate 0 and one has the peak's, however short the run and long its warm-up", () => {
  for (const schedule of SCHEDULES) {
    for (const warmupRatio of [0, 0.03, 0.1, 0.5, 0.99, 1]) {
      for (const totalSteps of [1, 2, 3, 5, 10, 31, 200]) {
        const factors = Array.from({ length: totalSteps }, (_, step) =>
          scheduleFactor(step, { schedule, warmupRatio, totalSteps }),
        );
        expect(Math.min(...factors)).toBeGreaterThan(0);
        expect(Math.max(...factors)).toBe(1);
      }
    }
  }
});
