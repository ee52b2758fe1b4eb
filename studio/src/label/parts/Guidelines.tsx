/** What one judges by: in view beside the task, and one key away. */
import { useState } from "react";
import { remember, remembered } from "../../remember.ts";
import { label } from "../../strings/label.ts";
import { Rendered } from "../../text/Rendered.tsx";
import { Dialog } from "../../ui/dialog.tsx";

/** Folded where somebody knows them by now. */
export function GuidelinesBox({ text }: { text: string }) {
  const [open, setOpen] = useState(() => remembered("guidelines") !== "folded");
  if (text.trim() === "") return null;
  return (
    <details
      className="guidelines"
      open={open}
      onToggle={({ currentTarget }) => {
        setOpen(currentTarget.open);
        remember("guidelines", currentTarget.open ? undefined : "folded");
      }}
    >
      <summary>{label.guidelines.title}</summary>
      <div
        className="guidelines-text"
        tabIndex={0}
        role="group"
        aria-label={label.guidelines.title}
      >
        <Rendered text={text} />
      </div>
    </details>
  );
}

export function GuidelinesDialog({ text, onClose }: { text: string; onClose: () => void }) {
  return (
    <Dialog title={label.guidelines.title} onClose={onClose} wide>
      {text.trim() === "" ? (
        <p className="nothing">{label.guidelines.none}</p>
      ) : (
        <Rendered text={text} />
      )}
    </Dialog>
  );
}
