/**
 * Splits a template into tokens. Source: jinja2/lexer.py 3.1.6. Difference: the escape \N{...} in
 * texts is refused.
 */
import { TemplateError } from "./values.ts";
import { isSpace } from "./python-text.ts";

export type TokenType =
  | "data"
  | "variable_begin"
  | "variable_end"
  | "block_begin"
  | "block_end"
  | "name"
  | "string"
  | "integer"
  | "float"
  | "operator"
  | "end";

export interface Token {
  readonly type: TokenType;
  readonly value: string;
  readonly line: number;
}

/** Far above every template in use. */
const LONGEST = 2 ** 18;

const OPERATORS = [
  "//",
  "**",
  "==",
  "!=",
  ">=",
  "<=",
  "+",
  "-",
  "/",
  "*",
  "%",
  "~",
  "[",
  "]",
  "(",
  ")",
  "{",
  "}",
  ">",
  "<",
  "=",
  ".",
  ":",
  "|",
  ",",
  ";",
] as const;
const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };
const FLOAT = /(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy;
const INTEGER = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy;
const NAME = /[\p{L}_][\p{L}\p{M}\p{N}_]*/uy;

/** What an environment of Jinja sets. */
export interface TemplateStyle {
  /** trim_blocks and lstrip_blocks: the line of a block that stands alone on it goes. */
  readonly trimBlocks: boolean;
  readonly keepTrailingNewline: boolean;
  /** StrictUndefined: what is not there is an error, and no empty text. */
  readonly strict: boolean;
}

/** As transformers renders chat templates. */
export const CHAT_STYLE: TemplateStyle = {
  trimBlocks: true,
  keepTrailingNewline: false,
  strict: false,
};

export function tokenize(template: string, style: TemplateStyle = CHAT_STYLE): Token[] {
  if (template.length > LONGEST)
    throw new TemplateError(`the template has ${template.length} characters, more than ${LONGEST}`);
  const source = template.replaceAll(/\r\n?/g, "\n");
  return new Lexer(
    style.keepTrailingNewline ? source : source.replace(/\n$/, ""),
    style.trimBlocks,
  ).run();
}

class Lexer {
  private readonly source: string;
  private readonly trimBlocks: boolean;
  private readonly tokens: Token[] = [];
  private at = 0;
  private line = 1;
  /** The first line end that is not counted; past the end where there is none. */
  private lineEnd: number;
  /** Whether only white space may stand between the last line end and here. */
  private lineStarting = true;

  constructor(source: string, trimBlocks: boolean) {
    this.source = source;
    this.trimBlocks = trimBlocks;
    this.lineEnd = this.nextLineEnd(0);
  }

  private nextLineEnd(from: number): number {
    const end = this.source.indexOf("\n", from);
    return end < 0 ? this.source.length : end;
  }

  run(): Token[] {
    while (this.at < this.source.length) this.readRoot();
    this.push("end", "");
    return this.tokens;
  }

  private push(type: TokenType, value: string): void {
    while (this.lineEnd < this.at) {
      this.line++;
      this.lineEnd = this.nextLineEnd(this.lineEnd + 1);
    }
    this.tokens.push({ type, value, line: this.line });
  }

  private fail(what: string): never {
    this.push("end", "");
    throw new TemplateError(`line ${this.line}: ${what}`);
  }

  private move(end: number): void {
    this.lineStarting = this.source[end - 1] === "\n";
    this.at = end;
  }

  /** Text up to the next tag, and the tag. */
  private readRoot(): void {
    const open = this.findTag();
    if (open < 0) {
      this.push("data", this.source.slice(this.at));
      this.at = this.source.length;
      return;
    }
    const kind = this.source[open + 1]!;
    const sign = this.signAt(open + 2);
    this.pushData(this.source.slice(this.at, open), sign, kind !== "{");
    const inside = open + 2 + sign.length;
    if (kind === "#") return this.readComment(inside);
    const raw = kind === "%" ? this.rawBegin(inside) : undefined;
    this.move(inside);
    if (raw !== undefined) return this.readRaw(raw);
    this.push(kind === "%" ? "block_begin" : "variable_begin", "");
    this.readTag(kind === "%" ? "%}" : "}}");
  }

  private findTag(): number {
    for (
      let open = this.source.indexOf("{", this.at);
      open >= 0;
      open = this.source.indexOf("{", open + 1)
    ) {
      const next = this.source[open + 1];
      if (next === "%" || next === "{" || next === "#") return open;
    }
    return -1;
  }

  private signAt(at: number): string {
    const sign = this.source[at];
    return sign === "-" || sign === "+" ? sign : "";
  }

  private pushData(text: string, sign: string, isBlock: boolean): void {
    let end = text.length;
    if (sign === "-") while (end > 0 && isSpace(text[end - 1])) end--;
    else if (sign === "" && isBlock && this.trimBlocks) {
      const lineStart = text.lastIndexOf("\n") + 1;
      let only = end;
      while (only > lineStart && isSpace(text[only - 1])) only--;
      if (only === lineStart && (lineStart > 0 || this.lineStarting)) end = lineStart;
    }
    if (end > 0) this.push("data", text.slice(0, end));
  }

  private skipSpace(at: number): number {
    let end = at;
    while (end < this.source.length && isSpace(this.source[end])) end++;
    return end;
  }

  /** Where a closing mark ends: `-` takes the white space behind it, and a block's newline goes. */
  private closing(at: number, mark: string): number | undefined {
    const sign = this.signAt(at);
    if (!this.source.startsWith(mark, at + sign.length)) return undefined;
    const end = at + sign.length + mark.length;
    if (sign === "-") return this.skipSpace(end);
    if (sign === "+") return mark === "}}" ? undefined : end;
    return this.trimBlocks && mark !== "}}" && this.source[end] === "\n" ? end + 1 : end;
  }

  private readComment(from: number): void {
    const mark = this.source.indexOf("#}", from);
    if (mark < 0) this.fail("a comment is not closed");
    const sign = mark > from ? this.signAt(mark - 1) : "";
    this.move(this.closing(mark - sign.length, "#}")!);
  }

  /** Where the text of `{% raw %}` begins, if this is one. */
  private rawBegin(from: number): number | undefined {
    const start = this.skipSpace(from);
    if (!this.source.startsWith("raw", start)) return undefined;
    const end = this.skipSpace(start + 3);
    if (this.source.startsWith("-%}", end)) return this.skipSpace(end + 3);
    return this.source.startsWith("%}", end) ? end + 2 : undefined;
  }

  private readRaw(from: number): void {
    for (
      let open = this.source.indexOf("{%", from);
      open >= 0;
      open = this.source.indexOf("{%", open + 2)
    ) {
      const sign = this.signAt(open + 2);
      const start = this.skipSpace(open + 2 + sign.length);
      const end = this.source.startsWith("endraw", start)
        ? this.closing(this.skipSpace(start + 6), "%}")
        : undefined;
      if (end === undefined) continue;
      this.lineStarting = this.source[from - 1] === "\n";
      this.pushData(this.source.slice(from, open), sign, true);
      return this.move(end);
    }
    this.fail("{% raw %} is not closed");
  }

  /** Names, texts, numbers and operators up to the closing mark. */
  private readTag(mark: string): void {
    const brackets: string[] = [];
    for (;;) {
      this.at = this.skipSpace(this.at);
      if (this.at >= this.source.length) this.fail(`a tag is not closed by ${mark}`);
      const end = brackets.length === 0 ? this.closing(this.at, mark) : undefined;
      if (end !== undefined) {
        this.move(end);
        return this.push(mark === "%}" ? "block_end" : "variable_end", "");
      }
      if (
        !(
          this.match(FLOAT, "float") ||
          this.match(INTEGER, "integer") ||
          this.match(NAME, "name") ||
          this.readString()
        )
      )
        this.readOperator(brackets);
    }
  }

  private match(pattern: RegExp, type: TokenType): boolean {
    if (type === "float" && this.source[this.at - 1] === ".") return false;
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.source)?.[0];
    if (found === undefined) return false;
    this.at += found.length;
    this.push(type, type === "name" ? found : found.replaceAll("_", ""));
    return true;
  }

  private readString(): boolean {
    const quote = this.source[this.at];
    if (quote !== "'" && quote !== '"') return false;
    let end = this.at + 1;
    while (end < this.source.length && this.source[end] !== quote)
      end += this.source[end] === "\\" ? 2 : 1;
    if (end >= this.source.length) this.fail("a text is not closed");
    const value = unescape(this.source.slice(this.at + 1, end), (what) => this.fail(what));
    this.at = end + 1;
    this.push("string", value);
    return true;
  }

  private readOperator(brackets: string[]): void {
    const operator = OPERATORS.find((each) => this.source.startsWith(each, this.at));
    if (operator === undefined)
      this.fail(
        "unexpected character " +
          `${JSON.stringify(String.fromCodePoint(this.source.codePointAt(this.at)!))}`,
      );
    if (operator in CLOSING) brackets.push(CLOSING[operator]!);
    else if (operator === ")" || operator === "]" || operator === "}") {
      const expected = brackets.pop();
      if (expected !== operator)
        this.fail(
          expected === undefined
            ? `unexpected ${operator}`
            : `unexpected ${operator}, expected ${expected}`,
        );
    }
    this.at += operator.length;
    this.push("operator", operator);
  }
}

/** What Python writes behind a backslash, by its letter. */
export const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  a: "\u0007",
  b: "\b",
  f: "\f",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "\n": "",
};
const DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** Python's escapes; what it does not know stays as it is. */
function unescape(text: string, fail: (what: string) => never): string {
  return text.replaceAll(
    /\\(?:([xuU])([\dA-Fa-f]*)|([0-7]{1,3})|(.))/gs,
    (
      whole,
      kind: string | undefined,
      digits: string,
      octal: string | undefined,
      simple: string | undefined,
    ) => {
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      if (kind !== undefined) {
        const length = DIGITS[kind]!;
        const code = Number.parseInt(digits.slice(0, length), 16);
        if (digits.length < length || code > 0x10ffff) fail(`broken escape ${whole} in a text`);
        return String.fromCodePoint(code) + digits.slice(length);
      }
      if (simple === "N") fail(`the escape \\N in a text is not known`);
      return SIMPLE_ESCAPES[simple!] ?? whole;
    },
  );
}
