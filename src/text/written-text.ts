/**
 * Plain texts, without a template's turns: text to be continued, or, where the user trusts it, text
 * in which a template is written out already. Control tokens are tokens in trusted text alone.
 */
import type { EncodeOptions } from "./pipeline.ts";
import type { Slices } from "./slices.ts";
import { finish } from "./slices.ts";
import type { Stops } from "./stops.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface TextReader {
  promptIds(prompt: string): number[];
  promptSlices(prompt: string, options?: EncodeOptions): Slices<number[]>;
  /** Ended by a stop token. */
  completionIds(prompt: string, completion: string): number[];
  textIds(text: string): number[];
}

export function createTextReader(
  tokenizer: Tokenizer,
  stops: Stops,
  { trustText }: { trustText: boolean },
): TextReader {
  const encode = (text: string, options?: EncodeOptions): Slices<number[]> =>
    tokenizer.encodeSlices([{ text, plain: !trustText }], options);
  const withBos = (ids: number[]): number[] =>
    tokenizer.bosId !== undefined && tokenizer.addsBos && ids[0] !== tokenizer.bosId
      ? [tokenizer.bosId, ...ids]
      : ids;
  function* promptSlices(prompt: string, options?: EncodeOptions): Slices<number[]> {
    return withBos(yield* encode(prompt, options));
  }
  const promptIds = (prompt: string): number[] => finish(promptSlices(prompt));
  /** A written stop token is the end, and so is the white space that templates write after it. */
  const ended = (ids: number[], stop: number): number[] => {
    const last = trustText ? ids.findLastIndex((id) => stops.all.includes(id)) : -1;
    return last >= 0 && tokenizer.decode(ids.slice(last + 1)).trim() === ""
      ? ids.slice(0, last + 1)
      : [...ids, stop];
  };
  return {
    promptIds,
    promptSlices,
    // a prompt with turns is answered in a turn
    completionIds: (prompt, completion) =>
      ended(
        finish(encode(completion, { continues: true })),
        trustText && promptIds(prompt).includes(stops.turn) ? stops.turn : stops.text,
      ),
    textIds: (text) => ended(promptIds(text), stops.text),
  };
}

/** The first control token that is written in a text. */
export function writtenControlToken(
  { controlTokens }: Tokenizer,
  text: string,
): string | undefined {
  return controlTokens.find((token) => text.includes(token));
}
