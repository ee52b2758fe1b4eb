/** What the page began: what waits, what is at work, and how it ended, in plain words. */
import { useContext, useState } from "react";
import { Link } from "wouter";
import type { JobAnswer } from "../../../src/studio/api/jobs.ts";
import { stopJob } from "../../../src/studio/api/jobs.ts";
import { useCall } from "../calls/hooks.ts";
import { runsStrings } from "../strings/runs.ts";
import { Button, Chip, ErrorBox } from "../ui/basics.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { ConnectionContext } from "./context.ts";
import { placeOf } from "./numbers.ts";

const texts = runsStrings.jobs;
const KINDS = {
  queued: "quiet",
  running: "live",
  completed: "good",
  failed: "bad",
  stopped: "quiet",
  lost: "bad",
} as const;

export function Jobs({ jobs }: { jobs: readonly JobAnswer[] }) {
  if (jobs.length === 0) return null;
  return (
    <section className="panel" aria-label={texts.title}>
      <h2 className="panel-title">{texts.title}</h2>
      {jobs.some(({ state }) => state === "queued") && <p className="soft">{texts.one}</p>}
      <ul className="jobs">
        {jobs.map((job) => (
          <li key={job.id}>
            <JobLine job={job} />
          </li>
        ))}
      </ul>
    </section>
  );
}

export function saysOf({ state, stopAsked, exitCode }: JobAnswer): string {
  if (state === "running") return stopAsked === null ? texts.running : texts.stopping;
  if (state === "failed") return texts.failed(exitCode === null ? "?" : String(exitCode));
  return texts[state];
}

export function JobLine({ job, open = false }: { job: JobAnswer; open?: boolean }) {
  const { kind, state, run, tail, argv } = job;
  return (
    <>
      <div className="job-line">
        <Chip kind={KINDS[state]}>{runsStrings.states[state]}</Chip>
        <span>
          {texts.kinds[kind]} {run === null ? argv[0] : <Link href={placeOf(run)}>{run}</Link>}
          {": "}
          {saysOf(job)}
        </span>
        <StopButton job={job} />
      </div>
      <details className="job-log" open={open || state === "failed"}>
        <summary>{texts.log}</summary>
        <pre>{tail === "" ? texts.none : tail}</pre>
      </details>
    </>
  );
}

export function StopButton({ job }: { job: JobAnswer }) {
  const connection = useContext(ConnectionContext);
  const { send, busy, error } = useCall(stopJob);
  const [asks, setAsks] = useState(false);
  const { id, state, stopAsked, run } = job;
  if (state !== "running" && state !== "queued") return null;
  const stop = async (now: boolean): Promise<void> => {
    const answer = await send({ params: { job: id }, body: { now } });
    if (answer === undefined) return;
    connection.putJob(answer);
    setAsks(false);
  };
  if (state === "queued")
    return (
      <Button look="danger" busy={busy} onClick={() => void stop(false)}>
        {texts.drop}
      </Button>
    );
  const { run: words } = runsStrings;
  return (
    <>
      <Button look="danger" onClick={() => setAsks(true)}>
        {stopAsked === null ? words.stop : words.stopNow}
      </Button>
      {asks && (
        <Dialog
          title={words.stopTitle(run ?? "")}
          onClose={() => setAsks(false)}
          actions={
            <>
              {stopAsked === null && (
                <Button look="main" busy={busy} onClick={() => void stop(false)}>
                  {words.stop}
                </Button>
              )}
              <Button look="danger" busy={busy} onClick={() => void stop(true)}>
                {words.stopNow}
              </Button>
            </>
          }
        >
          <p>{stopAsked === null ? words.stopText : words.stopping}</p>
          <p>
            {words.stopNow}: {words.stopNowText}
          </p>
          <ErrorBox error={error} />
        </Dialog>
      )}
    </>
  );
}
