/**
 * Jinja's filters. Source: jinja2/filters.py 3.1.6; `tojson` as transformers defines it.
 * Difference: filters for web pages and the ones by chance (urlize, xmlattr, striptags, random,
 * ...) are refused by name.
 */
import type { Text } from "./data-text.ts";
import { concat, isText, rewritten, sliceText, textOf } from "./data-text.ts";
import { formatPercent, pad } from "./format.ts";
import { listFilters } from "./list-filters.ts";
import { asMarkup, escapeHtml } from "./markup.ts";
import { replaceText } from "./text-methods.ts";
import { toJson, toText } from "./printing.ts";
import * as python from "./python-text.ts";
import type { Runtime } from "./runtime.ts";
import { attributeOf, Bound, iterate, sizeOf } from "./runtime.ts";
import type { Arguments, Value } from "./values.ts";
import {
  Dict,
  isNumeric,
  isWholeNumber,
  List,
  Markup,
  TemplateError,
  toIndex,
  truth,
  typeName,
  Undefined,
  undefinedError,
  valueOr,
} from "./values.ts";

export interface Filter {
  readonly parameters: readonly string[];
  readonly call: (operand: Value, given: Bound, runtime: Runtime) => Value;
}

export function applyFilter(
  name: string,
  operand: Value,
  given: Arguments,
  runtime: Runtime,
): Value {
  runtime.budget.step();
  if (name === "format") return formatFilter(operand, given, runtime);
  const known = Object.hasOwn(FILTERS, name) ? FILTERS[name]! : undefined;
  if (known) return known.call(operand, new Bound(name, known.parameters, given), runtime);
  const open = Object.hasOwn(listFilters, name) ? listFilters[name]! : undefined;
  if (open) return open(operand, given, runtime);
  throw new TemplateError(`no filter named '${name}'`);
}

function formatFilter(operand: Value, { positional, named }: Arguments, runtime: Runtime): Value {
  const values = named.size > 0 ? new Dict(named) : new List(positional, "tuple");
  return formatPercent(toText(operand, runtime.budget), values, runtime);
}

/** A filter that first makes text of what it is given. */
const ofText = (
  parameters: readonly string[],
  call: (text: Text, given: Bound, runtime: Runtime) => Value,
): Filter => ({
  parameters,
  call(operand, given, runtime) {
    const text = toText(operand, runtime.budget);
    runtime.budget.make(textOf(text).length);
    return call(text, given, runtime);
  },
});

function toWhole(value: Value, fallback: Value, base: number): Value {
  if (value instanceof Undefined) throw undefinedError(value);
  if (isWholeNumber(value)) return BigInt(value);
  if (typeof value === "number")
    return Number.isFinite(value) ? BigInt(Math.trunc(value)) : fallback;
  if (!isText(value)) return fallback;
  const text = textOf(python.strip(value, "both")).replaceAll(/(?<=\d)_(?=\d)/g, "");
  if (text.length > 4300) return fallback;
  const match = /^([+-]?)(?:0[xX]([\da-fA-F]+)|0[oO]([0-7]+)|0[bB]([01]+)|(\d+))$/.exec(text);
  const [, sign, hex, octal, binary, decimal] = match ?? [];
  const digits =
    decimal !== undefined
      ? decimal
      : hex !== undefined && base === 16
        ? `0x${hex}`
        : octal !== undefined && base === 8
          ? `0o${octal}`
          : binary !== undefined && base === 2
            ? `0b${binary}`
            : undefined;
  if (digits !== undefined) return BigInt(digits) * (sign === "-" ? -1n : 1n);
  const float = toFloat(text, null);
  return typeof float === "number" && Number.isFinite(float) ? BigInt(Math.trunc(float)) : fallback;
}

function toFloat(value: Value, fallback: Value): Value {
  if (value instanceof Undefined) throw undefinedError(value);
  if (isNumeric(value)) return Number(value);
  if (!isText(value)) return fallback;
  const text = textOf(python.strip(value, "both"))
    .replaceAll(/(?<=\d)_(?=\d)/g, "")
    .toLowerCase();
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/.test(text)) return Number(text);
  const [, sign = "", word] = /^([+-]?)(inf|infinity|nan)$/.exec(text) ?? [];
  if (word === undefined) return fallback;
  return word === "nan" ? Number.NaN : sign === "-" ? -Infinity : Infinity;
}

function round(value: Value, given: Bound): Value {
  if (!isNumeric(value)) throw new TemplateError(`type ${typeName(value)} doesn't define round`);
  const precision = given.index("precision", 0);
  const method = textOf(given.text("method", "common"));
  if (method === "ceil" || method === "floor") {
    const scale = 10 ** precision;
    // Python's ceil and floor give whole numbers, which have no negative zero
    return (
      ((method === "ceil" ? Math.ceil(Number(value) * scale) : Math.floor(Number(value) * scale)) +
        0) /
      scale
    );
  }
  if (method !== "common") throw new TemplateError("method must be common, ceil or floor");
  if (isWholeNumber(value) && precision >= 0) return BigInt(value);
  return roundHalfEven(Number(value), precision);
}

/** Rounds as Python does: the exact value to the nearest, halves to even. */
function roundHalfEven(value: number, precision: number): number {
  if (precision > 0)
    return Math.abs(value) < 1e21 ? Number(value.toFixed(Math.min(precision, 100))) : value;
  const scale = 10 ** -precision;
  const scaled = value / scale;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  return (rest === 0.5 ? (floor % 2 === 0 ? floor : floor + 1) : Math.round(scaled)) * scale;
}

function spaces(count: number, { budget }: Runtime): string {
  budget.make(Math.max(0, count));
  return " ".repeat(Math.max(0, count));
}

function indent(text: Text, given: Bound, runtime: Runtime): Value {
  const width = given.value("width", 4n);
  const filler = isText(width) ? width : spaces(toIndex(width), runtime);
  const lines = python.splitLines(concat(text, "\n"));
  runtime.budget.make(lines.length * (textOf(filler).length + 1));
  const blank = given.flag("blank", false);
  const indented = lines.map((line, index) =>
    index === 0 || (!blank && textOf(line) === "") ? line : concat(filler, line),
  );
  const joined = indented.flatMap((line, index) => (index === 0 ? [line] : ["\n", line]));
  return given.flag("first", false) ? concat(filler, ...joined) : concat(...joined);
}

function truncate(text: Text, given: Bound): Value {
  const length = given.index("length", 255);
  const end = given.text("end", "...");
  const leeway = given.value("leeway", null) === null ? 5 : given.index("leeway");
  const size = python.lengthOf(textOf(text));
  if (size <= length + leeway) return text;
  const cut = sliceText(
    text,
    0,
    python.offsetOf(textOf(text), Math.max(0, length - python.lengthOf(textOf(end)))),
  );
  if (given.flag("killwords", false)) return concat(cut, end);
  const space = textOf(cut).lastIndexOf(" ");
  return concat(space < 0 ? cut : sliceText(cut, 0, space), end);
}

function json(value: Value, given: Bound, runtime: Runtime): Value {
  const width = given.value("indent", null);
  const separators = given.value("separators", null);
  const pair =
    separators instanceof List && separators.items.length === 2 && separators.items.every(isText)
      ? separators.items.map((each) => textOf(each as Text))
      : undefined;
  if (separators !== null && pair === undefined)
    throw new TemplateError("separators must be two texts");
  const filler =
    width === null ? undefined : isText(width) ? textOf(width) : spaces(toIndex(width), runtime);
  const [itemSeparator, keySeparator] = pair ?? [filler === undefined ? ", " : ",", ": "];
  return toJson(
    value,
    {
      ensureAscii: given.flag("ensure_ascii", false),
      indent: filler,
      itemSeparator: itemSeparator!,
      keySeparator: keySeparator!,
      sortKeys: given.flag("sort_keys", false),
    },
    runtime.budget,
  );
}

function urlEncode(value: Value, runtime: Runtime): Text {
  const quote = (each: Value, safe: RegExp): string =>
    encodeURIComponent(textOf(toText(each, runtime.budget)))
      .replaceAll(
        /[!'()*]/g,
        (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
      )
      .replaceAll(safe, "/");
  if (isText(value) || !(value instanceof Dict || value instanceof List))
    return quote(value, /%2F/g);
  const pairs =
    value instanceof Dict
      ? [...value.pairs()]
      : value.items.map((item) => iterate(item, runtime) as [Value, Value]);
  const plus = (each: Value): string => quote(each, /(?!)/g).replaceAll("%20", "+");
  return pairs.map(([key, each]) => `${plus(key)}=${plus(each)}`).join("&");
}

const length: Filter = { parameters: [], call: (operand) => BigInt(sizeOf(operand)) };
const fallback: Filter = {
  parameters: ["default_value", "boolean"],
  call: (operand, given) =>
    operand instanceof Undefined || (given.flag("boolean", false) && !truth(operand))
      ? given.value("default_value", "")
      : operand,
};
const escape: Filter = ofText([], (text) =>
  text instanceof Markup ? text : asMarkup(escapeHtml(text)),
);

const FILTERS: Readonly<Record<string, Filter>> = {
  abs: {
    parameters: [],
    call(operand) {
      if (!isNumeric(operand))
        throw operand instanceof Undefined
          ? undefinedError(operand)
          : new TemplateError(`bad operand type for abs(): '${typeName(operand)}'`);
      if (typeof operand === "number") return Math.abs(operand);
      return BigInt(operand) < 0n ? -BigInt(operand) : BigInt(operand);
    },
  },
  attr: {
    parameters: ["name"],
    call: (operand, given, runtime) =>
      operand instanceof Dict
        ? valueOr(
            runtime.method(operand, textOf(given.text("name")), runtime),
            "'dict object' has no such attribute",
          )
        : attributeOf(operand, textOf(given.text("name")), runtime),
  },
  capitalize: ofText([], python.capitalize),
  center: ofText(["width"], (text, given, runtime) =>
    pad(text, { fill: " ", align: "^", width: given.index("width", 80) }, runtime),
  ),
  count: length,
  d: fallback,
  default: fallback,
  e: escape,
  escape,
  float: {
    parameters: ["default"],
    call: (operand, given) => toFloat(operand, given.value("default", 0)),
  },
  indent: ofText(["width", "first", "blank"], indent),
  int: {
    parameters: ["default", "base"],
    call: (operand, given) => toWhole(operand, given.value("default", 0n), given.index("base", 10)),
  },
  length,
  lower: ofText([], python.lower),
  replace: ofText(["old", "new", "count"], (text, given, runtime) =>
    replaceText(
      text,
      [given.text("old"), given.text("new")],
      given.value("count", null) === null ? -1 : given.index("count"),
      runtime,
    ),
  ),
  round: { parameters: ["precision", "method"], call: round },
  safe: ofText([], asMarkup),
  string: ofText([], (text) => text),
  title: ofText([], (text) => titleWords(text)),
  tojson: { parameters: ["ensure_ascii", "indent", "separators", "sort_keys"], call: json },
  trim: ofText(["chars"], (text, given) =>
    python.strip(
      text,
      "both",
      given.value("chars", null) === null ? undefined : textOf(given.text("chars")),
    ),
  ),
  truncate: ofText(["length", "killwords", "end", "leeway"], truncate),
  upper: ofText([], python.upper),
  urlencode: { parameters: [], call: (operand, _given, runtime) => urlEncode(operand, runtime) },
  wordcount: ofText([], (text) => BigInt(textOf(text).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0)),
};

/** Jinja's own: upper case behind white space, hyphens and opening brackets. */
function titleWords(text: Text): Text {
  const source = textOf(text);
  let begins = true;
  let result = "";
  for (const character of source) {
    const boundary = python.isSpace(character) || /[-({[<]/.test(character);
    result += boundary ? character : begins ? character.toUpperCase() : character.toLowerCase();
    begins = boundary;
  }
  return rewritten(text, result);
}
