/**
 * A way with stops, such as a training run: at each stop the same requests were answered. The page
 * has one control that moves along it.
 */
import type { LineChart } from "./chart.ts";

export interface JourneyStop {
  /** Of the horizontal axis of the charts. */
  step: number;
  /** A remark on this stop, such as "peak". */
  remark?: string;
  /** What was measured there. */
  facts?: readonly (readonly [name: string, value: string])[];
}

export interface Journey {
  title: string;
  description: string;
  /** What a stop is called: "roll-out". */
  unit: string;
  stops: readonly JourneyStop[];
  /** Charts over steps, in which the chosen stop is marked. */
  charts: readonly LineChart[];
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
