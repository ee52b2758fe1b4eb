/** What became of a run, and how far it is. */
import type { RunEntry } from "../../../src/studio/api/runs.ts";
import { runsStrings } from "../strings/runs.ts";
import { Chip } from "../ui/basics.tsx";
import { duration, shown } from "./numbers.ts";

const KINDS = {
  running: "live",
  completed: "good",
  interrupted: "quiet",
  failed: "bad",
  stopped: "bad",
} as const;

export const StateChip = ({ state }: { state: RunEntry["state"] }) => (
  <Chip kind={KINDS[state]}>{runsStrings.states[state]}</Chip>
);

export function Progress({ run }: { run: RunEntry }) {
  const { step, totalSteps, secondsPerStep, state, unread } = run;
  const { list } = runsStrings;
  const left =
    state === "running" && totalSteps !== null && secondsPerStep !== null && step < totalSteps
      ? list.left(duration((totalSteps - step) * secondsPerStep))
      : undefined;
  return (
    <span className="run-progress">
      <span>{totalSteps === null ? shown(step) : list.of(shown(step), shown(totalSteps))}</span>
      {totalSteps !== null && <progress max={totalSteps} value={step} aria-hidden="true" />}
      {left !== undefined && <span className="soft">{left}</span>}
      {unread > 0.05 && (
        <span className="soft">{list.reading(Math.round(100 * (1 - unread)))}</span>
      )}
    </span>
  );
}
