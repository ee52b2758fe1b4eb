/** A whole model's projections put into 8 bits (int8.ts). */
import { AttuneError, invariant } from "../core/errors.ts";
import type { Int8Weights } from "./int8.ts";
import { requireExactBytes, roundWeight } from "./int8.ts";
import type { Model } from "./model.ts";
import { projectionsByWeight } from "./model.ts";

/**
 * Puts a model's projections into 8 bits; their float32 weights are let go of.
 * @throws AttuneError `config` where this processor's products of bytes are not exact, or the
 * weights are not float32
 */
export async function roundProjections(model: Model): Promise<void> {
  await requireExactBytes();
  const rounded: Int8Weights = new Map();
  for (const [name, projection] of projectionsByWeight(model.family, model.config)) {
    const weight = model.weights.get(name);
    invariant(weight, `the weight ${name} is missing`);
    if (weight.dtype !== "float32")
      throw new AttuneError("config", `${name} is kept in ${weight.dtype}`, {
        expected: "float32, to be rounded to 8 bits",
      });
    roundWeight(rounded, name, weight.data, projection);
    model.weights.delete(name);
  }
  model.int8 = rounded;
}
