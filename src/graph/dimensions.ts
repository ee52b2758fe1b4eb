/**
 * Dimensions of tensors: a number, or a product of named symbols such as `batch*time` that is known
 * only when the graph runs. One graph therefore serves every batch size and length without being
 * built again.
 *
 * A symbolic dimension is kept as canonical text, factors sorted, a numeric factor first:
 * `4*batch*time`.
 */
import { AttuneError } from "../core/errors.ts";

export type Dimension = number | string;
export type Shape = readonly Dimension[];

interface Factors {
  coefficient: number;
  symbols: string[];
}

function factorsOf(dimension: Dimension): Factors {
  if (typeof dimension === "number") return { coefficient: dimension, symbols: [] };
  const factors: Factors = { coefficient: 1, symbols: [] };
  for (const part of dimension.split("*")) {
    if (/^\d+$/.test(part)) factors.coefficient *= Number(part);
    else factors.symbols.push(part);
  }
  return factors;
}

function fromFactors({ coefficient, symbols }: Factors): Dimension {
  if (symbols.length === 0 || coefficient === 0) return coefficient;
  const sorted = symbols.toSorted();
  return (coefficient === 1 ? sorted : [String(coefficient), ...sorted]).join("*");
}

/** The product of dimensions, in canonical form. */
export function product(...dimensions: Dimension[]): Dimension {
  const all: Factors = { coefficient: 1, symbols: [] };
  for (const dimension of dimensions) {
    const { coefficient, symbols } = factorsOf(dimension);
    all.coefficient *= coefficient;
    all.symbols.push(...symbols);
  }
  return fromFactors(all);
}

/** Symbols and the numeric factor of a dimension. */
export function decompose(dimension: Dimension): Readonly<Factors> {
  return factorsOf(dimension);
}

/**
 * Whether an axis of this size fits a dimension: the same number, or for a symbol any multiple of
 * its factor.
 */
export function fitsSize(dimension: Dimension, size: number): boolean {
  return typeof dimension === "number"
    ? dimension === size
    : size % decompose(dimension).coefficient === 0;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
}

export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/**
 * Shape of an elementwise result under NumPy's broadcasting rules; symbols must match or meet a 1.
 */
export function broadcastShapes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left === right || right === 1) return left;
    if (left === 1) return right;
    throw new AttuneError(
      "internal",
      `shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast: axis ${axis} has ${left} ` +
        `and ${right}`,
    );
  });
}

/** A non-negative axis; throws when it is out of range. */
export function normalizeAxis(axis: number, rank: number): number {
  const result = axis < 0 ? axis + rank : axis;
  if (result < 0 || result >= rank)
    throw new AttuneError("internal", `axis ${axis} is out of range for rank ${rank}`);
  return result;
}

/** Numbers for all symbols of a shape. */
export function resolveShape(shape: Shape, symbols: Readonly<Record<string, number>>): number[] {
  return shape.map((dimension) => {
    const { coefficient, symbols: names } = factorsOf(dimension);
    return names.reduce((total, name) => {
      const size = symbols[name];
      if (size === undefined)
        throw new AttuneError(
          "internal",
          `dimension ${dimension}: the symbol ${name} has no size here`,
        );
      return total * size;
    }, coefficient);
  });
}

/**
 * Sizes of the symbols that these shapes name, where the axes have these sizes; `4*block` tells the
 * size of `block`.
 */
export function symbolSizes(
  shapes: Iterable<readonly [shape: Shape, sizes: readonly number[]]>,
): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [shape, sizes] of shapes) {
    shape.forEach((dimension, axis) => {
      const { coefficient, symbols } = factorsOf(dimension);
      if (symbols.length === 1) found[symbols[0]!] = sizes[axis]! / coefficient;
    });
  }
  return found;
}

/** Symbols without which a shape cannot be resolved. */
export function symbolsOf(shape: Shape): string[] {
  return shape.flatMap((dimension) => factorsOf(dimension).symbols);
}
