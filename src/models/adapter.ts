/**
 * Low-rank adapters: y = x W + s (x A^T) B^T, on any set of projections.
 * Source: LoRA (Hu et al. 2021), rsLoRA (Kalajdzievski 2023); names, initial values and file format are PEFT's.
 */
import { AttuneError, nearest } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import type { HostTensor } from "../core/tensor.ts";
import { float32, zeros } from "../core/tensor.ts";
import type { DecoderConfig, ModelFamily, Projection } from "./family.ts";
import type { Model } from "./model.ts";

export interface AdapterConfig {
  /** r: inner width of the pair of matrices. */
  rank: number;
  /** alpha: the product is scaled by alpha / r, or alpha / sqrt(r) with rsLoRA. */
  alpha: number;
  rsLora: boolean;
  /** Projections by local name (`self_attn.q_proj`). */
  targets: readonly string[];
}

export interface Adapter {
  readonly config: AdapterConfig;
  /** `<block prefix><projection>.lora_A.weight` [r, in] and `.lora_B.weight` [out, r] by whole name. */
  readonly weights: Map<string, HostTensor<"float32">>;
}

/** s of the formula above. */
export function adapterScale({ rank, alpha, rsLora }: AdapterConfig): number {
  return rsLora ? alpha / Math.sqrt(rank) : alpha / rank;
}

/**
 * Local names of the projections that a user's list names: last parts (`q_proj`), local names, or `all-linear`.
 */
export function resolveTargets(family: ModelFamily, config: DecoderConfig, wanted: readonly string[]): string[] {
  const known = Object.keys(family.projections(config));
  if (wanted.includes("all-linear")) return known;
  const chosen = new Set<string>();
  for (const name of wanted) {
    const matches = known.filter((local) => local === name || local.endsWith(`.${name}`));
    if (matches.length === 0) {
      const names = known.map((local) => local.slice(local.lastIndexOf(".") + 1));
      const near = nearest(name, names);
      throw new AttuneError("config", `the model has no projection named ${name}`, {
        expected: `all-linear, or some of ${names.join(", ")}`,
        ...(near ? { hint: near } : {}),
      });
    }
    for (const match of matches) chosen.add(match);
  }
  return known.filter((local) => chosen.has(local));
}

/** Names of an adapter's two weights for the projection `local` of a block. */
export function adapterNames(prefix: string, local: string): { a: string; b: string } {
  return { a: `${prefix}${local}.lora_A.weight`, b: `${prefix}${local}.lora_B.weight` };
}

/**
 * A fresh adapter. A is Kaiming-uniform with a = sqrt(5), that is uniform in +-1/sqrt(in), and B is zero, as in PEFT:
 * the adapted model equals the base at the start.
 */
export function createAdapter(family: ModelFamily, config: DecoderConfig, adapter: AdapterConfig, seed: number): Adapter {
  const projections = family.projections(config);
  const weights = new Map<string, HostTensor<"float32">>();
  for (let layer = 0; layer < config.layers; layer++) {
    for (const local of adapter.targets) {
      const { inputs, outputs } = projections[local]!;
      const { a, b } = adapterNames(family.blockPrefix(layer), local);
      const random = Random.for(seed, "adapter", a);
      const bound = 1 / Math.sqrt(inputs);
      const values = Float32Array.from({ length: adapter.rank * inputs }, () => (2 * random.uniform() - 1) * bound);
      weights.set(a, float32([adapter.rank, inputs], values));
      weights.set(b, zeros("float32", [outputs, adapter.rank]));
    }
  }
  return { config: adapter, weights };
}

/** Adds the adapter into the weights (sign 1) or takes it out again (sign -1), and leaves the adapter itself alone. */
export function applyAdapter(model: Model, adapter: Adapter, sign: 1 | -1): void {
  const projections = model.family.projections(model.config);
  const scale = adapterScale(adapter.config) * sign;
  for (let layer = 0; layer < model.config.layers; layer++) {
    const prefix = model.family.blockPrefix(layer);
    for (const local of adapter.config.targets) {
      const { a, b } = adapterNames(prefix, local);
      const weight = model.weights.get(`${prefix}${local}.weight`);
      if (weight?.dtype !== "float32") throw new AttuneError("model", `cannot merge an adapter into ${weight?.dtype ?? (model.int8 ? "int8" : "missing")} weights`, { hint: "load the model in float32" });
      addProduct(weight.data, adapter.weights.get(a)!.data, adapter.weights.get(b)!.data, projections[local]!, scale);
    }
  }
}

/** weight += scale * B A, in the orientation of the weight. */
function addProduct(weight: Float32Array, a: Float32Array, b: Float32Array, { inputs, outputs, transposed }: Projection, scale: number): void {
  const rank = a.length / inputs;
  const row = new Float64Array(inputs);
  for (let output = 0; output < outputs; output++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = scale * b[output * rank + r]!;
      if (factor !== 0) for (let input = 0; input < inputs; input++) row[input]! += factor * a[r * inputs + input]!;
    }
    if (transposed) for (let input = 0; input < inputs; input++) weight[input * outputs + output]! += row[input]!;
    else for (let input = 0; input < inputs; input++) weight[output * inputs + input]! += row[input]!;
  }
}
