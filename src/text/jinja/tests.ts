/** Jinja's tests: what stands behind `is`. Source: jinja2/tests.py 3.1.6. */
import { DataText, isText, textOf } from "./data-text.ts";
import { binary, comparison } from "./operators.ts";
import type { Runtime } from "./runtime.ts";
import type { Arguments, Value } from "./values.ts";
import {
  Callable,
  Dict,
  equals,
  isNumeric,
  Iterator,
  List,
  Markup,
  Opaque,
  TemplateError,
  Undefined,
} from "./values.ts";
import type { CompareOperator } from "./ast.ts";
import { applyFilter } from "./filters.ts";

type Test = (operand: Value, argument: () => Value, runtime: Runtime) => boolean;

export function applyTest(
  name: string,
  operand: Value,
  { positional }: Arguments,
  runtime: Runtime,
): boolean {
  runtime.budget.step();
  const test = Object.hasOwn(TESTS, name) ? TESTS[name]! : undefined;
  if (test === undefined) throw new TemplateError(`no test named '${name}'`);
  return test(
    operand,
    () => {
      if (positional.length === 0) throw new TemplateError(`the test '${name}' needs an argument`);
      return positional[0]!;
    },
    runtime,
  );
}

const comparing =
  (operator: CompareOperator): Test =>
  (operand, argument, runtime) =>
    comparison(operator, operand, argument(), runtime);

const leaves = (
  rest: bigint,
  operand: Value,
  [divisor, runtime]: readonly [Value, Runtime],
): boolean => equals(binary("%", operand, divisor, runtime), rest, runtime.budget);

const [same, different, less, lessOrSame, more, moreOrSame] = [
  comparing("=="),
  comparing("!="),
  comparing("<"),
  comparing("<="),
  comparing(">"),
  comparing(">="),
];
const everySame = (a: Value, b: Value): boolean =>
  a === b || (isText(a) && isText(b) && textOf(a) === textOf(b));

const TESTS: Readonly<Record<string, Test>> = {
  boolean: (operand) => typeof operand === "boolean",
  callable: (operand) =>
    operand instanceof Callable || (operand instanceof Opaque && operand.call !== undefined),
  defined: (operand) => !(operand instanceof Undefined),
  divisibleby: (operand, argument, runtime) => leaves(0n, operand, [argument(), runtime]),
  escaped: (operand) => operand instanceof Markup,
  even: (operand, _argument, runtime) => leaves(0n, operand, [2n, runtime]),
  odd: (operand, _argument, runtime) => leaves(1n, operand, [2n, runtime]),
  false: (operand) => operand === false,
  true: (operand) => operand === true,
  float: (operand) => typeof operand === "number",
  integer: (operand) => typeof operand === "bigint",
  iterable: (operand) =>
    isText(operand) ||
    operand instanceof List ||
    operand instanceof Dict ||
    operand instanceof Iterator ||
    operand instanceof Undefined,
  lower: (operand) =>
    isText(operand) &&
    textOf(operand) === textOf(operand).toLowerCase() &&
    textOf(operand) !== textOf(operand).toUpperCase(),
  upper: (operand) =>
    isText(operand) &&
    textOf(operand) === textOf(operand).toUpperCase() &&
    textOf(operand) !== textOf(operand).toLowerCase(),
  mapping: (operand) => operand instanceof Dict,
  none: (operand) => operand === null,
  number: (operand) => isNumeric(operand),
  sameas: (operand, argument) => everySame(operand, argument()),
  sequence: (operand) =>
    isText(operand) ||
    operand instanceof List ||
    operand instanceof Dict ||
    operand instanceof Undefined,
  string: (operand) => typeof operand === "string" || operand instanceof DataText,
  undefined: (operand) => operand instanceof Undefined,
  in: comparing("in"),
  "==": same,
  eq: same,
  equalto: same,
  "!=": different,
  ne: different,
  "<": less,
  lt: less,
  lessthan: less,
  "<=": lessOrSame,
  le: lessOrSame,
  ">": more,
  gt: more,
  greaterthan: more,
  ">=": moreOrSame,
  ge: moreOrSame,
  filter: (operand, _argument, runtime) => {
    const name = isText(operand) ? textOf(operand) : "";
    try {
      applyFilter(name, "", { positional: [], named: new Map() }, runtime);
      return true;
    } catch (error) {
      return !(error instanceof TemplateError && error.message.startsWith("no filter named"));
    }
  },
  test: (operand) => isText(operand) && Object.hasOwn(TESTS, textOf(operand)),
};
