/** An estimate with its interval, drawn and in words. */
import type { IntervalAnswer } from "../../../src/studio/api/common.ts";
import { strings } from "../strings.ts";

const percent = (value: number): string => `${Math.round(100 * value)}%`;

export interface IntervalProps {
  value: IntervalAnswer;
  /** Ends of the scale. */
  from?: number;
  to?: number;
  format?: (value: number) => string;
  /** What it comes from, one of them: `judgement`. */
  of?: string;
  /** A value to compare with, such as chance: a mark on the scale. */
  mark?: number;
}

export function IntervalBar(props: IntervalProps) {
  const { value, from = 0, to = 1, format = percent, of = "judgement", mark } = props;
  const { estimate, low, high, n, noClaim } = value;
  if (estimate === null)
    return <span className="interval-none">{noClaim ?? strings.interval.none}</span>;
  const at = (x: number): string => `${100 * Math.min(1, Math.max(0, (x - from) / (to - from)))}%`;
  const text =
    low === null || high === null
      ? format(estimate)
      : strings.interval.text(format(estimate), format(low), format(high));
  return (
    <span className="interval" title={strings.interval.from(n, of)}>
      <span className="interval-scale" aria-hidden="true">
        {mark !== undefined && <span className="interval-mark" style={{ left: at(mark) }} />}
        {low !== null && high !== null && (
          <span
            className="interval-range"
            style={{ left: at(low), right: `calc(100% - ${at(high)})` }}
          />
        )}
        <span className="interval-point" style={{ left: at(estimate) }} />
      </span>
      <span className="interval-text">
        {text}
        <span className="unseen"> {strings.interval.from(n, of)}</span>
      </span>
    </span>
  );
}
