/**
 * Sessions: a lowered graph, ready to run on a device. The only room that knows ONNX Runtime.
 *
 * What attune relies on, pinned by tests because a later release may change it (measured with
 * 1.30.0): inputs on the CPU are not copied; a pre-allocated output is written in place, and may be
 * the memory of an input that an elementwise node alone reads; `run` blocks the thread until it is
 * done. What it does beyond that: it copies every output into new memory once more, pre-allocated
 * or not; see docs/decisions/outputs-without-copies.md for how that is avoided.
 */
import type { InferenceSession, Tensor } from "onnxruntime-common";
import { AttuneError } from "../core/errors.ts";
import type { ArrayOf, DType, HostTensor, TensorData } from "../core/tensor.ts";
import { elementCount, zeros } from "../core/tensor.ts";
import type { Dimension } from "../graph/dimensions.ts";
import { fitsSize, resolveShape, symbolSizes, symbolsOf } from "../graph/dimensions.ts";
import type { Graph, Value, ValueType } from "../graph/ir.ts";
import { productOperations, totalOperations } from "../graph/products.ts";
import { arenaBytes } from "../memory/arena.ts";
import type { WorkingMemory } from "../memory/working-memory.ts";
import { workingMemory } from "../memory/working-memory.ts";
import type { LowerOptions, LoweredGraph } from "../onnx/lower.ts";
import { lower } from "../onnx/lower.ts";
import { DEVICE_RUNTIMES, defaultDevice } from "./devices.ts";
import { ort } from "./onnxruntime.ts";

export interface SessionOptions extends LowerOptions {
  /** Threads of one operator; all cores where left out. */
  threads?: number;
  /** Keep freed memory for the next run: faster, at a higher peak. Default true. */
  arena?: boolean;
  /** Write a profile with this file prefix; read it after {@link Session.close}. */
  profile?: string;
  /** What this session is for, in error messages. */
  label?: string;
}

export type Tensors = Readonly<Record<string, HostTensor>>;

/**
 * The first output of every model where outputs are written in place, a sequence. The binding
 * cannot give a sequence to JavaScript and says so by an error, after the graph has run and before
 * it copies any output; what was written in place is complete by then.
 */
const FIRST_OUTPUT = "#first";
const CANNOT_GIVE = /^Non tensor type is temporarily not supported/;
/** Below this many bytes of outputs a copy costs less than an error. */
const SMALL_OUTPUTS = 2 ** 16;

/** What stays known of a graph once its bytes are handed over. */
interface CompiledGraph extends Pick<LoweredGraph, "inputs" | "outputs"> {
  /** Operations of the matrix products, as symbolic sizes whose sum is the cost of a run. */
  readonly operations: readonly Dimension[];
  readonly memory: WorkingMemory;
}

export class Session {
  private readonly session: InferenceSession;
  private readonly graph: CompiledGraph;
  private readonly label: string;

  private constructor(session: InferenceSession, graph: CompiledGraph, label: string) {
    this.session = session;
    this.graph = graph;
    this.label = label;
  }

  /** Lowers a graph with the given outputs and compiles it. */
  static async create(
    graph: Graph,
    outputs: Readonly<Record<string, Value>>,
    options: SessionOptions = {},
  ): Promise<Session> {
    const device = options.device ?? defaultDevice();
    const label = options.label ?? "graph";
    const { provider, writesInPlace } = DEVICE_RUNTIMES[device];
    const { model, nodes, ...names } = lower(graph, outputs, {
      ...options,
      device,
      ...(writesInPlace ? { firstOutput: FIRST_OUTPUT } : {}),
    });
    const compiled = {
      ...names,
      operations: productOperations(nodes),
      memory: workingMemory(nodes, Object.values(outputs), options.cuts),
    };
    const arena = options.arena ?? true;
    try {
      const session = await ort.InferenceSession.create(model, {
        executionProviders: [provider],
        intraOpNumThreads: options.threads ?? 0,
        interOpNumThreads: 1,
        executionMode: "sequential",
        graphOptimizationLevel: "all",
        enableCpuMemArena: arena,
        // With sizes that change from run to run, planned blocks pile up in the arena: twice the
        // memory, no faster.
        enableMemPattern: false,
        // What goes wrong is thrown; logging it too would write over progress bars.
        logSeverityLevel: 4,
        ...(options.profile ? { enableProfiling: true, profileFilePrefix: options.profile } : {}),
      });
      return new Session(session, compiled, label);
    } catch (cause) {
      throw wrapRuntimeError(cause, `cannot prepare ${label} for ${device}`);
    }
  }

  /** Inputs that must be fed. */
  get inputs(): ReadonlyMap<string, ValueType> {
    return this.graph.inputs;
  }

  /**
   * Operations of the matrix products of one run, where the symbols of the inputs have these sizes.
   */
  operations(sizes: Readonly<Record<string, number>>): number {
    return totalOperations(this.graph.operations, sizes);
  }

  /**
   * Bytes that the session holds after runs in which the symbols of the inputs have these sizes:
   * its arena of intermediate values, and constants.
   */
  workingBytes(sizes: Readonly<Record<string, number>>): number {
    const { steps, storedBytes } = this.graph.memory;
    return storedBytes + arenaBytes(steps, sizes);
  }

  /**
   * Runs once. Blocks the thread until done.
   * @param feeds tensors by input name; further names are ignored, so that one set can feed several
   * sessions
   * @param into pre-allocated outputs by name, written in place; outputs without one are allocated
   */
  async run(feeds: Tensors, into: Tensors = {}): Promise<Record<string, HostTensor>> {
    const inputs: Record<string, Tensor> = {};
    for (const [name, type] of this.graph.inputs) inputs[name] = this.feed(name, type, feeds[name]);
    const whole = this.allOutputs(feeds, into);
    if (whole) {
      await this.runInto(inputs, whole);
      return whole;
    }
    const fetches: Record<string, Tensor | null> = {};
    for (const [name, value] of this.graph.outputs)
      fetches[value.name] = into[name] ? wrap(into[name]) : null;
    const results = await this.execute(inputs, fetches);
    const outputs: Record<string, HostTensor> = {};
    for (const [name, value] of this.graph.outputs)
      outputs[name] = into[name] ?? unwrap(results[value.name]!);
    return outputs;
  }

  /**
   * Memory for every output, where they are large enough to be worth it and their sizes follow from
   * the inputs'.
   */
  private allOutputs(feeds: Tensors, into: Tensors): Record<string, HostTensor> | undefined {
    if (!this.session.outputNames.includes(FIRST_OUTPUT)) return undefined;
    const sizes = symbolSizes(
      [...this.graph.inputs].map(([name, { shape }]) => [shape, feeds[name]!.shape]),
    );
    const outputs: Record<string, HostTensor> = {};
    let bytes = 0;
    for (const [name, { dtype, shape }] of this.graph.outputs) {
      if (!into[name] && symbolsOf(shape).some((symbol) => !(symbol in sizes))) return undefined;
      outputs[name] = into[name] ?? zeros(dtype, resolveShape(shape, sizes));
      bytes += outputs[name].data.byteLength;
    }
    return bytes < SMALL_OUTPUTS ? undefined : outputs;
  }

  /** Runs with all outputs in place, without the binding's copies of them. */
  private async runInto(inputs: Record<string, Tensor>, outputs: Tensors): Promise<void> {
    const fetches: Record<string, Tensor | null> = { [FIRST_OUTPUT]: null };
    for (const [name, value] of this.graph.outputs) fetches[value.name] = wrap(outputs[name]!);
    try {
      await this.session.run(inputs, fetches);
    } catch (cause) {
      if (!(cause instanceof Error && CANNOT_GIVE.test(cause.message)))
        throw wrapRuntimeError(cause, `${this.label} failed`);
    }
  }

  private async execute(
    inputs: Record<string, Tensor>,
    fetches: Record<string, Tensor | null>,
  ): Promise<InferenceSession.ReturnType> {
    try {
      return await this.session.run(inputs, fetches);
    } catch (cause) {
      throw wrapRuntimeError(cause, `${this.label} failed`);
    }
  }

  private feed(name: string, type: ValueType, tensor: HostTensor | undefined): Tensor {
    const fits =
      tensor?.dtype === type.dtype &&
      tensor.shape.length === type.shape.length &&
      type.shape.every((dimension, axis) => fitsSize(dimension, tensor.shape[axis]!));
    if (!tensor || !fits) {
      throw new AttuneError("internal", `${this.label}: input ${name} does not fit`, {
        got: tensor ? `${tensor.dtype}[${tensor.shape.join(", ")}]` : "nothing",
        expected: `${type.dtype}[${type.shape.join(", ")}]`,
      });
    }
    return wrap(tensor);
  }

  /** Frees the session; writes the profile where one was asked for. */
  async close(): Promise<void> {
    await this.session.release();
  }

  /** Ends profiling, which writes the profile file. */
  endProfiling(): void {
    this.session.endProfiling();
  }
}

const ORT_TYPE: Record<DType, "float32" | "float16" | "int64" | "int32" | "int8" | "bool"> = {
  float32: "float32",
  float16: "float16",
  int64: "int64",
  int32: "int32",
  int8: "int8",
  bool: "bool",
};

/**
 * ONNX Runtime tensors of host tensors, which share their memory; kept as long as the host tensor
 * lives.
 */
const wrapped = new WeakMap<HostTensor, Tensor>();

function wrap(tensor: HostTensor): Tensor {
  const known = wrapped.get(tensor);
  if (known) return known;
  const result = inBits(
    new ort.Tensor(ORT_TYPE[tensor.dtype] as "float32", tensor.data as Float32Array, [
      ...tensor.shape,
    ]),
  );
  wrapped.set(tensor, result);
  return result;
}

/**
 * Where the language has Float16Array (Node 24), onnxruntime-common looks at float16 numbers
 * through it, and the native binding of 1.30 takes that for no data at all: the same memory as
 * 16-bit patterns, as everywhere in attune.
 */
function inBits(tensor: Tensor): Tensor {
  if (tensor.type !== "float16" || (tensor.data as unknown) instanceof Uint16Array) return tensor;
  const { buffer, byteOffset, length } = tensor.data as unknown as Uint16Array;
  return Object.assign(tensor, { cpuData: new Uint16Array(buffer, byteOffset, length) });
}

function unwrap(result: Tensor): HostTensor {
  const tensor = inBits(result);
  const data = tensor.data as unknown as TensorData & ArrayOf[DType];
  const host: HostTensor = { dtype: tensor.type as DType, shape: tensor.dims, data };
  if (data.length !== elementCount(tensor.dims))
    throw new AttuneError("internal", "an output has another size than its shape says");
  wrapped.set(host, tensor);
  return host;
}

/**
 * ONNX Runtime names the node that failed; its name is the path of the model code that made it, so
 * it is brought to the front of the message.
 */
function wrapRuntimeError(cause: unknown, what: string): AttuneError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const node =
    /Name:'([^']+)'/.exec(text)?.[1] ??
    /Node \(([^)]+)\)/.exec(text)?.[1] ??
    /In Node, \("([^"]+)"/.exec(text)?.[1];
  const noDevice = /Failed to get a WebGPU adapter/.test(text);
  const hint = noDevice
    ? "WebGPU needs a GPU with a driver (on Linux, for Vulkan); without one, leave ATTUNE_DEVICE " +
      "unset to run on the CPU"
    : undefined;
  return new AttuneError("runtime", node ? `${what} at ${node}` : what, {
    got: text.slice(0, 600),
    cause,
    ...(hint ? { hint } : {}),
  });
}
