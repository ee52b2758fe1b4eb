/**
 * Batched decoding: prompts are read into a cache of their own, several at once, and then enter the
 * slots of a batch, which decodes its rows together, one token each a step. A row may enter or
 * leave between any two steps; a prompt that was read once may enter several times.
 */
import { invariant } from "../core/errors.ts";
import type { HostTensor } from "../core/tensor.ts";
import { float32, int32, int64, zeros } from "../core/tensor.ts";
import type { Model } from "../models/model.ts";
import { parameterCount, weightOf } from "../models/model.ts";
import { refuseLonger } from "../models/context.ts";
import { allRotaryFeeds } from "../models/plans/layer-inputs.ts";
import type { Tensors } from "../runtime/session.ts";
import { Session } from "../runtime/session.ts";
import { threadsFor } from "../runtime/threads.ts";
import type { DecoderGraph } from "./decoder-graph.ts";
import { WEIGHTS_FIRST_ROWS, buildDecoder } from "./decoder-graph.ts";
import type { Allocate } from "./key-value-cache.ts";
import { KeyValueCache, reusedMemory } from "./key-value-cache.ts";
import { Scores, blockSize } from "./scores.ts";

export interface DecoderOptions {
  /** Room of the cache: prompt and answer together, tokens. */
  maxLength: number;
  /**
   * Store the model's weights in the session, where ONNX Runtime packs them once: faster steps, at
   * the price of a second copy in memory and of making it; see {@link worthPacking}. Default false:
   * they are fed without a copy. An adapter's weights are always fed.
   */
  prepack?: boolean;
  /** Most rows of a batch, by which products of fed weights are arranged. Default 1. */
  rows?: number;
  /** Threads of an operator; by the size of the model where left out (runtime/threads.ts). */
  threads?: number;
}

/** A prompt to read. */
export interface PromptRead {
  ids: ArrayLike<number>;
  /** 1 / temperature of the scores; 1 where left out. */
  inverseTemperature?: number;
}

/** A prompt that was read: its keys and values, and the scores of the token after it. */
export interface Prefix {
  readonly tokens: number;
  readonly scores: Scores;
  readonly cache: KeyValueCache;
  readonly row: number;
}

/** Outputs of a run beside the caches, for so many tokens. */
export class ScoreBuffers {
  private readonly widths: { logits: number; maxima: number; sums: number };
  private readonly allocate: Allocate;

  constructor(vocabulary: number, allocate: Allocate) {
    const blocks = vocabulary / blockSize(vocabulary);
    this.widths = { logits: vocabulary, maxima: blocks, sums: blocks };
    this.allocate = allocate;
  }

  tensors(rows: number): Record<"logits" | "maxima" | "sums", HostTensor<"float32">> {
    const of = (name: keyof typeof this.widths): HostTensor<"float32"> => {
      const count = rows * this.widths[name];
      return float32([rows, this.widths[name]], this.allocate(name, count).subarray(0, count));
    };
    return { logits: of("logits"), maxima: of("maxima"), sums: of("sums") };
  }

  scores(row: number, inverseTemperature: number): Scores {
    const of = (name: keyof typeof this.widths): Float32Array =>
      this.allocate(name, 0).subarray(row * this.widths[name], (row + 1) * this.widths[name]);
    return new Scores(of("logits"), of("maxima"), of("sums"), inverseTemperature);
  }

  set(row: number, { logits, maxima, sums }: Scores): void {
    for (const [name, data] of Object.entries({ logits, maxima, sums }))
      this.allocate(name, 0).set(data, row * this.widths[name as "logits"]);
  }
}

export class Decoder {
  readonly model: Model;
  private readonly options: DecoderOptions;
  private readonly built: DecoderGraph;
  private readonly tables: Tensors;
  private session: Session;
  /** What prompts are read into; the next reading overwrites it. */
  private readonly staging = reusedMemory();

  private constructor(
    model: Model,
    options: DecoderOptions,
    built: DecoderGraph,
    session: Session,
  ) {
    this.model = model;
    this.options = options;
    this.built = built;
    this.session = session;
    this.tables = allRotaryFeeds(model.config, options.maxLength);
  }

  /** @throws AttuneError `config` for more tokens than the RoPE factors of the run serve */
  static async create(model: Model, options: DecoderOptions): Promise<Decoder> {
    refuseLonger(model.config, options.maxLength);
    const built = buildDecoder(model, {
      weightsFirst: !options.prepack && (options.rows ?? 1) >= WEIGHTS_FIRST_ROWS,
      joined: options.prepack ?? false,
    });
    return new Decoder(model, options, built, await openSession(model, options, built));
  }

  /**
   * Goes on with the model's weights as they are now. Those that are fed are always read as they
   * are, an adapter's among them; where the model's own were packed, they are packed again.
   */
  async refresh(): Promise<void> {
    if (!this.options.prepack) return;
    // Two packed copies at once would be the peak of a roll-out.
    await this.session.close();
    this.session = await openSession(this.model, this.options, this.built);
  }

  /**
   * Reads prompts, none of them empty, in one run. The longest sets the cost of all.
   * @returns valid until prompts are read again; see {@link keepPrefix}
   */
  async read(prompts: readonly PromptRead[]): Promise<Prefix[]> {
    const longest = Math.max(...prompts.map(({ ids }) => ids.length));
    invariant(
      prompts.every(({ ids }) => ids.length > 0) && longest <= this.options.maxLength,
      "a prompt is empty or longer than the cache",
    );
    const rows = prompts.length;
    const tokens = zeros("int64", [rows, longest]);
    const positions = zeros("int64", [rows, longest]);
    prompts.forEach(({ ids }, row) => {
      for (let i = 0; i < longest; i++) {
        tokens.data[row * longest + i] = BigInt(ids[i] ?? 0);
        positions.data[row * longest + i] = BigInt(i);
      }
    });
    const cache = new KeyValueCache(this.model.config, rows, longest, this.staging);
    const buffers = new ScoreBuffers(this.model.config.vocabularySize, this.staging);
    const inverse = prompts.map(({ inverseTemperature = 1 }) => inverseTemperature);
    const read = prompts.map(({ ids }, row) => row * longest + ids.length - 1);
    await this.run({
      tokens,
      positions,
      read,
      lengths: prompts.map(({ ids }) => ids.length),
      inverse,
      cache: cache.tensors(rows),
      scores: buffers.tensors(rows),
    });
    return prompts.map(({ ids }, row) => ({
      tokens: ids.length,
      cache,
      row,
      scores: buffers.scores(row, inverse[row]!),
    }));
  }

  /** A batch of the given prompts, as many rows as slots. */
  async start(
    prompts: readonly ArrayLike<number>[],
    inverseTemperature = 1,
  ): Promise<DecodingBatch> {
    const batch = new DecodingBatch(this, prompts.length);
    for (const prefix of await this.read(prompts.map((ids) => ({ ids, inverseTemperature }))))
      batch.enter(prefix);
    return batch;
  }

  get maxLength(): number {
    return this.options.maxLength;
  }

  /** One run over some rows. */
  async run({
    tokens,
    positions,
    read,
    lengths,
    inverse,
    cache,
    scores,
  }: DecoderRun): Promise<void> {
    const rows = lengths.length;
    const feeds = {
      tokens,
      positions,
      read: int64([read.length], read),
      inverseTemperatures: float32([read.length, 1], inverse),
      // The operator counts the tokens before the last one of each row, the new ones included.
      lengths: int32(
        [rows],
        lengths.map((length) => length - 1),
      ),
      total: int32([1], [Math.max(...lengths)]),
    };
    await this.session.run({ ...this.fed(), ...feeds, ...cache }, { ...cache, ...scores });
  }

  /**
   * Looked up in every run, since an optimiser or a trainer may have put other tensors in place.
   */
  private fed(): Tensors {
    const { model } = this;
    const names = this.options.prepack
      ? this.built.weights.filter((name) => !stored(model, name))
      : this.built.weights;
    return {
      ...Object.fromEntries(names.map((name) => [name, weightOf(model, name)])),
      ...this.tables,
    };
  }

  close(): Promise<void> {
    return this.session.close();
  }
}

export interface DecoderRun {
  tokens: HostTensor;
  positions: HostTensor;
  /**
   * The tokens after which scores are computed, counted over all rows, and what their logits are
   * multiplied by.
   */
  read: readonly number[];
  inverse: readonly number[];
  /** Tokens of each row in the cache, the new ones included. */
  lengths: readonly number[];
  cache: Tensors;
  scores: Tensors;
}

/** A weight of the model itself, which is packed where an adapter's are fed. */
const stored = ({ weights, int8 }: Model, name: string): HostTensor | undefined =>
  weights.get(name) ?? int8?.get(name);

const storedWeights = (model: Model, names: readonly string[]): Record<string, HostTensor> =>
  Object.fromEntries(
    names.flatMap((name) => {
      const tensor = stored(model, name);
      return tensor ? [[name, tensor]] : [];
    }),
  );

function openSession(
  model: Model,
  { prepack, threads = threadsFor(parameterCount(model.family, model.config)) }: DecoderOptions,
  { graph, outputs, weights }: DecoderGraph,
): Promise<Session> {
  return Session.create(graph, outputs, {
    label: "decoding",
    device: "cpu",
    fuse: true,
    ...(prepack ? { initializers: storedWeights(model, weights) } : {}),
    ...(threads === undefined ? {} : { threads }),
  });
}

/** A prefix that stays valid, in memory of its own. */
export function keepPrefix({ tokens, cache, row, scores }: Prefix, { model }: Decoder): Prefix {
  const own = new KeyValueCache(model.config, 1, tokens);
  own.copyRow(0, { cache, row, tokens });
  return { tokens, cache: own, row: 0, scores: scores.copy() };
}

/** Rows that are decoded together, each with a length of its own, in a fixed number of slots. */
export class DecodingBatch {
  readonly slots: number;
  private readonly decoder: Decoder;
  private readonly cache: KeyValueCache;
  private readonly buffers: ScoreBuffers;
  /** Tokens in the cache, by row. */
  private readonly lengths: number[] = [];
  private readonly inverse: number[] = [];

  constructor(decoder: Decoder, slots: number) {
    const { config } = decoder.model;
    this.decoder = decoder;
    this.slots = slots;
    this.cache = new KeyValueCache(config, slots, decoder.maxLength);
    this.buffers = new ScoreBuffers(config.vocabularySize, reusedMemory());
    this.buffers.tensors(slots);
  }

  /** Rows in use: the first of the slots. */
  get rows(): number {
    return this.lengths.length;
  }

  /** What is known of the next token of a row; overwritten by the next step. */
  scores(row: number): Scores {
    return this.buffers.scores(row, this.inverse[row]!);
  }

  /** A prompt that was read takes the next slot; its temperature goes on. Gives its row. */
  enter(prefix: Prefix): number {
    const row = this.rows;
    invariant(row < this.slots && prefix.tokens <= this.decoder.maxLength, "there is no free slot");
    this.cache.copyRow(row, { cache: prefix.cache, row: prefix.row, tokens: prefix.tokens });
    this.buffers.set(row, prefix.scores);
    this.lengths.push(prefix.tokens);
    this.inverse.push(prefix.scores.inverseTemperature);
    return row;
  }

  /**
   * Frees the slot of a row. The last row takes its place, with its number; the scores of both are
   * gone.
   */
  leave(row: number): void {
    const last = this.rows - 1;
    const [tokens, inverse] = [this.lengths.pop()!, this.inverse.pop()!];
    if (row === last) return;
    this.cache.copyRow(row, { cache: this.cache, row: last, tokens });
    this.lengths[row] = tokens;
    this.inverse[row] = inverse;
  }

  /** Appends one token to every row and computes the scores of the next. */
  async step(tokens: ArrayLike<number>): Promise<void> {
    const { rows } = this;
    const positions = int64([rows, 1], this.lengths);
    for (let row = 0; row < rows; row++) this.lengths[row]!++;
    await this.run(
      int64([rows, 1], Array.from(tokens)),
      positions,
      Array.from({ length: rows }, (_, row) => row),
    );
  }

  /**
   * Goes on with several tokens at once, after the first `keep` ones in the cache; what stood
   * behind them is forgotten. For a batch of one row, which is all that the operator can extend so.
   */
  async append(
    tokens: ArrayLike<number>,
    {
      keep = this.lengths[0]!,
      inverseTemperature = 1,
    }: { keep?: number; inverseTemperature?: number } = {},
  ): Promise<void> {
    invariant(
      this.rows === 1 &&
        tokens.length > 0 &&
        keep <= this.lengths[0]! &&
        keep + tokens.length <= this.decoder.maxLength,
      "the cache cannot go on with these tokens",
    );
    this.lengths[0] = keep + tokens.length;
    this.inverse[0] = inverseTemperature;
    const positions = int64(
      [1, tokens.length],
      Array.from({ length: tokens.length }, (_, i) => keep + i),
    );
    await this.run(int64([1, tokens.length], Array.from(tokens)), positions, [tokens.length - 1]);
  }

  private run(tokens: HostTensor, positions: HostTensor, read: readonly number[]): Promise<void> {
    const { rows, lengths, inverse } = this;
    return this.decoder.run({
      tokens,
      positions,
      read,
      lengths,
      inverse,
      cache: this.cache.tensors(rows),
      scores: this.buffers.tensors(rows),
    });
  }
}
