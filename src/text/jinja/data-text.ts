/**
 * Text that knows which of its characters came from data. A template computes with the very text
 * that it was given, so what it renders is what transformers renders; and what was rendered still
 * tells data from template, so that control tokens written in data stay characters, and a content
 * that never came out is noticed.
 */

/** `text[start, end)` was made of `source[from, to)`. Equal lengths mean character by character. */
export interface Run {
  readonly start: number;
  readonly end: number;
  readonly source: number;
  readonly from: number;
  readonly to: number;
}

export class DataText {
  readonly text: string;
  readonly runs: readonly Run[];

  constructor(text: string, runs: readonly Run[]) {
    this.text = text;
    this.runs = runs;
  }
}

/** Plain strings are the template's own. */
export type Text = string | DataText;

export const isText = (value: unknown): value is Text =>
  typeof value === "string" || value instanceof DataText;
export const textOf = (value: Text): string => (typeof value === "string" ? value : value.text);

/** A whole text of data. */
export function dataText(text: string, source: number): Text {
  return text === ""
    ? ""
    : new DataText(text, [{ start: 0, end: text.length, source, from: 0, to: text.length }]);
}

const isLiteral = ({ start, end, from, to }: Run): boolean => end - start === to - from;

function clip(run: Run, start: number, end: number): Run {
  const [first, last] = [Math.max(run.start, start), Math.min(run.end, end)];
  const source = isLiteral(run)
    ? { from: run.from + first - run.start, to: run.from + last - run.start }
    : { from: run.from, to: run.to };
  return { start: first - start, end: last - start, source: run.source, ...source };
}

/** First run that ends behind `offset`. */
function firstRun(runs: readonly Run[], offset: number): number {
  let [low, high] = [0, runs.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (runs[middle]!.end <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function sliceText(value: Text, start: number, end: number = textOf(value).length): Text {
  if (typeof value === "string") return value.slice(start, end);
  const text = value.text.slice(start, end);
  if (text === "") return "";
  const runs: Run[] = [];
  for (
    let index = firstRun(value.runs, start);
    index < value.runs.length && value.runs[index]!.start < start + text.length;
    index++
  )
    runs.push(clip(value.runs[index]!, start, start + text.length));
  return runs.length === 0 ? text : new DataText(text, runs);
}

/**
 * The same text written in another way; it keeps where it came from, character by character where
 * the length allows it.
 */
export function rewritten(value: Text, text: string): Text {
  if (typeof value === "string" || text === "") return text;
  if (text.length === value.text.length) return new DataText(text, value.runs);
  return new DataText(
    text,
    value.runs.map(({ source, from, to }) => ({ start: 0, end: text.length, source, from, to })),
  );
}

/** Puts a text together. */
export class TextBuilder {
  private text = "";
  private readonly runs: Run[] = [];

  get length(): number {
    return this.text.length;
  }

  add(piece: Text): this {
    const offset = this.text.length;
    this.text += textOf(piece);
    if (typeof piece !== "string")
      for (const run of piece.runs)
        this.push({ ...run, start: run.start + offset, end: run.end + offset });
    return this;
  }

  private push(run: Run): void {
    const last = this.runs.at(-1);
    const follows =
      last !== undefined &&
      last.source === run.source &&
      last.end === run.start &&
      last.to === run.from &&
      isLiteral(last) &&
      isLiteral(run);
    if (follows) this.runs[this.runs.length - 1] = { ...last, end: run.end, to: run.to };
    else this.runs.push(run);
  }

  build(): Text {
    return this.runs.length === 0 ? this.text : new DataText(this.text, this.runs);
  }
}

export function concat(...pieces: readonly Text[]): Text {
  if (pieces.every((piece) => typeof piece === "string")) return pieces.join("");
  const builder = new TextBuilder();
  for (const piece of pieces) builder.add(piece);
  return builder.build();
}

/** Replaces single characters, such as a quote by its escape. */
export function escapeText(
  value: Text,
  pattern: RegExp,
  escape: (character: string) => string,
): Text {
  const text = textOf(value);
  const builder = new TextBuilder();
  let done = 0;
  for (const match of text.matchAll(pattern)) {
    const end = match.index + match[0].length;
    builder
      .add(sliceText(value, done, match.index))
      .add(rewritten(sliceText(value, match.index, end), escape(match[0])));
    done = end;
  }
  return done === 0 ? value : builder.add(sliceText(value, done)).build();
}
