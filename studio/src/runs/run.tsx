/** One run: live charts, answers, warnings, and what it was made of. */
import { useContext, useState } from "react";
import { Link } from "wouter";
import type { AnswerOf } from "../../../src/studio/api/route.ts";
import { resumeRun } from "../../../src/studio/api/jobs.ts";
import { getRun } from "../../../src/studio/api/runs.ts";
import { CallError } from "../api.ts";
import { useAnswer, useCall } from "../calls/hooks.ts";
import { runsStrings } from "../strings/runs.ts";
import { Button, Chip, CopyButton, Empty, ErrorBox, Spinner } from "../ui/basics.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Table } from "../ui/table.tsx";
import { Charts } from "./charts.tsx";
import { ConnectionContext, useList } from "./context.ts";
import { JobLine } from "./jobs.tsx";
import { shown, when } from "./numbers.ts";
import { ReportList } from "./reports.tsx";
import { Samples } from "./samples.tsx";
import { Progress, StateChip } from "./state-chip.tsx";

const texts = runsStrings.run;
type Details = AnswerOf<typeof getRun>;

export function RunPage({ run: name }: { run: string }) {
  const { runs, jobs } = useList();
  const { value, error, reload } = useAnswer(getRun, { params: { run: name } });
  const live = runs?.find((each) => each.name === name);
  const job = jobs.find(({ run, ended }) => run === name && ended === null);
  const last = job ?? jobs.find(({ run }) => run === name);
  if (error instanceof CallError && error.status === 404 && job === undefined)
    return (
      <Empty title={texts.notThere}>
        <Link href="/">{texts.back}</Link>
        {last !== undefined && <JobLine job={last} open />}
      </Empty>
    );
  if (error !== undefined && !(error instanceof CallError && error.status === 404))
    return <ErrorBox error={error} again={reload} />;
  if (value === undefined)
    return job === undefined ? <Spinner /> : <Beginning name={name} job={job} reload={reload} />;
  const entry = live ?? value;
  return (
    <>
      <p>
        <Link href="/">{texts.back}</Link>
      </p>
      <div className="runs-head">
        <h1>{name}</h1>
        <div className="button-row">
          <StateChip state={entry.state} />
          {entry.state === "running" && <Chip kind="live">{texts.live}</Chip>}
          <Progress run={entry} />
          {job === undefined && <Resume details={value} state={entry.state} onBegun={reload} />}
        </div>
      </div>
      {last !== undefined &&
        (job !== undefined || last.state === "failed" || last.state === "lost") && (
          <div className="panel">
            <JobLine job={last} />
          </div>
        )}
      {entry.state === "running" && job === undefined && <p className="soft">{texts.elsewhere}</p>}
      <Warnings details={value} />
      <section aria-label={texts.charts}>
        <h2>{texts.charts}</h2>
        <Charts runs={[name]} onHappened={reload} />
      </section>
      <section aria-label={texts.samples}>
        <h2>{texts.samples}</h2>
        <Samples run={name} steps={value.sampled} />
      </section>
      <ReportList reports={value.reports} title={texts.reports} />
      <Checkpoints details={value} />
      <Options details={value} />
      <History details={value} />
      <Facts details={value} />
    </>
  );
}

/** Begun, and nothing of it on the disk yet. */
function Beginning({
  name,
  job,
  reload,
}: {
  name: string;
  job: Parameters<typeof JobLine>[0]["job"];
  reload: () => void;
}) {
  const { runs } = useList();
  const isThere = runs?.some((run) => run.name === name) ?? false;
  const [asked, setAsked] = useState(false);
  if (isThere && !asked) {
    setAsked(true);
    queueMicrotask(reload);
  }
  return (
    <>
      <p>
        <Link href="/">{texts.back}</Link>
      </p>
      <h1>{name}</h1>
      <p>{job.state === "queued" ? runsStrings.begin.queued : runsStrings.begin.begun}</p>
      <div className="panel">
        <JobLine job={job} open />
      </div>
    </>
  );
}

function Resume({
  details: { name, checkpoints, changes },
  state,
  onBegun,
}: {
  details: Details;
  state: Details["state"];
  onBegun: () => void;
}) {
  const connection = useContext(ConnectionContext);
  const { send, busy, error } = useCall(resumeRun);
  const [asks, setAsks] = useState(false);
  if (state === "completed" || state === "running") return null;
  const step = checkpoints.at(-1)?.step;
  const resume = async (): Promise<void> => {
    const job = await send({
      params: {},
      body: { run: name, acceptChanges: changes.length > 0 },
    });
    if (job === undefined) return;
    connection.putJob(job);
    setAsks(false);
    onBegun();
  };
  return (
    <>
      <Button look="main" onClick={() => setAsks(true)}>
        {texts.resume}
      </Button>
      {asks && (
        <Dialog
          title={texts.resumeTitle(name)}
          onClose={() => setAsks(false)}
          actions={
            <Button look="main" busy={busy} onClick={() => void resume()}>
              {texts.resume}
            </Button>
          }
        >
          <p>{step === undefined ? texts.resumeNone : texts.resumeText(step)}</p>
          {changes.length > 0 && (
            <>
              <p>{texts.resumeChanges}</p>
              <ul>
                {changes.map((change) => (
                  <li key={change}>{change}</li>
                ))}
              </ul>
            </>
          )}
          <ErrorBox error={error} />
        </Dialog>
      )}
    </>
  );
}

function Warnings({ details: { events, changes, problems } }: { details: Details }) {
  const said = events.filter(({ type }) => type === "warning" || type === "error");
  if (said.length + changes.length + problems.length === 0) return null;
  return (
    <section className="panel" aria-label={texts.warnings}>
      <h2 className="panel-title">{texts.warnings}</h2>
      <ul>
        {said.map(({ number, step, message }) => (
          <li key={number}>
            {step !== null && `${texts.step} ${shown(step)}: `}
            {message}
          </li>
        ))}
        {changes.map((change) => (
          <li key={change}>
            {texts.changed}: {change}
          </li>
        ))}
        {problems.map((problem) => (
          <li key={problem}>
            {texts.problems}: {problem}
          </li>
        ))}
      </ul>
    </section>
  );
}

const Checkpoints = ({ details: { checkpoints } }: { details: Details }) => (
  <section>
    <h2>{texts.checkpoints}</h2>
    <Table
      caption={<span className="unseen">{texts.checkpoints}</span>}
      rows={checkpoints}
      rowKey={({ folder }) => folder}
      empty={texts.noCheckpoints}
      columns={[
        { title: texts.step, number: true, cell: ({ step }) => shown(step) },
        {
          title: texts.score,
          cell: ({ metric, score }) =>
            metric === null || score === null ? "" : `${metric} ${shown(score)}`,
        },
        { title: texts.folder, cell: ({ folder }) => <code>{folder}</code> },
      ]}
    />
  </section>
);

const Options = ({ details: { options } }: { details: Details }) => (
  <details className="fold">
    <summary>
      <h2>{texts.options}</h2>
    </summary>
    <Table
      caption={<span className="unseen">{texts.options}</span>}
      rows={options}
      rowKey={({ name }) => name}
      columns={[
        { title: texts.option, cell: ({ name }) => <code>{name}</code> },
        {
          title: texts.value,
          cell: ({ value, given }) => (
            <span className="break">
              {value} {given && <span className="given">({texts.given})</span>}
            </span>
          ),
        },
      ]}
    />
  </details>
);

const History = ({ details: { events } }: { details: Details }) => (
  <details className="fold">
    <summary>
      <h2>{texts.history}</h2>
    </summary>
    <Table
      caption={<span className="unseen">{texts.history}</span>}
      rows={events}
      rowKey={({ number }) => number}
      columns={[
        { title: texts.time, cell: ({ time }) => when(time) },
        { title: texts.what, cell: ({ type, message }) => `${type} ${message}` },
        { title: texts.step, number: true, cell: ({ step }) => (step === null ? "" : shown(step)) },
      ]}
    />
  </details>
);

function Facts({ details }: { details: Details }) {
  const command = ["attune", ...details.argv].join(" ");
  const facts: [string, string][] = [
    [texts.folder, details.folder],
    [texts.seed, String(details.seed)],
    [texts.data, details.dataHash],
    [texts.model, details.modelFingerprint],
    ...details.versions.map(({ name, value }): [string, string] => [name, value]),
  ];
  return (
    <details className="fold">
      <summary>
        <h2>{texts.facts}</h2>
      </summary>
      <pre className="command">{command}</pre>
      <CopyButton text={command} />
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="break">{value}</dd>
          </div>
        ))}
      </dl>
      <Link href={`/new/${encodeURIComponent(details.name)}`} className="button button-plain">
        {texts.again}
      </Link>
    </details>
  );
}
