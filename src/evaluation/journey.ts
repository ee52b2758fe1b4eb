/**
 * A way with stops, such as a training run: at each stop the same requests were answered. The page
 * has one control that moves along it.
 */
import type { LineChart, MomentKind, PathChart } from "./chart.ts";

export interface JourneyStop {
  /** Of the horizontal axis of the charts. */
  step: number;
  /** A remark on this stop, such as "peak". */
  remark?: string;
  /** What happens there, by the letters of the charts. */
  kinds?: readonly MomentKind[];
  /** What was measured there. */
  facts?: readonly (readonly [name: string, value: string])[];
}

export interface Journey {
  title: string;
  description: string;
  /** What a stop is called: "roll-out". */
  unit: string;
  stops: readonly JourneyStop[];
  /** Which of them is shown first: the one that the reader should see. */
  start: number;
  /** Charts in which the chosen stop is marked: those above the control, and those below. */
  charts: readonly (LineChart | PathChart)[];
  below?: readonly (LineChart | PathChart)[];
  requests: readonly {
    prompt: string;
    /** The same for every run: what is right, such as "Leo works as a teacher." */
    note?: string;
    runs: readonly {
      name: string;
      /** At each stop. */
      answers: readonly { text: string; remarks?: readonly string[] }[];
    }[];
  }[];
}
