/** The door for crowds: the platform's identifiers in; consent is asked at the desk. */
import { useEffect } from "react";
import { useLocation } from "wouter";
import { enterCrowd } from "../../../src/studio/api/session.ts";
import { useCall } from "../calls/hooks.ts";
import { label } from "../strings/label.ts";
import { ErrorBox, Spinner } from "../ui/basics.tsx";
import { crowdVisit } from "./crowd-visit.ts";
import { useSession } from "./session.tsx";

export default function Crowd() {
  const { setSession } = useSession();
  const { send, error } = useCall(enterCrowd);
  const [, go] = useLocation();
  const visit = crowdVisit();
  useEffect(() => {
    if (visit === undefined || visit.missing.length > 0) return;
    const { slug, participant, study, session } = visit;
    void send({ params: { project: slug }, body: { participant, study, session } }).then(
      (answer) => {
        if (answer === undefined) return;
        const { person, projects } = answer;
        setSession({ person, projects });
        go(`/label/${answer.slug}`, { replace: true });
      },
    );
  }, [visit, send, setSession, go]);
  if (visit === undefined || visit.missing.length > 0) {
    const what = label.crowd.missing(visit?.missing.join(", ") ?? "PROLIFIC_PID");
    return <ErrorBox error={{ what, details: { hint: label.crowd.missingHint } }} />;
  }
  return error === undefined ? (
    <Spinner>{label.crowd.entering}</Spinner>
  ) : (
    <ErrorBox error={error} />
  );
}
