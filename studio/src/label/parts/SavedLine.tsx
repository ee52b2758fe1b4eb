/** Whether everything is saved, at a glance and told to those who hear it. */
import { label } from "../../strings/label.ts";
import type { DeskState } from "../work/desk.ts";

export function SavedLine({ state }: { state: DeskState }) {
  const { pending, saved, kept, trouble } = state;
  const { saved: texts } = label;
  const text =
    trouble?.is === "out"
      ? texts.signedOut(pending)
      : trouble !== undefined
        ? texts.failing(trouble.why)
        : pending > 0
          ? texts.waiting(pending) + (kept ? "" : `. ${texts.tabOnly}`)
          : saved > 0
            ? texts.saved
            : "";
  const bad = trouble !== undefined || (pending > 0 && !kept);
  return (
    <span className={bad ? "saved saved-bad" : "saved"} role="status">
      {text}
    </span>
  );
}
