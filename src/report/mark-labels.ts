/** Where the words at marked points of a line chart stand, so that none covers another. */
import type { MarkedPoint } from "../evaluation/chart.ts";

export interface PlacedLabel extends MarkedPoint {
  /** Pixels from the point to the middle of the words; negative is above it. */
  dy: number;
  anchor: "start" | "middle" | "end";
}

/** Width of a bold letter of 12 px in the mean, and height of a line of them, pixels. */
const [LETTER, LINE] = [7, 14];
/** Of the ring around a point, pixels. */
const RADIUS = 8;

/**
 * @param series what else is drawn: its points are the chart's range
 * @param size of the area that is drawn on, pixels
 */
export function placeLabels(
  marks: readonly MarkedPoint[],
  series: readonly { points: readonly { x: number; y: number }[] }[],
  { width, height }: { width: number; height: number },
): PlacedLabel[] {
  const points = series
    .flatMap((each) => each.points)
    .filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
  const across = scale(
    points.map(({ x }) => x),
    width,
  );
  const down = scale(
    points.map(({ y }) => -y),
    height,
  );
  const taken = marks.map(({ x, y }) => ({
    left: across(x) - RADIUS,
    right: across(x) + RADIUS,
    middle: down(-y),
  }));
  return marks
    .toSorted((a, b) => a.x - b.x)
    .map((mark) => {
      const length = mark.label.length * LETTER;
      const { anchor, left } = anchored(across(mark.x), length, width);
      let middle = down(-mark.y) - LINE;
      while (
        taken.some(
          (other) =>
            left < other.right &&
            other.left < left + length &&
            Math.abs(other.middle - middle) < LINE - 1,
        )
      )
        middle -= LINE;
      taken.push({ left, right: left + length, middle });
      return { ...mark, anchor, dy: middle - down(-mark.y) };
    });
}

/** Words are centred over their point where the chart has room for them on both sides. */
function anchored(
  at: number,
  length: number,
  width: number,
): { anchor: PlacedLabel["anchor"]; left: number } {
  if (at < length / 2) return { anchor: "start", left: at };
  if (at > width - length / 2) return { anchor: "end", left: at - length };
  return { anchor: "middle", left: at - length / 2 };
}

/** From values to pixels; all values alike lie in the middle. */
function scale(values: readonly number[], pixels: number): (value: number) => number {
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) [least, most] = [Math.min(least, value), Math.max(most, value)];
  return (value) => (most > least ? ((value - least) / (most - least)) * pixels : pixels / 2);
}
