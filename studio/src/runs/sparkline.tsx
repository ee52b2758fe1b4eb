/** The course of a metric in a line of text. */
import { runsStrings } from "../strings/runs.ts";
import { shown } from "./numbers.ts";

const [WIDTH, HEIGHT] = [110, 26];

export function Sparkline({ values, metric }: { values: readonly number[]; metric: string }) {
  if (values.length < 2) return null;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const at = (value: number, i: number): string => {
    const x = 2 + (i * (WIDTH - 4)) / (values.length - 1);
    const y =
      high === low ? HEIGHT / 2 : HEIGHT - 3 - ((value - low) / (high - low)) * (HEIGHT - 6);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  };
  return (
    <svg
      className="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width={WIDTH}
      height={HEIGHT}
      role="img"
      aria-label={runsStrings.list.courseOf(metric, shown(values[0]!), shown(values.at(-1)!))}
    >
      <polyline points={values.map(at).join(" ")} />
    </svg>
  );
}
