import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import type { LineChart, MomentKind } from "../evaluation/chart.ts";
import { MOMENTS, MOMENT_KINDS, onLine } from "./chart-moments.ts";
import { drawChart } from "./charts.ts";
import { Wording } from "./wording.ts";
import { renderChart } from "./render-chart.ts";

/** A spike that the smoothed line does not follow. */
const ys = [0, 0, 0, 10, 0, 0, 0, 4, 5, 5];
const chart: LineChart = {
  kind: "lines",
  title: "gold",
  description: "gold on the way",
  xLabel: "roll-out",
  yLabel: "gold",
  series: [
    {
      name: "a run",
      points: ys.map((y, x) => ({ x, y })),
      smoothed: 5,
      moments: [
        { step: 3, kind: "peak" },
        { step: 4.5, kind: "guard" },
        { step: 9, kind: "end" },
      ],
    },
  ],
};

/** Where the letters stand, and the points of the thickest line, pixels. */
async function drawn(of: LineChart): Promise<{
  letters: Map<string, [number, number]>;
  line: { x: number; y: number }[];
}> {
  const { document } = parseHTML((await drawChart(of)).svg);
  const shift = (transform: string | null): [number, number] => {
    const [, x = "0", y = "0"] = /translate\(([-\d.]+),([-\d.]+)\)/.exec(transform ?? "") ?? [];
    return [Number(x), Number(y)];
  };
  const letters = new Map(
    [...document.querySelectorAll("text")]
      .filter(({ textContent }) => ["P", "G", "E"].includes(textContent!))
      .map((text): [string, [number, number]] => {
        const own = shift(text.getAttribute("transform"));
        const outer = shift(text.parentElement!.getAttribute("transform"));
        return [text.textContent!, [own[0] + outer[0], own[1] + outer[1]]];
      }),
  );
  const path = document.querySelector('[aria-label="line"] path')!.getAttribute("d")!;
  const line = path
    .slice(1)
    .split("L")
    .map((pair: string) => {
      const [x, y] = pair.split(",").map(Number) as [number, number];
      return { x, y };
    });
  return { letters, line };
}

describe("moments of a run", () => {
  test("stand on the line that is drawn, not on the dot that it smooths away", async () => {
    const { letters, line } = await drawn(chart);
    expect([...letters.keys()]).toEqual(["P", "G", "E"]);
    for (const [x, y] of letters.values())
      expect(Math.abs(onLine(line, Math.min(x, line.at(-1)!.x))! - y)).toBeLessThan(1.5);
  });

  test("that would cover each other stand above each other", async () => {
    const [series] = chart.series;
    const { letters } = await drawn({
      ...chart,
      series: [
        {
          ...series!,
          moments: [
            { step: 9, kind: "peak" },
            { step: 9, kind: "end" },
          ],
        },
      ],
    });
    const [peak, end] = ["P", "E"].map((letter) => letters.get(letter)!);
    expect(peak![0]).toBeCloseTo(end![0], 3);
    expect(Math.abs(peak![1] - end![1])).toBeGreaterThan(17);
  });

  test("differ in letter, shape and fill, and the legend has each that occurs", async () => {
    const kinds = MOMENT_KINDS.map((kind) => MOMENTS[kind]);
    for (const of of ["letter", "symbol", "fill"] as const)
      expect(new Set(kinds.map((kind) => kind[of])).size).toBe(MOMENT_KINDS.length);
    const html = await renderChart(chart, new Wording(), { level: 3 });
    const { document } = parseHTML(html);
    expect(
      [...document.querySelectorAll(".legend li")].map(({ textContent }) => textContent),
    ).toEqual(["P what was meant is highest", "G the guard speaks up", "E the end"]);
    const none: MomentKind[] = (await drawChart({ ...chart, series: [] })).moments;
    expect(none).toEqual([]);
  });

  test("lie between the points of a line too, and nowhere outside it", () => {
    const line = [
      { x: 0, y: 0 },
      { x: 10, y: 5 },
    ];
    expect([onLine(line, 4), onLine(line, 10), onLine(line, 0)]).toEqual([2, 5, 0]);
    expect([onLine(line, 11), onLine(line, -1), onLine([], 0)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

test("an axis of ratings does not begin at 0, one of differences shows it", async () => {
  const ticks = async (values: readonly number[]): Promise<number[]> => {
    const { svg } = await drawChart({
      kind: "intervals",
      title: "",
      description: "",
      label: "rating",
      rows: values.map((estimate, i) => ({
        group: `model ${i}`,
        series: "s",
        interval: { estimate, low: estimate - 20, high: estimate + 20, n: 9 },
      })),
    });
    return [
      ...parseHTML(svg).document.querySelectorAll('[aria-label="x-axis tick label"] text'),
    ].map(({ textContent }) => Number(textContent!.replace(/,/g, "").replace("−", "-")));
  };
  expect(Math.min(...(await ticks([960, 1000, 1080])))).toBeGreaterThan(900);
  expect(await ticks([10, 60])).toContain(0);
});
