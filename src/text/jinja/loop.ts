/** The object `loop` inside of a loop. */
import type { Budget } from "./budget.ts";
import type { Arguments, Value } from "./values.ts";
import { Callable, equals, List, Opaque, TemplateError, valueOr } from "./values.ts";

export interface LoopState {
  readonly loop: Opaque;
  move(index: number): void;
}

export interface LoopOptions {
  depth: number;
  /** Runs the body of a recursive loop over other items. */
  again: ((given: Arguments) => Value) | undefined;
  budget: Budget;
}

export function loopObject(
  items: readonly Value[],
  { depth, again, budget }: LoopOptions,
): LoopState {
  let at = 0;
  let last: List | undefined;
  const size = items.length;
  const cycle = new Callable("cycle", ({ positional }) => {
    if (positional.length === 0) throw new TemplateError("no items for cycling given");
    return positional[at % positional.length]!;
  });
  const changed = new Callable("changed", ({ positional }) => {
    const now = new List(positional, "tuple");
    const same = last !== undefined && equals(last, now, budget);
    last = now;
    return !same;
  });
  const attributes: Readonly<Record<string, () => Value>> = {
    index: () => BigInt(at + 1),
    index0: () => BigInt(at),
    revindex: () => BigInt(size - at),
    revindex0: () => BigInt(size - at - 1),
    first: () => at === 0,
    last: () => at === size - 1,
    length: () => BigInt(size),
    previtem: () => valueOr(items[at - 1], "there is no previous item"),
    nextitem: () => valueOr(items[at + 1], "there is no next item"),
    depth: () => BigInt(depth),
    depth0: () => BigInt(depth - 1),
    cycle: () => cycle,
    changed: () => changed,
  };
  const loop = new Opaque(
    "LoopContext",
    (name) => (Object.hasOwn(attributes, name) ? attributes[name]!() : undefined),
    again,
  );
  return { loop, move: (index) => void (at = index) };
}
