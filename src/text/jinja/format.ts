/** `"%s" % value`, the filter `format`, and `"{}".format(value)`, as far as templates use them. */
import type { Text } from "./data-text.ts";
import { isText, sliceText, TextBuilder, textOf } from "./data-text.ts";
import { floatText, repr, toText } from "./printing.ts";
import { lengthOf, offsetOf } from "./python-text.ts";
import type { Runtime } from "./runtime.ts";
import { attributeOf, itemOf } from "./runtime.ts";
import type { Arguments, Value } from "./values.ts";
import { Dict, isNumeric, isWholeNumber, List, TemplateError, typeName } from "./values.ts";

interface Style {
  fill: string;
  align: "<" | ">" | "^" | "=" | "";
  sign: string;
  width: number;
  grouping: string;
  precision: number | undefined;
  kind: string;
}

const PERCENT = /%(?:\((\w+)\))?([-+ 0#]*)(\*|\d*)(?:\.(\d+))?([a-zA-Z%])/g;

export function formatPercent(pattern: Text, given: Value, runtime: Runtime): Text {
  const values = given instanceof List && given.kind === "tuple" ? given.items : [given];
  let used = 0;
  const out = replaceMatches(
    pattern,
    PERCENT,
    runtime,
    ([, key, flags = "", width = "", precision, kind = ""]) => {
      if (kind === "%") return "%";
      if (width === "*") throw new TemplateError("a width of * is not known in %-formats");
      const value =
        key === undefined ? values[used++] : given instanceof Dict ? given.get(key) : undefined;
      if (value === undefined)
        throw new TemplateError(
          key === undefined
            ? "not enough arguments for format string"
            : `format key '${key}' is missing`,
        );
      const style: Style = {
        fill: flags.includes("0") && kind !== "s" && !flags.includes("-") ? "0" : " ",
        align: flags.includes("-") ? "<" : ">",
        sign: /[+ ]/.exec(flags)?.[0] ?? "",
        width: Number(width),
        grouping: "",
        precision: precision === undefined ? undefined : Number(precision),
        kind,
      };
      return percentValue(value, style, runtime);
    },
  );
  if (used < values.length && !(given instanceof Dict))
    throw new TemplateError("not all arguments converted during string formatting");
  return out;
}

function percentValue(value: Value, style: Style, runtime: Runtime): Text {
  if (style.kind === "s") return pad(cut(toText(value, runtime.budget), style), style, runtime);
  if (style.kind === "r" || style.kind === "a")
    return pad(cut(repr(value, runtime.budget), style), style, runtime);
  if (!isNumeric(value))
    throw new TemplateError(
      `%${style.kind} format: a real number is required, not ${typeName(value)}`,
    );
  const kind = style.kind === "i" || style.kind === "u" ? "d" : style.kind;
  return pad(
    numberText(kind === "d" && !isWholeNumber(value) ? BigInt(Math.trunc(value)) : value, {
      ...style,
      kind,
    }),
    style.fill === "0" ? { ...style, align: "=" } : style,
    runtime,
  );
}

function replaceMatches(
  pattern: Text,
  expression: RegExp,
  { budget }: Runtime,
  replace: (match: RegExpMatchArray) => Text,
): Text {
  const out = new TextBuilder();
  const text = textOf(pattern);
  let done = 0;
  for (const match of text.matchAll(expression)) {
    const replaced = replace(match);
    budget.make(match[0].length + textOf(replaced).length);
    out.add(sliceText(pattern, done, match.index)).add(replaced);
    done = match.index + match[0].length;
  }
  return out.add(sliceText(pattern, done)).build();
}

const FIELD = /\{\{|\}\}|\{(\w*)((?:\.\w+|\[[^\]]*\])*)(?:!([rs]))?(?::([^{}]*))?\}/g;

export function formatBraces(
  pattern: Text,
  { positional, named }: Arguments,
  runtime: Runtime,
): Text {
  let used = 0;
  return replaceMatches(
    pattern,
    FIELD,
    runtime,
    ([whole, name = "", path = "", conversion, spec = ""]) => {
      if (whole === "{{" || whole === "}}") return whole[0]!;
      let value =
        name === ""
          ? positional[used++]
          : /^\d+$/.test(name)
            ? positional[Number(name)]
            : named.get(name);
      if (value === undefined) throw new TemplateError(`format() has no argument for ${whole}`);
      for (const [, attribute, key] of path.matchAll(/\.(\w+)|\[([^\]]*)\]/g))
        value =
          attribute === undefined
            ? itemOf(value, /^\d+$/.test(key!) ? BigInt(key!) : key!, runtime)
            : attributeOf(value, attribute, runtime);
      const text =
        conversion === "r"
          ? repr(value, runtime.budget)
          : conversion === "s"
            ? toText(value, runtime.budget)
            : value;
      return formatValue(text, spec, runtime);
    },
  );
}

const SPEC = /^(?:(.)?([<>=^]))?([-+ ]?)#?(0?)(\d*)([,_]?)(?:\.(\d+))?([a-zA-Z%]?)$/su;

function formatValue(value: Value, spec: string, runtime: Runtime): Text {
  if (spec === "") return toText(value, runtime.budget);
  const match = SPEC.exec(spec);
  if (match === null) throw new TemplateError(`invalid format specifier '${spec}'`);
  const [, fill, align, sign = "", zero, width, grouping = "", precision, kind = ""] = match;
  const style: Style = {
    fill: fill ?? (zero === "0" ? "0" : " "),
    align: (align ?? (zero === "0" ? "=" : isNumeric(value) ? ">" : "<")) as Style["align"],
    sign,
    width: Number(width),
    grouping,
    precision: precision === undefined ? undefined : Number(precision),
    kind,
  };
  if (isText(value)) return pad(cut(value, style), style, runtime);
  if (!isNumeric(value))
    throw new TemplateError(`unsupported format string passed to ${typeName(value)}.__format__`);
  return pad(numberText(value, style), style, runtime);
}

const LONGEST_PRECISION = 100;

function numberText(
  value: boolean | bigint | number,
  { kind, precision, sign, grouping }: Style,
): string {
  if (precision !== undefined && precision > LONGEST_PRECISION)
    throw new TemplateError(`a precision of ${precision} digits is not known in formats`);
  const text =
    isWholeNumber(value) && !/^[eEfFgG%]$/.test(kind)
      ? wholeDigits(BigInt(value), kind)
      : floatDigits(Number(value), kind, precision);
  const negative = text.startsWith("-");
  const digits = negative ? text.slice(1) : text;
  const [before = "", ...after] = digits.split(".");
  const grouped =
    grouping === ""
      ? digits
      : [before.replaceAll(/\B(?=(\d{3})+$)/g, grouping), ...after].join(".");
  return (negative ? "-" : sign === "-" ? "" : sign) + grouped;
}

function wholeDigits(value: bigint, kind: string): string {
  const radix = { x: 16, X: 16, o: 8, b: 2, d: 10, n: 10, "": 10 }[kind];
  if (radix === undefined)
    throw new TemplateError(`unknown format code '${kind}' for a whole number`);
  return kind === "X" ? value.toString(radix).toUpperCase() : value.toString(radix);
}

function floatDigits(value: number, kind: string, precision: number | undefined): string {
  const exponent = (text: string): string => text.replace(/e([+-])(\d)$/, "e$10$2");
  switch (kind) {
    case "f":
    case "F":
      return fixed(value, precision ?? 6);
    case "e":
      return exponent(value.toExponential(precision ?? 6));
    case "E":
      return exponent(value.toExponential(precision ?? 6)).toUpperCase();
    case "%":
      return `${fixed(value * 100, precision ?? 6)}%`;
    case "":
      return precision === undefined ? floatText(value) : general(value, precision);
    case "g":
    case "G":
      return general(value, precision ?? 6);
    default:
      throw new TemplateError(`unknown format code '${kind}' for a float`);
  }
}

const fixed = (value: number, digits: number): string =>
  Math.abs(value) < 1e21
    ? value.toFixed(digits)
    : `${BigInt(value)}${digits > 0 ? `.${"0".repeat(digits)}` : ""}`;

function general(value: number, digits: number): string {
  const significant = Math.max(1, digits);
  const [mantissa = "", power = "0"] = value.toExponential(significant - 1).split("e");
  const trimmed = (text: string): string =>
    text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  if (Number(power) >= -4 && Number(power) < significant)
    return trimmed(value.toFixed(Math.max(0, significant - 1 - Number(power))));
  const exponent = String(Math.abs(Number(power))).padStart(2, "0");
  return `${trimmed(mantissa)}e${Number(power) < 0 ? "-" : "+"}${exponent}`;
}

const cut = (value: Text, { precision }: Style): Text =>
  precision === undefined ? value : sliceText(value, 0, offsetOf(textOf(value), precision));

/** Fills up to a width. */
export function pad(
  value: Text,
  { fill, align, width }: Pick<Style, "fill" | "align" | "width">,
  { budget }: Runtime,
): Text {
  const missing = Math.max(0, width - lengthOf(textOf(value)));
  if (missing === 0) return value;
  budget.make(missing * fill.length);
  if (align === "=") {
    const sign = /^[+-]/.test(textOf(value)) ? 1 : 0;
    return new TextBuilder()
      .add(sliceText(value, 0, sign))
      .add(fill.repeat(missing))
      .add(sliceText(value, sign))
      .build();
  }
  const left = align === "<" ? 0 : align === "^" ? Math.floor(missing / 2) : missing;
  return new TextBuilder()
    .add(fill.repeat(left))
    .add(value)
    .add(fill.repeat(missing - left))
    .build();
}
