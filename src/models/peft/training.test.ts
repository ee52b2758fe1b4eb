/** Training goes on with adapters whose layers differ. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { float32 } from "../../core/tensor.ts";
import { sftObjective } from "../../objectives/sft.ts";
import { copyAdapter, openWeights as openForTraining } from "../../training/open-weights.ts";
import { adapterNames } from "../adapter.ts";
import { readModel } from "../load.ts";
import type { Model } from "../model.ts";
import { openAdapterOver } from "../open.ts";
import { BlockwisePlan } from "../plans/blockwise.ts";
import { RECOMPUTE } from "../plans/plan.ts";
import { WholePlan } from "../plans/whole.ts";
import { randomBatch } from "../testing.ts";
import { openWeights } from "../weights/source.ts";

const here = dirname(fileURLToPath(import.meta.url));
const options = {
  adapter: "lora",
  lora: { rank: 2, alpha: 4, rslora: false, targets: ["q_proj"] },
  adapterSeed: 1,
} as const;

async function open(name: string): Promise<Model> {
  const { base_model_name_or_path: base } = JSON.parse(
    readFileSync(join(here, "../golden/adapters", name, "adapter_config.json"), "utf8"),
  ) as { base_model_name_or_path: string };
  const source = await openWeights(join(here, "../../../tests/golden/models", base));
  const model = await readModel(source);
  await source.close();
  return (await openAdapterOver(model, join(here, "../golden/adapters", name))).model;
}

describe.each(["rank-pattern", "layers", "lora-bias", "lora-bias-without-bias", "head-tied"])(
  "%s",
  (name) => {
    test("the block plan's gradients are the whole plan's, and what only fills up has none", async () => {
      const gradients = await Promise.all(
        (["whole", ...RECOMPUTE] as const).map(async (kind) => {
          const { model, trainable } = openForTraining(await open(name), options);
          const common = {
            model,
            trainable,
            objective: sftObjective,
            reads: "tokens",
            maxLength: 16,
          } as const;
          const plan =
            kind === "whole"
              ? new WholePlan(common)
              : new BlockwisePlan({ ...common, recompute: kind });
          const batch = randomBatch(model, 2, 7);
          const count = batch.selected.data.length;
          await plan.step(batch, {
            slope: float32(
              [count],
              Float32Array.from({ length: count }, (_, index) => Math.sin(index)),
            ),
          });
          await plan.close();
          return { model, trainable };
        }),
      );
      const [{ model, trainable }, ...others] = gradients as [
        (typeof gradients)[0],
        ...typeof gradients,
      ];
      const scale = trainable.gradients.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      for (const other of others)
        expect(
          other.trainable.gradients.reduce(
            (worst, x, i) => Math.max(worst, Math.abs(x - trainable.gradients[i]!)),
            0,
          ) / scale,
        ).toBeLessThan(1e-5);
      const { uneven, biases } = model.adapter!.config;
      let zeros = 0;
      for (let layer = 0; layer < model.config.layers; layer++) {
        for (const target of model.adapter!.config.targets) {
          const names = adapterNames(model.family.blockPrefix(layer), target);
          const inputs = trainable.get(names.a).gradient.shape[1]!;
          const rank = uneven
            ? (uneven.modules.get(model.family.blockPrefix(layer) + target)?.rank ?? 0)
            : Infinity;
          const [a, b] = [
            trainable.get(names.a).gradient.data,
            trainable.get(names.b).gradient.data,
          ];
          expect(a.subarray(rank * inputs).every((x) => x === 0)).toBe(true);
          zeros += a.subarray(rank * inputs).length;
          if (rank === 0)
            expect(
              [...b, ...(biases ? trainable.get(names.bias).gradient.data : [])].every(
                (x) => x === 0,
              ),
            ).toBe(true);
          else expect(a.some((x) => x !== 0) && b.some((x) => x !== 0)).toBe(true);
        }
      }
      expect(zeros > 0).toBe(uneven !== undefined);
    });
  },
);

test("a copy keeps scales and folded parts; an adapter that is folded as a whole is not trained further", async () => {
  const uneven = await open("rank-pattern");
  expect(copyAdapter(uneven.adapter!)).toEqual(uneven.adapter);
  expect(openForTraining(uneven, options).model.adapter).toEqual(uneven.adapter);
  const dora = await open("dora");
  expect(() => openForTraining(dora, options)).toThrow("this adapter cannot be trained further");
});
