/** Projects that I own, or all for whoever runs the studio. */
import { Link } from "wouter";
import { KINDS } from "../../../src/labelling/kinds/index.ts";
import { listProjects } from "../../../src/studio/api/projects.ts";
import { useKnown } from "../app/session.tsx";
import { useAnswer } from "../calls/hooks.ts";
import { projects as texts } from "../strings/projects.ts";
import { Chip, Empty, ErrorBox, Spinner } from "../ui/basics.tsx";
import { Table } from "../ui/table.tsx";

const EVERY = 15_000;

export function ProjectList() {
  const { person } = useKnown();
  const { value, error, reload } = useAnswer(listProjects, { params: {} }, { every: EVERY });
  if (error !== undefined) return <ErrorBox error={error} again={reload} />;
  if (value === undefined) return <Spinner />;
  const mine = value.filter(({ role }) => role === "owner");
  return (
    <>
      <div className="title-row">
        <h1>{texts.title}</h1>
        {person.host && (
          <Link href="/new" className="button button-main">
            {texts.new}
          </Link>
        )}
      </div>
      {mine.length === 0 ? (
        <Empty title={person.host ? texts.none : texts.title}>
          <p>{person.host ? texts.noneText : texts.yours}</p>
        </Empty>
      ) : (
        <Table
          caption={<span className="unseen">{texts.list.caption}</span>}
          rows={mine}
          rowKey={({ slug }) => slug}
          columns={[
            {
              title: texts.list.name,
              cell: ({ slug, name }) => <Link href={`/${slug}`}>{name}</Link>,
            },
            { title: texts.list.kind, cell: ({ kind }) => KINDS[kind].title },
            {
              title: texts.list.state,
              cell: ({ state }) => (
                <Chip kind={state === "open" ? "good" : "quiet"}>{texts.state[state]}</Chip>
              ),
            },
            {
              title: texts.list.progress,
              cell: ({ full, settled, tasks }) => <Done done={full + settled} of={tasks} />,
            },
            {
              title: texts.list.judgements,
              number: true,
              cell: ({ judgements }) => judgements.toLocaleString("en-US"),
            },
            { title: texts.list.people, number: true, cell: ({ people }) => people },
          ]}
        />
      )}
    </>
  );
}

export function Done({ done, of }: { done: number; of: number }) {
  const text = texts.overview.done(done, of);
  return (
    <span className="done">
      <progress aria-label={text} max={Math.max(1, of)} value={done} />
      <span>{text}</span>
    </span>
  );
}
