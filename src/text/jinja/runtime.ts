/**
 * What filters, tests, methods and operators share: the budget, iteration, keys and attributes,
 * arguments by name.
 */
import type { Budget } from "./budget.ts";
import type { Text } from "./data-text.ts";
import { isText, sliceText, TextBuilder, textOf } from "./data-text.ts";
import { characters, lengthOf, offsetOf } from "./python-text.ts";
import type { Arguments, Value } from "./values.ts";
import {
  Callable,
  Dict,
  Iterator,
  List,
  Namespace,
  Opaque,
  Range,
  TemplateError,
  toIndex,
  truth,
  typeName,
  Undefined,
  undefinedError,
  valueOr,
} from "./values.ts";

export interface Runtime {
  readonly budget: Budget;
  /** Local date and time, as {@link wallClock} writes it. */
  readonly time: () => string;
  /** Whether what is not there is an error wherever it is used. */
  readonly strict: boolean;
  /** Methods of texts, lists and dicts. */
  readonly method: (object: Value, name: string, runtime: Runtime) => Value | undefined;
  readonly filter: (name: string, operand: Value, given: Arguments, runtime: Runtime) => Value;
  readonly test: (name: string, operand: Value, given: Arguments, runtime: Runtime) => boolean;
}

/** @throws TemplateError where the runtime is strict and the value is not there */
export function used(value: Value, { strict }: Runtime): Value {
  if (strict && value instanceof Undefined) throw undefinedError(value);
  return value;
}

/** @throws TemplateError where the value cannot be looped over */
export function iterate(value: Value, runtime: Runtime): readonly Value[] {
  const { budget } = runtime;
  used(value, runtime);
  const items = itemsOf(value);
  budget.step(items.length);
  return items;
}

function itemsOf(value: Value): readonly Value[] {
  if (value instanceof List) return value.items;
  if (value instanceof Dict) return value.keys();
  if (value instanceof Iterator) return value.rest();
  if (value instanceof Undefined) return [];
  if (isText(value)) return characters(value);
  throw new TemplateError(`'${typeName(value)}' object is not iterable`);
}

export function sizeOf(value: Value): number {
  if (value instanceof List) return value.items.length;
  if (value instanceof Dict) return value.size;
  if (value instanceof Undefined) return 0;
  if (isText(value)) return lengthOf(textOf(value));
  throw new TemplateError(`object of type '${typeName(value)}' has no len()`);
}

const noAttribute = (object: Value, name: string): string =>
  `'${typeName(object)} object' has no attribute '${name}'`;

/** `object.name`: a method first, then a key. */
export function attributeOf(object: Value, name: string, runtime: Runtime): Value {
  if (object instanceof Undefined) throw undefinedError(object);
  if (object instanceof Namespace)
    return valueOr(object.attributes.get(name), noAttribute(object, name));
  if (object instanceof Opaque) return valueOr(object.attribute(name), noAttribute(object, name));
  const method = runtime.method(object, name, runtime);
  if (method !== undefined) return method;
  return valueOr(object instanceof Dict ? object.get(name) : undefined, noAttribute(object, name));
}

/** `object[key]`: a key or index first, then a method. */
export function itemOf(object: Value, key: Value, runtime: Runtime): Value {
  if (object instanceof Undefined) throw undefinedError(object);
  if (object instanceof Dict) {
    const found = object.get(key);
    if (found !== undefined) return found;
  } else if (isText(key)) {
    return attributeOf(object, textOf(key), runtime);
  } else if (object instanceof List && !object.kind.startsWith("dict_")) {
    return valueOr(at(object.items, toIndex(key)), `list object has no element ${toIndex(key)}`);
  } else if (isText(object)) {
    return valueOr(characterAt(object, toIndex(key)), `str object has no element ${toIndex(key)}`);
  }
  if (isText(key))
    return valueOr(runtime.method(object, textOf(key), runtime), noAttribute(object, textOf(key)));
  return new Undefined(`'${typeName(object)} object' has no such element`);
}

const at = <T>(items: readonly T[], index: number): T | undefined =>
  items[index < 0 ? index + items.length : index];

function characterAt(value: Text, index: number): Text | undefined {
  const text = textOf(value);
  const place = index < 0 ? index + lengthOf(text) : index;
  if (place < 0) return undefined;
  const start = offsetOf(text, place);
  const found = sliceText(value, start, offsetOf(text, place + 1));
  return textOf(found) === "" ? undefined : found;
}

export interface SliceBounds {
  start: Value;
  stop: Value;
  step: Value;
}

export function sliceOf(object: Value, bounds: SliceBounds, { budget }: Runtime): Value {
  if (object instanceof Undefined) throw undefinedError(object);
  const numbers = [bounds.start, bounds.stop, bounds.step].map((value) =>
    value === null ? undefined : toIndex(value),
  );
  const step = numbers[2] ?? 1;
  if (step === 0) throw new TemplateError("slice step cannot be zero");
  if (!(object instanceof List || isText(object)))
    return new Undefined(`'${typeName(object)} object' cannot be sliced`);
  const size = sizeOf(object);
  budget.step(size / 16);
  const [start, stop] = limits(numbers[0], numbers[1], { size, step });
  if (isText(object) && step === 1)
    return sliceText(
      object,
      offsetOf(textOf(object), start),
      Math.max(offsetOf(textOf(object), start), offsetOf(textOf(object), stop)),
    );
  if (object instanceof Range)
    return new Range({
      start: object.start + start * object.step,
      stop: object.start + stop * object.step,
      step: object.step * step,
    });
  const items = isText(object) ? characters(object) : object.items;
  const chosen: Value[] = [];
  budget.step(items.length);
  for (let index = start; step > 0 ? index < stop : index > stop; index += step)
    chosen.push(items[index]!);
  if (isText(object)) return joinTexts(chosen as Text[], "");
  return new List(chosen, object.kind === "tuple" ? "tuple" : "list");
}

/** Bounds of a slice, as Python's `slice.indices` gives them. */
function limits(
  start: number | undefined,
  stop: number | undefined,
  { size, step }: { size: number; step: number },
): [number, number] {
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const bound = (value: number): number =>
    Math.min(Math.max(value < 0 ? value + size : value, low), high);
  return [
    start === undefined ? (step > 0 ? low : high) : bound(start),
    stop === undefined ? (step > 0 ? high : low) : bound(stop),
  ];
}

export function joinTexts(pieces: readonly Text[], separator: Text): Text {
  const builder = new TextBuilder();
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) builder.add(separator);
    builder.add(piece);
  }
  return builder.build();
}

/** Arguments by the names of a function's parameters. */
export class Bound {
  private readonly values: ReadonlyMap<string, Value>;
  private readonly owner: string;

  constructor(owner: string, parameters: readonly string[], { positional, named }: Arguments) {
    if (positional.length > parameters.length)
      throw new TemplateError(
        `${owner}() takes at most ${parameters.length} arguments, got ${positional.length}`,
      );
    const values = new Map<string, Value>(
      positional.map((value, index) => [parameters[index]!, value]),
    );
    for (const [name, value] of named) {
      if (!parameters.includes(name))
        throw new TemplateError(`${owner}() got an unexpected keyword argument '${name}'`);
      if (values.has(name))
        throw new TemplateError(`${owner}() got multiple values for argument '${name}'`);
      values.set(name, value);
    }
    this.values = values;
    this.owner = owner;
  }

  has(name: string): boolean {
    return this.values.has(name);
  }

  value<T extends Value>(name: string, fallback: T): Value | T {
    const value = this.values.get(name);
    return value === undefined ? fallback : value;
  }

  required(name: string): Value {
    const value = this.values.get(name);
    if (value === undefined)
      throw new TemplateError(`${this.owner}() is missing the argument '${name}'`);
    return value;
  }

  text(name: string, fallback?: Text): Text {
    const value = fallback === undefined ? this.required(name) : this.value(name, fallback);
    if (isText(value)) return value;
    if (value instanceof Undefined) throw undefinedError(value);
    throw new TemplateError(
      `${this.owner}() argument '${name}' must be str, not ${typeName(value)}`,
    );
  }

  index(name: string, fallback?: number): number {
    const value = this.values.get(name);
    if (value === undefined && fallback !== undefined) return fallback;
    return toIndex(value === undefined ? this.required(name) : value);
  }

  flag(name: string, fallback: boolean): boolean {
    return truth(this.value(name, fallback));
  }
}

export const positional = (...values: readonly Value[]): Arguments => ({
  positional: values,
  named: new Map(),
});
export const callable = (
  name: string,
  parameters: readonly string[],
  work: (given: Bound) => Value,
): Callable => new Callable(name, (given) => work(new Bound(name, parameters, given)));
