/**
 * attune on this machine. The memory of a step is not a formula but comes from the graphs that the
 * run would build: what the plan keeps, and the values within a session by liveness
 * (graph/liveness.ts). Weights are float32 unless they are frozen and kept in float16 or int8;
 * phases of a roll-out method take turns.
 */
import { countOf } from "../core/counts.ts";
import type { DType, HostTensor } from "../core/tensor.ts";
import { ELEMENT_BYTES, elementCount, zeros } from "../core/tensor.ts";
import { square, sumAll } from "../graph/build.ts";
import { arenaBytes } from "../graph/arena.ts";
import { lower } from "../graph/lower.ts";
import { adapterNames } from "../models/adapter.ts";
import type { Projection } from "../models/family.ts";
import type { Int8Weights } from "../models/int8.ts";
import { int8Names, projectionsByWeight } from "../models/int8.ts";
import type { Model } from "../models/model.ts";
import { SCORE_HEAD, parameterCount, weightShapes } from "../models/model.ts";
import type { Objective, ScoreOptions, StepMemory, TokenBatch } from "../models/plans/plan.ts";
import type { TrainableParameters } from "../models/trainable.ts";
import { sftObjective } from "../objectives/sft.ts";
import { WEIGHTS_FIRST_ROWS, buildDecoder } from "../sampling/decoder-graph.ts";
import { worthPacking } from "../sampling/packing.ts";
import { READ_TOKENS } from "../sampling/prompt-reading.ts";
import { ppoConfig } from "../training/online/ppo.config.ts";
import { WHOLE_PLAN_LIMIT, choosePlan } from "../training/prepare.ts";
import type { Machine } from "./calibrate.ts";
import { cachePerToken, forwardOperations, networkParameterCount } from "./counts.ts";
import type { MemoryLine, Network, PlanRequest, TimeLine } from "./work.ts";
import { NETWORKS, adapterSize, rollsOut, rowSizes, short } from "./work.ts";

/**
 * Resident memory of a run of a model of next to nothing, measured: Node.js with attune 80 MB, ONNX
 * Runtime's library and threads 25, and JavaScript's heap, whose young part grows with the first
 * steps (125 MB in all after two of them, 149 after a hundred).
 */
const PROCESS = 140e6;
/**
 * Share of the rate of a large product that a training step reaches, and a roll-out's share of its
 * bound (bench/).
 */
const STEP_SHARE = 0.8;

/** A tensor of which only the shape is known. */
function shapeOnly<D extends DType>(dtype: D, shape: readonly number[]): HostTensor<D> {
  return { dtype, shape, data: new Float32Array(0) as unknown as HostTensor<D>["data"] };
}

function roundedShapes(into: Int8Weights, weight: string, { inputs, outputs }: Projection): void {
  const names = int8Names(weight);
  into
    .set(names.codes, shapeOnly("int8", [inputs, outputs]))
    .set(names.scales, shapeOnly("float32", [outputs]));
  into
    .set(names.transposedCodes, shapeOnly("int8", [outputs, inputs]))
    .set(names.transposedScales, shapeOnly("float32", [inputs]));
}

/** The network without numbers: enough to build graphs with. */
function emptyModel(
  { family, config, adapter, rank, targets, precision }: PlanRequest,
  { trained, reads }: Network,
): Model {
  const frozen = adapter === "lora" || !trained;
  const weights: Model["weights"] = new Map();
  const rounded = frozen && precision === "int8" ? projectionsByWeight(family, config) : undefined;
  const int8: Int8Weights = new Map();
  for (const [name, shape] of Object.entries(weightShapes(family, config))) {
    const projection = rounded?.get(name);
    if (projection) roundedShapes(int8, name, projection);
    else
      weights.set(
        name,
        frozen && precision === "float16" && shape.length > 1
          ? shapeOnly("float16", shape)
          : shapeOnly("float32", shape),
      );
  }
  const model: Model = { family, config, weights, ...(rounded ? { int8 } : {}) };
  if (reads === "scores") model.scoreHead = shapeOnly("float32", [1, config.hiddenSize]);
  if (adapter === "lora" && trained) {
    const projections = family.projections(config);
    const own: NonNullable<Model["adapter"]>["weights"] = new Map();
    for (let layer = 0; layer < config.layers; layer++) {
      for (const target of targets) {
        const { a, b } = adapterNames(family.blockPrefix(layer), target);
        own.set(a, shapeOnly("float32", [rank, projections[target]!.inputs]));
        own.set(b, shapeOnly("float32", [projections[target]!.outputs, rank]));
      }
    }
    model.adapter = { config: { rank, alpha: rank, rsLora: false, targets }, weights: own };
  }
  return model;
}

/** The parameters that would be trained, without their numbers. */
function emptyTrainable(model: Model): TrainableParameters {
  const tensors = [
    ...(model.adapter ? model.adapter.weights : model.weights),
    ...(model.scoreHead ? [[SCORE_HEAD, model.scoreHead] as const] : []),
  ];
  const byName = new Map(
    tensors.map(([name, tensor]) => [
      name,
      { name, value: tensor as HostTensor<"float32">, gradient: tensor as HostTensor<"float32"> },
    ]),
  );
  return {
    values: new Float32Array(0),
    gradients: new Float32Array(0),
    decayed: 0,
    byName,
    has: (name) => byName.has(name),
    get: (name) => byName.get(name)!,
  };
}

/**
 * Stands for the losses that are not linear in what they read; what a loss itself takes is next to
 * nothing.
 */
const anyLoss = (reads: Network["reads"]): Objective => ({
  name: "a loss",
  reads,
  inputs: {},
  build: (readout) => ({ loss: sumAll(square(readout)), metrics: {} }),
});

interface MicroBatch {
  batch: TokenBatch;
  rows: number;
  length: number;
}

function microBatch(request: PlanRequest, reads: Network["reads"]): MicroBatch {
  const sizes = rowSizes(request);
  const packed = request.method === "sft";
  const fitting = Math.max(1, Math.floor(request.microBatchTokens / sizes.length));
  const together = Math.min(request.batchSize, fitting);
  const [rows, length] = packed ? [1, together * sizes.length] : [together, sizes.length];
  const read = together * sizes[reads];
  const tokens = (): HostTensor<"int64"> => zeros("int64", [rows, length]);
  return {
    batch: {
      tokens: tokens(),
      positions: tokens(),
      bias: zeros("float32", [rows, 1, length, length]),
      selected: zeros("int64", [read]),
      targets: zeros("int64", [read]),
    },
    rows: together,
    length,
  };
}

/**
 * How a network is scored, a trained one between its steps: for the reference's log-probabilities,
 * for KTO's z0, for those of a roll-out.
 */
function scoredWays({ method, roles }: PlanRequest, { reads, trained }: Network): ScoreOptions[] {
  if (!trained) return [{}];
  if (method === "sft" || method === "reward" || reads === "scores") return [];
  const base = { adapter: false };
  if (method === "dpo") return [base];
  return rollsOut(method) && roles === "separate" ? [{}] : [base, {}];
}

interface Step extends StepMemory {
  operations: number;
  /** Texts, pairs or answers in it. */
  rows: number;
}

/** One micro-batch of a network that is trained, or of one that is only read. */
async function networkStep(request: PlanRequest, network: Network): Promise<Step> {
  const { method, recompute } = request;
  const model = emptyModel(request, network);
  const objective = method === "sft" ? sftObjective : anyLoss(network.reads);
  const statistics = method === "sft" || (rollsOut(method) && network.name === "policy");
  const temperature =
    method === "ppo" && network.reads === "tokens" ? ppoConfig.fields.temperature.default : 1;
  const { batch, rows, length } = microBatch(request, network.reads);
  const training = network.trained ? { objective, trainable: emptyTrainable(model) } : {};
  const plan = choosePlan(
    { model, reads: network.reads, statistics, temperature, ...training },
    { plan: "auto", recompute, maxLength: length },
  );
  try {
    return {
      ...(await plan.memory(batch, scoredWays(request, network))),
      operations: network.trained ? await plan.operations(batch) : 0,
      rows,
    };
  } finally {
    await plan.close();
  }
}

/** Bytes of the weights of a network that has them for itself. */
function weightBytes(request: PlanRequest, network: Network): number {
  const model = emptyModel(request, network);
  const head = network.reads === "scores" ? 4 * request.config.hiddenSize : 0;
  return [...model.weights.values(), ...(model.int8?.values() ?? [])].reduce(
    (total, { dtype, shape }) => total + elementCount(shape) * ELEMENT_BYTES[dtype],
    head,
  );
}

function networkLines(request: PlanRequest, network: Network): MemoryLine[] {
  const { name, trained } = network;
  const adapted = request.adapter === "lora";
  const lines: MemoryLine[] = [];
  const shared = adapted && request.roles === "shared";
  const count = adapted
    ? adapterSize(request, network)
    : networkParameterCount(request, "tokens") +
      (network.reads === "scores" ? request.config.hiddenSize : 0);
  if (name === "reference" && (shared || !rollsOut(request.method)))
    return [
      {
        item: "reference: weights",
        bytes: 0,
        sum: rollsOut(request.method)
          ? "the base with the adapter off"
          : "its log-probabilities are computed once, before training",
      },
    ];
  if (!shared)
    lines.push({
      item: `${name}: weights`,
      bytes: weightBytes(request, network),
      sum: `${short(networkParameterCount(request, "tokens"))} parameters`,
    });
  if (!trained)
    return shared
      ? [
          {
            item: `${name}: adapter`,
            bytes: 4 * adapterSize(request, network),
            sum: `${short(adapterSize(request, network))} x 4 bytes`,
          },
        ]
      : lines;
  if (adapted)
    lines.push({ item: `${name}: adapter`, bytes: 4 * count, sum: `${short(count)} x 4 bytes` });
  lines.push({ item: `${name}: gradients`, bytes: 4 * count, sum: `${short(count)} x 4 bytes` });
  lines.push({
    item: `${name}: optimiser state`,
    bytes: 8 * count,
    sum: `${short(count)} x 8 bytes`,
  });
  return lines;
}

export async function ownMemory(request: PlanRequest): Promise<MemoryLine[]> {
  const { method, adapter, roles } = request;
  const lines: MemoryLine[] = [
    { item: "Node.js and ONNX Runtime", bytes: PROCESS, sum: "measured" },
  ];
  if (adapter === "lora" && roles === "shared")
    lines.push({
      item: "base: weights",
      bytes: weightBytes(request, { name: "policy", trained: false, reads: "tokens" }),
      sum:
        `${short(networkParameterCount(request, "tokens"))} parameters in ${request.precision}, ` +
        "once for all networks",
    });
  for (const network of NETWORKS[method]) lines.push(...networkLines(request, network));
  for (const network of NETWORKS[method].filter(
    (each) => each.trained || staysOpen(request, each),
  )) {
    const { activations, working, rows } = await networkStep(request, network);
    // A small model's graphs stay between the phases.
    const phase =
      rollsOut(method) && !isWhole(request) ? { phase: `update of the ${network.name}` } : {};
    if (network.trained)
      lines.push({
        item: "activations",
        bytes: activations,
        sum: `${countOf(rows, "row")} of ${countOf(rowSizes(request).length, "token")}`,
        ...phase,
      });
    lines.push({
      item: "within sessions",
      bytes: working,
      sum: `${network.name}: arenas of ONNX Runtime, logits included`,
      ...phase,
    });
  }
  if (rollsOut(method)) lines.push(...rolloutLines(request));
  return lines;
}

/**
 * Whether the sessions that only read a network stay beside those of the others; the block plan's
 * are let go of.
 */
function staysOpen(request: PlanRequest, { name }: Network): boolean {
  return (
    rollsOut(request.method) &&
    isWhole(request) &&
    (name === "reward model" || (name === "reference" && request.roles === "separate"))
  );
}

const isWhole = ({ family, config }: PlanRequest): boolean =>
  parameterCount(family, config) < WHOLE_PLAN_LIMIT;

function rolloutLines(request: PlanRequest): MemoryLine[] {
  const rows = Math.min(request.rolloutBatch, request.batchSize);
  const room = request.promptTokens + request.answerTokens;
  const policy = NETWORKS[request.method][0]!;
  const model = emptyModel(request, policy);
  const count = networkParameterCount(request, "tokens");
  const packs = worthPacking({
    weights: count,
    rows,
    steps: request.answerTokens * Math.ceil(request.batchSize / rows),
    besideTraining: true,
  });
  const { graph, outputs } = buildDecoder(model, {
    weightsFirst: !packs && rows >= WEIGHTS_FIRST_ROWS,
  });
  const { memory } = lower(graph, outputs, { device: "cpu" });
  const prompts = Math.max(
    1,
    Math.min(Math.ceil(rows / request.samples), Math.floor(READ_TOKENS / request.promptTokens)),
  );
  const working = arenaBytes(
    memory,
    {
      batch: prompts,
      step: request.promptTokens,
      cache: request.promptTokens,
      table: room,
      read: prompts,
    },
    { batch: rows, step: 1, cache: room, table: room, read: rows },
  );
  const perToken = 4 * cachePerToken(request);
  const phase = "roll-out";
  const packing = "packing of the roll-out's weights";
  const cached = rows * room + prompts * request.promptTokens;
  const lines: MemoryLine[] = [
    {
      item: "key-value cache",
      bytes: cached * perToken,
      sum:
        `(${rows} x ${room} + ${prompts} x ${request.promptTokens}) tokens x ${short(perToken)} ` +
        "bytes",
      phase,
    },
    {
      item: "logits",
      bytes: 4 * (rows + prompts) * request.config.vocabularySize,
      sum: `${rows + prompts} x ${short(request.config.vocabularySize)} x 4 bytes`,
      phase,
    },
    { item: "within the session", bytes: working, sum: "arena of ONNX Runtime", phase },
  ];
  if (packs) {
    lines.push({
      item: "packed weights",
      bytes: 4 * count,
      sum: `${short(count)} x 4 bytes`,
      phase,
    });
    lines.push({
      item: "packed weights, and their bytes in the model",
      bytes: 2 * 4 * count,
      sum: `2 x ${short(count)} x 4 bytes`,
      phase: packing,
    });
  }
  return lines;
}

export async function ownTime(
  request: PlanRequest,
  { rate, bandwidth }: Pick<Machine, "rate" | "bandwidth">,
): Promise<TimeLine[]> {
  const { method, steps, batchSize, answerTokens, promptTokens } = request;
  const { length, tokens: read } = rowSizes(request);
  const reached = STEP_SHARE * rate;
  const lines: TimeLine[] = [];
  // How much faster depends on the processor's products of bytes, which are not measured.
  const upper = request.precision === "int8" ? ", which is float32's rate: int8 takes less" : "";
  const per = `operations at ${STEP_SHARE} x ${short(rate)} a second${upper}`;
  for (const network of NETWORKS[method]) {
    const forward =
      steps *
      batchSize *
      length *
      forwardOperations(request, {
        context: length / 2,
        read: network.reads === "tokens" ? read / length : 0,
      });
    if (!network.trained || rollsOut(method))
      lines.push({
        item: `${network.name}: reading`,
        seconds: forward / reached,
        sum: `${short(forward)} ${per}`,
      });
    if (!network.trained) continue;
    const step = await networkStep(request, network);
    const passes = rollsOut(method) ? request.ppoEpochs : 1;
    const operations = (steps * passes * batchSize * step.operations) / step.rows;
    lines.push({
      item: `${network.name}: training`,
      seconds: operations / reached,
      sum: `${short(operations)} ${per}`,
    });
    const moved =
      7 *
      4 *
      (request.adapter === "lora"
        ? adapterSize(request, network)
        : networkParameterCount(request, "tokens"));
    lines.push({
      item: `${network.name}: optimiser`,
      seconds: (steps * passes * moved) / bandwidth,
      sum: `${steps * passes} x ${short(moved)} bytes at ${short(bandwidth)} a second`,
    });
  }
  if (rollsOut(method)) {
    const decoding = Math.ceil(batchSize / request.rolloutBatch) * answerTokens * steps;
    const weights = 4 * networkParameterCount(request, "tokens");
    const operations =
      steps *
      batchSize *
      ((promptTokens / request.samples) *
        forwardOperations(request, { context: promptTokens / 2, read: 0 }) +
        answerTokens * forwardOperations(request, { context: length / 2, read: 1 }));
    lines.unshift({
      item: "policy: roll-outs",
      seconds: operations / reached + (decoding * weights) / bandwidth,
      sum:
        `${short(operations)} ${per}, and ${short(decoding)} times ${short(weights)} bytes at ` +
        `${short(bandwidth)} a second`,
    });
  }
  return lines;
}
