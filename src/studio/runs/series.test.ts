import { describe, expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import { curveOf, Series } from "./series.ts";

const made = (values: readonly number[]): Series => {
  const series = new Series();
  values.forEach((value, i) => series.add(i + 1, (i + 1) * 10, [["loss", value]]));
  return series;
};
const place = (step: number): number => step;

describe("a curve", () => {
  test("of few values is those values", () => {
    const series = made([3, 1, 2]);
    expect(curveOf(series, series.metrics.get("loss")!, { width: 3, place })).toEqual({
      points: 3,
      per: 1,
      x: [1, 2, 3],
      mean: [3, 1, 2],
      low: [],
      high: [],
      notFinite: null,
    });
  });

  test("of many has mean and range of neighbours, each value once", () => {
    const random = Random.for(1, "curve");
    const values = Array.from({ length: 10_007 }, () => Math.round(random.uniform() * 1000));
    values[5_000] = -50_000;
    const series = made(values);
    const curve = curveOf(series, series.metrics.get("loss")!, { width: 300, place });
    expect(curve.x.length).toBeLessThanOrEqual(300);
    expect(curve.per).toBe(34);
    expect(Math.min(...curve.low)).toBe(-50_000);
    expect(Math.max(...curve.high)).toBe(Math.max(...values));
    curve.x.forEach((x, column) => {
      const part = values.slice(column * 34, (column + 1) * 34);
      expect(curve.low[column]).toBe(Math.min(...part));
      expect(curve.high[column]).toBe(Math.max(...part));
      expect(curve.mean[column]).toBeCloseTo(part.reduce((a, b) => a + b, 0) / part.length, 1);
      expect(x).toBeCloseTo(column * 34 + (part.length + 1) / 2, 1);
    });
  });

  test("of a part has that part's steps, at its own resolution", () => {
    const series = made(Array.from({ length: 1000 }, (_, i) => i));
    const metric = series.metrics.get("loss")!;
    const curve = curveOf(series, metric, { width: 100, place, from: 11, to: 20 });
    expect(curve.x).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
    expect(curve.points).toBe(1000);
    expect(curveOf(series, metric, { width: 10, place, from: 5000 }).x).toEqual([]);
  });

  test("leaves out what cannot be drawn, and counts it", () => {
    const series = made([1, NaN, 2, Infinity, 1e305]);
    const curve = curveOf(series, series.metrics.get("loss")!, { width: 10, place });
    expect(curve).toMatchObject({ x: [1, 3], mean: [1, 2], notFinite: { count: 3, firstStep: 2 } });
  });
});

describe("series", () => {
  test("are cut back to their first lines", () => {
    const series = new Series();
    series.add(1, 10, [["loss", 1]]);
    series.add(1, 20, [["eval_loss", 5]]);
    series.add(2, 30, [["loss", 2]]);
    series.add(2, 40, [["eval_loss", 6]]);
    series.cut(3);
    expect([series.lines, series.points, series.step]).toEqual([3, 3, 2]);
    expect([series.last("loss"), series.last("eval_loss")]).toEqual([2, 5]);
    series.cut(1);
    expect([...series.metrics.keys()]).toEqual(["loss"]);
    expect(series.last("eval_loss")).toBe(undefined);
  });
});
