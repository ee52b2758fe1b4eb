/** Expressions, in Jinja's precedence. Source: jinja2/parser.py 3.1.6. */
import type { BinaryOperator, CallArguments, CompareOperator, Expression } from "./ast.ts";
import type { TokenStream } from "./token-stream.ts";
import { describe } from "./token-stream.ts";

const CONSTANTS: Readonly<Record<string, null | boolean>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
};
const NO_ARGUMENTS: CallArguments = {
  positional: [],
  named: [],
  spread: undefined,
  namedSpread: undefined,
};

/** What a tuple may end in: a closing mark, or a word of the statement. */
export interface TupleOptions {
  conditions?: boolean;
  endWords?: readonly string[];
  parentheses?: boolean;
}

export class ExpressionParser {
  readonly stream: TokenStream;
  /** Every name, attribute and text that the template mentions. */
  readonly names = new Set<string>();
  readonly texts: string[] = [];

  constructor(stream: TokenStream) {
    this.stream = stream;
  }

  expression(conditions = true): Expression {
    return this.stream.nested(() => (conditions ? this.condition() : this.or()));
  }

  private condition(): Expression {
    let yes = this.or();
    while (this.stream.skip("name", "if")) {
      const test = this.or();
      const no = this.stream.skip("name", "else") ? this.expression() : undefined;
      yes = { type: "condition", test, yes, no };
    }
    return yes;
  }

  private or(): Expression {
    let left = this.and();
    while (this.stream.skip("name", "or")) left = { type: "or", left, right: this.and() };
    return left;
  }

  private and(): Expression {
    let left = this.not();
    while (this.stream.skip("name", "and")) left = { type: "and", left, right: this.not() };
    return left;
  }

  private not(): Expression {
    if (!this.stream.skip("name", "not")) return this.comparison();
    return { type: "not", operand: this.stream.nested(() => this.not()) };
  }

  private comparison(): Expression {
    const first = this.sum();
    const rest: { operator: CompareOperator; operand: Expression }[] = [];
    for (let operator = this.comparator(); operator !== undefined; operator = this.comparator())
      rest.push({ operator, operand: this.sum() });
    return rest.length === 0 ? first : { type: "compare", first, rest };
  }

  private comparator(): CompareOperator | undefined {
    const { stream } = this;
    if (stream.operator("==", "!=", "<", "<=", ">", ">="))
      return stream.next().value as CompareOperator;
    if (stream.skip("name", "in")) return "in";
    if (
      !(
        stream.is("name", "not") &&
        stream.following.type === "name" &&
        stream.following.value === "in"
      )
    )
      return undefined;
    stream.next();
    stream.next();
    return "not in";
  }

  private binary(operators: readonly BinaryOperator[], operand: () => Expression): Expression {
    let left = operand();
    while (this.stream.operator(...operators))
      left = {
        type: "binary",
        operator: this.stream.next().value as BinaryOperator,
        left,
        right: operand(),
      };
    return left;
  }

  private sum(): Expression {
    return this.binary(["+", "-"], () => this.join());
  }

  private join(): Expression {
    const parts = [this.product()];
    while (this.stream.skip("operator", "~")) parts.push(this.product());
    return parts.length === 1 ? parts[0]! : { type: "join", parts };
  }

  private product(): Expression {
    return this.binary(["*", "/", "//", "%"], () => this.power());
  }

  private power(): Expression {
    return this.binary(["**"], () => this.unary());
  }

  private unary(filters = true): Expression {
    const { stream } = this;
    if (stream.operator("-", "+")) {
      const type = stream.next().value === "-" ? "negative" : "positive";
      const operand = stream.nested(() => this.unary(false));
      return filters
        ? this.filters(this.postfix({ type, operand }))
        : this.postfix({ type, operand });
    }
    const primary = this.postfix(this.primary());
    return filters ? this.filters(primary) : primary;
  }

  primary(): Expression {
    const { stream } = this;
    const token = stream.next();
    switch (token.type) {
      case "name":
        if (Object.hasOwn(CONSTANTS, token.value))
          return { type: "const", value: CONSTANTS[token.value]! };
        this.names.add(token.value);
        return { type: "name", name: token.value };
      case "string": {
        let { value } = token;
        while (stream.is("string")) value += stream.next().value;
        this.texts.push(value);
        return { type: "const", value };
      }
      case "integer":
        if (token.value.length > 4300)
          stream.fail("a whole number has more than 4300 digits", token.line);
        return { type: "const", value: BigInt(token.value) };
      case "float":
        return { type: "const", value: Number(token.value) };
      case "operator":
        return this.bracket(token.value);
      default:
        return stream.fail(`unexpected ${describe(token)}`, token.line);
    }
  }

  private bracket(open: string): Expression {
    const { stream } = this;
    if (open === "(") {
      const tuple = this.tuple({ parentheses: true });
      stream.expect("operator", ")");
      return tuple;
    }
    if (open === "[") return { type: "list", items: this.separated("]", () => this.expression()) };
    if (open !== "{") return stream.fail(`unexpected ${open}`);
    const pairs = this.separated("}", () => {
      const key = this.expression();
      stream.expect("operator", ":");
      return [key, this.expression()] as const;
    });
    return { type: "dict", pairs };
  }

  private separated<T>(close: string, read: () => T): T[] {
    const items: T[] = [];
    while (!this.stream.operator(close)) {
      if (items.length > 0) this.stream.expect("operator", ",");
      if (this.stream.operator(close)) break;
      items.push(read());
    }
    this.stream.next();
    return items;
  }

  /** One expression, or several with commas between them. */
  tuple({ conditions = true, endWords = [], parentheses = false }: TupleOptions = {}): Expression {
    const { stream } = this;
    const items: Expression[] = [];
    let isTuple = false;
    for (;;) {
      if (items.length > 0) stream.expect("operator", ",");
      if (
        stream.is("variable_end") ||
        stream.is("block_end") ||
        stream.operator(")") ||
        (endWords.length > 0 && stream.is("name", ...endWords))
      )
        break;
      items.push(this.expression(conditions));
      if (!stream.operator(",")) break;
      isTuple = true;
    }
    if (!isTuple && items.length > 0) return items[0]!;
    if (items.length === 0 && !parentheses)
      stream.fail(`expected an expression, got ${describe(stream.current)}`);
    return { type: "tuple", items };
  }

  private postfix(start: Expression): Expression {
    let node = start;
    for (;;) {
      if (this.stream.operator(".", "[")) node = this.subscript(node);
      else if (this.stream.operator("("))
        node = { type: "call", callee: node, given: this.callArguments() };
      else return node;
    }
  }

  private filters(start: Expression): Expression {
    let node = start;
    for (;;) {
      if (this.stream.operator("|")) node = this.filterChain(node);
      else if (this.stream.is("name", "is")) node = this.test(node);
      else if (this.stream.operator("("))
        node = { type: "call", callee: node, given: this.callArguments() };
      else return node;
    }
  }

  /** @param operand undefined for filters of a block */
  filterChain(operand: Expression | undefined, begins = false): Expression {
    let node = operand;
    let inline = begins;
    while (inline || this.stream.skip("operator", "|")) {
      inline = false;
      node = {
        type: "filter",
        operand: node,
        name: this.dottedName(),
        given: this.stream.operator("(") ? this.callArguments() : NO_ARGUMENTS,
      };
    }
    return node!;
  }

  private dottedName(): string {
    let name = this.stream.expect("name").value;
    while (this.stream.skip("operator", ".")) name += `.${this.stream.expect("name").value}`;
    return name;
  }

  private test(operand: Expression): Expression {
    const { stream } = this;
    stream.next();
    const negated = stream.skip("name", "not");
    const name = this.dottedName();
    let given = NO_ARGUMENTS;
    if (stream.operator("(")) given = this.callArguments();
    else if (
      stream.is("name") ||
      stream.is("string") ||
      stream.is("integer") ||
      stream.is("float") ||
      stream.operator("[", "{")
    ) {
      if (stream.is("name", "is")) stream.fail("tests cannot be chained with `is`");
      if (!stream.is("name", "else", "or", "and"))
        given = { ...NO_ARGUMENTS, positional: [this.postfix(this.primary())] };
    }
    const node: Expression = { type: "test", operand, name, given };
    return negated ? { type: "not", operand: node } : node;
  }

  private subscript(object: Expression): Expression {
    const { stream } = this;
    if (stream.next().value === ".") {
      const token = stream.next();
      if (token.type === "integer")
        return { type: "item", object, key: { type: "const", value: BigInt(token.value) } };
      if (token.type !== "name")
        stream.fail(`expected a name or number behind the dot, got ${describe(token)}`, token.line);
      this.names.add(token.value);
      return { type: "attribute", object, name: token.value };
    }
    const keys: Expression[] = this.separated("]", () => this.subscripted());
    if (keys.length === 0) stream.fail("expected a key or slice in the brackets");
    const [key] = keys;
    if (key!.type === "const" && typeof key!.value === "string") this.names.add(key!.value);
    return { type: "item", object, key: keys.length === 1 ? key! : { type: "tuple", items: keys } };
  }

  private subscripted(): Expression {
    const { stream } = this;
    const part = (): Expression | undefined =>
      stream.operator(":", "]", ",") ? undefined : this.expression();
    const start = part();
    if (!stream.skip("operator", ":"))
      return start ?? stream.fail("expected a key or slice in the brackets");
    const stop = part();
    const step = stream.skip("operator", ":") ? part() : undefined;
    return { type: "slice", start, stop, step };
  }

  callArguments(): CallArguments {
    const { stream } = this;
    const positional: Expression[] = [];
    const named: [string, Expression][] = [];
    let spread: Expression | undefined;
    let namedSpread: Expression | undefined;
    const ensure = (allowed: boolean): void =>
      void (allowed || stream.fail("arguments of a call are in a wrong order"));
    stream.expect("operator", "(");
    this.separated(")", () => {
      if (stream.skip("operator", "*")) {
        ensure(spread === undefined && namedSpread === undefined);
        spread = this.expression();
      } else if (stream.skip("operator", "**")) {
        ensure(namedSpread === undefined);
        namedSpread = this.expression();
      } else if (
        stream.is("name") &&
        stream.following.type === "operator" &&
        stream.following.value === "="
      ) {
        ensure(namedSpread === undefined);
        const name = stream.next().value;
        stream.next();
        named.push([name, this.expression()]);
      } else {
        ensure(spread === undefined && namedSpread === undefined && named.length === 0);
        positional.push(this.expression());
      }
    });
    return { positional, named, spread, namedSpread };
  }
}
