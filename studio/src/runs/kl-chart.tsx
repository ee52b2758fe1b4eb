/** Reward against the distance from the reference, as it was gone: where one is gamed, it shows. */
import { runsStrings } from "../strings/runs.ts";
import { SHAPES } from "./chart.tsx";
import type { Columns } from "./curves.ts";
import { smoothed } from "./curves.ts";
import { shown } from "./numbers.ts";
import type { Curves } from "./use-curves.ts";

const texts = runsStrings.charts;
const [WIDTH, HEIGHT, LEFT, BOTTOM] = [640, 260, 56, 34];
const SCORES = ["objective/scores", "objective/held_out_scores"] as const;

interface Path {
  name: string;
  look: number;
  dashed: boolean;
  points: { x: number; y: number }[];
}

/** Neighbours that are taken together: single roll-outs go to and fro. */
const SMOOTH = 1 / 6;

/** The way, smoothed, of values of the same columns. */
function pathOf(kl: Columns | undefined, score: Columns | undefined): Path["points"] {
  if (kl === undefined || score === undefined) return [];
  const at = new Map(score.x.map((x, i) => [x, score.mean[i]!]));
  const both = kl.x.flatMap((x, i) => {
    const y = at.get(x);
    return y === undefined ? [] : [{ x: kl.mean[i]!, y }];
  });
  const neighbours = 2 * Math.floor((both.length * SMOOTH) / 2) + 1;
  const [xs, ys] = [both.map(({ x }) => x), both.map(({ y }) => y)].map((values) =>
    smoothed(values, neighbours),
  );
  return xs!.map((x, i) => ({ x, y: ys![i]! }));
}

export function KlChart({
  runs,
  curves,
}: {
  runs: readonly string[];
  curves: ReadonlyMap<string, Curves>;
}) {
  const paths = runs.flatMap((run, i) =>
    SCORES.map((metric, j): Path => {
      const own = curves.get(run);
      return {
        name: runs.length === 1 ? metric : `${run}: ${metric}`,
        look: runs.length === 1 ? j : i % SHAPES.length,
        dashed: j === 1,
        points: pathOf(own?.get("objective/kl"), own?.get(metric)),
      };
    }).filter(({ points }) => points.length > 1),
  );
  if (paths.length === 0) return null;
  const all = paths.flatMap(({ points }) => points);
  const [xLow, xHigh] = rangeOf(all.map(({ x }) => x));
  const [yLow, yHigh] = rangeOf(all.map(({ y }) => y));
  const left = (x: number): number => LEFT + ((x - xLow) / (xHigh - xLow)) * (WIDTH - LEFT - 14);
  const top = (y: number): number =>
    HEIGHT - BOTTOM - ((y - yLow) / (yHigh - yLow)) * (HEIGHT - BOTTOM - 12);
  const ticks = (low: number, high: number): number[] =>
    [0, 1, 2, 3, 4].map((i) => low + ((high - low) * i) / 4);
  return (
    <figure className="chart-figure kl-chart">
      <figcaption>
        <strong>{texts.kl}</strong>
        <p className="soft small">{texts.klHelp}</p>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={paths.map(saysOf).join("; ")}>
        {ticks(xLow, xHigh).map((x) => (
          <g key={x}>
            <line className="kl-grid" x1={left(x)} x2={left(x)} y1={10} y2={HEIGHT - BOTTOM} />
            <text x={left(x)} y={HEIGHT - BOTTOM + 16} textAnchor="middle">
              {shown(x)}
            </text>
          </g>
        ))}
        {ticks(yLow, yHigh).map((y) => (
          <g key={y}>
            <line className="kl-grid" x1={LEFT} x2={WIDTH - 14} y1={top(y)} y2={top(y)} />
            <text x={LEFT - 6} y={top(y) + 4} textAnchor="end">
              {shown(y)}
            </text>
          </g>
        ))}
        {paths.map(({ name, look, dashed, points }) => (
          <g key={name} className={`series-mark-${look + 1}`}>
            <polyline
              className={dashed ? "kl-path kl-dashed" : "kl-path"}
              points={points.map(({ x, y }) => `${left(x)},${top(y)}`).join(" ")}
            />
            <text
              className="kl-end"
              x={left(points.at(-1)!.x)}
              y={top(points.at(-1)!.y) + 5}
              textAnchor="middle"
            >
              {SHAPES[look]}
            </text>
          </g>
        ))}
      </svg>
      <ul className="chart-lines">
        {paths.map(({ name, look }) => (
          <li key={name}>
            <span className={`series-mark series-mark-${look + 1}`} aria-hidden="true">
              {SHAPES[look]}
            </span>
            {name}
          </li>
        ))}
      </ul>
    </figure>
  );
}

function rangeOf(values: readonly number[]): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low) * 0.05 || Math.abs(high) || 1;
  return [low - room, high + room];
}

function saysOf({ name, points }: Path): string {
  const [first, last] = [points[0]!, points.at(-1)!];
  const at = ({ x, y }: { x: number; y: number }): string => `${shown(y)} (KL ${shown(x)})`;
  return `${name}: ${texts.klStart} ${at(first)}, ${texts.klEnd} ${at(last)}`;
}
