/** The type of a sample, and ways to fill its inputs. */
import type { Random } from "../../../core/random.ts";
import type { DType } from "../../../core/tensor.ts";
import type { Shape } from "../../dimensions.ts";
import type { OpAttributes, OpName } from "../../op-types.ts";
import type { PlainTensor } from "../../interpreter/plain.ts";

/** Numbers of the symbols. */
export type Sizes = Readonly<Record<string, number>>;

interface Place {
  random: Random;
  /** Row-major position of the entry. */
  flat: number;
  /** Number of entries. */
  count: number;
  sizes: Sizes;
}

/** Gives one entry of an input. */
export type Fill = (place: Place) => number;

export interface SampleInput {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly fill: Fill;
}

/** Inputs on which an operation is compared with its reference. */
export type Sample<N extends OpName> = SampleWith<OpAttributes[N]>;

/** A sample for every operation with these attributes. */
export interface SampleWith<Attributes> {
  /** What is special about it. */
  readonly name: string;
  readonly attributes: Attributes;
  readonly inputs: readonly SampleInput[];
  /** The same session runs once for each of these. */
  readonly sizes: readonly Sizes[];
  /** Outputs that the gradient is taken of; those of the op's definition where left out. */
  readonly outputs?: readonly number[];
  /** Float inputs without a gradient. */
  readonly constants?: readonly number[];
  /**
   * The gradient of each input where differences do not give it: at kinks, and where rounding hides
   * them.
   */
  readonly gradient?: (
    inputs: readonly PlainTensor[],
    upstream: readonly PlainTensor[],
  ) => readonly Float64Array[];
  /** The operation leaves some entries of its outputs open. */
  readonly open?: boolean;
  /** Step of the central differences. */
  readonly step?: number;
  /** What some processors or drivers lack: exact products of bytes, numbers of 16 bits. */
  readonly needs?: "exact bytes" | "float16";
}

/** Two batches of different size, the second with an axis of size 1. */
export const TWO_SIZES: readonly Sizes[] = [
  { n: 2, m: 3 },
  { n: 5, m: 1 },
];
/** For samples without symbols. */
export const NO_SYMBOLS: readonly Sizes[] = [{}];

export const float = (shape: Shape, fill: Fill = normal()): SampleInput => ({
  dtype: "float32",
  shape,
  fill,
});
export const integer = (shape: Shape, fill: Fill): SampleInput => ({ dtype: "int64", shape, fill });
export const truth = (shape: Shape): SampleInput => ({
  dtype: "bool",
  shape,
  fill: ({ random }) => random.integer(2),
});

export const normal =
  (deviation = 1, mean = 0): Fill =>
  ({ random }) =>
    mean + deviation * random.normal();

export const uniform =
  (low: number, high: number): Fill =>
  ({ random }) =>
    low + (high - low) * random.uniform();

/** Numbers of both signs, at least 0.3 from zero. */
export const awayFromZero: Fill = ({ random }) =>
  (random.chance(0.5) ? 1 : -1) * (0.3 + random.uniform());

/** Numbers that are at least 0.1 apart from each other, and from those of another offset. */
export const apart =
  (offset = 0): Fill =>
  ({ flat, count }) =>
    0.2 * (((flat * 7919) % count) - count / 2) + offset;

/** Integers from 0 to below a limit, which may be the size of a symbol. */
export const below =
  (limit: number | string): Fill =>
  ({ random, sizes }) =>
    random.integer(typeof limit === "number" ? limit : sizes[limit]!);

/** These numbers, again and again. */
export const listed =
  (...entries: readonly number[]): Fill =>
  ({ flat }) =>
    entries[flat % entries.length]!;
