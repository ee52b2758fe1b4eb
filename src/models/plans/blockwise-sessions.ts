/**
 * Builds the sessions of the block-wise plan: those of a block once for each kind of layers. Inputs
 * of a block's graphs carry the prefix `block.` for every layer.
 */
import { invariant } from "../../core/errors.ts";
import { gradients } from "../../graph/autodiff.ts";
import { reshape } from "../../graph/build.ts";
import type { Shape } from "../../graph/dimensions.ts";
import { product } from "../../graph/dimensions.ts";
import type { Graph, Value } from "../../graph/ir.ts";
import { createGraph, definitionOf } from "../../graph/op-table.ts";
import { liveNodes } from "../../graph/passes.ts";
import { Session } from "../../runtime/session.ts";
import type { AdapterConfig } from "../adapter.ts";
import { Parameters, blockBuilder, outerLayersBuilder, trainingAttention } from "../builders.ts";
import type { LayerKind } from "../decoder-config.ts";
import { kindsOf } from "../decoder-config.ts";
import { weightOf } from "../model.ts";
import type { BlockwiseOptions } from "./blockwise-options.ts";
import { METRIC, accumulate, prefixed, threadOptions } from "./common.ts";
import { rotaryInputs } from "./layer-inputs.ts";
import { buildLoss } from "./plan.ts";
import { buildReadout } from "./readout.ts";

const BLOCK = "block.";

/** Attention is computed in this many blocks of time; batches are padded to a multiple of it. */
export const TIME_BLOCKS = 4;
const TIME = `${TIME_BLOCKS}*block`;

/** Of a block that is trained. */
export interface BlockTraining {
  /** Forward that also gives the activations to keep; absent where they are recomputed. */
  saving?: Session;
  saved: readonly { name: string; shape: Shape }[];
  backward: Session;
  /** Names under the `block.` prefix. */
  trainables: readonly string[];
}

/** Of the layers of one kind. */
export interface KindSessions {
  forward: Session;
  /** Without the adapter. */
  baseForward: Session;
  training?: BlockTraining;
}

export interface TrainingSessions {
  readBackward: Session;
  readoutTrainables: readonly string[];
  embedBackward?: Session;
  embeddingTrainables: readonly string[];
  objective: Session;
}

export interface BlockSessions {
  embed: Session;
  embeddingNames: readonly string[];
  /** By the name of the kind. */
  kinds: ReadonlyMap<string, KindSessions>;
  readForward: Session;
  readoutNames: readonly string[];
  training?: TrainingSessions;
  close(): Promise<void>;
}

interface BuiltBlock {
  graph: Graph;
  parameters: Parameters;
  x: Value;
  y: Value;
}

function buildBlock(
  options: BlockwiseOptions,
  kind: LayerKind,
  adapter: AdapterConfig | undefined,
): BuiltBlock {
  const { model } = options;
  const { family, config } = model;
  const graph = createGraph();
  const first = family.blockPrefix(0);
  const parameters = new Parameters(
    graph,
    (name) => weightOf(model, first + name.slice(BLOCK.length)).dtype,
  );
  const x = graph.input("x", "float32", [product("batch", TIME), config.hiddenSize]);
  const bias = graph.input("bias", "float32", ["batch", 1, TIME, TIME]);
  const positions = kind.rope ? graph.input("positions", "int64", ["batch", TIME]) : undefined;
  const rotary = positions && rotaryInputs(graph, config, kind, { positions });
  const attention = trainingAttention(config, { batch: "batch", time: TIME, bias, rotary });
  const y = graph.scope("block", () =>
    family.block(
      blockBuilder(
        { family, config, adapter, int8: model.int8 && "train" },
        parameters,
        BLOCK,
        attention,
      ),
      x,
      kind,
    ),
  );
  return { graph, parameters, x, y };
}

/**
 * Activations of the forward part that the live backward part reads, which a saving forward must
 * give.
 */
function savedValues(graph: Graph, forwardNodes: number, outputs: readonly Value[]): Value[] {
  const forward = new Set<Value>(
    graph.nodes.slice(0, forwardNodes).flatMap((node) => node.outputs),
  );
  const backward = new Set(graph.nodes.slice(forwardNodes));
  const read = liveNodes(graph, outputs).flatMap((node) => (backward.has(node) ? node.inputs : []));
  return [...new Set(read)].filter((value) => forward.has(value));
}

/**
 * What the products gave that their records say to keep, as far as the backward part needs it: what
 * lies between is computed again, which costs little.
 * Source: selective activation recomputation (Korthikanti et al. 2022); there attention alone is
 * computed again.
 */
function productValues(graph: Graph, forwardNodes: number, outputs: readonly Value[]): Value[] {
  const forward = graph.nodes.slice(0, forwardNodes);
  // A product that another one adds to is not the whole: an adapter's second matrix adds to the
  // projection's.
  const addedTo = new Set(
    forward.flatMap((node) => definitionOf(node.op).product?.addend?.(node) ?? []),
  );
  const products = forward
    .filter(({ op }) => definitionOf(op).product?.kept)
    .flatMap((node) => node.outputs)
    .filter((value) => !addedTo.has(value));
  const read = new Set(liveNodes(graph, outputs, products).flatMap(({ inputs }) => inputs));
  return products.filter((value) => read.has(value));
}

async function buildBlockTraining(
  options: BlockwiseOptions,
  kind: LayerKind,
): Promise<BlockTraining> {
  const { model, trainable } = options;
  const { graph, parameters, x, y } = buildBlock(options, kind, model.adapter?.config);
  const forwardNodes = graph.nodes.length;
  const dy = graph.input("dy", "float32", y.shape);
  const first = model.family.blockPrefix(0);
  const trainables = [...parameters.used.keys()].filter((name) =>
    trainable!.has(first + name.slice(BLOCK.length)),
  );
  const [dx, ...slopes] = gradients(
    graph,
    [{ output: y, gradient: dy }],
    [x, ...trainables.map((name) => parameters.used.get(name)!)],
  );
  const outputs = {
    dx: dx!,
    ...accumulate(graph, new Map(trainables.map((name, index) => [name, slopes[index]!]))),
  };
  const common = threadOptions(options);
  const { recompute = "all" } = options;
  if (recompute === "all") {
    return {
      saved: [],
      trainables,
      backward: await Session.create(graph, outputs, {
        label: "a block's backward pass",
        ...common,
      }),
    };
  }
  const cuts = (recompute === "none" ? savedValues : productValues)(
    graph,
    forwardNodes,
    Object.values(outputs),
  );
  const saving = await Session.create(
    graph,
    { y, ...Object.fromEntries(cuts.map((value) => [value.name, value])) },
    { label: "a block's forward pass", ...common },
  );
  const backward = await Session.create(graph, outputs, {
    label: "a block's backward pass",
    cuts,
    ...common,
  });
  return {
    saving,
    saved: cuts.map(({ name, shape }) => ({ name, shape })),
    backward,
    trainables,
  };
}

interface BuiltReadoutGraph {
  graph: Graph;
  parameters: Parameters;
  rows: Value;
  readout: Value;
  statistics: Readonly<Record<string, Value>>;
}

function buildReadoutGraph(options: BlockwiseOptions): BuiltReadoutGraph {
  const { model } = options;
  const graph = createGraph();
  const parameters = new Parameters(graph, (name) => weightOf(model, name).dtype);
  const rows = graph.input("rows", "float32", ["chunk", model.config.hiddenSize]);
  const targets = graph.input("targets", "int64", ["chunk"]);
  const built = buildReadout(
    { family: model.family, config: model.config },
    parameters,
    rows,
    targets,
    {
      reads: options.reads,
      temperature: options.temperature ?? 1,
      statistics: options.statistics ?? false,
    },
  );
  return { graph, parameters, rows, ...built };
}

async function buildReadoutTraining(
  options: BlockwiseOptions,
): Promise<Pick<TrainingSessions, "readBackward" | "readoutTrainables">> {
  const { graph, parameters, rows, readout, statistics } = buildReadoutGraph(options);
  const slope = graph.input("slope", "float32", ["chunk"]);
  const readoutTrainables = [...parameters.used.keys()].filter((name) =>
    options.trainable!.has(name),
  );
  const [dRows, ...slopes] = gradients(
    graph,
    [{ output: readout, gradient: slope }],
    [rows, ...readoutTrainables.map((name) => parameters.used.get(name)!)],
  );
  const outputs = {
    readout,
    ...statistics,
    dRows: dRows!,
    ...accumulate(graph, new Map(readoutTrainables.map((name, index) => [name, slopes[index]!]))),
  };
  return {
    readoutTrainables,
    readBackward: await Session.create(graph, outputs, {
      label: "the head's backward pass",
      ...threadOptions(options),
    }),
  };
}

interface BuiltEmbedding {
  graph: Graph;
  parameters: Parameters;
  y: Value;
}

function buildEmbedding({ model }: BlockwiseOptions): BuiltEmbedding {
  const graph = createGraph();
  const parameters = new Parameters(graph, (name) => weightOf(model, name).dtype);
  const tokens = graph.input("tokens", "int64", ["batch", "time"]);
  const positions = graph.input("positions", "int64", ["batch", "time"]);
  const flat = (x: Value): Value => reshape(x, ["batch*time"]);
  const y = graph.scope("embedding", () =>
    model.family.embed(
      outerLayersBuilder({ family: model.family, config: model.config }, parameters),
      flat(tokens),
      flat(positions),
    ),
  );
  return { graph, parameters, y };
}

async function buildEmbeddingTraining(
  options: BlockwiseOptions,
): Promise<Pick<TrainingSessions, "embedBackward" | "embeddingTrainables">> {
  const { graph, parameters, y } = buildEmbedding(options);
  const names = [...parameters.used.keys()].filter((name) => options.trainable!.has(name));
  if (names.length === 0) return { embeddingTrainables: [] };
  const dy = graph.input("dy", "float32", y.shape);
  const slopes = gradients(
    graph,
    [{ output: y, gradient: dy }],
    names.map((name) => parameters.used.get(name)!),
  );
  const outputs = accumulate(graph, new Map(names.map((name, index) => [name, slopes[index]!])));
  return {
    embeddingTrainables: names,
    embedBackward: await Session.create(graph, outputs, {
      label: "the embedding's backward pass",
      ...threadOptions(options),
    }),
  };
}

/** The loss and its slope with respect to what was read. */
async function buildObjective(options: BlockwiseOptions): Promise<Session> {
  const { objective } = options;
  invariant(objective, "training needs an objective");
  const graph = createGraph();
  const readout = graph.input("readout", "float32", ["selected"]);
  const { loss, metrics } = buildLoss(objective, readout);
  const [slope] = gradients(graph, [{ output: loss }], [readout]);
  return Session.create(
    graph,
    { loss, slope: slope!, ...prefixed(METRIC, metrics) },
    { label: `the loss ${objective.name}`, ...threadOptions(options) },
  );
}

async function buildKind(options: BlockwiseOptions, kind: LayerKind): Promise<KindSessions> {
  const forward = (adapter: AdapterConfig | undefined): Promise<Session> => {
    const { graph, y } = buildBlock(options, kind, adapter);
    const label = "a block's forward pass";
    return Session.create(graph, { y }, { label, ...threadOptions(options) });
  };
  const baseForward = await forward(undefined);
  const { adapter } = options.model;
  return {
    baseForward,
    forward: adapter ? await forward(adapter.config) : baseForward,
    ...(options.trainable ? { training: await buildBlockTraining(options, kind) } : {}),
  };
}

/** All sessions of a plan; those for training only where there is something to train. */
export async function buildBlockwise(options: BlockwiseOptions): Promise<BlockSessions> {
  const common = threadOptions(options);
  const embedding = buildEmbedding(options);
  const readout = buildReadoutGraph(options);
  const embed = await Session.create(
    embedding.graph,
    { y: embedding.y },
    { label: "the embedding", ...common },
  );
  const kinds = new Map<string, KindSessions>();
  for (const kind of kindsOf(options.model.config))
    kinds.set(kind.name, await buildKind(options, kind));
  const readForward = await Session.create(
    readout.graph,
    { readout: readout.readout, ...readout.statistics },
    { label: "the head", ...common },
  );
  const training = options.trainable && {
    ...(await buildReadoutTraining(options)),
    ...(await buildEmbeddingTraining(options)),
    objective: await buildObjective(options),
  };
  const sessions = [
    embed,
    ...[...kinds.values()].flatMap(({ forward, baseForward, training: trained }) => [
      forward,
      baseForward,
      trained?.saving,
      trained?.backward,
    ]),
    readForward,
    training?.readBackward,
    training?.embedBackward,
    training?.objective,
  ];
  return {
    embed,
    embeddingNames: [...embedding.parameters.used.keys()],
    kinds,
    readForward,
    readoutNames: [...readout.parameters.used.keys()],
    ...(training ? { training } : {}),
    close: async () => {
      for (const session of new Set(sessions)) await session?.close();
    },
  };
}
