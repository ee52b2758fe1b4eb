/** A better answer: the one that is there, changed, or a new one. */
import { useMemo, useRef, useState } from "react";
import type { Rewriting } from "../../../../src/labelling/kinds/rewrite.ts";
import { label } from "../../strings/label.ts";
import { differencesOf } from "../../text/differences.ts";
import { textOf } from "../../text/Turns.tsx";
import { Button } from "../../ui/basics.tsx";
import { Field } from "../../ui/field.tsx";
import { useHotkeys } from "../keys.ts";
import { AnswerPanel } from "../parts/AnswerPanel.tsx";
import { useKept } from "../parts/use-kept.ts";
import { useKeyTitle } from "../parts/use-key-title.ts";
import type { KindProps } from "./kind-view.ts";

export default function Rewrite({ task, judged, onJudge, active, plain }: KindProps) {
  const answer = task.content.answers[0];
  const original = answer === undefined ? "" : textOf(answer);
  const before = (judged as Rewriting | null)?.text;
  const [text, setText, forget] = useKept(task.assignment, "text", before ?? original);
  const box = useRef<HTMLTextAreaElement>(null);
  const key = useKeyTitle("rewrite");
  const empty = text.trim() === "";
  const [asked, setAsked] = useState(false);
  const done = (): void => {
    setAsked(true);
    if (empty) return void box.current?.focus();
    forget();
    onJudge({ text });
  };
  useHotkeys("rewrite", { done, edit: () => box.current?.focus() }, active);
  return (
    <>
      <div className="answers">
        {answer !== undefined && (
          <AnswerPanel title={label.task.answer} value={answer} plain={plain} />
        )}
        <section className="answer">
          <Field
            label={label.rewrite.text}
            hint={<Kept original={original} text={text} />}
            error={asked && empty ? label.rewrite.noAnswer : undefined}
          >
            {(given) => (
              <textarea
                {...given}
                ref={box}
                rows={14}
                maxLength={100_000}
                value={text}
                onKeyDown={(event) => event.key === "Escape" && box.current?.blur()}
                onChange={({ target }) => setText(target.value)}
              />
            )}
          </Field>
        </section>
      </div>
      <div className="desk-bar">
        <div className="choices-row">
          <Button hotkey={key("edit")} onClick={() => box.current?.focus()}>
            {label.actions.edit}
          </Button>
          <Button look="main" hotkey={key("done")} onClick={done}>
            {label.rewrite.send}
          </Button>
        </div>
      </div>
    </>
  );
}

/** How much of the answer is left. */
export function Kept({ original, text }: { original: string; text: string }) {
  const same = useMemo(
    () => (original === "" || text.length > 20_000 ? null : differencesOf(original, text).same),
    [original, text],
  );
  if (original === "") return label.rewrite.noAnswer;
  if (original === text) return label.rewrite.unchanged;
  return same === null ? "" : label.rewrite.changed(`${Math.round(100 * same)}%`);
}
