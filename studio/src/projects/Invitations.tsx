/** Links by which people join; each is shown once. */
import { useState } from "react";
import {
  createInvitation,
  listInvitations,
  revokeInvitation,
} from "../../../src/studio/api/projects.ts";
import { useAnswer, useCall } from "../calls/hooks.ts";
import { projects as texts } from "../strings/projects.ts";
import { Button, Chip, CopyButton, ErrorBox } from "../ui/basics.tsx";
import { Field } from "../ui/field.tsx";
import { Table } from "../ui/table.tsx";
import { whenOf } from "./when.ts";

const t = texts.invitations;
/** Whether others can reach an address like this one. */
const isLocal = (): boolean => /^(127\.|localhost$|\[?::1)/.test(location.hostname);

export function Invitations({ project }: { project: string }) {
  const { value, error, reload } = useAnswer(listInvitations, { params: { project } });
  const revoke = useCall(revokeInvitation);
  const takeBack = async (invitation: string): Promise<void> => {
    await revoke.send({ params: { project, invitation } });
    reload();
  };
  const stateOf = ({ revoked, expires, uses, used }: NonNullable<typeof value>[number]) =>
    revoked !== null
      ? t.revoked
      : (expires !== null && Date.parse(expires) < Date.now()) || (uses !== null && used >= uses)
        ? t.ended
        : t.open;
  return (
    <>
      <h2>{t.title}</h2>
      <NewInvitation project={project} onMade={reload} />
      <ErrorBox error={error ?? revoke.error} />
      {value !== undefined && (
        <Table
          caption={t.caption}
          rows={value}
          rowKey={({ id }) => id}
          empty={t.none}
          columns={[
            { title: t.role, cell: ({ role }) => texts.people.roles[role] },
            { title: t.note, cell: ({ note }) => note },
            { title: t.usedTitle, number: true, cell: ({ used, uses }) => t.used(used, uses) },
            { title: t.ends, cell: ({ expires }) => whenOf(expires, t.never) },
            {
              title: t.state,
              cell: (invitation) => {
                const state = stateOf(invitation);
                return <Chip kind={state === t.open ? "good" : "quiet"}>{state}</Chip>;
              },
            },
            {
              title: texts.people.actions,
              cell: (invitation) =>
                stateOf(invitation) === t.open && (
                  <Button
                    look="quiet"
                    busy={revoke.busy}
                    onClick={() => void takeBack(invitation.id)}
                  >
                    {t.revoke}
                  </Button>
                ),
            },
          ]}
        />
      )}
    </>
  );
}

const numberFrom = (text: string): number | null => (text.trim() === "" ? null : Number(text));

function NewInvitation({ project, onMade }: { project: string; onMade: () => void }) {
  const { send, busy, error } = useCall(createInvitation);
  const [role, setRole] = useState<"annotator" | "owner">("annotator");
  const [uses, setUses] = useState("");
  const [days, setDays] = useState("30");
  const [note, setNote] = useState("");
  const [link, setLink] = useState<string>();
  const make = async (): Promise<void> => {
    const body = { role, note, uses: numberFrom(uses), days: numberFrom(days) };
    const answer = await send({ params: { project }, body });
    if (answer === undefined) return;
    setLink(location.origin + answer.link);
    setNote("");
    onMade();
  };
  return (
    <form className="panel" onSubmit={(event) => (event.preventDefault(), void make())}>
      {isLocal() && <p className="notice">{t.local}</p>}
      <div className="field-row">
        <Field label={t.role}>
          {(given) => (
            <select
              {...given}
              value={role}
              onChange={({ target }) => setRole(target.value as typeof role)}
            >
              <option value="annotator">{texts.people.roles.annotator}</option>
              <option value="owner">{texts.people.roles.owner}</option>
            </select>
          )}
        </Field>
        <Field label={t.uses} hint={t.usesHint}>
          {(given) => (
            <input
              {...given}
              type="number"
              min={1}
              value={uses}
              onChange={({ target }) => setUses(target.value)}
            />
          )}
        </Field>
        <Field label={t.days} hint={t.daysHint}>
          {(given) => (
            <input
              {...given}
              type="number"
              min={0.01}
              step="any"
              value={days}
              onChange={({ target }) => setDays(target.value)}
            />
          )}
        </Field>
        <Field label={t.note} hint={t.noteHint}>
          {(given) => (
            <input
              {...given}
              maxLength={200}
              value={note}
              onChange={({ target }) => setNote(target.value)}
            />
          )}
        </Field>
      </div>
      <ErrorBox error={error} />
      <Button type="submit" look="main" busy={busy}>
        {t.create}
      </Button>
      {link !== undefined && <NewLink link={link} />}
    </form>
  );
}

const NewLink = ({ link }: { link: string }) => (
  <div className="new-link" role="status">
    <p>{t.once}</p>
    <div className="link-row">
      <input
        readOnly
        aria-label={t.link}
        value={link}
        onFocus={({ currentTarget }) => currentTarget.select()}
      />
      <CopyButton text={link} />
    </div>
  </div>
);
