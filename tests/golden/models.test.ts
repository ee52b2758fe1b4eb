/**
 * Tiny models of each family against transformers: log-probabilities, loss and the gradient of
 * every parameter. The files were written by scripts/golden/models.py.
 */
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { float32 } from "../../src/core/tensor.ts";
import { readModel } from "../../src/models/load.ts";
import { BlockwisePlan } from "../../src/models/plans/blockwise.ts";
import { WholePlan } from "../../src/models/plans/whole.ts";
import { makeTrainable } from "../../src/models/trainable.ts";
import { SafetensorsFile } from "../../src/models/weights/safetensors.ts";
import { openWeights } from "../../src/models/weights/source.ts";
import { sftObjective } from "../../src/objectives/sft.ts";
import { joinRows, packExamples } from "../../src/training/layout.ts";

const folder = join(dirname(fileURLToPath(import.meta.url)), "models");

async function integers(file: SafetensorsFile, name: string): Promise<number[]> {
  const bytes = await file.readRaw(name);
  return Array.from(
    new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8),
    Number,
  );
}

/** The rows of the reference batch without their padding, supervised where they have labels. */
async function readReference(path: string) {
  const file = await SafetensorsFile.open(join(path, "reference.safetensors"));
  const [rows, time] = file.entry("input_ids").shape as [number, number];
  const [ids, mask, labels] = [
    await integers(file, "input_ids"),
    await integers(file, "attention_mask"),
    await integers(file, "labels"),
  ];
  const examples = Array.from({ length: rows }, (_, row) => {
    const kept = Array.from({ length: time }, (_index, i) => row * time + i).filter(
      (index) => mask[index] === 1,
    );
    return {
      ids: Int32Array.from(kept, (index) => ids[index]!),
      supervised: Uint8Array.from(kept, (index) => (labels[index] === -100 ? 0 : 1)),
    };
  });
  return { file, rows, time, examples };
}

/** log softmax(logits)[target]. */
function logProbability(logits: Float32Array, target: number): number {
  const largest = logits.reduce((most, x) => Math.max(most, x), -Infinity);
  return (
    logits[target]! -
    largest -
    Math.log(logits.reduce((total, x) => total + Math.exp(x - largest), 0))
  );
}

const largest = (values: Float32Array): number =>
  values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

describe.each(readdirSync(folder))("%s", (family) => {
  const path = join(folder, family);

  test.each(["whole", "block"] as const)(
    "%s plan: log-probabilities, loss and gradients equal transformers' within 1e-4",
    async (kind) => {
      const { file, rows, time, examples } = await readReference(path);
      const source = await openWeights(path);
      const model = await readModel(source, { context: time });
      const trainable = makeTrainable(model, model.weights.keys());
      const options = {
        model,
        trainable,
        objective: sftObjective,
        reads: "tokens",
        maxLength: Math.min(64, model.config.maxPositions),
      } as const;
      const plan = kind === "whole" ? new WholePlan(options) : new BlockwisePlan(options);
      const { batch } = joinRows(
        examples.map((example) => packExamples([example])),
        { padId: 0 },
      );
      const count = batch.selected.data.length;
      const { loss, readout } = await plan.step(batch, {
        slope: float32([count], new Float32Array(count).fill(-1 / count)),
      });

      const [expectedLoss] = await file.read("loss");
      expect(Math.abs(loss / expectedLoss! - 1)).toBeLessThan(1e-4);

      const logits = await file.read("logits");
      const size = logits.length / (rows * time);
      let read = 0;
      examples.forEach(({ ids, supervised }, row) => {
        for (let i = 0; i + 1 < ids.length; i++) {
          if (!supervised[i + 1]) continue;
          const expected = logProbability(
            logits.subarray((row * time + i) * size, (row * time + i + 1) * size),
            ids[i + 1]!,
          );
          expect(Math.abs(readout[read++]! - expected)).toBeLessThan(
            1e-4 * Math.max(1, Math.abs(expected)),
          );
        }
      });
      expect(read).toBe(readout.length);

      let compared = 0;
      const overall = largest(trainable.gradients);
      for (const name of file.header.tensors.keys()) {
        if (!name.startsWith("gradient.")) continue;
        const expected = await file.read(name);
        const actual = trainable.get(name.slice("gradient.".length)).gradient.data;
        // 0 in theory: a bias of keys that nothing turns moves all scores of a query alike
        const scale = largest(expected) < 1e-9 ? 1e-3 * overall : largest(expected);
        let worst = 0;
        expected.forEach((x, i) => (worst = Math.max(worst, Math.abs(x - actual[i]!))));
        expect(worst / scale, name).toBeLessThan(1e-4);
        compared++;
      }
      expect(compared).toBe(trainable.byName.size);
      await plan.close();
      await Promise.all([file.close(), source.close()]);
    },
  );
});
