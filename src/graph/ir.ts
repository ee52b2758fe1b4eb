/**
 * The intermediate representation: a graph of values and nodes, in the order in which they were
 * made (which is a topological order). What an operation means is not here but in the op table, of
 * which a graph is given the shape rules.
 */
import { AttuneError, invariant } from "../core/errors.ts";
import type { DType, HostTensor } from "../core/tensor.ts";
import { float32, int64 } from "../core/tensor.ts";
import type { Dimension, Shape } from "./dimensions.ts";
import { formatShape } from "./dimensions.ts";
import type { OpAttributes, OpName } from "./op-types.ts";

export interface ValueType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** A tensor in a graph: an input, a constant, or one output of a node. */
export interface Value extends ValueType {
  readonly graph: Graph;
  readonly id: number;
  /** Unique in its graph; the ONNX name. */
  readonly name: string;
  readonly producer: GraphNode | undefined;
  readonly constant: HostTensor | undefined;
  /** Of a scalar constant: the number before it was rounded to float32. */
  readonly written: number | undefined;
}

/** A use of an operation; without a name one of any, told apart by `op`. */
export type GraphNode<N extends OpName = OpName> = { [K in N]: NodeOf<K> }[N];

interface NodeOf<N extends OpName> {
  readonly op: N;
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly attributes: OpAttributes[N];
  readonly outputs: readonly Value[];
}

/** Types of an operation's outputs; throws when the inputs do not fit. */
export type ShapeRule<N extends OpName> = (
  inputs: readonly ValueType[],
  attributes: OpAttributes[N],
) => ValueType[];

export type ShapeRules = { readonly [N in OpName]: { readonly infer: ShapeRule<N> } };

export class Graph {
  readonly nodes: GraphNode[] = [];
  readonly inputs: Value[] = [];
  private readonly scopes: string[] = [];
  private readonly names = new Map<string, number>();
  private readonly constants = new Map<string, Value>();
  private readonly rules: ShapeRules;
  private nextId = 0;

  constructor(rules: ShapeRules) {
    this.rules = rules;
  }

  /** Declares an input. Its name is used as it is, and must be new in this graph. */
  input(name: string, dtype: DType, shape: Shape): Value {
    if (this.names.has(name))
      throw new AttuneError("internal", `the graph already has a value named ${name}`);
    this.names.set(name, 1);
    const value = this.value({ dtype, shape }, name);
    this.inputs.push(value);
    return value;
  }

  /** A constant that is part of the graph; equal constants are shared. */
  constant(tensor: HostTensor): Value {
    const key = `${tensor.dtype}${formatShape(tensor.shape)}:${tensor.data.join(",")}`;
    return this.shared(key, { constant: tensor });
  }

  /** A float32 scalar constant. */
  scalar(value: number): Value {
    return this.shared(`scalar ${value}`, { constant: float32([], [value]), written: value });
  }

  /** An int64 vector constant. */
  integers(values: readonly number[]): Value {
    return this.constant(int64([values.length], values));
  }

  /**
   * Prefixes the names of all nodes made inside `build`, so that an error or a profile leads back
   * to the model code.
   */
  scope<T>(name: string, build: () => T): T {
    this.scopes.push(name);
    try {
      return build();
    } finally {
      this.scopes.pop();
    }
  }

  /**
   * Like {@link scope}, but replacing the current prefix: gradient nodes take the name of the node
   * they belong to.
   */
  scopeFromRoot<T>(name: string, build: () => T): T {
    const saved = this.scopes.splice(0);
    try {
      return this.scope(name, build);
    } finally {
      this.scopes.push(...saved);
    }
  }

  /**
   * Adds a node and returns its outputs. Throws with the names and shapes of its inputs when they
   * do not fit.
   */
  apply<N extends OpName>(
    op: N,
    inputs: readonly Value[],
    attributes: OpAttributes[N],
  ): readonly Value[] {
    for (const input of inputs)
      invariant(input.graph === this, `${op} got the value ${input.name} of another graph`);
    const name = this.uniqueName([...this.scopes, op].join("/"));
    const types = this.inferTypes(op, name, inputs, attributes);
    const outputs: Value[] = [];
    const node: GraphNode<N> = { op, name, inputs, attributes, outputs };
    const erased = node as GraphNode;
    types.forEach((type, index) =>
      outputs.push(
        this.value(type, index === 0 ? `${name}:out` : `${name}:out${index}`, { producer: erased }),
      ),
    );
    this.nodes.push(erased);
    return outputs;
  }

  private inferTypes<N extends OpName>(
    op: N,
    name: string,
    inputs: readonly Value[],
    attributes: OpAttributes[N],
  ): ValueType[] {
    try {
      return this.rules[op].infer(inputs, attributes);
    } catch (cause) {
      const given = inputs
        .map((input) => `${input.name}: ${input.dtype}${formatShape(input.shape)}`)
        .join("; ");
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new AttuneError("internal", `${name}: ${reason}`, { got: given, cause });
    }
  }

  private shared(key: string, parts: { constant: HostTensor; written?: number }): Value {
    const known = this.constants.get(key);
    if (known) return known;
    const value = this.value(parts.constant, this.uniqueName("constant"), parts);
    this.constants.set(key, value);
    return value;
  }

  private value(
    { dtype, shape }: ValueType,
    name: string,
    { producer, constant, written }: Partial<Pick<Value, "producer" | "constant" | "written">> = {},
  ): Value {
    return { graph: this, id: this.nextId++, name, dtype, shape, producer, constant, written };
  }

  private uniqueName(base: string): string {
    const count = this.names.get(base) ?? 0;
    this.names.set(base, count + 1);
    if (count === 0) return base;
    const name = `${base}_${count}`;
    return this.names.has(name) ? this.uniqueName(name) : (this.names.set(name, 1), name);
  }
}

/** The size of one axis that must be a plain number. */
export function staticDimension(dimension: Dimension | undefined, what: string): number {
  if (typeof dimension !== "number")
    throw new AttuneError(
      "internal",
      `${what} must be known when the graph is built, got ${String(dimension)}`,
    );
  return dimension;
}
