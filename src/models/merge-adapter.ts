/** An adapter added into the weights of the model that it lies on, and taken out again. */
import { AttuneError } from "../core/errors.ts";
import type { Adapter, AdapterConfig } from "./adapter.ts";
import { adapterNames, adapterScale, addProduct } from "./adapter.ts";
import type { ModelFamily } from "./family.ts";
import type { Model } from "./model.ts";

/**
 * Adds the adapter into the weights (sign 1) or takes it out again (sign -1), and leaves the
 * adapter itself alone.
 * @throws AttuneError `model` where a weight is not in float32, or a bias has nothing to be added
 * to
 */
export function applyAdapter(model: Model, adapter: Adapter, sign: 1 | -1): void {
  const projections = model.family.projections(model.config);
  const modules = adaptedModules(model.family, model.config.layers, adapter.config);
  if (adapter.config.biases)
    for (const { prefix, local } of modules) baseBias(model, prefix + local);
  for (const { prefix, local, scale } of modules) {
    const names = adapterNames(prefix, local);
    const weight = model.weights.get(`${prefix}${local}.weight`);
    if (weight?.dtype !== "float32")
      throw new AttuneError(
        "model",
        `cannot merge an adapter into ${weight?.dtype ?? (model.int8 ? "int8" : "missing")} ` +
          "weights",
        { hint: "load the model in float32" },
      );
    addProduct(
      weight.data,
      { a: adapter.weights.get(names.a)!.data, b: adapter.weights.get(names.b)!.data },
      projections[local]!,
      scale * sign,
    );
    if (!adapter.config.biases) continue;
    const [bias, own] = [baseBias(model, prefix + local), adapter.weights.get(names.bias)!.data];
    own.forEach((value, index) => (bias[index]! += scale * sign * value));
  }
}

/** The modules that an adapter lies on, with rank and scale. */
function adaptedModules(
  family: ModelFamily,
  layers: number,
  config: AdapterConfig,
): { prefix: string; local: string; scale: number }[] {
  return Array.from({ length: layers }, (_, layer) => family.blockPrefix(layer)).flatMap((prefix) =>
    config.targets.flatMap((local) => {
      const own = config.uneven ? config.uneven.modules.get(prefix + local) : config;
      return own ? [{ prefix, local, scale: adapterScale({ ...own, rsLora: config.rsLora }) }] : [];
    }),
  );
}

function baseBias(model: Model, module: string): Float32Array {
  const bias = model.weights.get(`${module}.bias`);
  if (bias?.dtype === "float32") return bias.data;
  throw new AttuneError("model", `the adapter's bias cannot be merged: ${module} has none`, {
    ...(model.source === undefined ? {} : { file: model.source }),
    hint: "use the adapter as it is, or as --format peft",
  });
}
