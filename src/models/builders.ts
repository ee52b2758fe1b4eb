/**
 * Builds the pieces of a model into a graph: parameters as inputs, projections with adapters,
 * attention.
 */
import type { DType } from "../core/tensor.ts";
import {
  add,
  cast,
  concat,
  gemm,
  int8Product,
  matmul,
  multiply,
  reshape,
  rotary,
  slice,
  transpose,
} from "../graph/build.ts";
import type { RotaryTables } from "../graph/build.ts";
import type { Dimension } from "../graph/dimensions.ts";
import { product } from "../graph/dimensions.ts";
import type { Graph, Value } from "../graph/ir.ts";
import type { AdapterConfig } from "./adapter.ts";
import { adapterNames, adapterScale, matrixRank, scaleName } from "./adapter.ts";
import { causalAttention } from "./causal-attention.ts";
import type { DecoderConfig } from "./decoder-config.ts";
import type {
  BlockBuilder,
  OuterLayersBuilder,
  ModelFamily,
  Projection,
  Shapes,
} from "./family.ts";
import { int8Names } from "./int8.ts";

/** Declares weights as inputs of a graph on first use, widening float16 ones. */
export class Parameters {
  readonly graph: Graph;
  /** Values by input name, in order of first use: float32, but for int8 codes. */
  readonly used = new Map<string, Value>();
  private readonly dtypeOf: (name: string) => DType;

  constructor(graph: Graph, dtypeOf: (name: string) => DType = () => "float32") {
    this.graph = graph;
    this.dtypeOf = dtypeOf;
  }

  get(name: string, shape: readonly number[]): Value {
    const known = this.used.get(name);
    if (known) return known;
    const input = this.graph.input(name, this.dtypeOf(name), shape);
    const value = cast(input, "float32");
    this.used.set(name, value);
    return value;
  }

  /** int8 codes, as they are. */
  integers(name: string, shape: readonly number[]): Value {
    const value = this.used.get(name) ?? this.graph.input(name, "int8", shape);
    this.used.set(name, value);
    return value;
  }
}

export type Attention = (query: Value, key: Value, value: Value) => Value;

export interface ModelParts {
  family: ModelFamily;
  config: DecoderConfig;
  adapter?: AdapterConfig | undefined;
  /** Projections are in 8 bits (int8.ts), to be read alone or to have gradients as well. */
  int8?: "read" | "train" | undefined;
  /** How weights are multiplied; see {@link weightProduct}. */
  weightsFirst?: boolean;
  /**
   * Joins the products of one input; for weights that are stored in the session, where joining them
   * costs nothing.
   */
  joined?: boolean;
}

/**
 * x [N, in] times weight [out, in] transposed. The runtime's products copy their right side into
 * tiles in every run, unless it is stored in the session and packed. With the weights on the left
 * what is copied are the activations, so for some rows, but not thousands, fed weights are as fast
 * as packed ones; see docs/decisions/packed-weights.md.
 */
function weightProduct(x: Value, weight: Value, bias: Value | undefined): Value {
  // No gemm: the runtime would turn it round again.
  const y = transpose(matmul(weight, x, { transposeRight: true }), [1, 0]);
  return bias ? add(y, bias) : y;
}

/**
 * x [N, in] by a weight that is kept in 8 bits; from both sides where a gradient may be asked for.
 */
function int8Projection(
  parameters: Parameters,
  x: Value,
  weight: string,
  { inputs, outputs }: Projection,
  trains: boolean,
): Value {
  const names = int8Names(weight);
  const matrix = {
    codes: parameters.integers(names.codes, [inputs, outputs]),
    scales: parameters.get(names.scales, [outputs]),
  };
  if (!trains) return int8Product(x, matrix);
  return int8Product(x, matrix, {
    codes: parameters.integers(names.transposedCodes, [outputs, inputs]),
    scales: parameters.get(names.transposedScales, [inputs]),
  });
}

/**
 * Products of one input as one product of the weights one below the other, and the columns of each:
 * fewer products, and none so small that it reads its weights slowly. Projections with an adapter
 * are left alone.
 */
function joinedProducts(
  { family, config, adapter, joined, int8 }: ModelParts,
  parameter: (name: string) => Value,
): (x: Value, name: string) => Value | undefined {
  const groups = joined && !int8 ? (family.joined ?? []) : [];
  const [projections, shapes] = [family.projections(config), family.blockShapes(config)];
  const made = new Map<readonly string[], Value>();
  return (x, name) => {
    const group = groups.find(
      (names) => names.includes(name) && !names.some((each) => adapter?.targets.includes(each)),
    );
    if (!group) return undefined;
    const all = (kind: string): Value =>
      concat(
        group.map((each) => parameter(`${each}.${kind}`)),
        0,
      );
    const whole =
      made.get(group) ??
      gemm(x, all("weight"), {
        transposeRight: true,
        bias: shapes[`${name}.bias`] ? all("bias") : undefined,
      });
    made.set(group, whole);
    const before = group.slice(0, group.indexOf(name));
    const start = before.reduce((total, each) => total + projections[each]!.outputs, 0);
    return slice(whole, 1, start, start + projections[name]!.outputs);
  };
}

interface AdapterParts {
  adapter: AdapterConfig;
  parameters: Parameters;
  rank: number;
}

/** What a projection gave, y, with its adapter's share. */
function adapted(
  { x, y, name }: { x: Value; y: Value; name: string },
  { inputs, outputs }: Projection,
  { adapter, parameters, rank }: AdapterParts,
): Value {
  const names = adapterNames("", name);
  const scale = adapter.uneven ? parameters.get(scaleName(name), [1]) : adapterScale(adapter);
  const narrow = multiply(
    gemm(x, parameters.get(names.a, [rank, inputs]), { transposeRight: true }),
    scale,
  );
  const sum = gemm(narrow, parameters.get(names.b, [outputs, rank]), {
    transposeRight: true,
    bias: y,
  });
  return adapter.biases ? add(sum, multiply(parameters.get(names.bias, [outputs]), scale)) : sum;
}

/** The builder for one block. `prefix` stands before the names of the graph's inputs. */
export function blockBuilder(
  parts: ModelParts,
  parameters: Parameters,
  prefix: string,
  attention: Attention,
): BlockBuilder {
  const { family, config, adapter, weightsFirst } = parts;
  const shapes = family.blockShapes(config);
  const projections = family.projections(config);
  const { graph } = parameters;
  const parameter = (name: string): Value => parameters.get(prefix + name, shapes[name]!);
  const joinedProduct = joinedProducts(parts, parameter);
  return {
    graph,
    config,
    parameter,
    attention,
    linear: (x, name) =>
      graph.scope(name, () => {
        const joined = joinedProduct(x, name);
        if (joined) return joined;
        const { transposed } = projections[name]!;
        const bias = shapes[`${name}.bias`] ? parameter(`${name}.bias`) : undefined;
        const plain = (): Value => {
          const weight = parameter(`${name}.weight`);
          return weightsFirst && !transposed
            ? weightProduct(x, weight, bias)
            : gemm(x, weight, { transposeRight: !transposed, bias });
        };
        const rounded = (): Value => {
          const product = int8Projection(
            parameters,
            x,
            `${prefix}${name}.weight`,
            projections[name]!,
            parts.int8 === "train",
          );
          return bias ? add(product, bias) : product;
        };
        const y = parts.int8 ? rounded() : plain();
        return adapter?.targets.includes(name)
          ? adapted({ x, y, name: prefix + name }, projections[name]!, {
              adapter,
              parameters,
              rank: matrixRank(adapter, name),
            })
          : y;
      }),
  };
}

/** The builder for the layers outside the blocks: the embedding and the final norm. */
export function outerLayersBuilder(
  { family, config }: ModelParts,
  parameters: Parameters,
): OuterLayersBuilder {
  const shapes: Shapes = { ...family.embeddingShapes(config), ...family.finalShapes(config) };
  return {
    graph: parameters.graph,
    config,
    parameter: (name) => parameters.get(name, shapes[name]!),
  };
}

export interface AttentionInputs {
  batch: Dimension;
  /** A product such as `4*block` computes attention in that many blocks. */
  time: Dimension;
  /** float32 [B, 1, T, T]: 0 where a query may see a key, a large negative number elsewhere. */
  bias: Value;
  /** Absent for learned positions. */
  rotary?: RotaryTables | undefined;
}

/** As many of a head's dimensions turn as the tables have angles for: x [B, H, T, D]. */
function turned(x: Value, tables: RotaryTables): Value {
  const [size, rotated] = [x.shape[3] as number, 2 * (tables.cosines.shape[1] as number)];
  if (rotated === size) return rotary(x, tables);
  return concat([rotary(slice(x, 3, 0, rotated), tables), slice(x, 3, rotated, size)], 3);
}

/** Causal attention of every token of a batch, with the rotation; see {@link causalAttention}. */
export function trainingAttention(
  config: DecoderConfig,
  { batch, time, bias, rotary: tables }: AttentionInputs,
): Attention {
  const { heads, keyValueHeads, headSize } = config;
  const split = (x: Value, count: number): Value =>
    transpose(reshape(x, [batch, time, count, headSize]), [0, 2, 1, 3]); // [B, H, T, D]
  const turn = (x: Value): Value => (tables ? turned(x, tables) : x);
  return (query, key, value) =>
    bias.graph.scope("attention", () => {
      const mixed = causalAttention({
        query: turn(split(query, heads)),
        key: turn(split(key, keyValueHeads)),
        value: split(value, keyValueHeads),
        bias,
      });
      // [N, H*D]
      return reshape(transpose(mixed, [0, 2, 1, 3]), [product(batch, time), heads * headSize]);
    });
}
