/** What a principle finds wrong with an answer, and the answer revised. */
import { useRef, useState } from "react";
import type { Critique as CritiqueJudgement } from "../../../../src/labelling/kinds/critique.ts";
import { label } from "../../strings/label.ts";
import { Rendered } from "../../text/Rendered.tsx";
import { textOf } from "../../text/Turns.tsx";
import { Button } from "../../ui/basics.tsx";
import { Field } from "../../ui/field.tsx";
import { useHotkeys } from "../keys.ts";
import { AnswerPanel } from "../parts/AnswerPanel.tsx";
import { useKept } from "../parts/use-kept.ts";
import { useKeyTitle } from "../parts/use-key-title.ts";
import type { KindProps } from "./kind-view.ts";
import { Kept } from "./Rewrite.tsx";

export default function Critique({ task, judged, onJudge, active, plain }: KindProps) {
  const answer = task.content.answers[0]!;
  const principles = task.content.principles ?? [];
  const original = textOf(answer);
  const before = judged as CritiqueJudgement | null;
  const only = principles.length === 1 ? 0 : undefined;
  const [principle, setPrinciple] = useState<number | undefined>(before?.principle ?? only);
  const of = task.assignment;
  const [critique, setCritique, forgetCritique] = useKept(of, "critique", before?.critique ?? "");
  const [revision, setRevision, forgetRevision] = useKept(of, "text", before?.revision ?? original);
  const box = useRef<HTMLTextAreaElement>(null);
  const key = useKeyTitle("critique");
  const [asked, setAsked] = useState(false);
  const whole = principle !== undefined && critique.trim() !== "" && revision.trim() !== "";
  const done = (): void => {
    setAsked(true);
    if (!whole) return;
    forgetCritique();
    forgetRevision();
    onJudge({ principle, critique, revision });
  };
  useHotkeys("critique", { done, edit: () => box.current?.focus() }, active);
  const escape = (event: React.KeyboardEvent<HTMLTextAreaElement>): void => {
    if (event.key === "Escape") event.currentTarget.blur();
  };
  return (
    <>
      <div className="answers">
        <AnswerPanel title={label.task.answer} value={answer} plain={plain} />
        <section className="answer">
          <Principles texts={principles} chosen={principle} onChoose={setPrinciple} />
          <Field label={label.critique.critique}>
            {(given) => (
              <textarea
                {...given}
                ref={box}
                rows={5}
                maxLength={100_000}
                value={critique}
                onKeyDown={escape}
                onChange={({ target }) => setCritique(target.value)}
              />
            )}
          </Field>
          <Field
            label={label.critique.revision}
            hint={<Kept original={original} text={revision} />}
          >
            {(given) => (
              <textarea
                {...given}
                rows={9}
                maxLength={100_000}
                value={revision}
                onKeyDown={escape}
                onChange={({ target }) => setRevision(target.value)}
              />
            )}
          </Field>
        </section>
      </div>
      <div className="desk-bar">
        {asked && !whole && (
          <p className="field-error" role="alert">
            {label.critique.missing}
          </p>
        )}
        <div className="choices-row">
          <Button hotkey={key("edit")} onClick={() => box.current?.focus()}>
            {label.actions.edit}
          </Button>
          <Button look="main" hotkey={key("done")} onClick={done}>
            {label.critique.send}
          </Button>
        </div>
      </div>
    </>
  );
}

interface PrinciplesProps {
  texts: readonly string[];
  chosen: number | undefined;
  onChoose: (index: number) => void;
}

function Principles({ texts, chosen, onChoose }: PrinciplesProps) {
  return (
    <fieldset className="principles">
      <legend>{label.critique.principle}</legend>
      {texts.map((text, index) => (
        <label key={index} className="principle">
          <input
            type="radio"
            name="principle"
            checked={chosen === index}
            onChange={() => onChoose(index)}
          />
          <Rendered text={text} />
        </label>
      ))}
    </fieldset>
  );
}
