/** What a template is made of. Source: jinja2/nodes.py. */

export type Expression =
  | { type: "const"; value: null | boolean | bigint | number | string }
  | { type: "name"; name: string }
  | { type: "list" | "tuple"; items: readonly Expression[] }
  | { type: "dict"; pairs: readonly (readonly [Expression, Expression])[] }
  | { type: "condition"; test: Expression; yes: Expression; no: Expression | undefined }
  | { type: "and" | "or"; left: Expression; right: Expression }
  | { type: "not" | "negative" | "positive"; operand: Expression }
  | { type: "binary"; operator: BinaryOperator; left: Expression; right: Expression }
  | { type: "join"; parts: readonly Expression[] }
  | {
      type: "compare";
      first: Expression;
      rest: readonly { operator: CompareOperator; operand: Expression }[];
    }
  | { type: "attribute"; object: Expression; name: string }
  | { type: "item"; object: Expression; key: Expression }
  | {
      type: "slice";
      start: Expression | undefined;
      stop: Expression | undefined;
      step: Expression | undefined;
    }
  | { type: "call"; callee: Expression; given: CallArguments }
  | { type: "filter"; operand: Expression | undefined; name: string; given: CallArguments }
  | { type: "test"; operand: Expression; name: string; given: CallArguments };

export type BinaryOperator = "+" | "-" | "*" | "/" | "//" | "%" | "**";
export type CompareOperator = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in";

export interface CallArguments {
  readonly positional: readonly Expression[];
  readonly named: readonly (readonly [name: string, value: Expression])[];
  readonly spread: Expression | undefined;
  readonly namedSpread: Expression | undefined;
}

export type Target =
  | { type: "name"; name: string }
  | { type: "tuple"; items: readonly Target[] }
  | { type: "namespace"; name: string; attribute: string };

export interface Parameter {
  readonly name: string;
  readonly value: Expression | undefined;
}

export interface MacroNode {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly body: readonly Statement[];
  /** Whether the body reads `caller`, `kwargs`, `varargs`. */
  readonly reads: ReadonlySet<string>;
}

export type Statement = { line: number } & (
  | { type: "data"; text: string }
  | { type: "output"; values: readonly Expression[] }
  | {
      type: "if";
      branches: readonly { test: Expression; body: readonly Statement[] }[];
      otherwise: readonly Statement[];
    }
  | {
      type: "for";
      target: Target;
      iterable: Expression;
      test: Expression | undefined;
      body: readonly Statement[];
      otherwise: readonly Statement[];
      recursive: boolean;
    }
  | { type: "break" | "continue" }
  | { type: "set"; target: Target; value: Expression }
  | {
      type: "set block";
      target: Target;
      filter: Expression | undefined;
      body: readonly Statement[];
    }
  | {
      type: "with";
      bindings: readonly (readonly [Target, Expression])[];
      body: readonly Statement[];
    }
  | { type: "filter block"; filter: Expression; body: readonly Statement[] }
  | { type: "macro"; macro: MacroNode }
  | { type: "call block"; call: Expression; macro: MacroNode }
  | { type: "generation"; body: readonly Statement[] }
);

export interface Program {
  readonly body: readonly Statement[];
  /** Names that are read or assigned, attributes and keys included. */
  readonly names: ReadonlySet<string>;
  /** Texts of the template: between tags, and in quotes. */
  readonly texts: readonly string[];
}

/** The nodes of one type among several. */
export type NodeOf<Node extends { type: string }, Type extends Node["type"]> = Extract<
  Node,
  { type: Type }
>;
