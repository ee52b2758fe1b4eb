/**
 * The block-wise plan: one forward and one backward session for the transformer blocks of a kind,
 * run for every layer with that layer's weights as inputs. Sessions are built in milliseconds at
 * any depth, and with `recompute` (activation checkpointing, Chen et al. 2016) memory grows with
 * depth only by one [N, d] tensor a layer; without it the forward graph also gives the activations
 * that its backward graph reads, which costs memory and saves a forward pass.
 */
import { invariant } from "../../core/errors.ts";
import type { HostTensor } from "../../core/tensor.ts";
import { elementCount } from "../../core/tensor.ts";
import type { Tensors } from "../../runtime/session.ts";
import { adapterLocals } from "../adapter.ts";
import { int8Locals } from "../int8.ts";
import { kindsOf } from "../decoder-config.ts";
import { weightOf } from "../model.ts";
import { BlockwiseHead } from "./blockwise-head.ts";
import type { BlockwiseOptions } from "./blockwise-options.ts";
import type { BlockSessions, BlockTraining, KindSessions } from "./blockwise-sessions.ts";
import { TIME_BLOCKS, buildBlockwise } from "./blockwise-sessions.ts";
import { accumulatorFeeds, floats, metricsOf, namedWeights } from "./common.ts";
import { biasCount, checkTexts, kindBias, rotaryFeeds } from "./layer-inputs.ts";
import type {
  ExecutionPlan,
  InputsOf,
  Objective,
  Readings,
  ScoreOptions,
  StepMemory,
  StepResult,
  TokenBatch,
} from "./plan.ts";
import { padTime } from "./padding.ts";
import { Scratch } from "./scratch.ts";
import { resolveShape } from "../../graph/dimensions.ts";

/** What blocks read of a batch, by the name of their kind. */
type BlockFeeds = ReadonlyMap<string, Tensors>;

interface Backward {
  batch: TokenBatch;
  feeds: BlockFeeds;
  /** Hidden states before each block and after the last, [N, d]. */
  activations: readonly HostTensor<"float32">[];
  /** Gradient of the hidden states after the last block, [N, d]. */
  last: HostTensor<"float32">;
}

export class BlockwisePlan<O extends Objective> implements ExecutionPlan<O> {
  private readonly options: BlockwiseOptions<O>;
  /** Tables by the name of the kind. */
  private readonly rotary: ReadonlyMap<string, Tensors>;
  private readonly scratch = new Scratch();
  private readonly head: BlockwiseHead;
  private built: Promise<BlockSessions> | undefined;

  constructor(options: BlockwiseOptions<O>) {
    this.options = options;
    const { config } = options.model;
    this.rotary = new Map(
      kindsOf(config).map((kind) => [kind.name, rotaryFeeds(config, kind, options.maxLength)]),
    );
    this.head = new BlockwiseHead(options);
  }

  async score(given: TokenBatch, { adapter = true }: ScoreOptions = {}): Promise<Readings> {
    const batch = padTime(given, TIME_BLOCKS);
    const sessions = await this.sessions();
    const feeds = this.blockFeeds(batch);
    let x = await this.embed(sessions, batch);
    for (const [layer, { name }] of this.options.model.config.layerKinds.entries()) {
      const y = this.scratch.get(`score ${layer % 2}`, x.shape);
      const { forward, baseForward } = sessions.kinds.get(name)!;
      const block = adapter ? forward : baseForward;
      await block.run({ x, ...feeds.get(name), ...this.layerWeights(layer) }, { y });
      x = y;
    }
    return this.head.read(sessions, x, batch);
  }

  async step(given: TokenBatch, inputs: InputsOf<O>): Promise<StepResult<O>> {
    const batch = padTime(given, TIME_BLOCKS);
    const sessions = await this.sessions();
    invariant(sessions.training, "this plan was made without trainable parameters");
    const feeds = this.blockFeeds(batch);
    const activations = await this.forward(sessions, batch, feeds);
    const x = activations.at(-1)!;
    const { read, gradient, results } = await this.head.judge(sessions, x, batch, inputs);
    await this.backward(sessions, { batch, feeds, activations, last: gradient });
    return { ...read, loss: floats(results, "loss")[0]!, metrics: metricsOf<O>(results) };
  }

  async operations(given: TokenBatch): Promise<number> {
    const sessions = await this.sessions();
    invariant(sessions.training, "this plan was made without trainable parameters");
    const [batch, time] = padTime(given, TIME_BLOCKS).tokens.shape as readonly [number, number];
    const sizes = { batch, block: time / TIME_BLOCKS };
    const blocks = this.layersOf(sessions).reduce(
      (sum, { forward, training: { saving = forward, backward } }) =>
        sum + saving.operations(sizes) + backward.operations(sizes),
      0,
    );
    return blocks + this.head.operations(sessions, given.selected.data.length);
  }

  async memory(given: TokenBatch, scored: readonly ScoreOptions[] = []): Promise<StepMemory> {
    const sessions = await this.sessions();
    const { training } = sessions;
    invariant(training, "this plan was made without trainable parameters");
    const { model } = this.options;
    const [batch, time] = padTime(given, TIME_BLOCKS).tokens.shape as readonly [number, number];
    const sizes = { batch, block: time / TIME_BLOCKS };
    const hidden = 4 * batch * time * model.config.hiddenSize;
    const read = given.selected.data.length;
    const saved = this.layersOf(sessions)
      .flatMap((layer) => layer.training.saved)
      .reduce((total, { shape }) => total + 4 * elementCount(resolveShape(shape, sizes)), 0);
    // Before and after each block, two gradients of them and the scattered last one; the read rows
    // and their gradients; the biases.
    const activations =
      (model.config.layers + 4) * hidden +
      2 * 4 * read * model.config.hiddenSize +
      4 * biasCount(model.config) * batch * time * time +
      saved;
    const blocks = new Set(
      this.layersOf(sessions).flatMap(({ forward, baseForward, training: trained }) => [
        trained.saving ?? forward,
        trained.backward,
        ...scored.map(({ adapter = true }) => (adapter ? forward : baseForward)),
      ]),
    );
    const embedding = training.embedBackward?.workingBytes({ batch, time }) ?? 0;
    const working = [
      embedding,
      ...[...blocks].map((session) => session.workingBytes(sizes)),
      this.head.workingBytes(sessions, read, scored.length > 0),
    ];
    return { activations, working: working.reduce((total, bytes) => total + bytes, 0) };
  }

  async close(): Promise<void> {
    if (this.built) await (await this.built).close();
  }

  private sessions(): Promise<BlockSessions> {
    this.built ??= buildBlockwise(this.options);
    return this.built;
  }

  private async embed(sessions: BlockSessions, batch: TokenBatch): Promise<HostTensor<"float32">> {
    const count = batch.tokens.data.length;
    const y = this.scratch.get("x 0", [count, this.options.model.config.hiddenSize]);
    await sessions.embed.run(
      {
        tokens: batch.tokens,
        positions: batch.positions,
        ...namedWeights(this.options.model, sessions.embeddingNames),
      },
      { y },
    );
    return y;
  }

  /** The sessions of each layer that is trained, first to last. */
  private layersOf({ kinds }: BlockSessions): Required<KindSessions>[] {
    return this.options.model.config.layerKinds.map(
      ({ name }) => kinds.get(name) as Required<KindSessions>,
    );
  }

  /** Hidden states before each block and after the last. */
  private async forward(
    sessions: BlockSessions,
    batch: TokenBatch,
    feeds: BlockFeeds,
  ): Promise<HostTensor<"float32">[]> {
    const xs = [await this.embed(sessions, batch)];
    for (const [layer, { name }] of this.options.model.config.layerKinds.entries()) {
      const x = xs[layer]!;
      const y = this.scratch.get(`x ${layer + 1}`, x.shape);
      const { forward, training } = sessions.kinds.get(name)!;
      const into = { y, ...this.savedTensors(training!, layer, batch) };
      await (training!.saving ?? forward).run(
        { x, ...feeds.get(name), ...this.layerWeights(layer) },
        into,
      );
      xs.push(y);
    }
    return xs;
  }

  private async backward(
    sessions: BlockSessions,
    { batch, feeds, activations, last }: Backward,
  ): Promise<void> {
    const { trainable, model } = this.options;
    let dy = last;
    for (let layer = model.config.layers - 1; layer >= 0; layer--) {
      const { name } = model.config.layerKinds[layer]!;
      const training = sessions.kinds.get(name)!.training!;
      const x = activations[layer]!;
      const dx = this.scratch.get(`d ${layer % 2}`, x.shape);
      const prefix = model.family.blockPrefix(layer);
      const accumulators = accumulatorFeeds(
        trainable!,
        training.trainables.map((local) => [local, prefix + local.slice("block.".length)] as const),
      );
      const all = {
        x,
        dy,
        ...feeds.get(name),
        ...this.layerWeights(layer),
        ...this.savedTensors(training, layer, batch),
        ...accumulators.feeds,
      };
      await training.backward.run(all, { dx, ...accumulators.into });
      dy = dx;
    }
    await this.embedBackward(sessions, batch, dy);
  }

  private async embedBackward(
    { training }: BlockSessions,
    batch: TokenBatch,
    dy: HostTensor<"float32">,
  ): Promise<void> {
    if (!training?.embedBackward) return;
    const accumulators = accumulatorFeeds(
      this.options.trainable!,
      training.embeddingTrainables.map((name) => [name, name] as const),
    );
    await training.embedBackward.run(
      { tokens: batch.tokens, positions: batch.positions, dy, ...accumulators.feeds },
      accumulators.into,
    );
  }

  private blockFeeds(batch: TokenBatch): BlockFeeds {
    checkTexts(this.options.model.config, batch);
    return new Map(
      kindsOf(this.options.model.config).map((kind) => [
        kind.name,
        {
          positions: batch.positions,
          bias: kindBias(batch, kind, this.scratch),
          ...this.rotary.get(kind.name),
        },
      ]),
    );
  }

  private savedTensors({ saved }: BlockTraining, layer: number, batch: TokenBatch): Tensors {
    const [rows, time] = batch.tokens.shape as readonly [number, number];
    const symbols = { batch: rows, block: time / TIME_BLOCKS };
    return Object.fromEntries(
      saved.map(({ name, shape }) => [
        name,
        this.scratch.get(`${layer} ${name}`, resolveShape(shape, symbols)),
      ]),
    );
  }

  private readonly layerCache = new Map<number, Tensors>();

  private layerWeights(layer: number): Tensors {
    const known = this.layerCache.get(layer);
    if (known) return known;
    const { model } = this.options;
    const prefix = model.family.blockPrefix(layer);
    const floats = Object.keys(model.family.blockShapes(model.config)).filter((local) =>
      model.weights.has(prefix + local),
    );
    const names = [
      ...floats,
      ...(model.int8 ? int8Locals(model) : []),
      ...(model.adapter ? adapterLocals(model.adapter.config) : []),
    ];
    const weights = Object.fromEntries(
      names.map((local) => [`block.${local}`, weightOf(model, prefix + local)]),
    );
    this.layerCache.set(layer, weights);
    return weights;
  }
}
