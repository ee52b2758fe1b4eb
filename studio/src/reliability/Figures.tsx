/** Agreement, people and conflicts of axes. */
import type { AnswerOf } from "../../../src/studio/api/route.ts";
import type { getReliability } from "../../../src/studio/api/reliability.ts";
import { reliability as texts } from "../strings/reliability.ts";
import { Chip } from "../ui/basics.tsx";
import { IntervalBar } from "../ui/interval.tsx";
import { Table } from "../ui/table.tsx";

export type Reliability = AnswerOf<typeof getReliability>;

const two = (value: number): string => value.toFixed(2);
const signed = (value: number): string => `${value > 0 ? "+" : ""}${Math.round(100 * value)}%`;

export function Figures({ value }: { value: Reliability }) {
  const { judgements, labelled, certain, statements } = value;
  return (
    <>
      <p>{texts.summary(judgements, labelled, certain)}</p>
      {statements.length > 0 && (
        <div className="panel">
          <strong>{texts.cannot}</strong>
          <ul>
            {statements.map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
        </div>
      )}
      <Agreement rows={value.agreement} />
      <People rows={value.people} />
      {value.conflicts.length > 0 && <Conflicts rows={value.conflicts} />}
    </>
  );
}

function Agreement({ rows }: { rows: Reliability["agreement"] }) {
  const t = texts.agreement;
  if (rows.length === 0) return null;
  return (
    <section>
      <h2>{t.title}</h2>
      <Table
        caption={t.caption}
        rows={rows}
        rowKey={({ axis }) => axis}
        columns={[
          { title: t.question, cell: ({ axis }) => (axis === "" ? t.main : axis) },
          { title: t.tasks, number: true, cell: ({ tasks }) => tasks.toLocaleString("en-US") },
          { title: t.raw, cell: ({ raw }) => <IntervalBar value={raw} of="task" mark={0.5} /> },
          {
            title: t.alpha,
            cell: ({ alpha }) => (
              <IntervalBar value={alpha} from={-1} of="task" format={two} mark={0} />
            ),
          },
          {
            title: t.kappa,
            cell: ({ kappa }) => (
              <IntervalBar value={kappa} from={-1} of="task" format={two} mark={0} />
            ),
          },
          {
            title: t.ceiling,
            cell: ({ ceiling }) =>
              ceiling === null ? "" : <IntervalBar value={ceiling} of="task" mark={0.5} />,
          },
        ]}
      />
      <p className="soft">{t.note}</p>
    </section>
  );
}

function People({ rows }: { rows: Reliability["people"] }) {
  const t = texts.people;
  const sorted = rows.toSorted((a, b) => (a.accuracy.estimate ?? 1) - (b.accuracy.estimate ?? 1));
  return (
    <section>
      <h2>{t.title}</h2>
      <Table
        caption={t.caption}
        rows={sorted}
        rowKey={({ id }) => id}
        columns={[
          {
            title: t.name,
            cell: ({ name, imported, anomaly }) => (
              <>
                {name} {imported && <Chip kind="quiet">{t.imported}</Chip>}{" "}
                {anomaly !== null && <Chip kind="bad">{t.anomalies[anomaly] ?? anomaly}</Chip>}
              </>
            ),
          },
          {
            title: t.judgements,
            number: true,
            cell: ({ judgements }) => judgements.toLocaleString("en-US"),
          },
          {
            title: t.accuracy,
            cell: ({ accuracy }) => <IntervalBar value={accuracy} mark={0.5} />,
          },
          {
            title: t.agreement,
            cell: ({ agreement }) => <IntervalBar value={agreement} of="task" />,
          },
          { title: t.gold, cell: ({ gold }) => t.goldOf(gold.right, gold.of) },
          {
            title: t.left,
            cell: ({ leftBias }) => (
              <IntervalBar value={leftBias} from={-0.5} to={0.5} format={signed} mark={0} />
            ),
          },
          {
            title: t.seconds,
            number: true,
            cell: ({ seconds }) => (seconds === null ? "" : seconds.toFixed(1)),
          },
          {
            title: t.quick,
            number: true,
            cell: ({ tooQuick }) => (tooQuick === 0 ? "" : tooQuick.toLocaleString("en-US")),
          },
        ]}
      />
      <p className="soft">{t.note}</p>
    </section>
  );
}

function Conflicts({ rows }: { rows: Reliability["conflicts"] }) {
  const t = texts.conflicts;
  const name = (axis: string): string => (axis === "" ? texts.agreement.main : axis);
  return (
    <section>
      <h2>{t.title}</h2>
      <Table
        caption={t.caption}
        rows={rows}
        rowKey={({ axes }) => axes.join("/")}
        columns={[
          { title: t.axes, cell: ({ axes }) => axes.map(name).join(" / ") },
          { title: t.same, number: true, cell: ({ same }) => same.toLocaleString("en-US") },
          { title: t.apart, number: true, cell: ({ apart }) => apart.toLocaleString("en-US") },
          {
            title: t.undecided,
            number: true,
            cell: ({ undecided }) => undecided.toLocaleString("en-US"),
          },
        ]}
      />
      <p className="soft">{t.note}</p>
    </section>
  );
}
