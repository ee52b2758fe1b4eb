/** The door for crowds: the platform's identifiers in, consent, and codes out. */
import { useEffect, useState } from "react";
import { useLocation } from "wouter";
import { consentCrowd, enterCrowd } from "../../../src/studio/api/session.ts";
import type { AnswerOf } from "../../../src/studio/api/route.ts";
import { useCall } from "../calls/hooks.ts";
import { LeaveBox } from "../label/parts/LeaveBox.tsx";
import { label } from "../strings/label.ts";
import { Rendered } from "../text/Rendered.tsx";
import { Button, Empty, ErrorBox, Spinner } from "../ui/basics.tsx";
import { crowdVisit } from "./crowd-visit.ts";
import { useSession } from "./session.tsx";

export default function Crowd() {
  const { setSession } = useSession();
  const { send, error } = useCall(enterCrowd);
  const [entered, setEntered] = useState<AnswerOf<typeof enterCrowd>>();
  const visit = crowdVisit();
  useEffect(() => {
    if (visit === undefined || visit.missing.length > 0) return;
    const { slug, participant, study, session } = visit;
    void send({ params: { project: slug }, body: { participant, study, session } }).then(
      (answer) => {
        if (answer === undefined) return;
        setEntered(answer);
        const { person, projects } = answer;
        setSession({ person, projects });
      },
    );
  }, [visit, send, setSession]);
  if (visit === undefined || visit.missing.length > 0) {
    const what = label.crowd.missing(visit?.missing.join(", ") ?? "PROLIFIC_PID");
    return <ErrorBox error={{ what, details: { hint: label.crowd.missingHint } }} />;
  }
  if (error !== undefined) return <ErrorBox error={error} />;
  if (entered === undefined) return <Spinner>{label.crowd.entering}</Spinner>;
  return <Consent slug={entered.slug} text={entered.consent} />;
}

/** @param text null where that was done, or nothing is to be agreed to */
function Consent({ slug, text }: { slug: string; text: string | null }) {
  const { send, busy, error } = useCall(consentCrowd);
  const [, go] = useLocation();
  const [declined, setDeclined] = useState<{ code: string; url: string } | null>();
  useEffect(() => {
    if (text === null) go(`/label/${slug}`, { replace: true });
  }, [text, slug, go]);
  if (text === null) return <Spinner />;
  if (declined !== undefined)
    return (
      <Empty title={label.crowd.declined}>
        <p>{label.crowd.declinedText}</p>
        {declined !== null && <LeaveBox leave={declined} />}
      </Empty>
    );
  const answer = async (agree: boolean): Promise<void> => {
    const said = await send({ params: { project: slug }, body: { agree } });
    if (said === undefined) return;
    if (agree) go(`/label/${slug}`, { replace: true });
    else setDeclined(said.leave);
  };
  return (
    <div className="door consent">
      <h1>{label.crowd.title}</h1>
      <Rendered text={text} />
      <ErrorBox error={error} />
      <div className="button-row">
        <Button look="main" busy={busy} onClick={() => void answer(true)}>
          {label.crowd.agree}
        </Button>
        <Button busy={busy} onClick={() => void answer(false)}>
          {label.crowd.decline}
        </Button>
      </div>
    </div>
  );
}
