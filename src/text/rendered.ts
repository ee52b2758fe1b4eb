/**
 * What a template rendered: text, of which runs came from data. Which parts are the template's own
 * decides what is a control token.
 */
import type { Run } from "./jinja/data-text.ts";
import { concat, DataText, sliceText, textOf } from "./jinja/data-text.ts";
import { strip } from "./jinja/python-text.ts";
import type { Source } from "./template-data.ts";
import type { TextPart } from "./text-parts.ts";
import { guardText } from "./text-parts.ts";
import type { TokenFinder } from "./token-finder.ts";

export interface RenderedText {
  readonly text: string;
  /** Which stretches came from data: in order, without overlaps. */
  readonly runs: readonly Run[];
}

/** A part of a rendered text. */
export function sliceRendered(
  { text, runs }: RenderedText,
  start: number,
  end?: number,
): RenderedText {
  const part = sliceText(new DataText(text, runs), start, end);
  return typeof part === "string" ? { text: part, runs: [] } : part;
}

/** Rendered texts one behind the other, with words of the template's kind between them. */
export function joinRendered(...pieces: readonly (string | RenderedText)[]): RenderedText {
  const joined = concat(
    ...pieces.map((piece) =>
      typeof piece === "string" ? piece : new DataText(piece.text, piece.runs),
    ),
  );
  return typeof joined === "string" ? { text: joined, runs: [] } : joined;
}

/**
 * The text in parts for the tokenizer. A control token that stands in the template's own text alone
 * acts; one of which any character came from data is plain.
 */
export function trustedParts(
  { text, runs }: RenderedText,
  find: TokenFinder | undefined,
): TextPart[] {
  if (find === undefined || runs.length === 0) return text === "" ? [] : [{ text, plain: false }];
  const parts: TextPart[] = [];
  let done = 0;
  const flush = (end: number): void => {
    if (end > done) parts.push(...guardText(text.slice(done, end), find));
    done = end;
  };
  let gap = 0;
  for (const end of [...runs.map(({ start }) => start), text.length]) {
    for (const { index, token } of end > gap ? find(text.slice(gap, end)) : []) {
      flush(gap + index);
      done = gap + index + token.length;
      parts.push({ text: token, plain: false });
    }
    gap = runs[firstAt(runs, end)]?.end ?? end;
  }
  flush(text.length);
  return parts;
}

/** Index of the run that starts at `start`; past the end where there is none. */
function firstAt(runs: readonly Run[], start: number): number {
  let [low, high] = [0, runs.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (runs[middle]!.start < start) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Fewest characters of a mark at which thoughts end, such as `</think>`. */
const SHORTEST_MARK = 3;

export interface LostText {
  readonly source: Source;
  /** What did not come out. */
  readonly text: string;
}

/**
 * The first text that had to come out and did not. White space may be trimmed, and what a template
 * itself looks for and replaces or splits at may go.
 * @param texts the template's own texts
 */
export function findLost(
  runs: readonly Run[],
  sources: readonly Source[],
  texts: readonly string[],
): LostText | undefined {
  const shown: (readonly [number, number])[][] = sources.map(() => []);
  for (const { source, from, to } of runs) shown[source]!.push([from, to]);
  const trim = (text: string): string => textOf(strip(text, "both"));
  const own = [...new Set(texts.map(trim).filter((text) => text !== ""))];
  const marks = own.filter((text) => text.length >= SHORTEST_MARK);
  for (const [index, source] of sources.entries()) {
    if (source.need === "free") continue;
    for (const [start, end] of missing(shown[index]!, source.text.length)) {
      const text = source.text.slice(start, end);
      const isPart = end - start < source.text.length;
      const isThought =
        source.need === "answer" &&
        isPart &&
        start === 0 &&
        marks.some((each) => trim(text).endsWith(each));
      if (trim(text) !== "" && !(isPart && own.includes(trim(text))) && !isThought)
        return { source, text };
    }
  }
  return undefined;
}

function missing(
  shown: readonly (readonly [number, number])[],
  length: number,
): [number, number][] {
  const gaps: [number, number][] = [];
  let done = 0;
  for (const [from, to] of shown.toSorted(([a], [b]) => a - b)) {
    if (from > done) gaps.push([done, from]);
    done = Math.max(done, to);
  }
  if (done < length) gaps.push([done, length]);
  return gaps;
}
