/** Which of two answers is better, along one question or several. */
import { useMemo, useState } from "react";
import type { ComparisonJudgement, Strength } from "../../../../src/labelling/kinds/compare.ts";
import { STRENGTHS } from "../../../../src/labelling/kinds/compare.ts";
import type { Choice, TextOrTurns } from "../../../../src/labelling/kinds/kind.ts";
import { label } from "../../strings/label.ts";
import { differencesOf } from "../../text/differences.ts";
import { markedText } from "../../text/mark.ts";
import { renderText } from "../../text/render.ts";
import { Button } from "../../ui/basics.tsx";
import type { Acts } from "../keys.ts";
import { useHotkeys } from "../keys.ts";
import { AnswerPanel } from "../parts/AnswerPanel.tsx";
import { useKeyTitle } from "../parts/use-key-title.ts";
import type { KindProps } from "./kind-view.ts";

const OVERALL = "";

export default function Compare(props: KindProps) {
  const { task, workplace, judged, onJudge, active, plain, differences } = props;
  const before = judged as ComparisonJudgement | null;
  const [axes, setAxes] = useState<Readonly<Record<string, Choice>>>(before?.axes ?? {});
  // the axes first: what they say is then part of the whole
  const questions = [...workplace.axes, OVERALL];
  const [at, setAt] = useState(0);
  const question = questions[at]!;
  const overall = question === OVERALL;

  const choose = (choice: Choice, strength?: Strength): void => {
    if (!overall) {
      setAxes({ ...axes, [question]: choice });
      setAt(at + 1);
      return;
    }
    const asked = Object.fromEntries(workplace.axes.map((axis) => [axis, axes[axis]!]));
    onJudge({
      choice,
      ...(strength === undefined || !workplace.strength ? {} : { strength }),
      ...(workplace.axes.length === 0 ? {} : { axes: asked }),
    });
  };
  const acts: Acts = {
    left: () => choose(0),
    right: () => choose(1),
    tie: () => choose("tie"),
    "both-bad": () => choose("both-bad"),
    ...(at === 0 ? {} : { "question-back": () => setAt(at - 1) }),
  };
  for (const { name } of STRENGTHS) {
    acts[`left-${name}`] = () => choose(0, name);
    acts[`right-${name}`] = () => choose(1, name);
  }
  useHotkeys("compare", acts, active);

  const [left, right] = task.content.answers as [TextOrTurns, TextOrTurns];
  const marks = useMarks(left, right, { on: differences, plain });
  const was = overall ? before?.choice : axes[question];
  return (
    <>
      <div className="answers">
        {[left, right].map((value, side) => (
          <AnswerPanel
            key={side}
            title={label.task.side[side as 0 | 1]}
            value={value}
            plain={plain}
            marks={side === 0 ? marks?.left : marks?.right}
            chosen={was === side}
          />
        ))}
      </div>
      {differences && marks === null && <p className="soft">{label.task.differsEverywhere}</p>}
      <div className="desk-bar" role="group" aria-label={questionTitle(question)}>
        {questions.length > 1 && (
          <Questions questions={questions} at={at} axes={axes} onBack={setAt} />
        )}
        <Choices was={was} choose={choose} />
        {workplace.strength && overall && (
          <>
            <p className="strength-ends" aria-hidden="true">
              {label.choice.ends.map((text) => (
                <span key={text}>{text}</span>
              ))}
            </p>
            <Scale before={before} choose={choose} />
          </>
        )}
      </div>
    </>
  );
}

const questionTitle = (axis: string): string =>
  axis === OVERALL ? label.ask.overall : label.ask.axis(axis);

type Choose = (choice: Choice, strength?: Strength) => void;

function Choices({ was, choose }: { was: Choice | undefined; choose: Choose }) {
  const key = useKeyTitle("compare");
  const buttons = [
    ["left", 0, label.choice.left],
    ["tie", "tie", label.choice.tie],
    ["both-bad", "both-bad", label.choice.bothBad],
    ["right", 1, label.choice.right],
  ] as const;
  return (
    <div className="choices-row choices-four">
      {buttons.map(([action, choice, title]) => (
        <Button
          key={action}
          className={`choice choice-${action}`}
          hotkey={key(action)}
          aria-pressed={was === undefined ? undefined : was === choice}
          onClick={() => choose(choice)}
        >
          {title}
        </Button>
      ))}
    </div>
  );
}

/** From A by far to B by far, a key for each. */
function Scale({ before, choose }: { before: ComparisonJudgement | null; choose: Choose }) {
  const key = useKeyTitle("compare");
  const { strengths, leftBy, rightBy } = label.choice;
  const sides = [
    ["left", 0, STRENGTHS, leftBy],
    ["right", 1, STRENGTHS.toReversed(), rightBy],
  ] as const;
  return (
    <div className="strength" role="group" aria-label={label.choice.strength}>
      {sides.map(([side, choice, steps, title]) => (
        <div key={side} className="strength-side">
          {steps.map(({ name }) => (
            <button
              key={name}
              type="button"
              className="step"
              title={title(strengths[name])}
              aria-label={title(strengths[name])}
              aria-pressed={
                before?.strength === undefined
                  ? undefined
                  : before.choice === choice && before.strength === name
              }
              onClick={() => choose(choice, name)}
            >
              <span className={`step-bar step-${name}`} aria-hidden="true" />
              <span aria-hidden="true">{strengths[name]}</span>
              {key(`${side}-${name}`) && <kbd className="key-cap">{key(`${side}-${name}`)}</kbd>}
            </button>
          ))}
        </div>
      ))}
    </div>
  );
}

interface QuestionsProps {
  questions: readonly string[];
  at: number;
  axes: Readonly<Record<string, Choice>>;
  onBack: (at: number) => void;
}

/** Which question is asked now, and what was said to those before. */
function Questions({ questions, at, axes, onBack }: QuestionsProps) {
  const said = (axis: string): string => {
    const choice = axes[axis];
    if (choice === undefined) return "";
    return choice === 0 ? "A" : choice === 1 ? "B" : choice === "tie" ? "=" : "✗";
  };
  return (
    <div className="questions">
      <strong aria-live="polite">{questionTitle(questions[at]!)}</strong>
      <span className="soft">{label.ask.position(at + 1, questions.length)}</span>
      {questions.slice(0, at).map((axis, index) => (
        <Button key={axis} look="quiet" onClick={() => onBack(index)}>
          {axis}: {said(axis)}
        </Button>
      ))}
    </div>
  );
}

/** Where two answers differ; null where they are too long for that, undefined where not asked. */
function useMarks(
  left: TextOrTurns,
  right: TextOrTurns,
  { on, plain }: { on: boolean; plain: boolean },
) {
  return useMemo(() => {
    if (!on) return undefined;
    const texts = [left, right].map((value) => {
      const text =
        typeof value === "string" ? value : value.length === 1 ? value[0]!.content : null;
      return text === null || plain ? text : markedText(renderText(text).nodes);
    });
    if (texts[0] === null || texts[1] === null) return null;
    const found = differencesOf(texts[0]!, texts[1]!);
    return found.same === null ? null : found;
  }, [left, right, on, plain]);
}
