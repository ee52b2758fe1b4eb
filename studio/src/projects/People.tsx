/** Who is in a project, and the links by which people join. */
import { useState } from "react";
import { changePerson, listPeople } from "../../../src/studio/api/projects.ts";
import type { AnswerOf } from "../../../src/studio/api/route.ts";
import { useAnswer, useCall } from "../calls/hooks.ts";
import { projects as texts } from "../strings/projects.ts";
import { Button, Chip, ErrorBox, Spinner } from "../ui/basics.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Table } from "../ui/table.tsx";
import { Invitations } from "./Invitations.tsx";
import { Payment } from "./Payment.tsx";
import type { Project } from "./ProjectPage.tsx";
import { whenOf } from "./when.ts";

const EVERY = 15_000;
type Member = AnswerOf<typeof listPeople>[number];

export function People({ project }: { project: Project }) {
  const params = { project: project.slug };
  const { value, error, reload } = useAnswer(listPeople, { params }, { every: EVERY });
  if (error !== undefined) return <ErrorBox error={error} again={reload} />;
  if (value === undefined) return <Spinner />;
  return (
    <>
      <Members project={project.slug} people={value} onChange={reload} />
      <Invitations project={project.slug} />
      <Payment project={project.slug} />
    </>
  );
}

interface MembersProps {
  project: string;
  people: readonly Member[];
  onChange: () => void;
}

function Members({ project, people, onChange }: MembersProps) {
  const { send, busy, error } = useCall(changePerson);
  const [removing, setRemoving] = useState<Member>();
  const change = async (
    { id }: Member,
    body: { role?: "owner" | "annotator"; removed?: boolean },
  ): Promise<void> => {
    await send({ params: { project, person: id }, body });
    setRemoving(undefined);
    onChange();
  };
  const t = texts.people;
  return (
    <>
      <Table
        caption={t.caption}
        rows={people}
        rowKey={({ id }) => id}
        empty={t.none}
        columns={[
          {
            title: t.name,
            cell: ({ name, removed }) => (
              <>
                {name} {removed !== null && <Chip kind="quiet">{t.removed}</Chip>}
              </>
            ),
          },
          { title: t.role, cell: ({ role }) => t.roles[role] },
          { title: t.judgements, number: true, cell: ({ judgements }) => judgements },
          { title: t.skipped, number: true, cell: ({ skipped }) => skipped },
          { title: t.flagged, number: true, cell: ({ flagged }) => flagged },
          { title: t.seen, cell: ({ lastSeen }) => whenOf(lastSeen, t.never) },
          {
            title: t.actions,
            cell: (member) => (
              <MemberButtons
                member={member}
                busy={busy}
                onRole={(role) => void change(member, { role })}
                onRestore={() => void change(member, { removed: false })}
                onRemove={() => setRemoving(member)}
              />
            ),
          },
        ]}
      />
      <ErrorBox error={error} />
      {removing !== undefined && (
        <Dialog
          title={t.remove}
          onClose={() => setRemoving(undefined)}
          actions={
            <Button
              look="danger"
              busy={busy}
              onClick={() => void change(removing, { removed: true })}
            >
              {t.remove}
            </Button>
          }
        >
          <p>{t.removeSure(removing.name)}</p>
        </Dialog>
      )}
    </>
  );
}

interface MemberButtonsProps {
  member: Member;
  busy: boolean;
  onRole: (role: "owner" | "annotator") => void;
  onRestore: () => void;
  onRemove: () => void;
}

function MemberButtons({ member, busy, onRole, onRestore, onRemove }: MemberButtonsProps) {
  const t = texts.people;
  const other = member.role === "owner" ? "annotator" : "owner";
  const of = <span className="unseen">: {member.name}</span>;
  if (member.removed !== null)
    return (
      <Button look="quiet" busy={busy} onClick={onRestore}>
        {t.restore}
        {of}
      </Button>
    );
  return (
    <>
      <Button look="quiet" busy={busy} onClick={() => onRole(other)}>
        {other === "owner" ? t.makeOwner : t.makeAnnotator}
        {of}
      </Button>
      <Button look="quiet" busy={busy} onClick={onRemove}>
        {t.remove}
        {of}
      </Button>
    </>
  );
}
