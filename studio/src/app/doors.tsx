/** Coming in: the host's link, and invitations. */
import { useEffect, useState } from "react";
import { useLocation } from "wouter";
import { acceptInvitation, getInvitation, openSession } from "../../../src/studio/api/session.ts";
import { useAnswer, useCall } from "../calls/hooks.ts";
import { strings } from "../strings.ts";
import { Button, Empty, ErrorBox, Spinner } from "../ui/basics.tsx";
import { Field } from "../ui/field.tsx";
import { useSession } from "./session.tsx";
import { forgetToken, tokenFor } from "./token.ts";

export function Nobody() {
  return (
    <Empty title={strings.enter.who}>
      <p>{strings.enter.how}</p>
    </Empty>
  );
}

export function Enter() {
  const { session, setSession } = useSession();
  const { send, error } = useCall(openSession);
  const [, go] = useLocation();
  const token = tokenFor("enter");
  useEffect(() => {
    if (token === undefined) return;
    void send({ params: {}, body: { token } }).then((answer) => {
      if (answer === undefined) return;
      forgetToken();
      setSession(answer);
      go("/", { replace: true });
    });
  }, [token, send, setSession, go]);
  const known = session.person !== null;
  useEffect(() => {
    if (token === undefined && known) go("/", { replace: true });
  }, [token, known, go]);
  if (token === undefined)
    return (
      <Empty title={strings.enter.who}>
        <p>{strings.enter.noToken}</p>
      </Empty>
    );
  return error === undefined ? (
    <Spinner>{strings.enter.title}</Spinner>
  ) : (
    <ErrorBox error={error} />
  );
}

export function Join() {
  const [token] = useState(() => tokenFor("join"));
  if (token === undefined)
    return (
      <Empty title={strings.enter.who}>
        <p>{strings.enter.noToken}</p>
      </Empty>
    );
  return <Invitation token={token} />;
}

function Invitation({ token }: { token: string }) {
  const { session, setSession } = useSession();
  const [, go] = useLocation();
  const invitation = useAnswer(getInvitation, { params: {}, body: { token } });
  const { send, busy, error } = useCall(acceptInvitation);
  const [name, setName] = useState("");
  if (invitation.error !== undefined) return <ErrorBox error={invitation.error} />;
  if (invitation.value === undefined) return <Spinner />;
  const { project, role } = invitation.value;
  const known = session.person?.name;
  const join = async (): Promise<void> => {
    const answer = await send({ params: {}, body: { token, name: known ?? name } });
    if (answer === undefined) return;
    forgetToken();
    const { slug, ...rest } = answer;
    setSession(rest);
    go(`/label/${slug}`, { replace: true });
  };
  return (
    <form className="door" onSubmit={(event) => (event.preventDefault(), void join())}>
      <h1>{strings.join.title(project)}</h1>
      <p>{strings.join.role[role]}</p>
      {known === undefined ? (
        <Field label={strings.join.name} hint={strings.join.nameHint}>
          {(given) => (
            <input
              {...given}
              required
              maxLength={80}
              autoComplete="name"
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
      ) : (
        <p>{strings.join.as(known)}</p>
      )}
      <ErrorBox error={error} />
      <Button type="submit" look="main" busy={busy}>
        {strings.join.join}
      </Button>
    </form>
  );
}
