/**
 * Runs a template. Source: the code that jinja2/compiler.py 3.1.6 makes; scopes are Jinja's (loops,
 * macros and blocks have their own).
 */
import type { Expression, MacroNode, NodeOf, Statement, Target } from "./ast.ts";
import type { Text } from "./data-text.ts";
import { TextBuilder, textOf } from "./data-text.ts";
import { Evaluator } from "./evaluator.ts";
import { loopObject } from "./loop.ts";
import { toText } from "./printing.ts";
import type { Runtime } from "./runtime.ts";
import { iterate, used } from "./runtime.ts";
import { Scope } from "./scope.ts";
import type { Arguments, Value } from "./values.ts";
import { Dict, List, MacroFunction, Namespace, TemplateError, valueOr } from "./values.ts";

type Signal = "break" | "continue" | undefined;

export class Interpreter {
  private readonly runtime: Runtime;
  private readonly expressions: Evaluator;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
    this.expressions = new Evaluator(runtime);
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
          this.write(
            toText(
              used(this.expressions.evaluate(value, scope), this.runtime),
              this.runtime.budget,
            ),
            out,
          );
        return undefined;
      case "if": {
        const branch = statement.branches.find(({ test }) => this.expressions.isTrue(test, scope));
        return this.run(branch?.body ?? statement.otherwise, scope, out);
      }
      case "for":
        return this.loop(statement, this.expressions.evaluate(statement.iterable, scope), {
          scope,
          out,
          depth: 1,
        });
      case "break":
      case "continue":
        return statement.type;
      case "set":
        this.assign(statement.target, this.expressions.evaluate(statement.value, scope), scope);
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
          this.assign(target, this.expressions.evaluate(value, scope), inner);
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
    node: NodeOf<Statement, "for">,
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
            return this.expressions.isTrue(node.test!, inner);
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
          ? this.expressions.evaluate(parameter.value, scope)
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
    { call, macro }: NodeOf<Statement, "call block">,
    scope: Scope,
    out: TextBuilder,
  ): void {
    const { callee, given } = call as NodeOf<Expression, "call">;
    const { positional, named } = this.expressions.arguments(given, scope);
    const caller = this.macro(macro, scope);
    this.write(
      toText(
        this.expressions.call(this.expressions.evaluate(callee, scope), {
          positional,
          named: new Map([...named, ["caller", caller]]),
        }),
        this.runtime.budget,
      ),
      out,
    );
  }

  private filtered(node: Expression, operand: Value, scope: Scope): Value {
    const { operand: before, name, given } = node as NodeOf<Expression, "filter">;
    return this.runtime.filter(
      name,
      before ? this.filtered(before, operand, scope) : operand,
      this.expressions.arguments(given, scope),
      this.runtime,
    );
  }
}
