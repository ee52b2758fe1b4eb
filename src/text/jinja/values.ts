/**
 * Values of templates with Python's rules. Whole numbers are bigint and floats are number, as
 * Python tells them apart.
 */
import type { Budget } from "./budget.ts";
import type { Text } from "./data-text.ts";
import { DataText, isText, textOf } from "./data-text.ts";
import { compareText } from "./python-text.ts";

/** An error that the template itself would end in. */
export class TemplateError extends Error {}

/** A name, key or attribute that is not there. */
export class Undefined {
  readonly hint: string;

  constructor(hint: string) {
    this.hint = hint;
  }
}

/** None is a value like others: only what is not there is undefined. */
export const valueOr = (value: Value | undefined, hint: string): Value =>
  value === undefined ? new Undefined(hint) : value;

export type ListKind = "list" | "tuple" | "range" | "dict_keys" | "dict_values" | "dict_items";

export class List {
  readonly items: readonly Value[];
  readonly kind: ListKind;

  constructor(items: readonly Value[], kind: ListKind = "list") {
    this.items = items;
    this.kind = kind;
  }
}

/** `range()`, which stays one when it is sliced. */
export class Range extends List {
  readonly start: number;
  readonly stop: number;
  readonly step: number;

  constructor({ start, stop, step }: { start: number; stop: number; step: number }) {
    super(
      Array.from({ length: Range.size(start, stop, step) }, (_, index) =>
        BigInt(start + index * step),
      ),
      "range",
    );
    this.start = start;
    this.stop = stop;
    this.step = step;
  }

  static size(start: number, stop: number, step: number): number {
    return Math.max(0, Math.ceil((stop - start) / step));
  }
}

/** What a filter such as `map` gives: read once, without a length, always true. */
export class Iterator {
  private readonly items: readonly Value[];
  private position = 0;

  constructor(items: readonly Value[]) {
    this.items = items;
  }

  next(): Value | undefined {
    return this.items[this.position++];
  }

  rest(): readonly Value[] {
    const rest = this.items.slice(this.position);
    this.position = this.items.length;
    return rest;
  }
}

export class Dict {
  private readonly entries = new Map<string, readonly [key: Value, value: Value]>();

  constructor(entries: Iterable<readonly [Value, Value]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }

  get size(): number {
    return this.entries.size;
  }

  get(key: Value): Value | undefined {
    return this.entries.get(hashKey(key))?.[1];
  }

  has(key: Value): boolean {
    return this.entries.has(hashKey(key));
  }

  /** An equal key stays the one it was, as in Python. */
  set(key: Value, value: Value): void {
    const hash = hashKey(key);
    const known = this.entries.get(hash);
    this.entries.set(hash, [known === undefined ? key : known[0], value]);
  }

  pairs(): IterableIterator<readonly [Value, Value]> {
    return this.entries.values();
  }

  keys(): Value[] {
    return [...this.entries.values()].map(([key]) => key);
  }

  values(): Value[] {
    return [...this.entries.values()].map(([, value]) => value);
  }
}

/** `namespace()`: what loops may assign to. */
export class Namespace {
  readonly attributes = new Map<string, Value>();
}

/** The object `loop`, a cycler, a joiner: attributes that are computed. */
export class Opaque {
  readonly name: string;
  readonly attribute: (name: string) => Value | undefined;
  readonly call: Call | undefined;

  constructor(name: string, attribute: (name: string) => Value | undefined, call?: Call) {
    this.name = name;
    this.attribute = attribute;
    this.call = call;
  }
}

export interface Arguments {
  readonly positional: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
}
export type Call = (given: Arguments) => Value;

export class Callable {
  readonly name: string;
  readonly call: Call;

  constructor(name: string, call: Call) {
    this.name = name;
    this.call = call;
  }
}

export class MacroFunction extends Callable {}

/** Text that `safe` or `escape` has marked: what is added to it is escaped. */
export class Markup extends DataText {}

export type Value =
  | null
  | boolean
  | bigint
  | number
  | Text
  | Undefined
  | List
  | Iterator
  | Dict
  | Namespace
  | Opaque
  | Callable;

export function typeName(value: Value): string {
  if (value === null) return "NoneType";
  if (isText(value)) return "str";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return "int";
  if (typeof value === "number") return "float";
  if (value instanceof List) return value.kind;
  if (value instanceof Dict) return "dict";
  if (value instanceof Iterator) return "generator";
  if (value instanceof Undefined) return "Undefined";
  if (value instanceof Namespace) return "Namespace";
  return value instanceof Opaque ? value.name : "function";
}

export function undefinedError(value: Undefined): TemplateError {
  return new TemplateError(value.hint);
}

function hashKey(key: Value): string {
  if (isText(key)) return `s${textOf(key)}`;
  if (key === null) return "n";
  if (typeof key === "boolean") return key ? "i1" : "i0";
  if (typeof key === "bigint") return `i${key}`;
  if (typeof key === "number") return Number.isInteger(key) ? `i${BigInt(key)}` : `f${key}`;
  if (key instanceof Undefined) return "u";
  if (key instanceof List && key.kind === "tuple")
    return `t(${key.items.map((item) => JSON.stringify(hashKey(item))).join()})`;
  throw new TemplateError(`unhashable type: '${typeName(key)}'`);
}

export function truth(value: Value): boolean {
  if (value === null || value instanceof Undefined) return false;
  if (typeof value === "boolean") return value;
  if (typeof value === "bigint") return value !== 0n;
  if (typeof value === "number") return value !== 0;
  if (isText(value)) return textOf(value) !== "";
  if (value instanceof List) return value.items.length > 0;
  if (value instanceof Dict) return value.size > 0;
  return true;
}

export const isNumeric = (value: Value): value is boolean | bigint | number =>
  typeof value === "bigint" || typeof value === "number" || typeof value === "boolean";
export const isWholeNumber = (value: Value): value is boolean | bigint =>
  typeof value === "bigint" || typeof value === "boolean";
export const toNumber = (value: boolean | bigint | number): number => Number(value);

/** Whole numbers that count or index something. */
export function toIndex(value: Value): number {
  if (isWholeNumber(value)) return Number(value);
  throw new TemplateError(`'${typeName(value)}' object cannot be interpreted as an integer`);
}

export function equals(a: Value, b: Value, budget: Budget): boolean {
  budget.step();
  if (isText(a)) return isText(b) && textOf(a) === textOf(b);
  // eslint-disable-next-line eqeqeq -- 1n == 1 and 1n == true, as in Python
  if (isNumeric(a)) return isNumeric(b) && (a as bigint) == (b as bigint);
  if (a instanceof Undefined) return b instanceof Undefined;
  if (a instanceof List && b instanceof List) {
    const family = ({ kind }: List): string => (kind === "dict_items" ? "dict_keys" : kind);
    return (
      family(a) === family(b) &&
      a.items.length === b.items.length &&
      a.items.every((item, index) => equals(item, b.items[index]!, budget))
    );
  }
  if (a instanceof Dict && b instanceof Dict) {
    if (a.size !== b.size) return false;
    for (const [key, value] of a.pairs()) {
      const other = b.get(key);
      if (other === undefined || !equals(value, other, budget)) return false;
    }
    return true;
  }
  return a === b;
}

/** @returns below, at or above 0 */
export function compare(a: Value, b: Value, budget: Budget): number {
  budget.step();
  if (isText(a) && isText(b)) return compareText(textOf(a), textOf(b));
  if (isNumeric(a) && isNumeric(b)) {
    const [left, right] = [
      typeof a === "boolean" ? BigInt(a) : a,
      typeof b === "boolean" ? BigInt(b) : b,
    ];
    return left < right
      ? -1
      : left > right
        ? 1
        : left === right || Number(left) === Number(right)
          ? 0
          : Number.NaN;
  }
  if (a instanceof List && b instanceof List && a.kind === b.kind) {
    for (const [index, item] of a.items.entries()) {
      const other = b.items[index];
      if (other === undefined) return 1;
      if (!equals(item, other, budget)) return compare(item, other, budget);
    }
    return a.items.length - b.items.length;
  }
  for (const value of [a, b]) if (value instanceof Undefined) throw undefinedError(value);
  throw new TemplateError(
    `'<' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`,
  );
}
