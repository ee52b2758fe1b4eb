/** Curves of several runs: their history at the charts' resolution, and what comes after. */
import { useContext, useEffect, useRef, useState } from "react";
import { getCurves } from "../../../src/studio/api/runs.ts";
import { patientCall } from "../calls/patient.ts";
import { ConnectionContext } from "./context.ts";
import type { OfRun } from "./connection.ts";
import type { Axis, Columns } from "./curves.ts";
import { columnsOf, grown } from "./curves.ts";
import type { Zoom } from "./chart.tsx";

/** Columns of a chart: more than a chart of this page has pixels across is drawn on each other. */
export const WIDTH = 400;

export type Curves = ReadonlyMap<string, Columns>;

/**
 * @param zoom a part, at its own resolution; only across steps
 * @returns by run; a run that is not read yet is not in it
 */
export function useCurves(
  runs: readonly string[],
  { axis, zoom, onHappened }: { axis: Axis; zoom: Zoom; onHappened?: (event: OfRun) => void },
): { curves: ReadonlyMap<string, Curves>; error: unknown } {
  const connection = useContext(ConnectionContext);
  const [curves, setCurves] = useState<ReadonlyMap<string, Curves>>(new Map());
  const [error, setError] = useState<unknown>();
  const happened = useRef(onHappened);
  happened.current = onHappened;
  const part = axis === "step" ? zoom : null;
  const key = JSON.stringify([runs, axis, part]);
  useEffect(() => {
    const ending = new AbortController();
    const { signal } = ending;
    const stops = new Map<string, () => void>();
    const put = (run: string, change: (before: Curves) => Curves): void =>
      setCurves((all) => new Map(all).set(run, change(all.get(run) ?? new Map())));
    const load = async (run: string): Promise<void> => {
      stops.get(run)?.();
      try {
        const answer = await patientCall(
          getCurves,
          {
            params: { run },
            query: {
              width: WIDTH,
              axis,
              ...(part === null ? {} : { from: Math.floor(part[0]), to: Math.ceil(part[1]) }),
            },
          },
          signal,
        );
        if (signal.aborted) return;
        put(run, () => new Map(answer.curves.map((curve) => [curve.name, columnsOf(curve)])));
        stops.set(
          run,
          connection.follow(run, answer.cursor, (event) => {
            if (event.type === "points") {
              // what lies behind the part that is shown does not move it
              if (part === null) put(run, (before) => grown(before, event, { axis, width: WIDTH }));
            } else if (event.type === "happened") happened.current?.(event);
            else void load(run);
          }),
        );
      } catch (error) {
        if (!signal.aborted) setError(error);
      }
    };
    setCurves((all) => new Map([...all].filter(([run]) => runs.includes(run))));
    for (const run of runs) void load(run);
    return () => {
      ending.abort();
      for (const stop of stops.values()) stop();
    };
  }, [connection, key]);
  return { curves, error };
}
