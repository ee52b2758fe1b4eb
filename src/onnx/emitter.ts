/**
 * Collects ONNX nodes, constants and the shapes that are known only at run time, while the op table
 * writes a graph out.
 * Source of the message layout: onnx.proto3.
 */
import { AttuneError } from "../core/errors.ts";
import type { DType, HostTensor } from "../core/tensor.ts";
import { float32, int64 } from "../core/tensor.ts";
import type { Dimension, Shape } from "../graph/dimensions.ts";
import { decompose } from "../graph/dimensions.ts";
import type { AttributeValue, NodeOptions, NodeWriter } from "../graph/emission.ts";
import type { Value, ValueType } from "../graph/ir.ts";
import { Message } from "./wire.ts";

/**
 * A tensor whose bytes lie in another file beside the model, as models above protobuf's 2 GB need.
 */
export interface ExternalTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** File name, relative to the model, and where in it the bytes are. */
  readonly external: {
    readonly location: string;
    readonly offset: number;
    readonly length: number;
  };
}

/** Numbers of onnx.TensorProto.DataType. */
const ONNX_TYPE: Record<DType, number> = {
  float32: 1,
  float16: 10,
  int64: 7,
  int32: 6,
  int8: 3,
  bool: 9,
};
const UNSIGNED_BYTE = 2;
const IR_VERSION = 9;
const OPSET = 18;

interface Axis {
  input: string;
  axis: number;
}

export class Emitter implements NodeWriter {
  private readonly nodes: Message[] = [];
  private readonly initializers: Message[] = [];
  private readonly cache = new Map<string, string>();
  private readonly symbols = new Map<string, Axis>();
  /** Symbols that inputs have with a factor only, as in 4*block. */
  private readonly multiples = new Map<string, Axis & { factor: number }>();
  private readonly used = new Set<string>();
  private current = "graph";

  /** @param inputs the model's inputs, from whose sizes unknown dimensions are read */
  constructor(inputs: readonly Value[]) {
    for (const input of inputs) this.bindSymbols(input);
  }

  private bindSymbols(input: Value): void {
    input.shape.forEach((dimension, axis) => {
      if (typeof dimension !== "string") return;
      const place = { input: input.name, axis };
      if (!this.symbols.has(dimension)) this.symbols.set(dimension, place);
      const { coefficient, symbols } = decompose(dimension);
      if (symbols.length === 1 && coefficient > 1)
        this.multiples.set(symbols[0]!, { ...place, factor: coefficient });
    });
  }

  /** What is written is named after a graph node from here on. */
  under(name: string): this {
    this.current = name;
    return this;
  }

  /** Adds an ONNX node and returns the names of its outputs. */
  nodeOutputs(opType: string, inputs: readonly string[], options: NodeOptions = {}): string[] {
    const outputs =
      options.outputs ??
      Array.from({ length: options.outputCount ?? 1 }, () =>
        this.fresh(`${this.current}#${opType}`),
      );
    const message = new Message();
    for (const input of inputs) message.text(1, input);
    for (const output of outputs) message.text(2, output);
    message.text(3, this.fresh(this.current)).text(4, opType);
    for (const [name, value] of Object.entries(options.attributes ?? {}))
      message.message(5, attributeMessage(name, value));
    if (options.domain) message.text(7, options.domain);
    this.nodes.push(message);
    return [...outputs];
  }

  /** Adds an ONNX node with one output and returns its name. */
  node(opType: string, inputs: readonly string[], options: NodeOptions = {}): string {
    return this.nodeOutputs(opType, inputs, options)[0]!;
  }

  /** A small constant, shared between equal uses. */
  constant(tensor: HostTensor): string {
    const key = `${tensor.dtype}[${tensor.shape.join(",")}]${tensor.data.join(",")}`;
    return this.cached(key, () => {
      const name = this.fresh("#constant");
      this.initializer(name, tensor);
      return name;
    });
  }

  scalar(value: number): string {
    return this.constant(float32([], [value]));
  }

  integers(values: readonly number[]): string {
    return this.constant(int64([values.length], values));
  }

  byte(value: number): string {
    return this.cached(`byte ${value}`, () => {
      const name = this.fresh("#constant");
      this.initializers.push(
        new Message().integer(2, UNSIGNED_BYTE).text(8, name).bytes(9, Uint8Array.of(value)),
      );
      return name;
    });
  }

  /** A tensor stored in the model, or beside it, under a given name. */
  initializer(name: string, tensor: HostTensor | ExternalTensor): void {
    const message = new Message();
    for (const dim of tensor.shape) message.integer(1, dim);
    message.integer(2, ONNX_TYPE[tensor.dtype]).text(8, name);
    if ("external" in tensor) {
      for (const [key, value] of Object.entries(tensor.external))
        message.message(13, new Message().text(1, key).text(2, String(value)));
      message.integer(14, 1);
    } else {
      message.bytes(
        9,
        new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength),
      );
    }
    this.initializers.push(message);
  }

  /**
   * The int64 vector of a shape, as Reshape, Expand and ConstantOfShape take it. Known shapes are
   * constants; a reshape with one unknown dimension uses -1; everything else is read from the
   * graph's inputs, once per shape.
   */
  shape(shape: Shape, options: { allowInfer?: boolean } = {}): string {
    const unknown = shape.filter((dimension) => typeof dimension === "string").length;
    if (unknown === 0) return this.integers(shape as readonly number[]);
    if (unknown === 1 && options.allowInfer)
      return this.integers(shape.map((d) => (typeof d === "string" ? -1 : d)));
    return this.cached(`shape[${shape.join(",")}]`, () => {
      const parts = shape.map((dimension) => this.dimension(dimension));
      return parts.length === 1
        ? parts[0]!
        : this.node("Concat", parts, { attributes: { axis: 0 } });
    });
  }

  /** A dimension as an int64 vector of length 1. */
  private dimension(dimension: Dimension): string {
    if (typeof dimension === "number") return this.integers([dimension]);
    return this.cached(`dimension ${dimension}`, () => {
      const whole = this.symbols.get(dimension);
      if (whole) return this.inputSize(whole.input, whole.axis);
      const { coefficient, symbols } = decompose(dimension);
      const factors = symbols.map((symbol) => this.symbolSize(symbol));
      if (coefficient !== 1) factors.push(this.integers([coefficient]));
      return factors.reduce((left, right) => this.node("Mul", [left, right]));
    });
  }

  private symbolSize(symbol: string): string {
    const whole = this.symbols.get(symbol);
    if (whole) return this.inputSize(whole.input, whole.axis);
    const multiple = this.multiples.get(symbol);
    if (!multiple)
      throw new AttuneError(
        "internal",
        `${this.current}: no input of the graph has the dimension ${symbol}`,
      );
    return this.cached(`symbol ${symbol}`, () =>
      this.node("Div", [
        this.inputSize(multiple.input, multiple.axis),
        this.integers([multiple.factor]),
      ]),
    );
  }

  private inputSize(input: string, axis: number): string {
    return this.cached(`size ${input} ${axis}`, () =>
      this.node("Shape", [input], { attributes: { start: axis, end: axis + 1 } }),
    );
  }

  private cached(key: string, make: () => string): string {
    const known = this.cache.get(key);
    if (known !== undefined) return known;
    const name = make();
    this.cache.set(key, name);
    return name;
  }

  private fresh(base: string): string {
    let name = base;
    for (let count = 1; this.used.has(name); count++) name = `${base}~${count}`;
    this.used.add(name);
    return name;
  }

  /**
   * The bytes of the ONNX model.
   * @param firstOutput name of an output before all others that is an empty sequence, see
   * `LowerOptions.firstOutput`
   */
  model(inputs: readonly Value[], outputs: readonly Value[], firstOutput?: string): Uint8Array {
    if (firstOutput !== undefined)
      this.nodeOutputs("SequenceEmpty", [], { outputs: [firstOutput] });
    const graph = new Message();
    for (const node of this.nodes) graph.message(1, node);
    graph.text(2, "attune");
    for (const initializer of this.initializers) graph.message(5, initializer);
    for (const input of inputs) graph.message(11, valueMessage(input.name, input));
    if (firstOutput !== undefined) graph.message(12, sequenceMessage(firstOutput));
    for (const output of outputs) graph.message(12, valueMessage(output.name, output));
    const model = new Message().integer(1, IR_VERSION).text(2, "attune").message(7, graph);
    model.message(8, new Message().text(1, "").integer(2, OPSET));
    model.message(8, new Message().text(1, "com.microsoft").integer(2, 1));
    return model.finish();
  }
}

function attributeMessage(name: string, value: AttributeValue): Message {
  const message = new Message().text(1, name);
  if (typeof value === "string") return message.text(4, value).integer(20, 3);
  if (typeof value === "number") return message.integer(3, value).integer(20, 2);
  if ("float" in value) return message.float(2, value.float).integer(20, 1);
  if ("dtype" in value) return message.integer(3, ONNX_TYPE[value.dtype]).integer(20, 2);
  for (const item of value) message.integer(8, item);
  return message.integer(20, 7);
}

/** A sequence of float32 tensors. */
function sequenceMessage(name: string): Message {
  const element = new Message().message(1, new Message().integer(1, ONNX_TYPE.float32));
  return new Message()
    .text(1, name)
    .message(2, new Message().message(4, new Message().message(1, element)));
}

function valueMessage(name: string, type: ValueType): Message {
  const shape = new Message();
  for (const dimension of type.shape) {
    shape.message(
      1,
      typeof dimension === "number"
        ? new Message().integer(1, dimension)
        : new Message().text(2, dimension),
    );
  }
  const tensor = new Message().integer(1, ONNX_TYPE[type.dtype]).message(2, shape);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}
