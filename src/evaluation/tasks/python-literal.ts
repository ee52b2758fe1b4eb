/**
 * Values written as Python writes them: what `{{ choices }}` renders is read back, as lm_eval does
 * by ast.literal_eval. Difference: sets, complex numbers, and texts that stand side by side are no
 * values here.
 */
import { SIMPLE_ESCAPES } from "../../text/jinja/lexer.ts";

/** A value of Python; of tuples lists, of dicts maps by text. */
export type Literal =
  | string
  | number
  | boolean
  | null
  | readonly Literal[]
  | { readonly [key: string]: Literal };

const WORDS: Readonly<Record<string, Literal>> = { True: true, False: false, None: null };
const NUMBER = /[+-]?(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:e[+-]?\d+)?/iy;
const PREFIX = /(?:r|u)?(?='|")/iy;
const ESCAPE = /\\(?:x([\da-f]{2})|u([\da-f]{4})|U([\da-f]{8})|([0-7]{1,3})|([^]))/gi;

/** Undefined where the text is no value. */
export function readLiteral(text: string): Literal | undefined {
  const reader = new Reader(text.trim());
  try {
    const value = reader.value(0);
    return reader.isOver ? value : undefined;
  } catch (error) {
    if (error instanceof NoLiteral) return undefined;
    throw error;
  }
}

class NoLiteral extends Error {}
/** Lists in lists. */
const DEEPEST = 100;

class Reader {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  get isOver(): boolean {
    this.skip();
    return this.at === this.text.length;
  }

  private skip(): void {
    while (/\s/.test(this.text[this.at] ?? "")) this.at++;
  }

  private takes(mark: string): boolean {
    this.skip();
    if (!this.text.startsWith(mark, this.at)) return false;
    this.at += mark.length;
    return true;
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  value(depth: number): Literal {
    if (depth > DEEPEST) throw new NoLiteral();
    this.skip();
    if (this.takes("[")) return this.items("]", depth).values;
    if (this.takes("(")) {
      const { values, comma } = this.items(")", depth);
      return values.length === 1 && !comma ? values[0]! : values;
    }
    if (this.takes("{")) return this.dict(depth);
    for (const [word, value] of Object.entries(WORDS)) if (this.takes(word)) return value;
    const start = this.at;
    const prefix = this.match(PREFIX);
    if (prefix !== undefined) return this.string(/r/i.test(prefix));
    this.at = start;
    const number = this.match(NUMBER);
    if (number === undefined || number === "") throw new NoLiteral();
    return Number(number.replaceAll("_", ""));
  }

  private items(end: string, depth: number): { values: Literal[]; comma: boolean } {
    const values: Literal[] = [];
    let comma = false;
    while (!this.takes(end)) {
      if (values.length > 0 && !comma) throw new NoLiteral();
      values.push(this.value(depth + 1));
      comma = this.takes(",");
    }
    return { values, comma };
  }

  private dict(depth: number): Literal {
    const entries: [string, Literal][] = [];
    let comma = true;
    while (!this.takes("}")) {
      if (!comma) throw new NoLiteral();
      const key = this.value(depth + 1);
      if (!this.takes(":")) throw new NoLiteral();
      entries.push([String(key), this.value(depth + 1)]);
      comma = this.takes(",");
    }
    return Object.fromEntries(entries);
  }

  private string(raw: boolean): string {
    const quote = this.text[this.at]!;
    const mark = this.text.startsWith(quote.repeat(3), this.at) ? quote.repeat(3) : quote;
    const start = this.at + mark.length;
    let end = start;
    while (!this.text.startsWith(mark, end)) {
      if (end >= this.text.length || (mark.length === 1 && this.text[end] === "\n"))
        throw new NoLiteral();
      end += this.text[end] === "\\" ? 2 : 1;
    }
    this.at = end + mark.length;
    const inside = this.text.slice(start, end);
    return raw ? inside : unescaped(inside);
  }
}

const unescaped = (text: string): string =>
  text.replaceAll(ESCAPE, (whole, ...groups: (string | undefined)[]) => {
    const [x, u, wide, octal, one] = groups;
    const code = x ?? u ?? wide;
    if (code !== undefined) return String.fromCodePoint(Number.parseInt(code, 16));
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
    return SIMPLE_ESCAPES[one!] ?? whole;
  });
