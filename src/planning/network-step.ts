/**
 * What a network takes in a step, from the graphs that the run would build, with shapes in place of
 * numbers.
 */
import type { ConfigDefinition } from "../config/config.ts";
import type { DType, HostTensor } from "../core/tensor.ts";
import { ELEMENT_BYTES, elementCount, zeros } from "../core/tensor.ts";
import { square, sumAll } from "../graph/build.ts";
import { adapterNames } from "../models/adapter.ts";
import { modelForContext } from "../models/context.ts";
import type { Projection } from "../models/family.ts";
import type { Int8Weights } from "../models/int8.ts";
import { int8Names } from "../models/int8.ts";
import type { Model } from "../models/model.ts";
import { SCORE_HEAD, projectionsByWeight, weightShapes } from "../models/model.ts";
import type { Objective, ScoreOptions, StepMemory, TokenBatch } from "../models/plans/plan.ts";
import type { TrainableParameters } from "../models/trainable.ts";
import { sftObjective } from "../objectives/sft.ts";
import { TRAINER_CONFIGS } from "../training/configs.ts";
import { TRAINERS } from "../training/trainers.ts";
import { choosePlan } from "../training/choose-plan.ts";
import type { Method, Network, PlanRequest } from "./work.ts";
import { rollsOut, rowSizes } from "./work.ts";

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
export function emptyModel(
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
  const packed = TRAINERS[request.method].learnsFrom === "demonstration";
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
  const { learnsFrom } = TRAINERS[method];
  if (learnsFrom === "demonstration" || reads === "scores") return [];
  const base = { adapter: false };
  if (learnsFrom === "preference") return [base];
  return rollsOut(method) && roles === "separate" ? [{}] : [base, {}];
}

/** What log-probabilities are divided by, as it is where nobody sets it. */
function samplingTemperature(method: Method): number {
  const definition: ConfigDefinition = TRAINER_CONFIGS[method];
  const option = definition.options.find(({ path }) => path === "temperature")?.field;
  return option?.kind === "optional" ? Number(option.default) : 1;
}

interface NetworkStep extends StepMemory {
  operations: number;
  /** Texts, pairs or answers in it. */
  rows: number;
}

/** One micro-batch of a network that is trained, or of one that is only read. */
export async function networkStep(request: PlanRequest, network: Network): Promise<NetworkStep> {
  const { method, recompute } = request;
  const imitates = TRAINERS[method].learnsFrom === "demonstration";
  const objective = imitates ? sftObjective : anyLoss(network.reads);
  const statistics = imitates || (rollsOut(method) && network.name === "policy");
  const temperature = network.reads === "tokens" ? samplingTemperature(method) : 1;
  const { batch, rows, length } = microBatch(request, network.reads);
  const model = modelForContext(emptyModel(request, network), length);
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
export function weightBytes(request: PlanRequest, network: Network): number {
  const model = emptyModel(request, network);
  const head = network.reads === "scores" ? 4 * request.config.hiddenSize : 0;
  return [...model.weights.values(), ...(model.int8?.values() ?? [])].reduce(
    (total, { dtype, shape }) => total + elementCount(shape) * ELEMENT_BYTES[dtype],
    head,
  );
}
