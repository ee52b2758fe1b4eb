/** The learning curve, with what is expected of more labels; the same figures as a table. */
import type { AskingAnswer } from "../../../src/studio/api/asking.ts";
import { askingStrings } from "../strings/asking.ts";
import { Table } from "../ui/table.tsx";

const words = askingStrings.curve;
const [WIDTH, HEIGHT, LEFT, BOTTOM] = [640, 260, 48, 32];

export function Curve({ curve }: { curve: NonNullable<AskingAnswer["curve"]> }) {
  const { points, fitted, gains, noClaim, heldOut } = curve;
  const ahead = fitted.slice(1);
  const all = [...points, ...ahead];
  const gain = gains[0]?.gain;
  if (all.length === 0) return <p>{noClaim}</p>;
  const most = Math.max(...all.map(({ labels }) => labels));
  const low = Math.max(0, Math.min(...all.map(({ accuracy }) => accuracy.low)) - 0.02);
  const high = Math.min(1, Math.max(...all.map(({ accuracy }) => accuracy.high)) + 0.02);
  const x = (labels: number): number => LEFT + ((WIDTH - LEFT - 12) * labels) / most;
  const y = (share: number): number =>
    8 + (HEIGHT - BOTTOM - 8) * (1 - (share - low) / (high - low || 1));
  const line = (of: typeof all): string =>
    of.map(({ labels, accuracy }) => `${x(labels)},${y(accuracy.estimate)}`).join(" ");
  const ticks = [low, (low + high) / 2, high];
  return (
    <figure className="asking-curve">
      <figcaption>{words.caption(heldOut)}</figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={words.caption(heldOut)}>
        {ticks.map((share) => (
          <g key={share} className="asking-tick">
            <line x1={LEFT} x2={WIDTH - 12} y1={y(share)} y2={y(share)} />
            <text x={LEFT - 6} y={y(share) + 4} textAnchor="end">
              {`${Math.round(100 * share)}%`}
            </text>
          </g>
        ))}
        <polyline className="asking-ahead" points={line(fitted)} />
        <polyline className="asking-line" points={line(points)} />
        {all.map(({ labels, accuracy }, at) => (
          <g key={labels} className={at < points.length ? "asking-point" : "asking-guess"}>
            <line x1={x(labels)} x2={x(labels)} y1={y(accuracy.low)} y2={y(accuracy.high)} />
            <circle cx={x(labels)} cy={y(accuracy.estimate)} r={4} />
          </g>
        ))}
        <text x={LEFT} y={HEIGHT - 8}>
          0
        </text>
        <text x={WIDTH - 12} y={HEIGHT - 8} textAnchor="end">
          {words.axis(most)}
        </text>
      </svg>
      {gain !== undefined && (
        <p>
          {words.gain(
            words.percent(gain.estimate),
            words.percent(gain.low),
            words.percent(gain.high),
          )}
        </p>
      )}
      {noClaim !== undefined && <p className="soft">{noClaim}</p>}
      <details>
        <summary>{words.title}</summary>
        <Table
          caption={words.caption(heldOut)}
          rows={all}
          rowKey={({ labels }) => labels}
          columns={[
            { title: words.labels, number: true, cell: ({ labels }) => labels },
            {
              title: words.accuracy,
              cell: ({ accuracy: { estimate, low, high } }) =>
                `${words.percent(estimate)} [${words.percent(low)}, ${words.percent(high)}]`,
            },
            {
              title: words.kind,
              cell: (row) =>
                points.some((each) => each === row) ? words.measured : words.expected,
            },
          ]}
        />
      </details>
    </figure>
  );
}
