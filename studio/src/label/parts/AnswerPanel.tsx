/** One answer, under its own heading. */
import type { ReactNode } from "react";
import { useId } from "react";
import type { TextOrTurns } from "../../../../src/labelling/kinds/kind.ts";
import type { Range } from "../../text/range.ts";
import { Turns } from "../../text/Turns.tsx";

export interface AnswerPanelProps {
  title: ReactNode;
  value: TextOrTurns;
  plain: boolean;
  marks?: readonly Range[] | undefined;
  /** It is the one that was chosen before. */
  chosen?: boolean;
  children?: ReactNode;
}

export function AnswerPanel(props: AnswerPanelProps) {
  const { title, value, plain, marks, chosen = false, children } = props;
  const id = useId();
  // one turn needs no name of who speaks: it is the answer
  const shown = typeof value !== "string" && value.length === 1 ? lone(value) : value;
  return (
    <section className={chosen ? "answer answer-chosen" : "answer"} aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <Turns value={shown} plain={plain} marks={marks} />
      {children}
    </section>
  );
}

const lone = (value: Exclude<TextOrTurns, string>): TextOrTurns => {
  const { role, content, ...rest } = value[0]!;
  return role === "assistant" && Object.keys(rest).length === 0 ? content : value;
};
