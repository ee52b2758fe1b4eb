/** Filters over several values. Those that Jinja makes generators of are read once here too. */
import type { Text } from "./data-text.ts";
import { isText, textOf } from "./data-text.ts";
import { toText } from "./printing.ts";
import { characters, lower } from "./python-text.ts";
import type { Runtime } from "./runtime.ts";
import { Bound, itemOf, iterate, joinTexts } from "./runtime.ts";
import { binary } from "./operators.ts";
import type { Arguments, Value } from "./values.ts";
import {
  compare,
  Dict,
  equals,
  Iterator,
  List,
  TemplateError,
  truth,
  typeName,
  Undefined,
  valueOr,
} from "./values.ts";

type ListFilter = (operand: Value, given: Arguments, runtime: Runtime) => Value;
type Getter = (item: Value) => Value;

/** @param call with arguments by the names of parameters */
const bound =
  (
    name: string,
    parameters: readonly string[],
    call: (operand: Value, given: Bound, runtime: Runtime) => Value,
  ): ListFilter =>
  (operand, given, runtime) =>
    call(operand, new Bound(name, parameters, given), runtime);

/** Reads `a.b.0` of an item. */
function getter(
  attribute: Value,
  runtime: Runtime,
  { fallback, change }: { fallback?: Value | undefined; change?: (value: Value) => Value } = {},
): Getter {
  const path: Value[] =
    attribute === null
      ? []
      : isText(attribute)
        ? textOf(attribute)
            .split(".")
            .map((part) => (/^\d+$/.test(part) ? BigInt(part) : part))
        : [attribute];
  return (item) => {
    let value = item;
    for (const key of path) {
      value = itemOf(value, key, runtime);
      if (value instanceof Undefined && fallback !== undefined) value = fallback;
    }
    return change ? change(value) : value;
  };
}

const ignoreCase = (value: Value): Value => (isText(value) ? lower(value) : value);

function sorted(
  items: readonly Value[],
  key: Getter,
  { reverse, runtime }: { reverse: boolean; runtime: Runtime },
): Value[] {
  const keyed = items.map((item) => ({ item, key: key(item) }));
  // equal ones keep their order, also in reverse
  return keyed
    .toSorted((a, b) => compare(a.key, b.key, runtime.budget) * (reverse ? -1 : 1))
    .map(({ item }) => item);
}

function dictSort(operand: Value, given: Bound, runtime: Runtime): Value {
  if (!(operand instanceof Dict))
    throw new TemplateError(`dictsort needs a mapping, not ${typeName(operand)}`);
  const by = textOf(given.text("by", "key"));
  if (by !== "key" && by !== "value")
    throw new TemplateError('You can only sort by either "key" or "value"');
  const change = given.flag("case_sensitive", false) ? (value: Value) => value : ignoreCase;
  const pairs = [...operand.pairs()].map((pair) => new List(pair, "tuple"));
  return new List(
    sorted(pairs, (pair) => change((pair as List).items[by === "key" ? 0 : 1]!), {
      reverse: given.flag("reverse", false),
      runtime,
    }),
  );
}

function sort(operand: Value, given: Bound, runtime: Runtime): Value {
  const attribute = given.value("attribute", null);
  const paths = isText(attribute) ? textOf(attribute).split(",") : [attribute];
  const change = given.flag("case_sensitive", false) ? (value: Value) => value : ignoreCase;
  const getters = paths.map((path) => getter(path, runtime, { change }));
  const key: Getter =
    getters.length === 1 ? getters[0]! : (item) => new List(getters.map((get) => get(item)));
  return new List(
    sorted(iterate(operand, runtime), key, { reverse: given.flag("reverse", false), runtime }),
  );
}

function unique(operand: Value, given: Bound, runtime: Runtime): Value {
  const change = given.flag("case_sensitive", false) ? (value: Value) => value : ignoreCase;
  const get = getter(given.value("attribute", null), runtime, { change });
  const seen = new Dict();
  return new Iterator(
    iterate(operand, runtime).filter((item) => {
      const key = get(item);
      if (seen.has(key)) return false;
      seen.set(key, true);
      return true;
    }),
  );
}

function groupBy(operand: Value, given: Bound, runtime: Runtime): Value {
  const fallback = given.has("default") ? given.required("default") : undefined;
  const plain = getter(given.required("attribute"), runtime, { fallback });
  const change = given.flag("case_sensitive", false) ? (value: Value) => value : ignoreCase;
  const groups: { key: Value; items: Value[] }[] = [];
  for (const item of sorted(iterate(operand, runtime), (each) => change(plain(each)), {
    reverse: false,
    runtime,
  })) {
    const last = groups.at(-1);
    if (last && equals(change(last.key), change(plain(item)), runtime.budget))
      last.items.push(item);
    else groups.push({ key: plain(item), items: [item] });
  }
  return new List(groups.map(({ key, items }) => new List([key, new List(items)], "tuple")));
}

function batch(operand: Value, given: Bound, runtime: Runtime): Value {
  const count = given.index("linecount");
  if (count < 1) throw new TemplateError("batch needs a positive size");
  const items = iterate(operand, runtime);
  const filler = given.value("fill_with", null);
  const rows: Value[] = [];
  for (let start = 0; start < items.length; start += count) {
    const row = items.slice(start, start + count);
    const missing = filler === null ? 0 : count - row.length;
    runtime.budget.step(missing + 1);
    rows.push(new List([...row, ...Array.from({ length: missing }, () => filler)]));
  }
  return new Iterator(rows);
}

function slice(operand: Value, given: Bound, runtime: Runtime): Value {
  const count = given.index("slices");
  if (count < 1) throw new TemplateError("slice needs a positive number of columns");
  runtime.budget.step(count);
  const items = iterate(operand, runtime);
  const filler = given.value("fill_with", null);
  const [size, rest] = [Math.floor(items.length / count), items.length % count];
  let start = 0;
  return new Iterator(
    Array.from({ length: count }, (_, index) => {
      const end = start + size + (index < rest ? 1 : 0);
      const column = items.slice(start, end);
      start = end;
      return new List(filler !== null && index >= rest ? [...column, filler] : column);
    }),
  );
}

const map: ListFilter = (operand, { positional, named }, runtime) => {
  const items = iterate(operand, runtime);
  if (positional.length === 0 && named.has("attribute")) {
    const get = getter(named.get("attribute")!, runtime, { fallback: named.get("default") });
    return new Iterator(items.map(get));
  }
  const [name, ...rest] = positional;
  if (name === undefined || !isText(name))
    throw new TemplateError("map requires a filter argument");
  return new Iterator(
    items.map((item) => runtime.filter(textOf(name), item, { positional: rest, named }, runtime)),
  );
};

/** @param byAttribute whether the first argument names an attribute to test */
const choosing =
  (keep: boolean, byAttribute: boolean): ListFilter =>
  (operand, { positional, named }, runtime) => {
    const [attribute, ...others] = byAttribute ? positional : [null, ...positional];
    if (attribute === undefined) throw new TemplateError("Missing parameter for attribute name");
    const get = getter(attribute, runtime);
    const [test, ...rest] = others;
    if (test !== undefined && !isText(test))
      throw new TemplateError("the name of a test must be a text");
    const accepts = (item: Value): boolean =>
      test === undefined
        ? truth(get(item))
        : runtime.test(textOf(test), get(item), { positional: rest, named }, runtime);
    return new Iterator(iterate(operand, runtime).filter((item) => accepts(item) === keep));
  };

const extreme = (name: "min" | "max"): ListFilter =>
  bound(name, ["case_sensitive", "attribute"], (operand, given, runtime) => {
    const items = iterate(operand, runtime);
    const change = given.flag("case_sensitive", false) ? (value: Value) => value : ignoreCase;
    const get = getter(given.value("attribute", null), runtime, { change });
    const [first, ...others] = items;
    if (first === undefined) return new Undefined("No aggregated item, sequence was empty.");
    return others.reduce(
      (best, item) =>
        (
          name === "min"
            ? compare(get(item), get(best), runtime.budget) < 0
            : compare(get(item), get(best), runtime.budget) > 0
        )
          ? item
          : best,
      first,
    );
  });

const end =
  (which: "first" | "last"): ListFilter =>
  (operand, _given, runtime) => {
    if (which === "first" && operand instanceof Iterator)
      return valueOr(operand.next(), "No first item, sequence was empty.");
    if (which === "last" && operand instanceof Iterator)
      throw new TemplateError("'generator' object is not reversible");
    const items = iterate(operand, runtime);
    return valueOr(
      which === "first" ? items[0] : items.at(-1),
      `No ${which} item, sequence was empty.`,
    );
  };

export const listFilters: Readonly<Record<string, ListFilter>> = {
  batch: bound("batch", ["linecount", "fill_with"], batch),
  dictsort: bound("dictsort", ["case_sensitive", "by", "reverse"], dictSort),
  first: end("first"),
  groupby: bound("groupby", ["attribute", "default", "case_sensitive"], groupBy),
  items(operand) {
    if (operand instanceof Undefined) return new Iterator([]);
    if (!(operand instanceof Dict))
      throw new TemplateError("Can only get item pairs from a mapping.");
    return new Iterator([...operand.pairs()].map((pair) => new List(pair, "tuple")));
  },
  join: bound("join", ["d", "attribute"], (operand, given, runtime) => {
    const get = getter(given.value("attribute", null), runtime);
    const separator = toText(given.value("d", ""), runtime.budget);
    const pieces: Text[] = iterate(operand, runtime).map((item) =>
      toText(get(item), runtime.budget),
    );
    runtime.budget.make(
      pieces.reduce((total, piece) => total + textOf(piece).length + textOf(separator).length, 0),
    );
    return joinTexts(pieces, separator);
  }),
  last: end("last"),
  list: (operand, _given, runtime) => new List(iterate(operand, runtime)),
  map,
  max: extreme("max"),
  min: extreme("min"),
  reject: choosing(false, false),
  rejectattr: choosing(false, true),
  reverse(operand, _given, runtime) {
    if (isText(operand)) return joinTexts(characters(operand).toReversed(), "");
    return new Iterator(iterate(operand, runtime).toReversed());
  },
  select: choosing(true, false),
  selectattr: choosing(true, true),
  slice: bound("slice", ["slices", "fill_with"], slice),
  sort: bound("sort", ["reverse", "case_sensitive", "attribute"], sort),
  sum: bound("sum", ["attribute", "start"], (operand, given, runtime) => {
    const get = getter(given.value("attribute", null), runtime);
    return iterate(operand, runtime).reduce<Value>(
      (total, item) => binary("+", total, get(item), runtime),
      given.value("start", 0n),
    );
  }),
  unique: bound("unique", ["case_sensitive", "attribute"], unique),
};
