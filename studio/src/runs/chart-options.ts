/** What uPlot is told of a chart: colours of the reports, shapes along the lines, and no script in strings. */
import type uPlot from "uplot";
import type { ChartProps } from "./chart.tsx";
import { shown } from "./numbers.ts";

/** CSS pixels. */
const HEIGHT = 220;
/** Shapes along a line, and the least distance between them, in CSS pixels. */
const [MARKS, MARKS_APART] = [8, 40];

const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const FONT = "12px system-ui, sans-serif";

export function chartOptions(
  latest: { readonly current: ChartProps },
  { width, onCursor }: { width: number; onCursor: (u: uPlot) => void },
): uPlot.Options {
  const { lines, log } = latest.current;
  const [ink, line] = [colour("soft"), colour("line")];
  const axis: uPlot.Axis = {
    stroke: ink,
    font: FONT,
    grid: { stroke: line, width: 1 },
    ticks: { stroke: line, width: 1 },
  };
  const series = lines.flatMap(({ look, dashed }): uPlot.Series[] => {
    const stroke = colour(`series-${look + 1}`);
    const side: uPlot.Series = { stroke: "transparent", width: 0, points: { show: false } };
    return [
      {
        stroke,
        width: 1.75,
        spanGaps: true,
        points: { size: 4, fill: stroke },
        ...(dashed ? { dash: [6, 4] } : {}),
      },
      { ...side, spanGaps: true },
      { ...side, spanGaps: true },
    ];
  });
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    scales: {
      x: { time: false },
      y: log ? { distr: 3 } : { range: padded },
    },
    axes: [
      { ...axis, values: (_, ticks) => ticks.map(shown) },
      {
        ...axis,
        size: 62,
        values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : shown(tick))),
      },
    ],
    series: [{}, ...series],
    bands: lines.map(({ look }, i) => ({
      series: [3 * i + 3, 3 * i + 2],
      fill: `color-mix(in srgb, ${colour(`series-${look + 1}`)} 20%, transparent)`,
    })),
    cursor: {
      sync: { key: "runs", scales: ["x", null] },
      points: { size: 7 },
      drag: { x: true, y: false, setScale: false },
    },
    hooks: {
      setCursor: [onCursor],
      draw: [(u) => drawShapes(u, latest.current)],
      setSelect: [
        (u) => {
          const { left, width: wide } = u.select;
          if (wide < 4) return;
          latest.current.onZoom([u.posToVal(left, "x"), u.posToVal(left + wide, "x")]);
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      ready: [(u) => u.over.addEventListener("dblclick", () => latest.current.onZoom(null))],
    },
  };
}

/** Equal values stand in the middle; others have a little room above and below. */
function padded(_: uPlot, low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  const room = (high - low) * 0.06 || Math.abs(high) / 2 || 1;
  return [low - room, high + room];
}

const SHAPES = ["●", "■", "▲", "◆", "★", "✚", "Y", "✖"];

/** Colours alone tell nobody who does not see them. */
function drawShapes(u: uPlot, { lines }: ChartProps): void {
  if (lines.length < 2) return;
  const { ctx } = u;
  const scale = devicePixelRatio;
  ctx.save();
  ctx.font = `${11 * scale}px system-ui, sans-serif`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  lines.forEach(({ look }, i) => {
    ctx.fillStyle = colour(`series-${look + 1}`);
    const [x, y] = [u.data[0], u.data[3 * i + 1] ?? []];
    const apart = Math.max(MARKS_APART * scale, u.bbox.width / MARKS);
    // of two lines that lie on each other both are seen
    let next = u.bbox.left + (apart * i) / lines.length;
    for (let at = 0; at < x.length; at++) {
      const value = y[at];
      if (value === null || value === undefined) continue;
      const left = u.valToPos(x[at]!, "x", true);
      if (left < next || left > u.bbox.left + u.bbox.width) continue;
      next = left + apart;
      ctx.fillText(SHAPES[look]!, left, u.valToPos(value, "y", true));
    }
  });
  ctx.restore();
}
