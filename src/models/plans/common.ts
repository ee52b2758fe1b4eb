/** Pieces that both plans share: accumulators, feeds, and reading results back. */
import { invariant } from "../../core/errors.ts";
import type { HostTensor } from "../../core/tensor.ts";
import { addProduct } from "../../graph/build.ts";
import type { Graph, Value } from "../../graph/ir.ts";
import type { Tensors } from "../../runtime/session.ts";
import { threadsFor } from "../../runtime/threads.ts";
import type { Model } from "../model.ts";
import { parameterCount, weightOf } from "../model.ts";
import type { TrainableParameters } from "../trainable.ts";
import type { MetricsOf, Objective, Readings, TokenBatch } from "./plan.ts";

export interface PlanOptions<O extends Objective = Objective> {
  model: Model;
  objective?: O;
  reads: "tokens" | "scores";
  trainable?: TrainableParameters;
  /** Longest sequence that will be fed, tokens. */
  maxLength: number;
  temperature?: number;
  /** Entropy and correctness of every read token; costs two more passes over the logits. */
  statistics?: boolean;
  /** Of an operator. Default by the size of the model; see runtime/threads.ts. */
  threads?: number;
}

const accumulatorName = (name: string): string => `accumulated:${name}`;
const gradientName = (name: string): string => `gradient:${name}`;

/**
 * Adds gradient += of each named parameter to a graph's outputs; the accumulator is an input of the
 * same memory.
 */
export function accumulate(
  graph: Graph,
  gradients: ReadonlyMap<string, Value>,
): Record<string, Value> {
  const outputs: Record<string, Value> = {};
  for (const [name, gradient] of gradients) {
    const accumulator = graph.input(accumulatorName(name), "float32", gradient.shape);
    outputs[gradientName(name)] = addProduct(accumulator, gradient);
  }
  return outputs;
}

/**
 * Feeds and results for the accumulators of `names`, under `local` names where a plan renames them.
 */
export function accumulatorFeeds(
  trainable: TrainableParameters,
  names: Iterable<readonly [local: string, whole: string]>,
): { feeds: Tensors; into: Tensors } {
  const feeds: Record<string, HostTensor> = {};
  const into: Record<string, HostTensor> = {};
  for (const [local, whole] of names) {
    const { gradient } = trainable.get(whole);
    feeds[accumulatorName(local)] = gradient;
    into[gradientName(local)] = gradient;
  }
  return { feeds, into };
}

export function threadOptions({
  model,
  threads = threadsFor(parameterCount(model.family, model.config)),
}: PlanOptions): { threads?: number } {
  return threads === undefined ? {} : { threads };
}

export const namedWeights = (model: Model, names: readonly string[]): Tensors =>
  Object.fromEntries(names.map((name) => [name, weightOf(model, name)]));

/** What a graph for all layers reads of a batch, but for the bias of each kind of layers. */
export function batchFeeds(batch: TokenBatch): Tensors {
  return {
    tokens: batch.tokens,
    positions: batch.positions,
    selected: batch.selected,
    targets: batch.targets,
  };
}

/** Reads a float32 result. */
export function floats(results: Tensors, name: string): Float32Array {
  const tensor = results[name];
  invariant(tensor?.dtype === "float32", `the result ${name} is missing`);
  return tensor.data as Float32Array;
}

export function readings(results: Tensors): Readings {
  const readout = floats(results, "readout");
  if (!results["entropy"]) return { readout };
  return {
    readout,
    statistics: { entropy: floats(results, "entropy"), correct: floats(results, "correct") },
  };
}

export const METRIC = "metric:";

/** The metrics among the results of a session that {@link buildLoss} built the loss of. */
export function metricsOf<O extends Objective>(results: Tensors): MetricsOf<O> {
  const metrics = Object.keys(results)
    .filter((name) => name.startsWith(METRIC))
    .map((name) => {
      const tensor = results[name]!;
      invariant(tensor.dtype === "float32", `${name} is not float32`);
      return [name.slice(METRIC.length), tensor];
    });
  return Object.fromEntries(metrics) as MetricsOf<O>;
}

export const prefixed = (
  prefix: string,
  values: Readonly<Record<string, Value>>,
): Record<string, Value> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));
