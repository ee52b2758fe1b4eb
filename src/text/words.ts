/**
 * The words of a text, one after the other, by the pre-tokenizers of @huggingface/tokenizers: so
 * that whoever reads them may do something else between two, and a text that turns out too long is
 * not split to its end.
 */
import type { Tokenizer as Library } from "@huggingface/tokenizers";
import { byteCharacters } from "./byte-level.ts";

export type PreTokenizer = Library["pre_tokenizer"];
/** Runs work on a text within a limit of time. */
export type Limited = <T>(text: string, work: () => T) => T;
type Options = { section_index: number };

/**
 * What a component is known to be inside; see the library's Split, ByteLevel and
 * PreTokenizerSequence.
 */
interface Inside {
  tokenizers?: unknown;
  config?: {
    type?: unknown;
    behavior?: unknown;
    invert?: unknown;
    use_regex?: unknown;
    add_prefix_space?: unknown;
  };
  pattern?: unknown;
}

const BYTES = byteCharacters();
const utf8 = new TextEncoder();

/** One step of splitting: takes a piece of text, gives its pieces. */
type Step = (text: string, options: Options) => Iterable<string>;

/**
 * The words of a text in order.
 * @param limited runs work that might not end; undefined where it is known to
 */
export function wordSplitter(
  preTokenizer: PreTokenizer,
  limited?: Limited,
): (text: string, options: Options) => Iterable<string> {
  if (preTokenizer === null) return (text) => [text];
  if (limited) return (text, options) => limited(text, () => preTokenizer(text, options));
  const steps = stepsOf(preTokenizer);
  return (text, options) => split(steps, 0, { text, options });
}

function stepsOf(preTokenizer: NonNullable<PreTokenizer>): Step[] {
  const { tokenizers, config = {}, pattern } = preTokenizer as Inside;
  if (Array.isArray(tokenizers))
    return (tokenizers as NonNullable<PreTokenizer>[]).flatMap(stepsOf);
  if (
    config.type === "Split" &&
    pattern instanceof RegExp &&
    config.invert !== true &&
    config.behavior === "Isolated"
  )
    return [(text) => isolated(text, pattern)];
  if (config.type === "ByteLevel" && config.use_regex === false && config.add_prefix_space !== true)
    return [(text) => [byteText(text)]];
  return [(text, options) => preTokenizer(text, options)];
}

function* split(
  steps: readonly Step[],
  first: number,
  { text, options }: { text: string; options: Options },
): Generator<string, void> {
  if (first === steps.length) yield text;
  else
    for (const piece of steps[first]!(text, options))
      yield* split(steps, first + 1, { text: piece, options });
}

/** What matches, and what is between. */
function* isolated(text: string, pattern: RegExp): Generator<string, void> {
  let done = 0;
  for (const match of text.matchAll(pattern)) {
    if (done < match.index) yield text.slice(done, match.index);
    if (match[0] !== "") yield match[0];
    done = match.index + match[0].length;
  }
  if (done < text.length) yield text.slice(done);
}

/** Bytes as the characters that byte-level vocabularies write for them. */
function byteText(text: string): string {
  let written = "";
  for (const byte of utf8.encode(text)) written += BYTES[byte];
  return written;
}
