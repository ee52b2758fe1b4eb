/**
 * The metrics of a run in memory: 16 bytes a value. Lines are those of metrics.jsonl; a metric knows
 * the lines that have it.
 */

/** Numbers in a row, which grows. */
export class Column {
  private numbers: Float64Array<ArrayBuffer>;
  length: number;

  constructor(numbers: Float64Array<ArrayBuffer> = new Float64Array(64)) {
    this.numbers = numbers;
    this.length = 0;
  }

  static of(numbers: Float64Array<ArrayBuffer>): Column {
    const column = new Column(numbers);
    column.length = numbers.length;
    return column;
  }

  push(value: number): void {
    if (this.length === this.numbers.length) {
      const larger = new Float64Array(Math.max(64, Math.ceil(this.length * 1.5)));
      larger.set(this.numbers);
      this.numbers = larger;
    }
    this.numbers[this.length++] = value;
  }

  at(index: number): number {
    return this.numbers[index < 0 ? this.length + index : index]!;
  }

  cut(length: number): void {
    this.length = Math.min(this.length, length);
  }

  /** How many are smaller, or as large where that counts too; of numbers that rise. */
  below(value: number, inclusive = false): number {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const number = this.numbers[middle]!;
      if (number < value || (inclusive && number === value)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  view(): Float64Array<ArrayBuffer> {
    return this.numbers.subarray(0, this.length);
  }
}

/** Values of one metric, and the numbers of their lines, from 0. */
export interface MetricSeries {
  readonly lines: Column;
  readonly values: Column;
}

export class Series {
  /** By line: its step, and the byte behind it. */
  steps = new Column();
  ends = new Column();
  metrics = new Map<string, MetricSeries>();
  points = 0;

  get lines(): number {
    return this.steps.length;
  }

  add(step: number, end: number, values: Iterable<readonly [string, number]>): void {
    const line = this.lines;
    this.steps.push(step);
    this.ends.push(end);
    for (const [name, value] of values) {
      let metric = this.metrics.get(name);
      if (metric === undefined) {
        metric = { lines: new Column(), values: new Column() };
        this.metrics.set(name, metric);
      }
      metric.lines.push(line);
      metric.values.push(value);
      this.points++;
    }
  }

  /** Keeps the first lines alone. */
  cut(lines: number): void {
    this.steps.cut(lines);
    this.ends.cut(lines);
    this.points = 0;
    for (const [name, metric] of this.metrics) {
      const kept = metric.lines.below(lines);
      metric.lines.cut(kept);
      metric.values.cut(kept);
      this.points += kept;
      if (kept === 0) this.metrics.delete(name);
    }
  }

  last(name: string): number | undefined {
    const metric = this.metrics.get(name);
    return metric === undefined ? undefined : metric.values.at(-1);
  }

  /** The greatest step; steps of a log rise. */
  get step(): number {
    return this.lines === 0 ? 0 : this.steps.at(-1);
  }
}

/** What a chart draws of one metric: a column of pixels has a mean and a range. */
export interface Curve {
  /** All values of the run, also those that are not drawn. */
  points: number;
  /** Values behind each entry of `x`, but for the last. */
  per: number;
  x: number[];
  mean: number[];
  /** Left out where `per` is 1: they are the mean. */
  low: number[];
  high: number[];
  /** Values that are no numbers to draw, and the step of the first. */
  notFinite: { count: number; firstStep: number } | null;
}

/** Greater ones have differences that are not finite. */
const GREATEST = 1e300;
/** Digits of what stands for several values. */
const DIGITS = 7;
const rounded = (value: number): number => Number(value.toPrecision(DIGITS));

/**
 * A metric at the resolution of a screen: neighbours are taken together until there are at most
 * `width` of them, each with its least and greatest.
 * @param place of a step on the axis
 * @param from, to steps, both included
 */
export function curveOf(
  { steps }: Series,
  { lines, values }: MetricSeries,
  {
    width,
    place,
    from = -Infinity,
    to = Infinity,
  }: { width: number; place: (step: number) => number; from?: number; to?: number },
): Curve {
  const first = lines.below(steps.below(from));
  const behind = lines.below(steps.below(to, true));
  const per = Math.max(1, Math.ceil((behind - first) / width));
  const curve: Curve = {
    points: values.length,
    per,
    x: [],
    mean: [],
    low: [],
    high: [],
    notFinite: null,
  };
  for (let start = first; start < behind; start += per) {
    let [count, sum, where, low, high] = [0, 0, 0, Infinity, -Infinity];
    for (let i = start; i < Math.min(behind, start + per); i++) {
      const value = values.at(i);
      const step = steps.at(lines.at(i));
      if (!(Math.abs(value) <= GREATEST)) {
        curve.notFinite ??= { count: 0, firstStep: step };
        curve.notFinite.count++;
        continue;
      }
      count++;
      // a running mean: sums of great values would not be finite
      sum += (value - sum) / count;
      where += (place(step) - where) / count;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (count === 0) continue;
    curve.x.push(per === 1 ? where : rounded(where));
    curve.mean.push(per === 1 ? sum : rounded(sum));
    if (per === 1) continue;
    curve.low.push(rounded(low));
    curve.high.push(rounded(high));
  }
  return curve;
}
