/** Who is here: another name, and leaving. */
import { useState } from "react";
import { closeSession, renamePerson } from "../../../src/studio/api/session.ts";
import { useCall } from "../calls/hooks.ts";
import { strings } from "../strings.ts";
import { Button, ErrorBox } from "../ui/basics.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { useKnown, useSession } from "./session.tsx";

export function Account() {
  const { person } = useKnown();
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" className="account" onClick={() => setOpen(true)}>
        <span className="unseen">{strings.session.you("")}</span>
        {person.name}
      </button>
      {open && <AccountDialog onClose={() => setOpen(false)} />}
    </>
  );
}

function AccountDialog({ onClose }: { onClose: () => void }) {
  const { person } = useKnown();
  const { setSession } = useSession();
  const [name, setName] = useState(person.name);
  const rename = useCall(renamePerson);
  const leave = useCall(closeSession);
  const save = async (): Promise<void> => {
    const answer = await rename.send({ params: {}, body: { name } });
    if (answer === undefined) return;
    setSession(answer);
    onClose();
  };
  const end = async (): Promise<void> => {
    if ((await leave.send({ params: {} })) !== undefined) setSession({ person: null });
  };
  return (
    <Dialog
      title={strings.session.you(person.name)}
      onClose={onClose}
      actions={
        <Button look="quiet" busy={leave.busy} onClick={() => void end()}>
          {strings.session.leave}
        </Button>
      }
    >
      <form onSubmit={(event) => (event.preventDefault(), void save())}>
        <Field label={strings.session.name} hint={strings.session.nameHint}>
          {(given) => (
            <input
              {...given}
              required
              maxLength={80}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <ErrorBox error={rename.error ?? leave.error} />
        <Button type="submit" look="main" busy={rename.busy}>
          {strings.session.save}
        </Button>
      </form>
    </Dialog>
  );
}
