/**
 * A run's curves as text: the training curve in Braille dots (four levels to a line; two in plain
 * ASCII), held-out values as marks over it, steps and values along the axes. Nothing is told by
 * colour alone, so there is none (docs/decisions/terminal-curves.md).
 */
import { relative } from "node:path";
import {
  type CurvePoint,
  notFiniteNote,
  outsideNote,
  type RunCurve,
  runCurves,
  type ValueRange,
  valueRange,
} from "../../report/run-curves.ts";
import { showRun } from "../../runs/compare.ts";
import type { Reporter } from "./reporter.ts";
import { formatNumber, wrapText } from "./words.ts";
import { largestOf, smallestOf } from "../../core/extremes.ts";

export interface PlotOptions {
  /** Characters of a line at most; taken as 30 where it is less. */
  readonly width: number;
  readonly unicode: boolean;
}

interface Style {
  /** Dots of a character, across and down. */
  readonly across: number;
  readonly down: number;
  /**
   * The character with these dots; bit `x * down + y` is the dot at `x` from the left and `y` from
   * the top.
   */
  readonly dots: (mask: number) => string;
  readonly line: string;
  readonly alone: string;
  readonly heldOut: string;
  readonly above: string;
  readonly below: string;
  readonly axis: {
    readonly side: string;
    readonly sideTick: string;
    readonly corner: string;
    readonly foot: string;
    readonly footTick: string;
  };
}

/**
 * Unicode numbers the dots of a Braille character down its columns, but for the last row, which was
 * added later.
 */
const BRAILLE_BITS = [0x01, 0x02, 0x04, 0x40, 0x08, 0x10, 0x20, 0x80];
const BRAILLE: Style = {
  across: 2,
  down: 4,
  dots: (mask) =>
    mask === 0
      ? " "
      : String.fromCodePoint(
          BRAILLE_BITS.reduce((sum, bit, dot) => (mask & (1 << dot) ? sum | bit : sum), 0x2800),
        ),
  line: "⠒⠒",
  alone: "⣿",
  heldOut: "●",
  above: "▲",
  below: "▼",
  axis: { side: "│", sideTick: "┤", corner: "└", foot: "─", footTick: "┬" },
};
const ASCII: Style = {
  across: 1,
  down: 2,
  dots: (mask) => " '.:"[mask]!,
  line: "..",
  alone: "#",
  heldOut: "O",
  above: "^",
  below: "v",
  axis: { side: "|", sideTick: "+", corner: "+", foot: "-", footTick: "+" },
};

const MINIMUM_WIDTH = 30;
/**
 * Lines of a chart between its title and its axis, and how many intervals the values beside them
 * have.
 */
const ROWS = 9;
const INTERVALS = 4;
/**
 * Charts stand beside each other where each has this many characters; none gets wider than the
 * other.
 */
const BESIDE_WIDTH = 56;
const WIDEST = 100;
const GAP = 3;

/**
 * Whether a terminal shows more than ASCII: not the Linux console or a dumb terminal, and not where
 * the locale says otherwise. Where no locale is set, as in many containers, it does.
 */
export function showsUnicode(
  { LC_ALL, LC_CTYPE, LANG, TERM }: NodeJS.ProcessEnv = process.env,
): boolean {
  const locale = LC_ALL || LC_CTYPE || LANG || "";
  return TERM !== "linux" && TERM !== "dumb" && (locale === "" || /utf-?8/i.test(locale));
}

/**
 * What a run ends with on a terminal: the curve that is looked at first, where there is a course to
 * see. Nothing elsewhere.
 */
export function showFirstCurve(
  folder: string,
  { reporter, columns }: { reporter: Reporter; columns: number | undefined },
): void {
  if (reporter.mode !== "terminal" || columns === undefined) return;
  const first = runCurves(showRun(folder)).main[0];
  if (first === undefined || first.training.length < 2) return;
  reporter.note(
    `${plotCurve(first, { width: Math.min(WIDEST, columns), unicode: showsUnicode() })}\nmore ` +
      `curves: attune runs show ${relative(process.cwd(), folder) || "."}`,
  );
}

/** Curves below each other, or side by side where the width allows it. */
export function plotCurves(curves: readonly RunCurve[], { width, unicode }: PlotOptions): string {
  const beside = Math.min(
    curves.length,
    Math.max(1, Math.floor((width + GAP) / (BESIDE_WIDTH + GAP))),
  );
  const each = Math.min(WIDEST, Math.floor((width + GAP) / beside) - GAP);
  const blocks = curves.map((curve) => plotCurve(curve, { width: each, unicode }).split("\n"));
  const rows = Array.from({ length: Math.ceil(blocks.length / beside) }, (_, row) =>
    blocks.slice(row * beside, (row + 1) * beside),
  );
  return rows
    .map((row) =>
      Array.from({ length: Math.max(...row.map(({ length }) => length)) }, (_, line) =>
        row
          .map((block) => (block[line] ?? "").padEnd(each))
          .join(" ".repeat(GAP))
          .trimEnd(),
      ).join("\n"),
    )
    .join("\n\n");
}

/**
 * One curve: a title with the last values, the drawing, its axes, and notes on what cannot be seen.
 */
export function plotCurve(curve: RunCurve, { width: given, unicode }: PlotOptions): string {
  const width = Math.max(MINIMUM_WIDTH, given);
  const style = unicode ? BRAILLE : ASCII;
  const { training, heldOut, stepsPerPoint } = curve;
  const range = valueRange([training, heldOut].map((points) => points.map(({ y }) => y)));
  const notes = [
    stepsPerPoint > 1 ? `a point of the curve is the mean of ${stepsPerPoint} steps` : undefined,
    notFiniteNote(curve),
    range && outsideNote(range),
  ].filter((note) => note !== undefined);
  const drawn = range === undefined ? [] : draw(curve, { range, width, style });
  return [
    ...title(curve, { width, style }),
    ...drawn,
    ...notes.flatMap((note) => wrapText(note, width - 2).split("\n")).map((line) => `  ${line}`),
  ].join("\n");
}

/** The words beside the signs go before the title takes two lines. */
function title(
  { label, last }: RunCurve,
  { width, style }: { width: number; style: Style },
): string[] {
  const legend = (words: boolean): string =>
    [
      ...(last.training === undefined
        ? []
        : [`${style.line} ${words ? "training " : ""}${formatNumber(last.training)}`]),
      ...(last.heldOut === undefined
        ? []
        : [`${style.heldOut} ${words ? "held-out " : ""}${formatNumber(last.heldOut)}`]),
    ].join("   ");
  const fitting = [legend(true), legend(false)].find(
    (text) => label.length + 2 + text.length <= width,
  );
  return fitting === undefined
    ? [label, legend(false).padStart(width)]
    : [label + fitting.padStart(width - label.length)];
}

function draw(
  { training, heldOut }: RunCurve,
  { range, width, style }: { range: ValueRange; width: number; style: Style },
): string[] {
  const { low, high, labels } = valueAxis(range);
  const margin = Math.max("step".length, ...labels.map((label) => label.length));
  const columns = width - margin - 2;
  const steps = [...training, ...heldOut].map(({ x }) => x);
  const [first, last] = [smallestOf(steps), largestOf(steps)];
  // one step alone stands in the middle
  const share = (step: number): number => (last === first ? 0.5 : (step - first) / (last - first));
  const canvas = new Canvas(columns, style, { low, high, share });
  canvas.curve(training);
  for (const point of heldOut) canvas.mark(point, style.heldOut);
  const { side, sideTick, corner } = style.axis;
  const rows = canvas.rows().map((row, i) => {
    const label =
      i % ((ROWS - 1) / INTERVALS) === 0
        ? labels[INTERVALS - (i * INTERVALS) / (ROWS - 1)]
        : undefined;
    const edge = label === undefined ? side : sideTick;
    return `${(label ?? "").padStart(margin)} ${edge}${row}`.trimEnd();
  });
  const { foot, names } = stepAxis({ first, last, columns, share }, style);
  return [
    ...rows,
    `${" ".repeat(margin)} ${corner}${foot}`,
    `${"step".padStart(margin)}  ${names}`.trimEnd(),
  ];
}

/** The dots of a drawing, and the marks over them. */
class Canvas {
  private readonly columns: number;
  private readonly style: Style;
  private readonly masks: Uint8Array;
  private readonly marks = new Map<number, string>();
  private readonly scale: { low: number; high: number; share: (step: number) => number };

  constructor(
    columns: number,
    style: Style,
    scale: { low: number; high: number; share: (step: number) => number },
  ) {
    this.columns = columns;
    this.style = style;
    this.scale = scale;
    this.masks = new Uint8Array(columns * ROWS);
  }

  /** A line through all points; a point alone is a mark. */
  curve(points: readonly CurvePoint[]): void {
    points.forEach((point, i) => {
      this.line(this.place(points[Math.max(0, i - 1)]!), this.place(point));
      if (points.length === 1) this.mark(point, this.style.alone);
      else if (this.beyond(point.y) !== undefined) this.mark(point, "");
    });
  }

  /** @param sign stands where the point is; one that says so where it lies beyond the drawing */
  mark(point: CurvePoint, sign: string): void {
    const { x, y } = this.place(point);
    const row = Math.floor(y / this.style.down);
    this.marks.set(
      row * this.columns + Math.floor(x / this.style.across),
      this.beyond(point.y) ?? sign,
    );
  }

  rows(): string[] {
    return Array.from({ length: ROWS }, (_, row) =>
      Array.from(
        { length: this.columns },
        (_, column) =>
          this.marks.get(row * this.columns + column) ??
          this.style.dots(this.masks[row * this.columns + column]!),
      ).join(""),
    );
  }

  private beyond(value: number): string | undefined {
    return value > this.scale.high
      ? this.style.above
      : value < this.scale.low
        ? this.style.below
        : undefined;
  }

  /**
   * In dots, from the left and from the top; the ends of the scale are the middles of the first and
   * the last row.
   */
  private place({ x, y }: CurvePoint): { x: number; y: number } {
    const { low, high, share } = this.scale;
    const height = (ROWS - 1) * this.style.down;
    const fromTop = Math.min(1, Math.max(0, (high - y) / (high - low)));
    return {
      x: Math.round(share(x) * (this.columns * this.style.across - 1)),
      y: Math.floor(fromTop * height + this.style.down / 2 - 1e-9),
    };
  }

  private line(from: { x: number; y: number }, to: { x: number; y: number }): void {
    const dots = Math.max(1, Math.abs(to.x - from.x), Math.abs(to.y - from.y));
    for (let i = 0; i <= dots; i++)
      this.dot(
        Math.round(from.x + ((to.x - from.x) * i) / dots),
        Math.round(from.y + ((to.y - from.y) * i) / dots),
      );
  }

  private dot(x: number, y: number): void {
    const { across, down } = this.style;
    this.masks[Math.floor(y / down) * this.columns + Math.floor(x / across)]! |=
      1 << ((x % across) * down + (y % down));
  }
}

/**
 * Round numbers around the range in equal intervals, lowest first: the ends are the first and the
 * last of them.
 */
function valueAxis({ low, high }: ValueRange): { low: number; high: number; labels: string[] } {
  for (const unit of roundNumbers((high - low) / INTERVALS)) {
    const from = Math.floor(low / unit.value + 1e-9);
    if ((from + INTERVALS) * unit.value < high - unit.value * 1e-9) continue;
    const values = Array.from({ length: INTERVALS + 1 }, (_, i) => (from + i) * unit.value);
    return { low: values[0]!, high: values.at(-1)!, labels: labelsOf(values, unit) };
  }
  return { low, high, labels: [] };
}

interface RoundNumber {
  readonly value: number;
  /** Digits after the point; negative for tens, hundreds. */
  readonly decimals: number;
}

/** Round numbers from `least` on, ascending. */
function* roundNumbers(least: number): Generator<RoundNumber> {
  for (let power = Math.floor(Math.log10(least)); power < 309; power++) {
    for (const digit of [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8]) {
      const value = Number(`${digit}e${power}`);
      if (value >= least * (1 - 1e-9))
        yield { value, decimals: Number.isInteger(digit) ? -power : 1 - power };
    }
  }
}

/**
 * Written alike: with as many decimals as the interval between them needs, or as powers of ten
 * where they are great or small.
 */
function labelsOf(values: readonly number[], { value: interval, decimals }: RoundNumber): string[] {
  const size = largestOf(values.map(Math.abs));
  const plain = size < 1e6 && size >= 1e-4;
  const clean = values.map((value) => (Math.abs(value) < interval / 2 ? 0 : value));
  if (plain) return clean.map((value) => value.toFixed(Math.max(0, decimals)));
  return clean.map((value) =>
    value === 0
      ? "0"
      : value
          .toExponential(
            Math.min(20, Math.max(0, decimals + Math.floor(Math.log10(Math.abs(value)) + 1e-9))),
          )
          .replace("e+", "e"),
  );
}

/** The line below a drawing and the steps below it. */
function stepAxis(
  {
    first,
    last,
    columns,
    share,
  }: { first: number; last: number; columns: number; share: (step: number) => number },
  { axis, across }: Style,
): { foot: string; names: string } {
  const room = Math.max(1, Math.floor(columns / (String(Math.ceil(last)).length + 4)));
  const unit = wholeUnit((last - first) / room);
  const from = Math.ceil(first / unit);
  const multiples = Array.from(
    { length: Math.floor(last / unit) - from + 1 },
    (_, i) => (from + i) * unit,
  );
  const foot = Array.from({ length: columns }, () => axis.foot);
  let names = "";
  for (const step of multiples.length === 0 ? [first] : multiples) {
    const column = Math.floor(Math.round(share(step) * (columns * across - 1)) / across);
    const name = String(step);
    const start = Math.min(
      columns - name.length,
      Math.max(0, column - Math.floor(name.length / 2)),
    );
    if (names !== "" && start < names.length + 2) continue;
    foot[column] = axis.footTick;
    names = names.padEnd(start) + name;
  }
  return { foot: foot.join(""), names };
}

/** The first of 1, 2, 5, 10, 20, 50, ... that is not less. */
function wholeUnit(least: number): number {
  for (let power = 1; ; power *= 10) {
    const digit = [1, 2, 5].find((digit) => digit * power >= least);
    if (digit !== undefined) return digit * power;
  }
}
