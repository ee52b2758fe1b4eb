/**
 * Batched decoding with a key-value cache that is extended in place (ONNX Runtime's GroupQueryAttention).
 * One graph serves prefill (many tokens a row, padded on the right) and single steps, for any batch size.
 */
import { invariant } from "../core/errors.ts";
import type { HostTensor } from "../core/tensor.ts";
import { int32, int64, zeros } from "../core/tensor.ts";
import { gatherRows, gemm, reshape } from "../graph/build.ts";
import type { Graph, Value } from "../graph/ir.ts";
import { createGraph } from "../graph/op-table.ts";
import type { Attention, ModelParts } from "../models/builders.ts";
import { Parameters, blockBuilder, endBuilder } from "../models/builders.ts";
import type { Model } from "../models/model.ts";
import { weightOf } from "../models/model.ts";
import { ropeTables } from "../models/rope.ts";
import type { Tensors } from "../runtime/session.ts";
import { Session } from "../runtime/session.ts";

export interface DecoderOptions {
  /** Room of the cache: prompt and answer together, tokens. */
  maxLength: number;
  /**
   * Store the weights in the session, where ONNX Runtime packs them once: faster from a few rows on, at the price of a
   * second copy in memory. Default false: they are fed without a copy.
   */
  prepack?: boolean;
  threads?: number;
}

const cacheNames = (layer: number): { key: string; value: string } => ({ key: `past_key.${layer}`, value: `past_value.${layer}` });

/** Attention of one layer over its cache; `outputs` collects the extended caches. */
function cachedAttention(model: Model, graph: Graph, layer: number, outputs: Record<string, Value>): Attention {
  const { heads, keyValueHeads, headSize, rope, slidingWindow } = model.config;
  const names = cacheNames(layer);
  const past = [names.key, names.value].map((name) => graph.input(name, "float32", ["batch", keyValueHeads, "cache", headSize]));
  const shared = (name: string): Value => graph.inputs.find((input) => input.name === name)!;
  return (query, key, value) => {
    const rows = (x: Value, count: number): Value => reshape(x, ["batch", "step", count * headSize]);
    const inputs = [rows(query, heads), rows(key, keyValueHeads), rows(value, keyValueHeads), ...past, shared("lengths"), shared("total")];
    const tables = rope ? [shared("cosines"), shared("sines")] : [];
    const [mixed, keys, values] = graph.apply("cachedAttention", [...inputs, ...tables], { heads, keyValueHeads, rotary: rope !== undefined, window: slidingWindow ?? 0 });
    outputs[names.key] = keys!;
    outputs[names.value] = values!;
    return reshape(mixed!, ["batch*step", heads * headSize]);
  };
}

function buildDecoder(model: Model): { graph: Graph; outputs: Record<string, Value>; weights: string[] } {
  const { family, config } = model;
  const parts: ModelParts = { family, config, adapter: model.adapter?.config };
  const graph = createGraph();
  const parameters = new Parameters(graph, (name) => weightOf(model, name).dtype);
  const tokens = graph.input("tokens", "int64", ["batch", "step"]);
  const positions = graph.input("positions", "int64", ["batch", "step"]);
  const last = graph.input("last", "int64", ["batch"]);
  graph.input("lengths", "int32", ["batch"]);
  graph.input("total", "int32", [1]);
  if (config.rope) for (const name of ["cosines", "sines"]) graph.input(name, "float32", ["table", config.headSize / 2]);
  const outputs: Record<string, Value> = {};
  const flat = (x: Value): Value => reshape(x, ["batch*step"]);
  const end = endBuilder(parts, parameters);
  let x = graph.scope("embedding", () => family.embed(end, flat(tokens), flat(positions)));
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = family.blockPrefix(layer);
    const attention = cachedAttention(model, graph, layer, outputs);
    x = graph.scope(prefix.slice(0, -1), () => family.block(blockBuilder(parts, parameters, prefix, attention), x));
  }
  const hidden = graph.scope("readout", () => family.finalNorm(end, gatherRows(x, last)));
  outputs["logits"] = gemm(hidden, end.parameter(family.headWeight(config)), { transposeRight: true }); // [B, V]
  return { graph, outputs, weights: [...parameters.used.keys()] };
}

export class Decoder {
  readonly model: Model;
  private readonly options: DecoderOptions;
  private readonly session: Session;
  private readonly weights: Tensors;

  private constructor(model: Model, options: DecoderOptions, session: Session, weights: Tensors) {
    this.model = model;
    this.options = options;
    this.session = session;
    this.weights = weights;
  }

  static async create(model: Model, options: DecoderOptions): Promise<Decoder> {
    const { graph, outputs, weights: names } = buildDecoder(model);
    const weights = Object.fromEntries(names.map((name) => [name, weightOf(model, name)]));
    const session = await Session.create(graph, outputs, {
      label: "decoding",
      device: "cpu",
      ...(options.prepack ? { initializers: weights } : {}),
      ...(options.threads === undefined ? {} : { threads: options.threads }),
    });
    const { rope, headSize } = model.config;
    const tables: Tensors = rope ? { ...ropeTables(rope, headSize, options.maxLength) } : {};
    return new Decoder(model, options, session, { ...(options.prepack ? {} : weights), ...tables });
  }

  /** Starts a batch: reads the prompts, none of them empty, and gives the logits [B, V] after each. */
  async start(prompts: readonly ArrayLike<number>[]): Promise<DecodingBatch> {
    const batch = new DecodingBatch(this, prompts.length);
    await batch.prefill(prompts);
    return batch;
  }

  get maxLength(): number {
    return this.options.maxLength;
  }

  /** One run; for {@link DecodingBatch}. */
  run(feeds: Tensors, into: Tensors): Promise<Tensors> {
    return this.session.run({ ...this.weights, ...feeds }, into);
  }

  close(): Promise<void> {
    return this.session.close();
  }
}

/** Rows that are decoded together, each with a length of its own. */
export class DecodingBatch {
  readonly rows: number;
  /** Tokens in the cache, by row. */
  readonly lengths: Int32Array;
  /** Logits of the next token, [B, V] row-major; overwritten by every step. */
  readonly logits: HostTensor<"float32">;
  private readonly decoder: Decoder;
  private readonly caches: Record<string, HostTensor> = {};

  constructor(decoder: Decoder, rows: number) {
    const { config } = decoder.model;
    this.decoder = decoder;
    this.rows = rows;
    this.lengths = new Int32Array(rows);
    this.logits = zeros("float32", [rows, config.vocabularySize]);
    for (let layer = 0; layer < config.layers; layer++) {
      const { key, value } = cacheNames(layer);
      for (const name of [key, value]) this.caches[name] = zeros("float32", [rows, config.keyValueHeads, decoder.maxLength, config.headSize]);
    }
  }

  async prefill(prompts: readonly ArrayLike<number>[]): Promise<void> {
    const longest = Math.max(...prompts.map((prompt) => prompt.length));
    invariant(prompts.every((prompt) => prompt.length > 0) && longest <= this.decoder.maxLength, "a prompt is empty or longer than the cache");
    const tokens = zeros("int64", [this.rows, longest]);
    const positions = zeros("int64", [this.rows, longest]);
    prompts.forEach((prompt, row) => {
      this.lengths[row] = prompt.length;
      for (let i = 0; i < longest; i++) {
        tokens.data[row * longest + i] = BigInt(prompt[i] ?? 0);
        positions.data[row * longest + i] = BigInt(i);
      }
    });
    await this.run(tokens, positions, prompts.map((prompt, row) => row * longest + prompt.length - 1));
  }

  /** Appends one token to every row and computes the next logits. */
  async step(tokens: ArrayLike<number>): Promise<void> {
    const positions = int64([this.rows, 1], Array.from(this.lengths));
    for (let row = 0; row < this.rows; row++) this.lengths[row]!++;
    await this.run(int64([this.rows, 1], Array.from(tokens)), positions, Array.from({ length: this.rows }, (_, row) => row));
  }

  /**
   * Goes on with several tokens at once, after the first `keep` ones in the cache; what stood behind them is forgotten. For a
   * batch of one row, which is all that the operator can extend so.
   */
  async append(tokens: ArrayLike<number>, keep = this.lengths[0]!): Promise<void> {
    invariant(this.rows === 1 && tokens.length > 0 && keep <= this.lengths[0]! && keep + tokens.length <= this.decoder.maxLength, "the cache cannot go on with these tokens");
    this.lengths[0] = keep + tokens.length;
    const positions = int64([1, tokens.length], Array.from({ length: tokens.length }, (_, i) => keep + i));
    await this.run(int64([1, tokens.length], Array.from(tokens)), positions, [tokens.length - 1]);
  }

  private async run(tokens: HostTensor, positions: HostTensor, last: readonly number[]): Promise<void> {
    const feeds = {
      tokens,
      positions,
      last: int64([this.rows], last),
      // The operator counts the tokens before the last one of each row, the new ones included.
      lengths: int32([this.rows], this.lengths.map((length) => length - 1)),
      total: int32([1], [Math.max(...this.lengths)]),
    };
    await this.decoder.run({ ...feeds, ...this.caches }, { ...this.caches, logits: this.logits });
  }
}
