/**
 * One harness for every operation: ONNX Runtime's outputs against the interpreter's, and the
 * gradients that autodiff gives against central differences of the interpreter in float64, entry by
 * entry and along a random direction. Source of the idea: optax's and JAX's check_grads.
 * Differences: the interpreter, not the float32 kernel, is differenced, so small tolerances hold;
 * one session serves all sizes of a sample; gradients asked for one input at a time must equal
 * those asked for together.
 */
import { Random } from "../../core/random.ts";
import type { DType, HostTensor } from "../../core/tensor.ts";
import { elementCount } from "../../core/tensor.ts";
import { gradients } from "../autodiff.ts";
import { decompose, resolveShape } from "../dimensions.ts";
import type { Graph, Value } from "../ir.ts";
import type { OpDefinition } from "../op-definition.ts";
import { createGraph, definitionOf } from "../op-table.ts";
import type { OpName } from "../op-types.ts";
import { verify } from "../passes.ts";
import { difference } from "./compare.ts";
import type { PlainTensor } from "../interpreter/plain.ts";
import { fromHost, toHost } from "../interpreter/plain.ts";
import type { PlainInputs } from "../interpreter/interpret.ts";
import { interpreterOf } from "../interpreter/interpret.ts";
import type { Sample, Sizes } from "./samples/sample.ts";

/** What the harness needs of a session. */
export interface Runner {
  run(feeds: Readonly<Record<string, HostTensor>>): Promise<Record<string, HostTensor>>;
  close(): Promise<void>;
}

export interface CheckOptions {
  /** Makes a session of a graph. */
  compile: (graph: Graph, outputs: Record<string, Value>) => Promise<Runner>;
  /** Allowed difference of outputs, relative or absolute, whichever is larger. */
  tolerance?: number;
  gradientTolerance?: number;
}

const isFloat = (dtype: DType): boolean => dtype === "float32" || dtype === "float16";

interface Built {
  outputs: readonly Value[];
  /** Outputs that the gradient is taken of. */
  differentiated: readonly number[];
  /** Inputs that have a gradient. */
  wanted: readonly number[];
  results: Record<string, Value>;
  graph: Graph;
  /** The outputs by the interpreter. */
  interpret: (inputs: PlainInputs) => readonly PlainTensor[];
}

/** One check of an op on a sample with one set of sizes. */
interface Case<N extends OpName> {
  op: N;
  sample: Sample<N>;
  sizes: Sizes;
  built: Built;
  inputs: readonly PlainTensor[];
  upstream: readonly PlainTensor[];
}

/** Outputs that an operation has a gradient of. */
function differentiableOutputs<N extends OpName>(
  definition: OpDefinition<N>,
  sample: Sample<N>,
  outputs: readonly Value[],
): readonly number[] {
  if (typeof definition.gradient !== "function") return [];
  return (sample.outputs ?? definition.differentiable ?? [0]).filter((index) =>
    isFloat(outputs[index]!.dtype),
  );
}

function build<N extends OpName>(op: N, sample: Sample<N>): Built {
  const graph = createGraph();
  const inputs = sample.inputs.map(({ dtype, shape }, index) =>
    graph.input(`input ${index}`, dtype, shape),
  );
  const bound = new Set(
    sample.inputs.flatMap(({ shape }) =>
      shape.filter((dimension) => typeof dimension === "string"),
    ),
  );
  for (const symbol of Object.keys(sample.sizes[0] ?? {}))
    if (!bound.has(symbol)) graph.input(`size of ${symbol}`, "float32", [symbol]);
  const outputs = graph.apply(op, inputs, sample.attributes);
  const differentiated = differentiableOutputs(definitionOf(op), sample, outputs);
  const wanted = inputs.flatMap(({ dtype }, index) =>
    isFloat(dtype) && !sample.constants?.includes(index) ? [index] : [],
  );
  const named = Object.fromEntries(outputs.map((output, index) => [`output ${index}`, output]));
  const evaluate = interpreterOf(graph, named);
  const results: Record<string, Value> = { ...named };
  if (differentiated.length > 0) {
    const seeds = differentiated.map((index) => ({
      output: outputs[index]!,
      gradient: graph.input(`upstream ${index}`, outputs[index]!.dtype, outputs[index]!.shape),
    }));
    const together = gradients(
      graph,
      seeds,
      wanted.map((index) => inputs[index]!),
    );
    wanted.forEach((index, i) => {
      results[`gradient of input ${index}`] = together[i]!;
      if (wanted.length > 1)
        results[`gradient of input ${index} alone`] = gradients(graph, seeds, [inputs[index]!])[0]!;
    });
  }
  verify(graph);
  return {
    graph,
    outputs,
    differentiated,
    wanted,
    results,
    interpret: (given) => Object.values(evaluate(given)),
  };
}

/** A random tensor, with numbers that its dtype holds exactly. */
function randomTensor(
  random: Random,
  dtype: DType,
  shape: readonly number[],
  fill: (flat: number, count: number) => number = () => random.normal(),
): PlainTensor {
  const count = elementCount(shape);
  return fromHost(
    toHost({
      dtype,
      shape,
      data: Float64Array.from({ length: count }, (_, flat) => fill(flat, count)),
    }),
  );
}

function makeCase<N extends OpName>(op: N, sample: Sample<N>, sizes: Sizes, built: Built): Case<N> {
  const random = Random.for(0, op, sample.name, JSON.stringify(sizes));
  const inputs = sample.inputs.map(({ dtype, shape, fill }) =>
    randomTensor(random, dtype, resolveShape(shape, sizes), (flat, count) =>
      fill({ random, flat, count, sizes }),
    ),
  );
  const upstream = built.differentiated.map((index) =>
    randomTensor(
      random,
      built.outputs[index]!.dtype,
      resolveShape(built.outputs[index]!.shape, sizes),
    ),
  );
  return { op, sample, sizes, built, inputs, upstream };
}

function feedsOf<N extends OpName>({
  built,
  inputs,
  upstream,
  sizes,
}: Case<N>): Record<string, HostTensor> {
  const feeds: Record<string, HostTensor> = {};
  inputs.forEach((input, index) => (feeds[`input ${index}`] = toHost(input)));
  built.differentiated.forEach((output, i) => (feeds[`upstream ${output}`] = toHost(upstream[i]!)));
  for (const [name, size] of Object.entries(sizeInputs(built, sizes))) feeds[name] = toHost(size);
  return feeds;
}

/** Inputs that tell the sizes of symbols which no other input has. */
function sizeInputs({ graph }: Built, sizes: Sizes): PlainInputs {
  return Object.fromEntries(
    graph.inputs
      .filter(({ name }) => name.startsWith("size of "))
      .map(({ name, dtype, shape: symbols }) => {
        const shape = resolveShape(symbols, sizes);
        return [name, { dtype, shape, data: new Float64Array(elementCount(shape)) }];
      }),
  );
}

/** Outputs of the interpreter for these inputs. */
function interpreted<N extends OpName>(
  { built, sizes }: Case<N>,
  inputs: readonly PlainTensor[],
): readonly PlainTensor[] {
  const named = inputs.map((input, index) => [`input ${index}`, input] as const);
  return built.interpret({ ...Object.fromEntries(named), ...sizeInputs(built, sizes) });
}

/**
 * Change of (the sum of upstream * output) per unit when inputs move by step * direction, by
 * central differences.
 */
function slope<N extends OpName>(
  checked: Case<N>,
  move: (inputs: PlainTensor[], distance: number) => void,
): number {
  const step = checked.sample.step ?? 1e-4;
  const [ahead, behind] = [step, -step].map((distance) => {
    const moved = checked.inputs.map((input) => ({ ...input, data: input.data.slice() }));
    move(moved, distance);
    return interpreted(checked, moved);
  });
  let total = 0;
  checked.built.differentiated.forEach((output, i) => {
    checked.upstream[i]!.data.forEach(
      (weight, flat) =>
        (total += weight * (ahead![output]!.data[flat]! - behind![output]!.data[flat]!)),
    );
  });
  return total / (2 * step);
}

/** The gradient of each wanted input, entry by entry. */
function wantedGradients<N extends OpName>(checked: Case<N>): Float64Array[] {
  const { sample, built, inputs, upstream } = checked;
  const stated = sample.gradient?.(inputs, upstream);
  return built.wanted.map(
    (index, i) =>
      stated?.[i] ??
      inputs[index]!.data.map((_, flat) =>
        slope(checked, (moved, distance) => void (moved[index]!.data[flat]! += distance)),
      ),
  );
}

/** Compares the derivative along one random direction of all inputs at once. */
function directional<N extends OpName>(
  checked: Case<N>,
  got: readonly PlainTensor[],
  tolerance: number,
): string | undefined {
  const { built, inputs, sample, sizes, op } = checked;
  if (sample.gradient) return undefined;
  const random = Random.for(1, op, sample.name, JSON.stringify(sizes));
  const directions = built.wanted.map((index) => inputs[index]!.data.map(() => random.normal()));
  const want = slope(checked, (moved, distance) =>
    built.wanted.forEach((index, i) =>
      directions[i]!.forEach((along, flat) => void (moved[index]!.data[flat]! += distance * along)),
    ),
  );
  let found = 0;
  let scale = 1;
  got.forEach((gradient, i) =>
    gradient.data.forEach((g, flat) => {
      found += g * directions[i]![flat]!;
      scale += Math.abs(g * directions[i]![flat]!);
    }),
  );
  return Number.isFinite(scale) && Math.abs(found - want) <= tolerance * scale
    ? undefined
    : `the directional derivative is ${found}, differences give ${want}`;
}

function checkGradients<N extends OpName>(
  checked: Case<N>,
  results: Record<string, PlainTensor>,
  tolerance: number,
): string[] {
  const { built, inputs } = checked;
  if (built.differentiated.length === 0) return [];
  const got = built.wanted.map((index) => results[`gradient of input ${index}`]!);
  const complaints = wantedGradients(checked).flatMap((data, i) => {
    const index = built.wanted[i]!;
    const alone = results[`gradient of input ${index} alone`];
    return [
      named(
        `gradient of input ${index}`,
        difference(got[i]!, { ...inputs[index]!, data }, { tolerance }),
      ),
      named(
        `gradient of input ${index} asked for alone`,
        alone && difference(alone, got[i]!, { tolerance: 1e-6 }),
      ),
    ];
  });
  return [...complaints, named("gradient", directional(checked, got, tolerance))].filter(
    (complaint) => complaint !== undefined,
  );
}

const named = (what: string, complaint: string | undefined): string | undefined =>
  complaint === undefined ? undefined : `${what}: ${complaint}`;

/** Runs an operation on a sample; gives what is wrong, nothing where all is well. */
export async function checkSample<N extends OpName>(
  op: N,
  sample: Sample<N>,
  options: CheckOptions,
): Promise<string[]> {
  const built = build(op, sample);
  const runner = await options.compile(built.graph, built.results);
  const complaints: string[] = [];
  for (const sizes of sample.sizes) {
    const checked = makeCase(op, sample, sizes, built);
    const hosts = await runner.run(feedsOf(checked));
    const results = Object.fromEntries(
      Object.entries(hosts).map(([name, host]) => [name, fromHost(host)]),
    );
    const outputs = interpreted(checked, checked.inputs).map((want, index) =>
      named(
        `output ${index}`,
        difference(results[`output ${index}`]!, want, {
          tolerance: options.tolerance ?? 1e-5,
          open: sample.open ?? false,
        }),
      ),
    );
    const wrong = [
      ...outputs.filter((complaint) => complaint !== undefined),
      ...checkGradients(checked, results, options.gradientTolerance ?? 5e-5),
    ];
    complaints.push(
      ...wrong.map(
        (complaint) => `${op}, ${sample.name}, sizes ${JSON.stringify(sizes)}: ${complaint}`,
      ),
    );
  }
  await runner.close();
  return complaints;
}

/** Whether a sample leaves any size to run time. */
export function hasSymbols<N extends OpName>(sample: Sample<N>): boolean {
  return (
    sample.inputs.some(({ shape }) =>
      shape.some((dimension) => decompose(dimension).symbols.length > 0),
    ) || Object.keys(sample.sizes[0] ?? {}).length > 0
  );
}
