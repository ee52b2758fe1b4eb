/** How far one is, how fast, and how often others agree: at a glance. */
import { useEffect, useRef } from "react";
import { progress } from "../../../../src/studio/api/labelling.ts";
import { useAnswer } from "../../calls/hooks.ts";
import { label } from "../../strings/label.ts";
import { IntervalBar } from "../../ui/interval.tsx";

/** Milliseconds. */
const AGAIN = 30_000;
/** Counted anew after so many judgements. */
const EVERY = 5;

export function ProgressLine({ project, saved }: { project: string; saved: number }) {
  const { value, reload } = useAnswer(progress, { params: { project } }, { every: AGAIN });
  useEffect(() => {
    if (saved > 0 && saved % EVERY === 0) reload();
  }, [saved, reload]);
  // what was saved since it was asked is counted here
  const base = useRef({ value, saved });
  if (base.current.value !== value) base.current = { value, saved };
  if (value === undefined) return null;
  const since = saved - base.current.saved;
  const { mine, today, left, toFinish, secondsEach, agreement } = value;
  const texts = label.progress;
  const goal = toFinish ?? left;
  return (
    <div className="progress" aria-label={texts.title} role="group">
      <span>{texts.mine(mine + since)}</span>
      <span className="soft">{texts.today(today + since)}</span>
      {goal !== null && (
        <span>{(toFinish === null ? texts.left : texts.toFinish)(Math.max(0, goal - since))}</span>
      )}
      {goal !== null && (
        <progress
          aria-label={texts.title}
          max={Math.max(1, mine + goal)}
          value={Math.min(mine + since, mine + goal)}
        />
      )}
      {secondsEach !== null && (
        <span className="soft">{texts.pace(secondsEach.toFixed(secondsEach < 10 ? 1 : 0))}</span>
      )}
      {agreement.estimate !== null && (
        <span className="agreement" title={texts.agreementHint}>
          {texts.agreement} <IntervalBar value={agreement} />
        </span>
      )}
    </div>
  );
}
