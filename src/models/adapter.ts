/**
 * Low-rank adapters: y = x W + s (x A^T) B^T, on any set of projections.
 * Source: LoRA (Hu et al. 2021), rsLoRA (Kalajdzievski 2023); names, initial values and file format
 * are PEFT's.
 */
import { AttuneError, nearest } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import type { HostTensor } from "../core/tensor.ts";
import { float32, zeros } from "../core/tensor.ts";
import type { DecoderConfig } from "./decoder-config.ts";
import type { ModelFamily, Orientation } from "./family.ts";

export interface AdapterConfig {
  /** r: inner width of the pair of matrices. */
  rank: number;
  /** alpha: the product is scaled by alpha / r, or alpha / sqrt(r) with rsLoRA. */
  alpha: number;
  rsLora: boolean;
  /** Projections by local name (`self_attn.q_proj`). */
  targets: readonly string[];
  /** Where layers or projections differ; absent where all are as above. */
  uneven?: UnevenRanks;
  /** The second matrix has a bias: `.lora_B.bias` [out], scaled as the product is. */
  biases?: boolean;
}

/**
 * Every layer has the weights of every target, so that one graph serves all layers: where a module
 * has a smaller rank its matrices are filled up with zeros, which stay zeros in training, and where
 * it has no adapter they are all zeros.
 */
export interface UnevenRanks {
  /** Of the modules that have an adapter, by whole name. */
  modules: ReadonlyMap<string, ModuleRank>;
  /** The largest rank of each target, which its matrices have. */
  ranks: Readonly<Record<string, number>>;
}

export interface ModuleRank {
  rank: number;
  alpha: number;
}

export interface Adapter {
  readonly config: AdapterConfig;
  /**
   * `<block prefix><projection>.lora_A.weight` [r, in] and `.lora_B.weight` [out, r] by whole name.
   */
  readonly weights: Map<string, HostTensor<"float32">>;
  /** s of each module, [1], where they differ; see {@link scaleName}. Never trained. */
  readonly scales?: ReadonlyMap<string, HostTensor<"float32">>;
  /**
   * What peft keeps beside low-rank matrices. The model's weights have it already; it is here to be
   * written again.
   */
  readonly folded?: FoldedParts;
}

export interface FoldedParts {
  /** Keys of adapter_config.json that these parts need. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Modules whose low-rank matrices are folded. */
  readonly modules: ReadonlyMap<string, ModuleRank>;
  /** By the name in the file, without its prefix. */
  readonly tensors: ReadonlyMap<string, HostTensor<"float32">>;
}

/** s of the formula above. */
export function adapterScale({
  rank,
  alpha,
  rsLora,
}: Pick<AdapterConfig, "rank" | "alpha" | "rsLora">): number {
  return rsLora ? alpha / Math.sqrt(rank) : alpha / rank;
}

/** Rank of the matrices of a target. */
export function matrixRank({ rank, uneven }: AdapterConfig, target: string): number {
  return uneven?.ranks[target] ?? rank;
}

/** Name of the scale of a module where scales differ; `module` may be local to a block. */
export const scaleName = (module: string): string => `${module}.lora_scale`;

/**
 * Local names of the projections that a user's list names: last parts (`q_proj`), local names, or
 * `all-linear`.
 */
export function resolveTargets(
  family: ModelFamily,
  config: DecoderConfig,
  wanted: readonly string[],
): string[] {
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

/** Names of an adapter's weights for the projection `local` of a block. */
export function adapterNames(
  prefix: string,
  local: string,
): { a: string; b: string; bias: string } {
  return {
    a: `${prefix}${local}.lora_A.weight`,
    b: `${prefix}${local}.lora_B.weight`,
    bias: `${prefix}${local}.lora_B.bias`,
  };
}

/** Local names of the tensors of one layer, as graphs declare them. */
export function adapterLocals({ targets, uneven, biases }: AdapterConfig): string[] {
  return targets.flatMap((target) => {
    const { a, b, bias } = adapterNames("", target);
    return [a, b, ...(biases ? [bias] : []), ...(uneven ? [scaleName(target)] : [])];
  });
}

/** @throws AttuneError `config` for an adapter without matrices that could be trained */
export function requireTrainable({ weights }: Adapter, source: string | undefined): void {
  if (weights.size > 0) return;
  throw new AttuneError(
    "config",
    "this adapter cannot be trained further: it has no low-rank matrices that training could go " +
      "on with",
    {
      ...(source === undefined ? {} : { file: source }),
      got: "parts that are folded into the weights, such as DoRA's",
      hint: "attune export --format safetensors merges it; train on top of that",
    },
  );
}

/**
 * A fresh adapter. A is Kaiming-uniform with a = sqrt(5), that is uniform in +-1/sqrt(in), and B is
 * zero, as in PEFT: the adapted model equals the base at the start.
 */
export function createAdapter(
  family: ModelFamily,
  config: DecoderConfig,
  adapter: AdapterConfig,
  seed: number,
): Adapter {
  const projections = family.projections(config);
  const weights = new Map<string, HostTensor<"float32">>();
  for (let layer = 0; layer < config.layers; layer++) {
    for (const local of adapter.targets) {
      const { inputs, outputs } = projections[local]!;
      const { a, b } = adapterNames(family.blockPrefix(layer), local);
      const random = Random.for(seed, "adapter", a);
      const bound = 1 / Math.sqrt(inputs);
      const values = Float32Array.from(
        { length: adapter.rank * inputs },
        () => (2 * random.uniform() - 1) * bound,
      );
      weights.set(a, float32([adapter.rank, inputs], values));
      weights.set(b, zeros("float32", [outputs, adapter.rank]));
    }
  }
  return { config: adapter, weights };
}

/** weight += scale * B A, in the orientation of the weight. */
export function addProduct(
  weight: Float32Array,
  { a, b }: { a: Float32Array; b: Float32Array },
  { inputs, outputs, transposed }: Orientation,
  scale: number,
): void {
  const rank = a.length / inputs;
  const row = new Float64Array(inputs);
  for (let output = 0; output < outputs; output++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = scale * b[output * rank + r]!;
      if (factor !== 0)
        for (let input = 0; input < inputs; input++) row[input]! += factor * a[r * inputs + input]!;
    }
    if (transposed)
      for (let input = 0; input < inputs; input++) weight[input * outputs + output]! += row[input]!;
    else
      for (let input = 0; input < inputs; input++) weight[output * inputs + input]! += row[input]!;
  }
}
