/** Reads the fields of a config.json, and refuses what attune does not have. */
import { AttuneError, preview } from "../core/errors.ts";

/**
 * Largest sizes that a config.json may name: some twenty times those of the largest models there
 * are, and small enough that a hostile file cannot ask for tables or lists without end, or for
 * products beyond exact whole numbers.
 */
export const LIMITS = {
  width: 2 ** 20,
  vocabulary: 2 ** 23,
  layers: 4096,
  positions: 2 ** 28,
} as const;

/** Reads typed fields of a config.json; every complaint names the key. */
export class ConfigReader {
  private readonly json: Readonly<Record<string, unknown>>;

  constructor(json: Readonly<Record<string, unknown>>) {
    this.json = json;
  }

  /** From 1 to `most`. */
  integer(key: string, fallback?: number, most: number = LIMITS.width): number {
    const value = this.json[key] ?? fallback;
    if (typeof value === "number" && Number.isSafeInteger(value) && value > 0 && value <= most)
      return value;
    throw new AttuneError("model", `config.json: ${key} is wrong`, {
      got: preview(value),
      expected: `a whole number from 1 to ${most}`,
    });
  }

  number(key: string, fallback?: number): number {
    const value = this.json[key] ?? fallback;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw new AttuneError("model", `config.json: ${key} is wrong`, {
      got: preview(value),
      expected: "a number",
    });
  }

  /** `layer_types`, with a known one for each layer; undefined where it is not there. */
  layerTypes(layers: number): readonly ("full_attention" | "sliding_attention")[] | undefined {
    const value = this.json["layer_types"] ?? undefined;
    if (value === undefined) return undefined;
    const isKnown = (x: unknown): x is "full_attention" | "sliding_attention" =>
      x === "full_attention" || x === "sliding_attention";
    if (Array.isArray(value) && value.length === layers && value.every(isKnown)) return value;
    throw new AttuneError("model", "config.json: layer_types is wrong", {
      got: preview(value),
      expected: `full_attention or sliding_attention for each of ${layers} layers`,
    });
  }

  /** A list of `count` positive numbers. */
  numbers(key: string, count: number): readonly number[] {
    const value = this.json[key];
    const isPositive = (x: unknown): x is number => typeof x === "number" && x > 0 && x < Infinity;
    if (Array.isArray(value) && value.length === count && value.every(isPositive)) return value;
    throw new AttuneError("model", `config.json: ${key} is wrong`, {
      got: preview(value),
      expected: `a list of ${count} positive numbers`,
    });
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.json[key] ?? fallback;
    if (typeof value === "boolean") return value;
    throw new AttuneError("model", `config.json: ${key} is wrong`, {
      got: preview(value),
      expected: "true or false",
    });
  }

  /** Refuses settings that change the computation and that attune does not have. */
  only(key: string, allowed: readonly unknown[]): void {
    const value = this.json[key];
    if (value === undefined || value === null || allowed.includes(value)) return;
    throw new AttuneError("model", `config.json: ${key} is not supported`, {
      got: preview(value),
      expected: allowed.map((item) => preview(item)).join(" or "),
    });
  }

  record(key: string): Readonly<Record<string, unknown>> | undefined {
    const value = this.json[key];
    if (value === undefined || value === null) return undefined;
    if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
    throw new AttuneError("model", `config.json: ${key} is wrong`, {
      got: preview(value),
      expected: "an object",
    });
  }
}
