/**
 * Optimisers as graphs that update flat parameter buffers in place, a slice at a time, so that the
 * temporaries stay in the processor's cache whatever the size of the model.
 */
import { AttuneError } from "../core/errors.ts";
import type { HostTensor } from "../core/tensor.ts";
import { float32 } from "../core/tensor.ts";
import { add, divide, multiply, sqrt, subtract, sumAll } from "../graph/build.ts";
import type { Graph, Value } from "../graph/ir.ts";
import { createGraph } from "../graph/op-table.ts";
import type { SessionOptions } from "../runtime/session.ts";
import { Session } from "../runtime/session.ts";
import { threadsFor } from "../runtime/threads.ts";

/** The part of TrainableParameters that an optimiser touches. */
export interface FlatParameters {
  readonly values: Float32Array;
  readonly gradients: Float32Array;
  /** Elements before this index are subject to weight decay. */
  readonly decayed: number;
}

export interface StepOptions {
  /** Learning rate of this step. */
  learningRate: number;
  /** Factor on the gradients, from clipping. */
  gradientScale: number;
}

export interface Optimizer {
  /** Updates the parameters from their gradients. Gradients are left as they are. */
  step(options: StepOptions): Promise<void>;
  /** Buffers that a checkpoint must keep, by name. */
  readonly state: Readonly<Record<string, Float32Array>>;
  /** Number of steps taken; restored from a checkpoint together with the state. */
  steps: number;
  close(): Promise<void>;
}

const SLICE = 262_144;

/** On the CPU, where the parameters are. */
function elementwise({ values }: FlatParameters): SessionOptions {
  const threads = threadsFor(values.length);
  return { device: "cpu", ...(threads === undefined ? {} : { threads }) };
}

/**
 * Views [start, end) of several flat buffers, made once per slice so that the runtime's tensors are
 * reused.
 */
function slices(
  buffers: Readonly<Record<string, Float32Array>>,
  decayed: number,
): { tensors: Record<string, HostTensor>; decays: boolean }[] {
  const size = Object.values(buffers)[0]!.length;
  const bounds = [0, decayed, size];
  const result: { tensors: Record<string, HostTensor>; decays: boolean }[] = [];
  for (let part = 0; part < 2; part++) {
    for (let start = bounds[part]!; start < bounds[part + 1]!; start += SLICE) {
      const end = Math.min(start + SLICE, bounds[part + 1]!);
      const view = (buffer: Float32Array): HostTensor =>
        float32([end - start], buffer.subarray(start, end));
      result.push({
        tensors: Object.fromEntries(
          Object.entries(buffers).map(([name, buffer]) => [name, view(buffer)]),
        ),
        decays: part === 0,
      });
    }
  }
  return result;
}

const scalar = (value: number): HostTensor => float32([], [value]);

export interface AdamWOptions {
  beta1: number;
  beta2: number;
  /** Added to sqrt(v / (1 - beta2^t)), that is after bias correction, as PyTorch does. */
  epsilon: number;
  /** Decoupled: w is multiplied by 1 - learning rate * weight decay. */
  weightDecay: number;
}

/**
 * AdamW (Loshchilov and Hutter 2019, Algorithm 2) in the arrangement of torch.optim.AdamW. Vectors
 * (norms and biases) are not decayed.
 */
export async function createAdamW(
  parameters: FlatParameters,
  options: AdamWOptions,
): Promise<Optimizer> {
  const [graph, outputs] = adamWGraph(options);
  const session = await Session.create(graph, outputs, {
    label: "AdamW",
    ...elementwise(parameters),
  });
  const state = {
    exp_avg: new Float32Array(parameters.values.length),
    exp_avg_sq: new Float32Array(parameters.values.length),
  };
  const parts = slices(
    { w: parameters.values, g: parameters.gradients, m: state.exp_avg, v: state.exp_avg_sq },
    parameters.decayed,
  );
  const optimizer: Optimizer = {
    state,
    steps: 0,
    async step({ learningRate, gradientScale }) {
      optimizer.steps++;
      const shared = {
        gradientScale: scalar(gradientScale),
        stepSize: scalar(learningRate / (1 - options.beta1 ** optimizer.steps)),
        secondCorrection: scalar(1 / Math.sqrt(1 - options.beta2 ** optimizer.steps)),
      };
      const decay = scalar(1 - learningRate * options.weightDecay);
      const none = scalar(1);
      for (const { tensors, decays } of parts) {
        await session.run(
          { ...tensors, ...shared, keep: decays ? decay : none },
          { w2: tensors["w"]!, m2: tensors["m"]!, v2: tensors["v"]! },
        );
      }
    },
    close: () => session.close(),
  };
  return optimizer;
}

function adamWGraph({ beta1, beta2, epsilon }: AdamWOptions): [Graph, Record<string, Value>] {
  const graph = createGraph();
  const vector = (name: string): Value => graph.input(name, "float32", ["n"]);
  const number = (name: string): Value => graph.input(name, "float32", []);
  const [w, g, m, v] = [vector("w"), vector("g"), vector("m"), vector("v")];
  const slope = multiply(g, number("gradientScale"));
  const m2 = add(multiply(m, beta1), multiply(slope, 1 - beta1));
  const v2 = add(multiply(v, beta2), multiply(multiply(slope, slope), 1 - beta2));
  const deviation = add(multiply(sqrt(v2), number("secondCorrection")), epsilon);
  const w2 = subtract(
    multiply(w, number("keep")),
    multiply(divide(m2, deviation), number("stepSize")),
  );
  return [graph, { w2, m2, v2 }];
}

/** Plain stochastic gradient descent with decoupled weight decay. */
export async function createSgd(
  parameters: FlatParameters,
  options: { weightDecay: number },
): Promise<Optimizer> {
  const graph = createGraph();
  const [w, g] = [graph.input("w", "float32", ["n"]), graph.input("g", "float32", ["n"])];
  const w2 = subtract(
    multiply(w, graph.input("keep", "float32", [])),
    multiply(g, graph.input("stepSize", "float32", [])),
  );
  const session = await Session.create(graph, { w2 }, { label: "SGD", ...elementwise(parameters) });
  const parts = slices({ w: parameters.values, g: parameters.gradients }, parameters.decayed);
  const optimizer: Optimizer = {
    state: {},
    steps: 0,
    async step({ learningRate, gradientScale }) {
      optimizer.steps++;
      const stepSize = scalar(learningRate * gradientScale);
      const decay = scalar(1 - learningRate * options.weightDecay);
      const none = scalar(1);
      for (const { tensors, decays } of parts)
        await session.run(
          { ...tensors, stepSize, keep: decays ? decay : none },
          { w2: tensors["w"]! },
        );
    },
    close: () => session.close(),
  };
  return optimizer;
}

export interface GradientNorm {
  /** Euclidean norm over all gradients. */
  measure(): Promise<number>;
  close(): Promise<void>;
}

/** Measures the global norm, slice by slice, summed in float64. */
export async function createGradientNorm(parameters: FlatParameters): Promise<GradientNorm> {
  const graph = createGraph();
  const g = graph.input("g", "float32", ["n"]);
  const session = await Session.create(
    graph,
    { total: sumAll(multiply(g, g)) },
    { label: "gradient norm", ...elementwise(parameters) },
  );
  const parts = slices({ g: parameters.gradients }, parameters.decayed);
  return {
    async measure() {
      let total = 0;
      for (const { tensors } of parts)
        total += (await session.run(tensors))["total"]!.data[0] as number;
      return Math.sqrt(total);
    },
    close: () => session.close(),
  };
}

/**
 * Factor that brings the gradients to at most `maxNorm` (torch.nn.utils.clip_grad_norm_); 1 where
 * there is no limit.
 */
export function clipFactor(norm: number, maxNorm: number | undefined): number {
  if (maxNorm === undefined || maxNorm === 0) return 1;
  return Math.min(1, maxNorm / (norm + 1e-6));
}

interface NamedParameter {
  name: string;
  value: HostTensor<"float32">;
  gradient: HostTensor<"float32">;
}

/**
 * The first parameter whose value is not finite, else the first whose gradient is not, for the
 * message of a run that must stop.
 */
export function findNonFinite(parameters: Iterable<NamedParameter>): string | undefined {
  const all = [...parameters];
  const value = all.find(({ value: { data } }) => !data.every(Number.isFinite));
  if (value) return value.name;
  const gradient = all.find(({ gradient: { data } }) => !data.every(Number.isFinite));
  return gradient && `the gradient of ${gradient.name}`;
}

/**
 * The first parameter whose value is not finite: a step may have been finite and its update not.
 */
export function nonFiniteValue({
  values,
  byName,
}: {
  values: Float32Array;
  byName: ReadonlyMap<string, NamedParameter>;
}): string | undefined {
  return values.every(Number.isFinite) ? undefined : findNonFinite(byName.values());
}

/** Throws with the tensor named; the caller keeps the last good checkpoint. */
export function nonFiniteError(step: number, tensor: string): AttuneError {
  return new AttuneError("numeric", `step ${step}: ${tensor} is not finite (NaN or infinity)`, {
    hint:
      "a lower learning rate, a smaller max gradient norm, or a look at the data of this step; " +
      "the last checkpoint is kept",
  });
}
