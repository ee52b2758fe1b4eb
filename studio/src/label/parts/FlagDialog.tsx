/** Something is wrong with a task: what, and whether it is judged nonetheless. */
import { useState } from "react";
import { label } from "../../strings/label.ts";
import { Button } from "../../ui/basics.tsx";
import { Dialog } from "../../ui/dialog.tsx";

interface FlagDialogProps {
  flag: string;
  onClose: () => void;
  onFlag: (flag: string) => void;
  onSkip: (flag: string) => void;
}

export function FlagDialog({ flag, onClose, onFlag, onSkip }: FlagDialogProps) {
  const texts = label.flag;
  const known = (texts.reasons as readonly string[]).includes(flag);
  const [reason, setReason] = useState(flag === "" ? texts.reasons[0] : known ? flag : "");
  const [other, setOther] = useState(known ? "" : flag);
  const said = reason === "" ? other.trim() : reason;
  return (
    <Dialog
      title={texts.title}
      onClose={onClose}
      actions={
        <>
          {flag !== "" && (
            <Button look="quiet" onClick={() => onFlag("")}>
              {texts.remove}
            </Button>
          )}
          <Button disabled={said === ""} onClick={() => onSkip(said)}>
            {texts.skip}
          </Button>
          <Button look="main" disabled={said === ""} onClick={() => onFlag(said)}>
            {texts.set}
          </Button>
        </>
      }
    >
      <div role="radiogroup" aria-label={texts.title} className="reasons">
        {[...texts.reasons, ""].map((each) => (
          <label key={each}>
            <input
              type="radio"
              name="reason"
              checked={reason === each}
              onChange={() => setReason(each)}
            />
            {each === "" ? texts.other : each}
          </label>
        ))}
      </div>
      {reason === "" && (
        <input
          aria-label={texts.other}
          maxLength={500}
          value={other}
          onChange={({ target }) => setOther(target.value)}
        />
      )}
    </Dialog>
  );
}
