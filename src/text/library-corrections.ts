/**
 * Rewrites parts of a tokenizer.json so that @huggingface/tokenizers 0.2.0 does what the Rust
 * library does, which every model was trained with. Each correction is held by ids of the Rust
 * library in src/text/golden.
 *
 * 1. ByteLevel: JavaScript's \s has U+FEFF and lacks U+0085, in the expression that the library
 *    does not translate.
 * 2. Digits: all numerals (½, Arabic, Roman), not 0 to 9 alone.
 * 3. Whitespace and WhitespaceSplit: words of all scripts, Unicode's white space.
 * 4. Metaspace: splits before every space unless told not to; the older add_prefix_space counts.
 */

export type Component = Readonly<Record<string, unknown>> & { readonly type: string };

/** GPT-2's expression. */
export const GPT2_WORDS = [
  "'s|'t|'re|'ve|'m|'ll|'d",
  String.raw` ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
].join("|");

export const sequence = (...pretokenizers: Component[]): Component => ({
  type: "Sequence",
  pretokenizers,
});
export const isolate = (expression: string): Component => ({
  type: "Split",
  pattern: { Regex: expression },
  behavior: "Isolated",
  invert: false,
});
/** Keeps what matches, and drops what is between. */
const keep = (expression: string): Component => ({
  type: "Split",
  pattern: { Regex: expression },
  behavior: "Removed",
  invert: true,
});

const SPACE_MARK = "\u2581";

/** A pre-tokenizer as the JavaScript library must be told it. */
export function correctPreTokenizer(component: Component | null): Component | null {
  if (component === null) return null;
  switch (component.type) {
    case "Sequence":
      return {
        ...component,
        pretokenizers: ((component["pretokenizers"] ?? []) as Component[]).map(correctPreTokenizer),
      };
    case "ByteLevel":
      // With a prefix space the pieces after the first would get one too.
      return component["use_regex"] === false || component["add_prefix_space"] === true
        ? component
        : sequence(isolate(GPT2_WORDS), { ...component, use_regex: false });
    case "Digits":
      return isolate(
        component["individual_digits"] === true ? String.raw`\p{N}` : String.raw`\p{N}+`,
      );
    case "Whitespace":
      return keep(String.raw`\w+|[^\w\s]+`);
    case "WhitespaceSplit":
      return keep(String.raw`\S+`);
    case "Metaspace": {
      const scheme =
        component["prepend_scheme"] ??
        (component["add_prefix_space"] === false ? "never" : "always");
      const mark =
        typeof component["replacement"] === "string" ? component["replacement"] : SPACE_MARK;
      const corrected = { ...component, prepend_scheme: scheme };
      return component["split"] === false
        ? corrected
        : sequence(corrected, isolate(`${mark}[^${mark}]*|[^${mark}]+`));
    }
    default:
      return component;
  }
}

/** The component without what it puts before a text, for text that goes on after other text. */
export function withoutPrefix(component: Component | null): Component | null {
  if (component === null) return null;
  switch (component.type) {
    case "Sequence": {
      const key = "normalizers" in component ? "normalizers" : "pretokenizers";
      const members = ((component[key] ?? []) as Component[])
        .map(withoutPrefix)
        .filter((member) => member !== null);
      return { ...component, [key]: members };
    }
    case "Prepend":
      return null;
    case "Metaspace":
      return { ...component, prepend_scheme: "never" };
    case "ByteLevel":
      return { ...component, add_prefix_space: false };
    default:
      return component;
  }
}
