/**
 * Statements of a template. Source: jinja2/parser.py 3.1.6, with the extensions that transformers
 * adds (loop controls, `{% generation %}`). Difference: statements that load other templates are
 * refused; transformers gives none to load.
 */
import type { MacroNode, Parameter, Program, Statement, Target } from "./ast.ts";
import { ExpressionParser } from "./expression-parser.ts";
import type { TemplateStyle } from "./lexer.ts";
import { tokenize } from "./lexer.ts";
import { describe, TokenStream } from "./token-stream.ts";

type Content = Statement extends infer Each
  ? Each extends { line: number }
    ? Omit<Each, "line">
    : never
  : never;

/** @throws TemplateError with the line */
export function parseTemplate(source: string, style?: TemplateStyle): Program {
  const parser = new Parser(new TokenStream(tokenize(source, style)));
  const body = parser.body([]);
  return { body, names: parser.expressions.names, texts: parser.expressions.texts };
}

class Parser {
  readonly expressions: ExpressionParser;
  private readonly stream: TokenStream;
  private loops = 0;

  constructor(stream: TokenStream) {
    this.stream = stream;
    this.expressions = new ExpressionParser(stream);
  }

  /** Statements up to one of the words, which stays; to the end of the template without words. */
  body(endWords: readonly string[]): Statement[] {
    return this.stream.nested(() => {
      const statements: Statement[] = [];
      for (;;) {
        const { current, following } = this.stream;
        const { line } = current;
        if (current.type === "end") {
          if (endWords.length > 0)
            this.stream.fail(
              `expected {% ${endWords.join(" or ")} %}, got the end of the template`,
            );
          return statements;
        }
        if (current.type === "data") {
          this.stream.next();
          this.expressions.texts.push(current.value);
          statements.push({ type: "data", text: current.value, line });
        } else if (current.type === "variable_begin") {
          this.stream.next();
          statements.push({ type: "output", values: [this.expressions.tuple()], line });
          this.stream.expect("variable_end");
        } else {
          this.stream.expect("block_begin");
          if (following.type === "name" && endWords.includes(following.value)) return statements;
          statements.push({ ...this.statement(), line } as Statement);
          this.stream.expect("block_end");
        }
      }
    });
  }

  /** The body of a block with its end; the parser stands behind the first tag's words. */
  private block(...endWords: readonly string[]): Statement[] {
    this.stream.expect("block_end");
    const body = this.body(endWords);
    return body;
  }

  private closed(word: string): Statement[] {
    const body = this.block(word);
    this.stream.next();
    return body;
  }

  private statement(): Content {
    const token = this.stream.expect("name");
    switch (token.value) {
      case "if":
        return this.condition();
      case "for":
        return this.loop();
      case "break":
      case "continue":
        if (this.loops === 0) this.stream.fail(`${token.value} outside of a loop`, token.line);
        return { type: token.value };
      case "set":
        return this.assignment();
      case "with":
        return this.with();
      case "filter":
        return {
          type: "filter block",
          filter: this.expressions.filterChain(undefined, true),
          body: this.closed("endfilter"),
        };
      case "macro":
        return { type: "macro", macro: this.macro() };
      case "call":
        return this.callBlock();
      case "generation":
        return { type: "generation", body: this.closed("endgeneration") };
      case "print":
        return this.print();
      default:
        return this.stream.fail(`unknown statement {% ${token.value} %}`, token.line);
    }
  }

  private condition(): Content {
    const branches: { test: Parameter["value"] & object; body: Statement[] }[] = [];
    let otherwise: Statement[] = [];
    for (;;) {
      const test = this.expressions.tuple({ conditions: false });
      branches.push({ test, body: this.block("elif", "else", "endif") });
      const word = this.stream.next().value;
      if (word === "elif") continue;
      if (word === "else") otherwise = this.closed("endif");
      return { type: "if", branches, otherwise };
    }
  }

  private loop(): Content {
    const target = this.target({ endWords: ["in"] });
    this.stream.expect("name", "in");
    const iterable = this.expressions.tuple({ conditions: false, endWords: ["recursive"] });
    const test = this.stream.skip("name", "if") ? this.expressions.expression() : undefined;
    const recursive = this.stream.skip("name", "recursive");
    this.loops++;
    const body = this.block("endfor", "else");
    this.loops--;
    const otherwise = this.stream.next().value === "else" ? this.closed("endfor") : [];
    return { type: "for", target, iterable, test, body, otherwise, recursive };
  }

  /** Names that are assigned to, with commas between them. */
  private target({
    endWords = [],
    namespace = false,
  }: { endWords?: readonly string[]; namespace?: boolean } = {}): Target {
    const items: Target[] = [];
    let isTuple = false;
    for (;;) {
      if (
        this.stream.is("block_end") ||
        this.stream.operator(")", "=") ||
        (endWords.length > 0 && this.stream.is("name", ...endWords))
      )
        break;
      items.push(this.singleTarget(namespace));
      if (!this.stream.skip("operator", ",")) break;
      isTuple = true;
    }
    if (items.length === 0)
      this.stream.fail(`expected a name to assign to, got ${describe(this.stream.current)}`);
    return isTuple ? { type: "tuple", items } : items[0]!;
  }

  private singleTarget(namespace: boolean): Target {
    if (this.stream.skip("operator", "(")) {
      const inner = this.stream.nested(() => this.target({ namespace }));
      this.stream.expect("operator", ")");
      return inner;
    }
    const name = this.stream.expect("name").value;
    this.expressions.names.add(name);
    if (!(namespace && this.stream.skip("operator", "."))) return { type: "name", name };
    return { type: "namespace", name, attribute: this.stream.expect("name").value };
  }

  private print(): Content {
    const printed = this.expressions.tuple();
    return { type: "output", values: printed.type === "tuple" ? printed.items : [printed] };
  }

  private assignment(): Content {
    const target = this.target({ namespace: true });
    if (this.stream.skip("operator", "="))
      return { type: "set", target, value: this.expressions.tuple() };
    const filter = this.stream.operator("|") ? this.expressions.filterChain(undefined) : undefined;
    return { type: "set block", target, filter, body: this.closed("endset") };
  }

  private with(): Content {
    const bindings: [Target, Parameter["value"] & object][] = [];
    while (!this.stream.is("block_end")) {
      if (bindings.length > 0) this.stream.expect("operator", ",");
      const target = this.singleTarget(false);
      this.stream.expect("operator", "=");
      bindings.push([target, this.expressions.expression()]);
    }
    return { type: "with", bindings, body: this.closed("endwith") };
  }

  private parameters(): Parameter[] {
    const parameters: Parameter[] = [];
    this.stream.expect("operator", "(");
    while (!this.stream.operator(")")) {
      if (parameters.length > 0) this.stream.expect("operator", ",");
      if (this.stream.operator(")")) break;
      const name = this.stream.expect("name").value;
      const value = this.stream.skip("operator", "=") ? this.expressions.expression() : undefined;
      if (value === undefined && parameters.some((before) => before.value !== undefined))
        this.stream.fail("a parameter without a default behind one with a default");
      parameters.push({ name, value });
    }
    this.stream.next();
    return parameters;
  }

  private macro(): MacroNode {
    const name = this.stream.expect("name").value;
    const parameters = this.parameters();
    return { name, parameters, ...this.macroBody("endmacro") };
  }

  private callBlock(): Content {
    const parameters = this.stream.operator("(") ? this.parameters() : [];
    const call = this.expressions.expression();
    if (call.type !== "call") this.stream.fail("expected a call behind {% call");
    return {
      type: "call block",
      call,
      macro: { name: "caller", parameters, ...this.macroBody("endcall") },
    };
  }

  private macroBody(endWord: string): Pick<MacroNode, "body" | "reads"> {
    const { names } = this.expressions;
    const special = ["caller", "kwargs", "varargs"];
    const before = special.filter((word) => names.has(word));
    for (const word of special) names.delete(word);
    const loops = this.loops;
    this.loops = 0;
    const body = this.closed(endWord);
    this.loops = loops;
    const reads = new Set(special.filter((word) => names.has(word)));
    for (const word of before) names.add(word);
    return { body, reads };
  }
}
