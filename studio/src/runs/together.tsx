/** Several runs in the same charts, and what is not equal between them. */
import { Link } from "wouter";
import { compareRuns } from "../../../src/studio/api/runs.ts";
import { useAnswer } from "../calls/hooks.ts";
import { runsStrings } from "../strings/runs.ts";
import { ErrorBox, Spinner } from "../ui/basics.tsx";
import { Table } from "../ui/table.tsx";
import { SHAPES } from "./chart.tsx";
import { Charts } from "./charts.tsx";
import { placeOf, shown } from "./numbers.ts";

const texts = runsStrings.together;

export function Together({ runs }: { runs: readonly string[] }) {
  const { value, error } = useAnswer(compareRuns, {
    params: {},
    query: { runs: JSON.stringify(runs) },
  });
  return (
    <>
      <p>
        <Link href="/">{runsStrings.run.back}</Link>
      </p>
      <h1>{texts.title}</h1>
      <ul className="chart-lines">
        {runs.map((run, i) => (
          <li key={run}>
            <span
              className={`series-mark series-mark-${(i % SHAPES.length) + 1}`}
              aria-hidden="true"
            >
              {SHAPES[i % SHAPES.length]}
            </span>
            <Link href={placeOf(run)}>{run}</Link>
          </li>
        ))}
      </ul>
      <ErrorBox error={error} />
      {value === undefined && error === undefined && <Spinner />}
      {value !== undefined && (
        <details className="fold" open={value.differences.length < 12}>
          <summary>
            <h2>{texts.options}</h2>
          </summary>
          <Table
            caption={<span className="unseen">{texts.options}</span>}
            rows={value.differences}
            rowKey={({ name }) => name}
            empty={texts.same}
            columns={[
              { title: runsStrings.run.option, cell: ({ name }) => <code>{name}</code> },
              ...runs.map((run, i) => ({
                title: run,
                cell: ({ values }: { values: readonly (string | null)[] }) => (
                  <span className="break">{values[i] ?? texts.none}</span>
                ),
              })),
            ]}
          />
        </details>
      )}
      <Charts runs={runs} />
      {value !== undefined && (
        <Table
          caption={texts.last}
          rows={value.metrics}
          rowKey={({ name }) => name}
          columns={[
            { title: texts.metric, cell: ({ name }) => name },
            ...runs.map((run, i) => ({
              title: run,
              number: true,
              cell: ({ values }: { values: readonly (number | null)[] }) =>
                typeof values[i] === "number" ? shown(values[i]) : texts.none,
            })),
          ]}
        />
      )}
    </>
  );
}
