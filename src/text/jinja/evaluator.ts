/** Values of expressions. Source: the code that jinja2/compiler.py 3.1.6 makes. */
import type { CallArguments, Expression, NodeOf } from "./ast.ts";
import type { Text } from "./data-text.ts";
import { concat, textOf } from "./data-text.ts";
import { binary, comparison } from "./operators.ts";
import { toText } from "./printing.ts";
import type { Runtime } from "./runtime.ts";
import { attributeOf, itemOf, iterate, sliceOf, used } from "./runtime.ts";
import type { Scope } from "./scope.ts";
import type { Arguments, Value } from "./values.ts";
import {
  Callable,
  Dict,
  isNumeric,
  isWholeNumber,
  List,
  Opaque,
  TemplateError,
  truth,
  typeName,
  Undefined,
  undefinedError,
} from "./values.ts";

export class Evaluator {
  private readonly runtime: Runtime;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
  }

  evaluate(node: Expression, scope: Scope): Value {
    this.runtime.budget.step();
    switch (node.type) {
      case "const":
        return node.value;
      case "name":
        return scope.get(node.name);
      case "list":
        return new List(node.items.map((item) => this.evaluate(item, scope)));
      case "tuple":
        return new List(
          node.items.map((item) => this.evaluate(item, scope)),
          "tuple",
        );
      case "dict":
        return new Dict(
          node.pairs.map(
            ([key, value]) => [this.evaluate(key, scope), this.evaluate(value, scope)] as const,
          ),
        );
      case "condition":
        if (this.isTrue(node.test, scope)) return this.evaluate(node.yes, scope);
        return node.no
          ? this.evaluate(node.no, scope)
          : new Undefined(
              "the inline if-expression evaluated to false and no else section was defined.",
            );
      case "and": {
        const left = this.evaluate(node.left, scope);
        return truth(used(left, this.runtime)) ? this.evaluate(node.right, scope) : left;
      }
      case "or": {
        const left = this.evaluate(node.left, scope);
        return truth(used(left, this.runtime)) ? left : this.evaluate(node.right, scope);
      }
      case "not":
        return !this.isTrue(node.operand, scope);
      case "negative":
      case "positive":
        return this.signed(node, scope);
      case "binary":
        return binary(
          node.operator,
          this.evaluate(node.left, scope),
          this.evaluate(node.right, scope),
          this.runtime,
        );
      case "join":
        return this.joined(node.parts, scope);
      case "compare":
        return this.compared(node, scope);
      case "attribute":
        return attributeOf(this.evaluate(node.object, scope), node.name, this.runtime);
      case "item":
        return this.item(node, scope);
      case "slice":
        throw new TemplateError("a slice among several keys");
      case "call":
        return this.call(this.evaluate(node.callee, scope), this.arguments(node.given, scope));
      case "filter":
        return this.runtime.filter(
          node.name,
          this.evaluate(node.operand!, scope),
          this.arguments(node.given, scope),
          this.runtime,
        );
      case "test":
        return this.runtime.test(
          node.name,
          this.evaluate(node.operand, scope),
          this.arguments(node.given, scope),
          this.runtime,
        );
    }
  }

  isTrue(node: Expression, scope: Scope): boolean {
    return truth(used(this.evaluate(node, scope), this.runtime));
  }

  call(callee: Value, given: Arguments): Value {
    if (callee instanceof Callable) return callee.call(given);
    if (callee instanceof Opaque && callee.call) return callee.call(given);
    if (callee instanceof Undefined) throw undefinedError(callee);
    throw new TemplateError(`'${typeName(callee)}' object is not callable`);
  }

  arguments({ positional, named, spread, namedSpread }: CallArguments, scope: Scope): Arguments {
    const values = positional.map((value) => this.evaluate(value, scope));
    if (spread) values.push(...iterate(this.evaluate(spread, scope), this.runtime));
    const byName = new Map<string, Value>();
    for (const [name, value] of named) byName.set(name, this.evaluate(value, scope));
    if (namedSpread) {
      const more = this.evaluate(namedSpread, scope);
      if (!(more instanceof Dict)) throw new TemplateError("argument after ** must be a mapping");
      for (const [key, value] of more.pairs())
        byName.set(textOf(toText(key, this.runtime.budget)), value);
    }
    return { positional: values, named: byName };
  }

  private signed({ type, operand }: { type: string; operand: Expression }, scope: Scope): Value {
    const value = this.evaluate(operand, scope);
    if (value instanceof Undefined) throw undefinedError(value);
    if (!isNumeric(value))
      throw new TemplateError(`bad operand type for unary sign: '${typeName(value)}'`);
    const number = isWholeNumber(value) ? BigInt(value) : value;
    return type === "negative" ? -number : number;
  }

  private joined(parts: readonly Expression[], scope: Scope): Text {
    const texts = parts.map((part) =>
      toText(used(this.evaluate(part, scope), this.runtime), this.runtime.budget),
    );
    this.runtime.budget.make(texts.reduce((total, text) => total + textOf(text).length, 0));
    return concat(...texts);
  }

  private compared({ first, rest }: NodeOf<Expression, "compare">, scope: Scope): boolean {
    let left = this.evaluate(first, scope);
    for (const { operator, operand } of rest) {
      const right = this.evaluate(operand, scope);
      for (const each of [left, right]) used(each, this.runtime);
      if (!comparison(operator, left, right, this.runtime)) return false;
      left = right;
    }
    return true;
  }

  private item({ object, key }: NodeOf<Expression, "item">, scope: Scope): Value {
    const value = this.evaluate(object, scope);
    if (key.type !== "slice") return itemOf(value, this.evaluate(key, scope), this.runtime);
    const bound = (node: Expression | undefined): Value =>
      node === undefined ? null : this.evaluate(node, scope);
    return sliceOf(
      value,
      { start: bound(key.start), stop: bound(key.stop), step: bound(key.step) },
      this.runtime,
    );
  }
}
