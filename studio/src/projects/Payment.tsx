/** Who did how much, how carefully and how fast, and what that is paid. */
import { listWork, saveWork } from "../../../src/studio/api/projects.ts";
import { addressOf } from "../api.ts";
import { useAnswer } from "../calls/hooks.ts";
import { projects as texts } from "../strings/projects.ts";
import { ErrorBox } from "../ui/basics.tsx";
import { Table } from "../ui/table.tsx";

const t = texts.payment;
const money = (value: number): string =>
  value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export function Payment({ project }: { project: string }) {
  const { value, error, reload } = useAnswer(listWork, { params: { project } });
  if (error !== undefined) return <ErrorBox error={error} again={reload} />;
  if (value === undefined) return null;
  const total = value.reduce((sum, { pay }) => sum + pay, 0);
  const crowd = value.some(({ participant }) => participant !== null);
  return (
    <>
      <h2>{texts.tabs.payment}</h2>
      <Table
        caption={t.caption}
        rows={value}
        rowKey={({ person }) => person}
        empty={t.none}
        columns={[
          { title: t.name, cell: ({ name }) => name },
          ...(crowd
            ? [
                {
                  title: t.participant,
                  cell: ({ participant }: { participant: string | null }) => participant ?? "",
                },
              ]
            : []),
          { title: t.judgements, number: true, cell: ({ judgements }) => judgements },
          {
            title: t.seconds,
            number: true,
            cell: ({ secondsEach }) => secondsEach?.toFixed(1) ?? "",
          },
          {
            title: t.minutes,
            number: true,
            cell: ({ seconds }) => Math.round(seconds / 60).toLocaleString("en-US"),
          },
          {
            title: t.gold,
            number: true,
            cell: ({ gold, goldMissed }) => (gold === 0 ? "" : `${goldMissed} of ${gold}`),
          },
          { title: t.quick, number: true, cell: ({ tooQuick }) => tooQuick },
          { title: t.late, number: true, cell: ({ late }) => late },
          {
            title: t.outcome,
            cell: ({ outcome }) => (outcome === null ? "" : t.outcomes[outcome]),
          },
          { title: t.pay, number: true, cell: ({ pay }) => money(pay) },
        ]}
      />
      {value.length > 0 && (
        <p>
          {t.total(money(total))}{" "}
          <a className="button" href={addressOf(saveWork, { params: { project } })} download>
            {t.save}
          </a>
        </p>
      )}
    </>
  );
}
