/** The variables of a template: those of its scope, then of the scopes around it. */
import type { Value } from "./values.ts";
import { Undefined } from "./values.ts";

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
