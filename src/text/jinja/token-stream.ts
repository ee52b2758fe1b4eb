/** Tokens one after the other, with what a parser asks of them. */
import type { Token, TokenType } from "./lexer.ts";
import { TemplateError } from "./values.ts";

/** Python's own parser gives up earlier. */
const DEEPEST = 250;

export class TokenStream {
  private readonly tokens: readonly Token[];
  private position = 0;
  private depth = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  get current(): Token {
    return this.tokens[this.position]!;
  }

  get following(): Token {
    return this.tokens[Math.min(this.position + 1, this.tokens.length - 1)]!;
  }

  fail(what: string, line = this.current.line): never {
    throw new TemplateError(`line ${line}: ${what}`);
  }

  next(): Token {
    const token = this.current;
    if (token.type !== "end") this.position++;
    return token;
  }

  is(type: TokenType, ...values: readonly string[]): boolean {
    const { current } = this;
    return current.type === type && (values.length === 0 || values.includes(current.value));
  }

  operator(...values: readonly string[]): boolean {
    return this.is("operator", ...values);
  }

  /** Passes over an operator or a name, if it is next. */
  skip(type: "operator" | "name", value: string): boolean {
    if (!this.is(type, value)) return false;
    this.next();
    return true;
  }

  expect(type: TokenType, value?: string): Token {
    if (!(value === undefined ? this.is(type) : this.is(type, value)))
      this.fail(`expected ${value ?? type.replace("_", " ")}, got ${describe(this.current)}`);
    return this.next();
  }

  /** Guards recursion. */
  nested<T>(work: () => T): T {
    if (++this.depth > DEEPEST) this.fail("expressions and blocks are nested too deep");
    try {
      return work();
    } finally {
      this.depth--;
    }
  }
}

export function describe({ type, value }: Token): string {
  if (type === "end") return "the end of the template";
  return value === "" ? type.replace("_", " ") : JSON.stringify(value.slice(0, 30));
}
