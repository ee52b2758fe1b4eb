/** Python's operators. */
import type { BinaryOperator, CompareOperator } from "./ast.ts";
import type { Text } from "./data-text.ts";
import { concat, isText, textOf } from "./data-text.ts";
import { formatPercent } from "./format.ts";
import { escapeHtml } from "./markup.ts";
import type { Runtime } from "./runtime.ts";
import { iterate } from "./runtime.ts";
import type { Value } from "./values.ts";
import {
  compare,
  Dict,
  equals,
  isNumeric,
  isWholeNumber,
  List,
  Markup,
  TemplateError,
  typeName,
  Undefined,
  undefinedError,
} from "./values.ts";

export function binary(
  operator: BinaryOperator,
  left: Value,
  right: Value,
  runtime: Runtime,
): Value {
  for (const value of [left, right]) if (value instanceof Undefined) throw undefinedError(value);
  if (operator === "%" && isText(left)) return formatPercent(left, right, runtime);
  if (isNumeric(left) && isNumeric(right))
    return isWholeNumber(left) && isWholeNumber(right)
      ? whole(operator, BigInt(left), BigInt(right), runtime)
      : float(operator, Number(left), Number(right));
  if (operator === "+") {
    if (isText(left) && isText(right)) return addText(left, right, runtime);
    if (
      left instanceof List &&
      right instanceof List &&
      left.kind === right.kind &&
      (left.kind === "list" || left.kind === "tuple")
    ) {
      runtime.budget.step(left.items.length + right.items.length);
      return new List([...left.items, ...right.items], left.kind);
    }
  }
  if (operator === "*") {
    const [many, count] = isWholeNumber(left) ? [right, left] : [left, right];
    if (
      isWholeNumber(count) &&
      (isText(many) || (many instanceof List && (many.kind === "list" || many.kind === "tuple")))
    )
      return repeat(many, Math.max(0, Number(count)), runtime);
  }
  throw new TemplateError(
    `unsupported operand type(s) for ${operator}: '${typeName(left)}' and '${typeName(right)}'`,
  );
}

function addText(left: Text, right: Text, { budget }: Runtime): Text {
  // a sum shares what it is made of, so only the shorter side is paid for
  budget.make(Math.min(textOf(left).length, textOf(right).length) + 1);
  if (!(left instanceof Markup || right instanceof Markup)) return concat(left, right);
  const sum = concat(
    left instanceof Markup ? left : escapeHtml(left),
    right instanceof Markup ? right : escapeHtml(right),
  );
  return new Markup(textOf(sum), typeof sum === "string" ? [] : sum.runs);
}

function repeat(many: Text | List, count: number, { budget }: Runtime): Value {
  if (many instanceof List) {
    budget.step(many.items.length * count);
    return new List(Array.from({ length: count }, () => many.items).flat(), many.kind);
  }
  const text = textOf(many);
  budget.make(text.length * count);
  return typeof many === "string"
    ? many.repeat(count)
    : concat(...Array.from({ length: text === "" ? 0 : count }, () => many));
}

const bitsOf = (value: bigint): number => value.toString(16).length * 4;

function whole(operator: BinaryOperator, a: bigint, b: bigint, { budget }: Runtime): Value {
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      budget.bits(bitsOf(a) + bitsOf(b));
      return a * b;
    case "/":
      if (b === 0n) throw new TemplateError("division by zero");
      return Number(a) / Number(b);
    case "//":
    case "%": {
      if (b === 0n) throw new TemplateError("integer division or modulo by zero");
      const rest = ((a % b) + b) % b;
      return operator === "%" ? rest : (a - rest) / b;
    }
    case "**":
      if (b < 0n) return float("**", Number(a), Number(b));
      budget.bits(bitsOf(a) * Number(b));
      return a ** b;
  }
}

function float(operator: BinaryOperator, a: number, b: number): number {
  if (b === 0 && (operator === "/" || operator === "//" || operator === "%"))
    throw new TemplateError("float division by zero");
  const rest = a % b;
  const modulo = rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
    case "//":
      return Math.round((a - modulo) / b);
    case "%":
      return modulo;
    case "**": {
      const power = a ** b;
      if (a === 0 && b < 0) throw new TemplateError("0.0 cannot be raised to a negative power");
      if (Number.isNaN(power) || (!Number.isFinite(power) && Number.isFinite(a)))
        throw new TemplateError("the power is no float");
      return power;
    }
  }
}

export function comparison(
  operator: CompareOperator,
  left: Value,
  right: Value,
  runtime: Runtime,
): boolean {
  switch (operator) {
    case "==":
      return equals(left, right, runtime.budget);
    case "!=":
      return !equals(left, right, runtime.budget);
    case "in":
      return contains(right, left, runtime);
    case "not in":
      return !contains(right, left, runtime);
    case "<":
      return compare(left, right, runtime.budget) < 0;
    case "<=":
      return compare(left, right, runtime.budget) <= 0;
    case ">":
      return compare(left, right, runtime.budget) > 0;
    case ">=":
      return compare(left, right, runtime.budget) >= 0;
  }
}

export function contains(container: Value, value: Value, runtime: Runtime): boolean {
  if (isText(container)) {
    if (!isText(value))
      throw new TemplateError(
        `'in <string>' requires string as left operand, not ${typeName(value)}`,
      );
    runtime.budget.step(1 + textOf(container).length / 64);
    return textOf(container).includes(textOf(value));
  }
  if (container instanceof Dict) return container.has(value);
  return iterate(container, runtime).some((item) => equals(item, value, runtime.budget));
}
