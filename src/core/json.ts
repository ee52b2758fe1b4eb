/**
 * JSON that keeps NaN and the infinities, as the texts "NaN", "Infinity" and "-Infinity": plain
 * JSON turns them into null, and null read back as 0 has silently shifted metrics in other tools.
 * Also refuses `__proto__` keys.
 */

/** Like JSON.stringify, with non-finite numbers as text. */
export function stringifyJson(value: unknown, space?: number): string {
  return JSON.stringify(
    value,
    (_key, item: unknown) => {
      if (typeof item === "number" && !Number.isFinite(item)) return String(item);
      if (typeof item === "bigint") return item.toString();
      return item;
    },
    space,
  );
}

/** Reads a number written by {@link stringifyJson}; undefined for anything else. */
export function numberFromJson(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (value === "NaN") return NaN;
  if (value === "Infinity") return Infinity;
  if (value === "-Infinity") return -Infinity;
  return undefined;
}

/**
 * The same value with every text that {@link stringifyJson} wrote for a number made one again. For
 * values whose texts are never such words.
 */
export function reviveNumbers<T>(value: T): T {
  if (typeof value === "string") return (numberFromJson(value) ?? value) as T;
  if (Array.isArray(value)) return value.map(reviveNumbers) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, reviveNumbers(item as unknown)]),
  ) as T;
}

/**
 * JSON.parse without prototype pollution: `__proto__` keys are dropped. Throws SyntaxError like
 * JSON.parse.
 */
export function parseJson(text: string): unknown {
  if (!text.includes("__proto__")) return JSON.parse(text) as unknown;
  return JSON.parse(text, function (this: unknown, key, item: unknown) {
    return key === "__proto__" ? undefined : item;
  }) as unknown;
}

/** A parsed text and what of its numbers a double does not hold. */
export interface ExactJson {
  readonly value: unknown;
  /** The first number whose digits go beyond a double's, and was rounded. */
  readonly rounded?: string;
  /** The first number that is larger than any double. */
  readonly beyond?: string;
}

/**
 * Whole numbers of 16 digits and more, long fractions and exponents: the only numbers that a double
 * may not hold.
 */
const SUSPICIOUS = /[\d.]{16}|\d[eE][+-]?\d/;

/**
 * As {@link parseJson}, with integers that a double does not write back as they stand as bigints.
 * Throws SyntaxError like JSON.parse.
 */
export function parseJsonExactly(text: string): ExactJson {
  const value = parseJson(text);
  if (!SUSPICIOUS.test(text)) return { value };
  const numbers = numbersOf(text);
  // a double that prints the same digits is as good
  const isBig = (token: string): boolean =>
    /^-?\d+$/.test(token) &&
    !Number.isSafeInteger(Number(token)) &&
    String(Number(token)) !== token;
  const big = numbers.filter(({ token }) => isBig(token));
  const others = numbers.filter(({ token }) => !isBig(token));
  const rounded = others.find(
    ({ token }) => Number.isFinite(Number(token)) && !isHeld(token),
  )?.token;
  const beyond = others.find(({ token }) => !Number.isFinite(Number(token)))?.token;
  return {
    value: big.length === 0 ? value : withBigIntegers(text, value, big),
    ...(rounded === undefined ? {} : { rounded }),
    ...(beyond === undefined ? {} : { beyond }),
  };
}

interface NumberToken {
  readonly token: string;
  readonly index: number;
}

/** The numbers of a text that is valid JSON. */
function numbersOf(text: string): NumberToken[] {
  const numbers: NumberToken[] = [];
  const pattern = /["\d-]/g;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const { index } = match;
    if (match[0] === '"') pattern.lastIndex = stringEnd(text, index);
    else {
      const token = /[\d.eE+-]+/y;
      token.lastIndex = index;
      const [found] = token.exec(text)!;
      numbers.push({ token: found, index });
      pattern.lastIndex = index + found.length;
    }
  }
  return numbers;
}

/** Index after the closing quote. */
function stringEnd(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return end + 1;
  }
}

/** Whether a double says the same as the digits that are written. */
function isHeld(token: string): boolean {
  const digits = token
    .replace(/[eE].*$/, "")
    .replace(/[^\d]/g, "")
    .replace(/^0+/, "")
    .replace(/0+$/, "");
  if (digits.length <= 15) return true;
  const held = Math.abs(Number(token)).toPrecision(Math.min(100, digits.length));
  const shortest = String(Math.abs(Number(token)));
  return [held, shortest].some(
    (text) =>
      text.replace(/e.*$/, "").replace(/[^\d]/g, "").replace(/^0+/, "").replace(/0+$/, "") ===
      digits,
  );
}

/** Parses again with each of the numbers as a marked text, which becomes a bigint. */
function withBigIntegers(text: string, value: unknown, big: readonly NumberToken[]): unknown {
  const plain = JSON.stringify(value);
  let mark = "~integer~";
  while (plain.includes(mark)) mark = `~${mark}`;
  let [marked, done] = ["", 0];
  for (const { token, index } of big) {
    marked += `${text.slice(done, index)}"${mark}${token}"`;
    done = index + token.length;
  }
  return JSON.parse(marked + text.slice(done), (key, item: unknown) => {
    if (key === "__proto__") return undefined;
    return typeof item === "string" && item.startsWith(mark)
      ? BigInt(item.slice(mark.length))
      : item;
  });
}

/** Like JSON.stringify without spaces, with bigints as their digits. */
export function stringifyExactly(value: unknown): string {
  let hasBig = false;
  const text = JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item !== "bigint") return item;
    hasBig = true;
    return null;
  });
  return hasBig ? writeExactly(value) : text;
}

function writeExactly(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return `[${value.map((item) => writeExactly(item ?? null)).join(",")}]`;
  if (typeof value !== "object" || value === null || "toJSON" in value)
    return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  const members = entries.map(([key, item]) => `${JSON.stringify(key)}:${writeExactly(item)}`);
  return `{${members.join(",")}}`;
}

/** Whether there is a bigint anywhere in a value. */
export function holdsBigInteger(value: unknown): boolean {
  if (typeof value === "bigint") return true;
  return typeof value === "object" && value !== null && Object.values(value).some(holdsBigInteger);
}
