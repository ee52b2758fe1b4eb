/** What a crowd's participant agrees to before the first task. */
import { useState } from "react";
import { consentCrowd } from "../../../../src/studio/api/session.ts";
import { useCall } from "../../calls/hooks.ts";
import { label } from "../../strings/label.ts";
import { Rendered } from "../../text/Rendered.tsx";
import { Button, Empty, ErrorBox } from "../../ui/basics.tsx";
import type { Leave } from "../work/desk.ts";
import { LeaveBox } from "./LeaveBox.tsx";

interface ConsentProps {
  project: string;
  text: string;
  onAgree: () => void;
}

export function Consent({ project, text, onAgree }: ConsentProps) {
  const { send, busy, error } = useCall(consentCrowd);
  const [declined, setDeclined] = useState<Leave | null>();
  if (declined !== undefined)
    return (
      <Empty title={label.crowd.declined}>
        <p>{label.crowd.declinedText}</p>
        {declined !== null && <LeaveBox leave={declined} />}
      </Empty>
    );
  const answer = async (agree: boolean): Promise<void> => {
    const said = await send({ params: { project }, body: { agree } });
    if (said === undefined) return;
    if (agree) onAgree();
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
