/**
 * JSON that keeps NaN and the infinities, as the texts "NaN", "Infinity" and "-Infinity": plain JSON turns them into
 * null, and null read back as 0 has silently shifted metrics in other tools. Also refuses `__proto__` keys.
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

/** JSON.parse without prototype pollution: `__proto__` keys are dropped. Throws SyntaxError like JSON.parse. */
export function parseJson(text: string): unknown {
  if (!text.includes("__proto__")) return JSON.parse(text) as unknown;
  return JSON.parse(text, function (this: unknown, key, item: unknown) {
    return key === "__proto__" ? undefined : item;
  }) as unknown;
}
