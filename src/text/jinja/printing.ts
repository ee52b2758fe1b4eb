/**
 * How values become text: Python's str and repr, and json.dumps as transformers' tojson calls it.
 */
import type { Budget } from "./budget.ts";
import type { Text } from "./data-text.ts";
import { concat, DataText, escapeText, isText, textOf, TextBuilder } from "./data-text.ts";
import { compareText, reprEscapes } from "./python-text.ts";
import type { Value } from "./values.ts";
import {
  Dict,
  Iterator,
  List,
  MacroFunction,
  Namespace,
  Range,
  TemplateError,
  typeName,
  Undefined,
} from "./values.ts";

/** Shortest digits that give the number back, in Python's choice of notation. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const [mantissa = "", exponent = "0"] = value.toExponential().split("e");
  const power = Number(exponent);
  if (power < -4 || power >= 16)
    return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  const plain =
    power < 0
      ? value.toFixed(Math.max(0, mantissa.replace(/^-?\d\.?/, "").length - power))
      : value.toString();
  return plain.includes(".") ? plain : `${plain}.0`;
}

/** What `{{ value }}` writes. */
export function toText(value: Value, budget: Budget): Text {
  if (isText(value)) return value;
  if (value instanceof Undefined) return "";
  return repr(value, budget);
}

export function repr(value: Value, budget: Budget): Text {
  const builder = new TextBuilder();
  writeRepr(value, builder, budget);
  return builder.build();
}

function writeRepr(value: Value, out: TextBuilder, budget: Budget): void {
  budget.make(2);
  if (value === null) out.add("None");
  else if (isText(value)) out.add(textRepr(value, budget));
  else if (typeof value === "boolean") out.add(value ? "True" : "False");
  else if (typeof value === "bigint") out.add(wholeText(value, budget));
  else if (typeof value === "number") out.add(floatText(value));
  else if (value instanceof Undefined) out.add("Undefined");
  else if (value instanceof Range)
    out.add(`range(${value.start}, ${value.stop}${value.step === 1 ? "" : `, ${value.step}`})`);
  else if (value instanceof List) writeList(value, out, budget);
  else if (value instanceof Dict) writeDict(value, out, budget);
  else if (value instanceof Namespace)
    writeDict(new Dict(value.attributes), out.add("<Namespace "), budget);
  else if (value instanceof Iterator)
    throw new TemplateError("a generator has no text; `| list` makes a list of it");
  else out.add(value instanceof MacroFunction ? `<Macro '${value.name}'>` : `<${typeName(value)}>`);
  if (value instanceof Namespace) out.add(">");
}

function wholeText(value: bigint, budget: Budget): string {
  const text = value.toString();
  budget.make(text.length);
  return text;
}

function textRepr(value: Text, budget: Budget): Text {
  const text = textOf(value);
  budget.make(text.length * 2);
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const { pattern, escape } = reprEscapes(quote);
  return concat(quote, escapeText(value, pattern, escape), quote);
}

const BRACKETS: Readonly<Record<string, readonly [string, string]>> = {
  list: ["[", "]"],
  tuple: ["(", ")"],
  dict_keys: ["dict_keys([", "])"],
  dict_values: ["dict_values([", "])"],
  dict_items: ["dict_items([", "])"],
};

function writeList({ items, kind }: List, out: TextBuilder, budget: Budget): void {
  const [open, close] = BRACKETS[kind]!;
  out.add(open);
  writeAll(items, out, (item) => writeRepr(item, out, budget));
  if (kind === "tuple" && items.length === 1) out.add(",");
  out.add(close);
}

function writeAll<T>(items: Iterable<T>, out: TextBuilder, write: (item: T) => void): void {
  let first = true;
  for (const item of items) {
    if (!first) out.add(", ");
    first = false;
    write(item);
  }
}

function writeDict(value: Dict, out: TextBuilder, budget: Budget): void {
  out.add("{");
  writeAll(value.pairs(), out, ([key, each]) => {
    writeRepr(key, out, budget);
    writeRepr(each, out.add(": "), budget);
  });
  out.add("}");
}

export interface JsonStyle {
  ensureAscii: boolean;
  indent: string | undefined;
  itemSeparator: string;
  keySeparator: string;
  sortKeys: boolean;
}

export function toJson(value: Value, style: JsonStyle, budget: Budget): Text {
  const out = new TextBuilder();
  writeJson(value, { out, style, budget, level: 0 });
  return out.build();
}

interface JsonState {
  out: TextBuilder;
  style: JsonStyle;
  budget: Budget;
  level: number;
}

function writeJson(value: Value, state: JsonState): void {
  const { out, style, budget, level } = state;
  budget.make(2 + (style.indent?.length ?? 0) * level);
  if (value === null) out.add("null");
  else if (typeof value === "boolean") out.add(value ? "true" : "false");
  else if (typeof value === "bigint") out.add(wholeText(value, budget));
  else if (typeof value === "number") out.add(jsonFloat(value));
  else if (isText(value)) out.add(jsonText(value, style, budget));
  else if (value instanceof List && (value.kind === "list" || value.kind === "tuple"))
    writeItems(value.items, "[]", state, (item, inner) => writeJson(item, inner));
  else if (value instanceof Dict)
    writeItems(
      style.sortKeys ? sortedPairs(value) : value.pairs(),
      "{}",
      state,
      ([key, each], inner) => {
        out.add(jsonText(jsonKey(key), style, budget)).add(style.keySeparator);
        writeJson(each, inner);
      },
    );
  else throw new TemplateError(`Object of type ${typeName(value)} is not JSON serializable`);
}

function writeItems<T>(
  items: Iterable<T>,
  [open, close]: string,
  state: JsonState,
  write: (item: T, inner: JsonState) => void,
): void {
  const { out, style } = state;
  const level = state.level + 1;
  const lineStart = (depth: number): string =>
    style.indent === undefined ? "" : `\n${style.indent.repeat(depth)}`;
  out.add(open!);
  let first = true;
  for (const item of items) {
    out.add(first ? lineStart(level) : style.itemSeparator + lineStart(level));
    first = false;
    write(item, { ...state, level });
  }
  out.add(first ? close! : lineStart(state.level) + close!);
}

function jsonFloat(value: number): string {
  if (Number.isFinite(value)) return floatText(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

function jsonKey(key: Value): Text {
  if (isText(key)) return key;
  if (key === null) return "null";
  if (typeof key === "boolean") return key ? "true" : "false";
  if (typeof key === "bigint") return key.toString();
  if (typeof key === "number") return jsonFloat(key);
  throw new TemplateError(`keys must be str, int, float, bool or None, not ${typeName(key)}`);
}

const JSON_ESCAPES = new RegExp(String.raw`["\\\x00-\x1F]`, "g");
const JSON_ASCII_ESCAPES = new RegExp(String.raw`["\\]|[^ -~]`, "g");
const JSON_SHORT: Readonly<Record<string, string>> = {
  '"': String.raw`\"`,
  "\\": String.raw`\\`,
  "\n": String.raw`\n`,
  "\r": String.raw`\r`,
  "\t": String.raw`\t`,
  "\f": String.raw`\f`,
  "\b": String.raw`\b`,
};

function jsonText(value: Text, { ensureAscii }: JsonStyle, budget: Budget): Text {
  budget.make(textOf(value).length * 2);
  const escape = (character: string): string =>
    JSON_SHORT[character] ?? String.raw`\u` + character.charCodeAt(0).toString(16).padStart(4, "0");
  const escaped = escapeText(
    value instanceof DataText ? new DataText(value.text, value.runs) : value,
    ensureAscii ? JSON_ASCII_ESCAPES : JSON_ESCAPES,
    escape,
  );
  return concat('"', escaped, '"');
}

function sortedPairs(value: Dict): (readonly [Value, Value])[] {
  return [...value.pairs()].toSorted(([a], [b]) => {
    if (isText(a) && isText(b)) return compareText(textOf(a), textOf(b));
    throw new TemplateError("keys of different types cannot be sorted");
  });
}
