import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import type { ScatterChart } from "../evaluation/chart.ts";
import { movingMean } from "./chart-frame.ts";
import { drawChart } from "./charts.ts";

const LABEL = "distance from where it began: square root of the KL, sqrt(nats)";
const chart: ScatterChart = {
  kind: "scatter",
  title: "t",
  description: "d",
  xLabel: LABEL,
  yLabel: "gain",
  percent: true,
  points: [0.2, 0.9, 1.4].map((x) => ({
    name: "",
    series: "gold",
    x: { estimate: x },
    y: { estimate: x / 4 },
  })),
};

/** Lines of text below and beside a drawing. */
const texts = (svg: string): string[] =>
  [...parseHTML(`<body>${svg}</body>`).document.querySelectorAll("text, tspan")].flatMap(
    ({ children, textContent }) => (children.length > 0 ? [] : [textContent ?? ""]),
  );

test("per cent are of the axis whose values are shares", async () => {
  const own = texts((await drawChart(chart)).svg);
  expect(own.some((text) => text.startsWith("gain, %") || text.endsWith("gain, %"))).toBe(true);
  expect(own.some((text) => text.includes("sqrt(nats), %"))).toBe(false);
  const numbers = own.map(Number).filter(Number.isFinite);
  expect(numbers).toContain(1.4);
  expect(numbers).not.toContain(140);
  const both = texts((await drawChart({ ...chart, percentX: true })).svg);
  expect(both.map(Number)).toContain(140);
});

test.each(["scatter", "path", "lines"] as const)(
  "a phone has the whole name of x: %s",
  async (kind) => {
    const { points } = chart;
    const series = [
      {
        name: "a",
        points: points.map(({ x, y }, step) => ({ x: x.estimate, y: y.estimate, step })),
      },
    ];
    const { narrow } = await drawChart(
      (kind === "scatter" ? chart : { ...chart, kind, series, points: undefined }) as never,
    );
    const lines = texts(narrow!);
    const first = lines.find((text) => text.includes("distance from"))!;
    expect(first.length).toBeLessThanOrEqual(48);
    expect(lines.some((text) => text.includes("sqrt(nats)"))).toBe(true);
  },
);

test("a moving mean is over as many values at the ends as in the middle", () => {
  expect(movingMean([0, 0, 9, 0, 0, 0, 30], 3)).toEqual([3, 3, 3, 3, 0, 10, 10]);
  expect(movingMean([1, 5], 9)).toEqual([3, 3]);
  expect(movingMean([1, 5], 1)).toEqual([1, 5]);
});
