/**
 * A chart of lines, each with the range behind it: the one place that knows uPlot. The mouse reads
 * values and zooms; so do keys; and the values stand in a table too.
 */
import "uplot/dist/uPlot.min.css";
import type { KeyboardEvent } from "react";
import { useEffect, useId, useRef, useState } from "react";
import uPlot from "uplot";
import { runsStrings } from "../strings/runs.ts";
import { useDark } from "../theme.ts";
import { chartOptions } from "./chart-options.ts";
import type { Columns } from "./curves.ts";
import { smoothed } from "./curves.ts";
import { shown } from "./numbers.ts";

const texts = runsStrings.charts;
/** The shapes that reports draw series in. */
export const SHAPES = ["●", "■", "▲", "◆", "★", "✚", "Y", "✖"] as const;

export interface Line {
  /** Run, or what it was measured on. */
  name: string;
  /** Index of its colour and shape. */
  look: number;
  dashed: boolean;
  columns: Columns;
}

export type Zoom = readonly [from: number, to: number] | null;

export interface ChartProps {
  title: string;
  lines: readonly Line[];
  /** Neighbours that are taken together; 1 for none. */
  smoothing: number;
  log: boolean;
  /** What is across, in words. */
  across: string;
  zoom: Zoom;
  onZoom: (zoom: Zoom) => void;
}

/** By line x, mean, low and high, on one axis. */
function tableOf(lines: readonly Line[], { smoothing, log }: ChartProps): uPlot.AlignedData {
  const drawn = (values: readonly number[]): (number | null)[] =>
    log ? values.map((value) => (value > 0 ? value : null)) : [...values];
  const tables = lines.map(({ columns: { x, mean, low, high } }): uPlot.AlignedData => [
    x,
    drawn(smoothed(mean, smoothing)),
    drawn(low),
    drawn(high),
  ]);
  return tables.length === 0 ? [[]] : uPlot.join(tables);
}

export function Chart(props: ChartProps) {
  const { title, lines, log, across, zoom } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const readouts = useRef<(HTMLElement | null)[]>([]);
  const spoken = useRef<HTMLSpanElement>(null);
  const isDark = useDark();
  const id = useId();
  const looks = lines.map(({ name, look, dashed }) => `${name}/${look}/${dashed}`).join("\n");

  useEffect(() => {
    const { clientWidth: width } = box.current!;
    const read = (u: uPlot): void => showValues(u, readouts.current, latest.current);
    const options = chartOptions(latest, { width, onCursor: read });
    const u = new uPlot(options, tableOf(latest.current.lines, latest.current), box.current!);
    plot.current = u;
    read(u);
    const sizes = new ResizeObserver(([entry]) => {
      const next = Math.floor(entry!.contentRect.width);
      if (next > 0 && next !== u.width) u.setSize({ width: next, height: u.height });
    });
    sizes.observe(box.current!);
    return () => {
      sizes.disconnect();
      u.destroy();
    };
  }, [looks, log, isDark, across]);

  useEffect(() => {
    const u = plot.current!;
    // whoever reads a value keeps it under the pointer
    const reads = u.cursor.left !== undefined && u.cursor.left >= 0;
    u.setData(tableOf(lines, latest.current), !(reads || latest.current.zoom !== null));
    if (reads || latest.current.zoom !== null) u.redraw(true);
    showValues(u, readouts.current, latest.current);
  }, [lines, props.smoothing, log]);

  useEffect(() => {
    const u = plot.current!;
    const all = u.data[0];
    if (zoom !== null) u.setScale("x", { min: zoom[0], max: zoom[1] });
    else if (all.length > 0) u.setScale("x", { min: all[0]!, max: all.at(-1)! });
  }, [zoom]);

  return (
    <div className="chart">
      <div
        ref={box}
        className="chart-box"
        tabIndex={0}
        role="application"
        aria-label={`${title}: ${texts.keys}`}
        aria-describedby={id}
        onKeyDown={(event) => onKey(event, plot.current!, { props, spoken: spoken.current! })}
      />
      <span ref={spoken} className="unseen" aria-live="polite" />
      <ul className="chart-lines" id={id}>
        {lines.map(({ name, look }, i) => (
          <li key={name}>
            <span className={`series-mark series-mark-${look + 1}`} aria-hidden="true">
              {SHAPES[look]}
            </span>
            {name}{" "}
            <output
              ref={(element) => {
                readouts.current[i] = element;
              }}
            />
          </li>
        ))}
      </ul>
      <Values title={title} lines={lines} across={across} />
    </div>
  );
}

/** Values at the cursor; without one, the last. */
function showValues(
  u: uPlot,
  readouts: readonly (HTMLElement | null)[],
  { lines }: ChartProps,
): void {
  const index = u.cursor.idx;
  lines.forEach(({ columns: { x, mean } }, i) => {
    const readout = readouts[i];
    if (readout === null || readout === undefined) return;
    const place = index === null || index === undefined ? undefined : u.data[0][index];
    const at = place === undefined ? x.length - 1 : nearest(x, place);
    const value = mean[at];
    readout.textContent =
      value === undefined
        ? ""
        : `${shown(value)}${place === undefined ? "" : ` ${texts.at(shown(x[at]!))}`}`;
  });
}

/** Index of the nearest, of numbers that rise. */
function nearest(x: readonly number[], place: number): number {
  let [low, high] = [0, x.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (x[middle]! <= place) low = middle;
    else high = middle;
  }
  return x.length > 0 && Math.abs(x[high]! - place) < Math.abs(x[low]! - place) ? high : low;
}

const isNumber = (value: number | null | undefined): value is number => typeof value === "number";

/** Part of what is shown that a key takes away or adds, on each side. */
const CLOSER = 0.25;

function onKey(
  event: KeyboardEvent,
  u: uPlot,
  { props, spoken }: { props: ChartProps; spoken: HTMLElement },
): void {
  const [x] = u.data;
  if (x.length === 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
  const { min, max } = u.scales["x"]!;
  if (by !== undefined) {
    const before = u.cursor.idx ?? (by > 0 ? -1 : x.length);
    const next = Math.min(x.length - 1, Math.max(0, before + by));
    u.setCursor({ left: u.valToPos(x[next]!, "x"), top: u.bbox.height / devicePixelRatio / 2 });
    spoken.textContent = props.lines
      .map(({ name, columns }) => {
        const at = nearest(columns.x, x[next]!);
        return `${name} ${shown(columns.mean[at] ?? NaN)}`;
      })
      .concat(`${props.across} ${shown(x[next]!)}`)
      .join(", ");
  } else if ((event.key === "+" || event.key === "-") && isNumber(min) && isNumber(max)) {
    const change = (max - min) * CLOSER * (event.key === "+" ? 1 : -2);
    const [from, to] = [Math.max(x[0]!, min + change), Math.min(x.at(-1)!, max - change)];
    props.onZoom(from <= x[0]! && to >= x.at(-1)! ? null : [from, to]);
  } else if (event.key === "Home") props.onZoom(null);
  else if (event.key === "Escape") u.setCursor({ left: -10, top: -10 });
  else return;
  event.preventDefault();
}

/** Rows of the table at most: values between are in the chart. */
const ROWS = 25;

function Values({ title, lines, across }: Pick<ChartProps, "title" | "lines" | "across">) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details className="chart-values" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{texts.table}</summary>
      {isOpen &&
        lines.map(({ name, columns: { x, mean } }) => {
          const every = Math.max(1, Math.ceil(x.length / ROWS));
          const rows = x.map((_, i) => i).filter((i) => i % every === 0 || i === x.length - 1);
          return (
            <div className="table-box" tabIndex={0} role="group" key={name}>
              <table>
                <caption>
                  {title}, {name}
                </caption>
                <thead>
                  <tr>
                    <th scope="col" className="number">
                      {across}
                    </th>
                    <th scope="col" className="number">
                      {title}
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {rows.map((i) => (
                    <tr key={i}>
                      <td className="number">{shown(x[i]!)}</td>
                      <td className="number">{shown(mean[i]!)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          );
        })}
    </details>
  );
}
