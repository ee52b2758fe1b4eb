/** All runs, in their folders; what is new waits above until it is asked for, so that nothing moves. */
import { useEffect, useState } from "react";
import { Link } from "wouter";
import type { RunEntry } from "../../../src/studio/api/runs.ts";
import { listRuns } from "../../../src/studio/api/runs.ts";
import { useAnswer } from "../calls/hooks.ts";
import { runsStrings } from "../strings/runs.ts";
import { Button, Empty, ErrorBox, Spinner } from "../ui/basics.tsx";
import { useList } from "./context.ts";
import { Jobs } from "./jobs.tsx";
import { placeOf, shown, when } from "./numbers.ts";
import { ReportList } from "./reports.tsx";
import { Sparkline } from "./sparkline.tsx";
import { Progress, StateChip } from "./state-chip.tsx";

const { list: texts } = runsStrings;

export function RunList() {
  const { runs, jobs } = useList();
  const { value, error } = useAnswer(listRuns, { params: {} });
  const [order, setOrder] = useState<readonly string[]>();
  const [chosen, setChosen] = useState<readonly string[]>([]);
  useEffect(() => {
    if (runs !== undefined && order === undefined) setOrder(runs.map(({ name }) => name));
  }, [runs, order]);
  if (error !== undefined) return <ErrorBox error={error} />;
  if (runs === undefined || value === undefined) return <Spinner />;
  const known = new Set(order);
  const fresh = runs.filter(({ name }) => !known.has(name));
  const shownRuns = (order ?? [])
    .map((name) => runs.find((run) => run.name === name))
    .filter((run) => run !== undefined);
  const choose = (name: string): void =>
    setChosen(chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name]);
  return (
    <>
      <div className="runs-head">
        <h1>{runsStrings.title}</h1>
        <div className="button-row">
          <Link href="/new" className="button button-main">
            {texts.begin}
          </Link>
          {chosen.length > 1 && (
            <Link
              href={`/together/${encodeURIComponent(JSON.stringify(chosen))}`}
              className="button button-plain"
            >
              {texts.together} ({texts.chosen(chosen.length)})
            </Link>
          )}
        </div>
      </div>
      <Jobs jobs={jobs.filter(({ state, ended }) => ended === null || isRecent(state, ended))} />
      {fresh.length > 0 && (
        <Button onClick={() => setOrder(runs.map(({ name }) => name))}>
          {texts.showNew(fresh.length)}
        </Button>
      )}
      {shownRuns.length === 0 && fresh.length === 0 && (
        <Empty title={texts.none}>
          <p>{texts.noneHint(value.folder)}</p>
        </Empty>
      )}
      {folders(shownRuns).map(([folder, runs]) => (
        <section key={folder} aria-label={folder === "" ? runsStrings.title : folder}>
          {folder !== "" && <h2>{folder}</h2>}
          <RunTable runs={runs} folder={folder} chosen={chosen} onChoose={choose} />
          <ReportList
            reports={value.reports.filter(({ path }) => parentOf(path) === folder)}
            title={texts.reports}
          />
        </section>
      ))}
      {value.unreadable.map(({ name, problem }) => (
        <p key={name} className="soft">
          {texts.unreadable}: {name}: {problem}
        </p>
      ))}
      {value.notes.map((note) => (
        <p key={note} className="soft">
          {note}
        </p>
      ))}
    </>
  );
}

/** Milliseconds for which a job that ended stays in view; one that failed stays longer. */
const [DONE, FAILED] = [60_000, 3_600_000];
const isRecent = (state: string, ended: string): boolean =>
  Date.now() - Date.parse(ended) < (state === "failed" || state === "lost" ? FAILED : DONE);

const parentOf = (name: string): string => name.split("/").slice(0, -1).join("/");

function folders(runs: readonly RunEntry[]): [string, RunEntry[]][] {
  const found = new Map<string, RunEntry[]>();
  for (const run of runs) {
    const folder = parentOf(run.name);
    found.set(folder, [...(found.get(folder) ?? []), run]);
  }
  return [...found];
}

interface RunTableProps {
  runs: readonly RunEntry[];
  folder: string;
  chosen: readonly string[];
  onChoose: (name: string) => void;
}

function RunTable({ runs, folder, chosen, onChoose }: RunTableProps) {
  const { columns } = texts;
  return (
    <div className="table-box" tabIndex={0} role="group">
      <table className="run-table">
        <caption className="unseen">
          {folder} {texts.caption(runs.length)}
        </caption>
        <thead>
          <tr>
            <th scope="col">
              <span className="unseen">{columns.choose}</span>
            </th>
            <th scope="col">{columns.run}</th>
            <th scope="col">{columns.state}</th>
            <th scope="col">{columns.progress}</th>
            <th scope="col">{columns.metric}</th>
            <th scope="col">{columns.course}</th>
            <th scope="col">{columns.begun}</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <RunRow
              key={run.name}
              run={run}
              isChosen={chosen.includes(run.name)}
              onChoose={onChoose}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RunRowProps {
  run: RunEntry;
  isChosen: boolean;
  onChoose: (name: string) => void;
}

function RunRow({ run, isChosen, onChoose }: RunRowProps) {
  const { name, command, headline, warnings } = run;
  return (
    <tr>
      <td>
        <input
          type="checkbox"
          checked={isChosen}
          aria-label={texts.choose(name)}
          onChange={() => onChoose(name)}
        />
      </td>
      <th scope="row">
        <Link href={placeOf(name)}>{name.split("/").at(-1)}</Link>
        <div className="soft small">
          {command}
          {warnings > 0 && ` · ${texts.warnings(warnings)}`}
        </div>
      </th>
      <td>
        <StateChip state={run.state} />
      </td>
      <td>
        <Progress run={run} />
      </td>
      <td>
        {headline !== null && (
          <>
            <span className="soft small">{headline.metric}</span>
            <br />
            {headline.last === null ? "" : shown(headline.last)}
          </>
        )}
      </td>
      <td>
        {headline !== null && <Sparkline values={headline.course} metric={headline.metric} />}
      </td>
      <td className="soft small">{when(run.created)}</td>
    </tr>
  );
}
