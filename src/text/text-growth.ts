/**
 * How much longer a tokenizer's components can make a text: sixty of them that each double it would
 * fill the memory before anything could stop them.
 */
import type { Component } from "./library-corrections.ts";

/** Published tokenizers stay below ten. */
const MOST = 1000;
/** Characters that may be put before a text. */
const LONGEST_PREFIX = 1000;

/**
 * By kind, the most characters that one character becomes; 1 for all others. Source: Unicode's full
 * decompositions and UTF-8.
 */
const FACTORS: Readonly<Record<string, number>> = {
  NFD: 4,
  NFC: 3,
  NFKD: 18,
  NFKC: 18,
  Precompiled: 18,
  Lowercase: 3,
  BertNormalizer: 18,
  ByteLevel: 4,
  BPEDecoder: 1,
};

const lengthOf = (value: unknown): number => (typeof value === "string" ? value.length : 0);

function factorOf(component: Component): number {
  switch (component.type) {
    case "Sequence":
      return ["normalizers", "pretokenizers", "decoders"]
        .flatMap((key) => (Array.isArray(component[key]) ? (component[key] as unknown[]) : []))
        .reduce<number>((factor, member) => factor * factorOfAny(member), 1);
    case "Replace": {
      const pattern = component["pattern"] as { String?: unknown } | undefined;
      // an expression may match nothing between any two characters
      const shortest = lengthOf(pattern?.String);
      const content = lengthOf(component["content"]);
      return Math.max(1, shortest === 0 ? 1 + content : content / shortest);
    }
    case "Prepend":
      return lengthOf(component["prepend"]) > LONGEST_PREFIX ? Infinity : 1;
    case "Metaspace":
      return Math.max(1, lengthOf(component["replacement"] ?? component["str_rep"]));
    default:
      return Object.hasOwn(FACTORS, component.type) ? FACTORS[component.type]! : 1;
  }
}

const factorOfAny = (value: unknown): number =>
  typeof value === "object" && value !== null && typeof (value as Component).type === "string"
    ? factorOf(value as Component)
    : 1;

/** Whether a text stays in proportion through all of these components. */
export const staysInProportion = (components: readonly (Component | null)[]): boolean =>
  components.every((component) => component === null || factorOf(component) <= MOST);
