/**
 * Regular expressions that a tokenizer brings. Those of published tokenizers are known to take time
 * in proportion to the text; any other may take time without end (`(a+)+$`), so it runs within a
 * limit.
 */
import { PRE_TOKENIZERS } from "./gguf-pre-tokenizers.ts";
import type { Component } from "./library-corrections.ts";

const CONTRACTIONS = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)`;
const UPPER = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
const LOWER = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
const SPACES = String.raw`\s*[\r\n]+|\s+(?!\S)|\s+`;

/**
 * Besides the ones that GGUF files name: o200k (GPT-4o, Llama 4, Phi-4-mini), DeepSeek V3, and
 * single classes.
 */
const PUBLISHED: readonly string[] = [
  [
    String.raw`[^\r\n\p{L}\p{N}]?${UPPER}*${LOWER}+${CONTRACTIONS}?`,
    String.raw`[^\r\n\p{L}\p{N}]?${UPPER}+${LOWER}*${CONTRACTIONS}?`,
    String.raw`\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|${SPACES}`,
  ].join("|"),
  [
    String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_${"`"}{|}~][A-Za-z]+`,
    String.raw`[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|${SPACES}`,
  ].join("|"),
  "[一-龥\u3040-ゟ゠-ヿ]+",
  String.raw`\p{N}{1,3}`,
  String.raw`\p{N}+`,
  String.raw`\p{N}`,
  String.raw`\d{1,3}`,
  String.raw`\d`,
  String.raw`\d+`,
  "[0-9]",
  "[0-9]+",
  String.raw`\s+`,
  String.raw` +`,
  String.raw` {2,}`,
  "\n",
];

/** Every expression in a component or its members. */
function expressionsOf(component: unknown): string[] {
  if (component === null || typeof component !== "object") return [];
  const own = "Regex" in component && typeof component.Regex === "string" ? [component.Regex] : [];
  return [...own, ...Object.values(component).flatMap(expressionsOf)];
}

const KNOWN: ReadonlySet<string> = new Set([...PUBLISHED, ...expressionsOf(PRE_TOKENIZERS)]);

/** Whether a component brings no expression of its own that could run without end. */
export function isKnown(component: Component | null): boolean {
  return expressionsOf(component).every((expression) => KNOWN.has(expression));
}
