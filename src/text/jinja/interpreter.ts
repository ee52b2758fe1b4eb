/**
 * Runs a template. Source: the code that jinja2/compiler.py 3.1.6 makes; scopes are Jinja's (loops,
 * macros and blocks have their own).
 */
import type { CallArguments, Expression, MacroNode, Statement, Target } from "./ast.ts";
import type { Text } from "./data-text.ts";
import { concat, TextBuilder, textOf } from "./data-text.ts";
import { loopObject } from "./loop.ts";
import { binary, comparison } from "./operators.ts";
import { toText } from "./printing.ts";
import type { Runtime } from "./runtime.ts";
import { attributeOf, itemOf, iterate, sliceOf } from "./runtime.ts";
import type { Arguments, Value } from "./values.ts";
import {
  Callable,
  Dict,
  isNumeric,
  isWhole,
  List,
  MacroFunction,
  Namespace,
  Opaque,
  TemplateError,
  truth,
  typeName,
  Undefined,
  undefinedError,
  valueOr,
} from "./values.ts";

export class Scope {
  private readonly variables = new Map<string, Value>();
  private readonly parent: Scope | undefined;

  constructor(parent?: Scope) {
    this.parent = parent;
  }

  set(name: string, value: Value): void {
    this.variables.set(name, value);
  }

  get(name: string): Value {
    const value = this.variables.get(name);
    if (value !== undefined) return value;
    return this.parent ? this.parent.get(name) : new Undefined(`'${name}' is undefined`);
  }
}

type Signal = "break" | "continue" | undefined;
type Of<Node extends { type: string }, Type extends Node["type"]> = Extract<Node, { type: Type }>;

export class Interpreter {
  private readonly runtime: Runtime;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
  }

  render(body: readonly Statement[], scope: Scope): Text {
    const out = new TextBuilder();
    this.run(body, scope, out);
    return out.build();
  }

  private run(body: readonly Statement[], scope: Scope, out: TextBuilder): Signal {
    for (const statement of body) {
      this.runtime.budget.step();
      const signal = this.execute(statement, scope, out);
      if (signal !== undefined) return signal;
    }
    return undefined;
  }

  private write(text: Text, out: TextBuilder): void {
    this.runtime.budget.make(textOf(text).length);
    out.add(text);
  }

  private execute(statement: Statement, scope: Scope, out: TextBuilder): Signal {
    switch (statement.type) {
      case "data":
        this.write(statement.text, out);
        return undefined;
      case "output":
        for (const value of statement.values)
          this.write(toText(this.evaluate(value, scope), this.runtime.budget), out);
        return undefined;
      case "if": {
        const branch = statement.branches.find(({ test }) => truth(this.evaluate(test, scope)));
        return this.run(branch?.body ?? statement.otherwise, scope, out);
      }
      case "for":
        return this.loop(statement, this.evaluate(statement.iterable, scope), {
          scope,
          out,
          depth: 1,
        });
      case "break":
      case "continue":
        return statement.type;
      case "set":
        this.assign(statement.target, this.evaluate(statement.value, scope), scope);
        return undefined;
      case "set block": {
        const text = this.captured(statement.body, scope);
        this.assign(
          statement.target,
          statement.filter ? this.filtered(statement.filter, text, scope) : text,
          scope,
        );
        return undefined;
      }
      case "with": {
        const inner = new Scope(scope);
        for (const [target, value] of statement.bindings)
          this.assign(target, this.evaluate(value, scope), inner);
        return this.run(statement.body, inner, out);
      }
      case "filter block":
        this.write(
          toText(
            this.filtered(statement.filter, this.captured(statement.body, scope), scope),
            this.runtime.budget,
          ),
          out,
        );
        return undefined;
      case "macro":
        scope.set(statement.macro.name, this.macro(statement.macro, scope));
        return undefined;
      case "call block":
        this.callBlock(statement, scope, out);
        return undefined;
      case "generation":
        this.write(this.captured(statement.body, scope), out);
        return undefined;
    }
  }

  private captured(body: readonly Statement[], scope: Scope): Text {
    this.runtime.budget.enter();
    const text = this.render(body, new Scope(scope));
    this.runtime.budget.leave();
    return text;
  }

  private loop(
    node: Of<Statement, "for">,
    iterable: Value,
    { scope, out, depth }: { scope: Scope; out: TextBuilder; depth: number },
  ): Signal {
    const { budget } = this.runtime;
    const items =
      node.test === undefined
        ? iterate(iterable, this.runtime)
        : iterate(iterable, this.runtime).filter((item) => {
            const inner = new Scope(scope);
            this.assign(node.target, item, inner);
            return truth(this.evaluate(node.test!, inner));
          });
    const again = node.recursive
      ? (given: Arguments): Text => {
          const inner = new TextBuilder();
          budget.enter();
          this.loop(node, given.positional[0] ?? null, { scope, out: inner, depth: depth + 1 });
          budget.leave();
          return inner.build();
        }
      : undefined;
    const state = loopObject(items, { depth, again, budget });
    for (const [index, item] of items.entries()) {
      budget.step();
      state.move(index);
      const inner = new Scope(scope);
      inner.set("loop", state.loop);
      this.assign(node.target, item, inner);
      if (this.run(node.body, inner, out) === "break") break;
    }
    return items.length === 0 ? this.run(node.otherwise, new Scope(scope), out) : undefined;
  }

  private assign(target: Target, value: Value, scope: Scope): void {
    if (target.type === "name") return scope.set(target.name, value);
    if (target.type === "namespace") {
      const object = scope.get(target.name);
      if (!(object instanceof Namespace))
        throw new TemplateError("cannot assign attribute on non-namespace object");
      if (target.attribute.startsWith("_"))
        throw new TemplateError(`a namespace cannot hold the attribute '${target.attribute}'`);
      object.attributes.set(target.attribute, value);
      return undefined;
    }
    const items = iterate(value, this.runtime);
    if (items.length !== target.items.length)
      throw new TemplateError(
        `cannot unpack ${items.length} values into ${target.items.length} names`,
      );
    for (const [index, each] of target.items.entries()) this.assign(each, items[index]!, scope);
  }

  private macro(node: MacroNode, scope: Scope): MacroFunction {
    return new MacroFunction(node.name, (given) => {
      this.runtime.budget.enter();
      const inner = new Scope(scope);
      this.bindParameters(node, given, inner);
      const text = this.render(node.body, inner);
      this.runtime.budget.leave();
      return text;
    });
  }

  private bindParameters(
    { name, parameters, reads }: MacroNode,
    { positional, named }: Arguments,
    scope: Scope,
  ): void {
    const rest = new Map(named);
    for (const [index, parameter] of parameters.entries()) {
      const value = index < positional.length ? positional[index] : rest.get(parameter.name);
      if (positional[index] !== undefined && rest.has(parameter.name))
        throw new TemplateError(
          `macro '${name}' got multiple values for argument '${parameter.name}'`,
        );
      rest.delete(parameter.name);
      const given =
        value === undefined && parameter.value !== undefined
          ? this.evaluate(parameter.value, scope)
          : value;
      scope.set(parameter.name, valueOr(given, `parameter '${parameter.name}' was not provided`));
    }
    if (reads.has("caller")) {
      scope.set("caller", valueOr(rest.get("caller"), "No caller defined"));
      rest.delete("caller");
    }
    if (reads.has("kwargs")) scope.set("kwargs", new Dict(rest));
    else if (rest.size > 0)
      throw new TemplateError(
        `macro '${name}' takes no keyword argument '${rest.keys().next().value}'`,
      );
    if (reads.has("varargs"))
      scope.set("varargs", new List(positional.slice(parameters.length), "tuple"));
    else if (positional.length > parameters.length)
      throw new TemplateError(
        `macro '${name}' takes not more than ${parameters.length} argument(s)`,
      );
  }

  private callBlock(
    { call, macro }: Of<Statement, "call block">,
    scope: Scope,
    out: TextBuilder,
  ): void {
    const { callee, given } = call as Of<Expression, "call">;
    const { positional, named } = this.arguments(given, scope);
    const caller = this.macro(macro, scope);
    this.write(
      toText(
        this.call(this.evaluate(callee, scope), {
          positional,
          named: new Map([...named, ["caller", caller]]),
        }),
        this.runtime.budget,
      ),
      out,
    );
  }

  private call(callee: Value, given: Arguments): Value {
    if (callee instanceof Callable) return callee.call(given);
    if (callee instanceof Opaque && callee.call) return callee.call(given);
    if (callee instanceof Undefined) throw undefinedError(callee);
    throw new TemplateError(`'${typeName(callee)}' object is not callable`);
  }

  private arguments(
    { positional, named, spread, namedSpread }: CallArguments,
    scope: Scope,
  ): Arguments {
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

  private filtered(node: Expression, operand: Value, scope: Scope): Value {
    const { operand: before, name, given } = node as Of<Expression, "filter">;
    return this.runtime.filter(
      name,
      before ? this.filtered(before, operand, scope) : operand,
      this.arguments(given, scope),
      this.runtime,
    );
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
        if (truth(this.evaluate(node.test, scope))) return this.evaluate(node.yes, scope);
        return node.no
          ? this.evaluate(node.no, scope)
          : new Undefined(
              "the inline if-expression evaluated to false and no else section was defined.",
            );
      case "and": {
        const left = this.evaluate(node.left, scope);
        return truth(left) ? this.evaluate(node.right, scope) : left;
      }
      case "or": {
        const left = this.evaluate(node.left, scope);
        return truth(left) ? left : this.evaluate(node.right, scope);
      }
      case "not":
        return !truth(this.evaluate(node.operand, scope));
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

  private signed({ type, operand }: { type: string; operand: Expression }, scope: Scope): Value {
    const value = this.evaluate(operand, scope);
    if (value instanceof Undefined) throw undefinedError(value);
    if (!isNumeric(value))
      throw new TemplateError(`bad operand type for unary sign: '${typeName(value)}'`);
    const number = isWhole(value) ? BigInt(value) : value;
    return type === "negative" ? -number : number;
  }

  private joined(parts: readonly Expression[], scope: Scope): Text {
    const texts = parts.map((part) => toText(this.evaluate(part, scope), this.runtime.budget));
    this.runtime.budget.make(texts.reduce((total, text) => total + textOf(text).length, 0));
    return concat(...texts);
  }

  private compared({ first, rest }: Of<Expression, "compare">, scope: Scope): boolean {
    let left = this.evaluate(first, scope);
    for (const { operator, operand } of rest) {
      const right = this.evaluate(operand, scope);
      if (!comparison(operator, left, right, this.runtime)) return false;
      left = right;
    }
    return true;
  }

  private item({ object, key }: Of<Expression, "item">, scope: Scope): Value {
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
