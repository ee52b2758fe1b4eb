/** Methods of str, list, tuple and dict, as Jinja's immutable sandbox lets templates call them. */
import { isText } from "./data-text.ts";
import { formatBraces } from "./format.ts";
import type { Method } from "./method.ts";
import type { Runtime } from "./runtime.ts";
import { callable } from "./runtime.ts";
import { TEXT_METHODS } from "./text-methods.ts";
import type { Value } from "./values.ts";
import { Callable, Dict, equals, List, TemplateError, typeName, Undefined } from "./values.ts";

/** They would change what the template was given. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  "append",
  "clear",
  "extend",
  "insert",
  "pop",
  "popitem",
  "remove",
  "reverse",
  "setdefault",
  "sort",
  "update",
]);

export function methodOf(object: Value, name: string, runtime: Runtime): Value | undefined {
  if (name.startsWith("__"))
    return new Undefined(
      `access to attribute '${name}' of '${typeName(object)}' object is unsafe.`,
    );
  if (isText(object)) {
    if (name === "format")
      return new Callable("format", (given) => formatBraces(object, given, runtime));
    return bind(TEXT_METHODS, object, name, runtime);
  }
  if (object instanceof Dict)
    return FORBIDDEN.has(name) && DICT_NAMES.has(name)
      ? unsafe(object, name)
      : bind(DICT, object, name, runtime);
  if (object instanceof List && (object.kind === "list" || object.kind === "tuple"))
    return object.kind === "list" && FORBIDDEN.has(name) && LIST_NAMES.has(name)
      ? unsafe(object, name)
      : bind(LIST, object, name, runtime);
  return undefined;
}

const DICT_NAMES: ReadonlySet<string> = new Set([
  "clear",
  "pop",
  "popitem",
  "setdefault",
  "update",
]);
const LIST_NAMES: ReadonlySet<string> = new Set([
  "append",
  "clear",
  "extend",
  "insert",
  "pop",
  "remove",
  "reverse",
  "sort",
]);

const unsafe = (object: Value, name: string): Undefined =>
  new Undefined(`access to attribute '${name}' of '${typeName(object)}' object is unsafe.`);

function bind<Self extends Value>(
  methods: Readonly<Record<string, Method<Self>>>,
  self: Self,
  name: string,
  runtime: Runtime,
): Value | undefined {
  if (!Object.hasOwn(methods, name)) return undefined;
  const { parameters, call } = methods[name]!;
  return callable(name, parameters, (given) => call(self, given, runtime));
}

const DICT: Readonly<Record<string, Method<Dict>>> = {
  get: {
    parameters: ["key", "default"],
    call: (self, given) => {
      const found = self.get(given.required("key"));
      return found === undefined ? given.value("default", null) : found;
    },
  },
  keys: { parameters: [], call: (self) => new List(self.keys(), "dict_keys") },
  values: { parameters: [], call: (self) => new List(self.values(), "dict_values") },
  items: {
    parameters: [],
    call: (self) =>
      new List(
        [...self.pairs()].map((pair) => new List(pair, "tuple")),
        "dict_items",
      ),
  },
  copy: { parameters: [], call: (self) => new Dict(self.pairs()) },
};

const LIST: Readonly<Record<string, Method<List>>> = {
  index: {
    parameters: ["value", "start", "stop"],
    call: (self, given, { budget }) => {
      const found = self.items.findIndex(
        (item, index) =>
          index >= given.index("start", 0) && equals(item, given.required("value"), budget),
      );
      if (found < 0) throw new TemplateError("the value is not in the list");
      return BigInt(found);
    },
  },
  count: {
    parameters: ["value"],
    call: (self, given, { budget }) =>
      BigInt(self.items.filter((item) => equals(item, given.required("value"), budget)).length),
  },
  copy: { parameters: [], call: (self) => new List(self.items, self.kind) },
};
