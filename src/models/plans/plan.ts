/**
 * What a training or scoring step reads and gives, whichever plan executes it. Two plans satisfy
 * it: one graph for the whole model (fewest calls, best for small models), and one pair of graphs
 * for a block, run for every layer.
 */
import type { HostTensor } from "../../core/tensor.ts";
import type { Shape } from "../../graph/dimensions.ts";
import type { Value, ValueType } from "../../graph/ir.ts";

/** Added to the score of a key that a token must not see. */
export const HIDDEN = -1e9;

/** Token sequences laid out for attention. N = B * T rows of hidden states. */
export interface TokenBatch {
  /** int64 [B, T] */
  tokens: HostTensor<"int64">;
  /** int64 [B, T] */
  positions: HostTensor<"int64">;
  /**
   * float32 [B, 1, T, T], added to the attention scores: 0 where a token may see a key of its text,
   * {@link HIDDEN} elsewhere.
   * Windows are not in it: plans add those of each kind of layers, by the positions.
   */
  bias: HostTensor<"float32">;
  /** Rows of the N hidden states that are read out, int64 [S]; a row may be read more than once. */
  selected: HostTensor<"int64">;
  /** Token whose log-probability is read at each selected row, int64 [S]; all 0 for scores. */
  targets: HostTensor<"int64">;
}

/** What is read at the selected rows: log p(target), or a scalar score. */
export type Reading = "tokens" | "scores";

export interface BuiltObjective<Metric extends string = string, Term extends string = string> {
  /** Scalar. */
  loss: Value;
  /** Further results of a training step by name, float32 of any shape. */
  metrics: Readonly<Record<Metric, Value>>;
  /** What metrics are made of and training does not compute: evaluated by the interpreter alone. */
  terms?: Readonly<Record<Term, Value>>;
}

/** Inputs by name; `selected` is the symbol of the read rows, any other symbol is free. */
export type InputTypes = Readonly<Record<string, ValueType>>;

/**
 * A loss over what was read, as graph. Sums, not means: the caller scales by the counts of the
 * whole optimiser step, so that accumulation over micro-batches of different sizes is exact.
 */
export interface Objective<
  Inputs extends InputTypes = InputTypes,
  Metric extends string = string,
  Term extends string = string,
> {
  readonly name: string;
  readonly reads: Reading;
  /** What it reads beside the readout. */
  readonly inputs: Inputs;
  /** @param readout float32 [S] */
  build(
    readout: Value,
    inputs: { readonly [Name in keyof Inputs]: Value },
  ): BuiltObjective<Metric, Term>;
  /**
   * Name of the input [S] that holds d loss / d readout, where the loss is linear in the readout:
   * the head is then computed once instead of twice.
   */
  readonly linearIn?: string & keyof Inputs;
}

/** An objective with the names and types of its inputs and metrics taken from its definition. */
export const defineObjective = <
  const Inputs extends InputTypes,
  Metric extends string,
  Term extends string = never,
>(
  objective: Objective<Inputs, Metric, Term>,
): Objective<Inputs, Metric, Term> => objective;

/** Declares an objective's inputs and builds its loss over what was read, float32 [S]. */
export function buildLoss<Inputs extends InputTypes, Metric extends string, Term extends string>(
  objective: Objective<Inputs, Metric, Term>,
  readout: Value,
): BuiltObjective<Metric, Term> {
  const { graph } = readout;
  const inputs = Object.fromEntries(
    Object.entries(objective.inputs).map(([name, type]) => [
      name,
      graph.input(name, type.dtype, type.shape),
    ]),
  ) as { [Name in keyof Inputs]: Value };
  return graph.scope(objective.name, () => objective.build(readout, inputs));
}

/** Sizes that fit a shape: a symbol stands for any. */
type SizesOf<S extends Shape> = {
  readonly [Axis in keyof S]: S[Axis] extends number ? S[Axis] : number;
};

/** The tensors that an objective is fed with, by name. */
export type InputsOf<O extends Objective> = {
  readonly [Name in keyof O["inputs"]]: HostTensor<
    O["inputs"][Name]["dtype"],
    SizesOf<O["inputs"][Name]["shape"]>
  >;
};

/** The results of an objective's training step beside its loss, by name. */
export type MetricsOf<O extends Objective> = {
  readonly [Name in keyof ReturnType<O["build"]>["metrics"]]: HostTensor<"float32">;
};

/** Names of what the interpreter gives beside the loss. */
export type TermsOf<O extends Objective> =
  | keyof ReturnType<O["build"]>["metrics"]
  | keyof NonNullable<ReturnType<O["build"]>["terms"]>;

export interface Statistics {
  /** Entropy of the distribution at each selected row, nats. */
  entropy: Float32Array;
  /** 1 where the target was the most likely token. */
  correct: Float32Array;
}

export interface Readings {
  /** log p(target) or score at each selected row. */
  readout: Float32Array;
  statistics?: Statistics;
}

export interface StepResult<O extends Objective = Objective> extends Readings {
  loss: number;
  metrics: MetricsOf<O>;
}

export interface ScoreOptions {
  /**
   * False reads the base model as if no adapter were attached: the reference of an adapter run.
   * Default true.
   */
  adapter?: boolean;
}

/**
 * `all` of a block's forward is computed again in its backward; or what lies `between` its
 * projections, whose results are kept; or `none`.
 */
export const RECOMPUTE = ["all", "between", "none"] as const;
export type Recompute = (typeof RECOMPUTE)[number];

export interface StepMemory {
  /** Hidden states and other values that are kept from forward to backward, bytes. */
  activations: number;
  /** Values within one session, bytes: every session keeps what it once took. */
  working: number;
}

/** @typeParam O the objective whose loss it computes */
export interface ExecutionPlan<O extends Objective = Objective> {
  /** Reads without gradients. */
  score(batch: TokenBatch, options?: ScoreOptions): Promise<Readings>;
  /** Computes the loss and adds its gradients to the trainable parameters' accumulators. */
  step(batch: TokenBatch, inputs: InputsOf<O>): Promise<StepResult<O>>;
  /** Operations of the matrix products of one step, those that are computed again included. */
  operations(batch: TokenBatch): Promise<number>;
  /**
   * Memory of one step, beside weights, gradients and the optimiser's state.
   * @param scored ways in which batches of this size are scored as well: their sessions stay
   */
  memory(batch: TokenBatch, scored?: readonly ScoreOptions[]): Promise<StepMemory>;
  close(): Promise<void>;
}
