/** Whether one answer is good enough. */
import type { Acceptance } from "../../../../src/labelling/kinds/accept.ts";
import { label } from "../../strings/label.ts";
import { Button } from "../../ui/basics.tsx";
import { useHotkeys } from "../keys.ts";
import { AnswerPanel } from "../parts/AnswerPanel.tsx";
import { useKeyTitle } from "../parts/use-key-title.ts";
import type { KindProps } from "./kind-view.ts";

export default function Accept({ task, judged, onJudge, active, plain }: KindProps) {
  const before = judged as Acceptance | null;
  const key = useKeyTitle("accept");
  const say = (accept: boolean) => () => onJudge({ accept });
  useHotkeys("accept", { accept: say(true), reject: say(false) }, active);
  return (
    <>
      <AnswerPanel title={label.task.answer} value={task.content.answers[0]!} plain={plain} />
      <div className="desk-bar">
        <div className="choices-row">
          {([true, false] as const).map((accept) => {
            const name = accept ? "accept" : "reject";
            return (
              <Button
                key={name}
                className={`choice choice-${name}`}
                hotkey={key(name)}
                aria-pressed={before === null ? undefined : before.accept === accept}
                onClick={say(accept)}
              >
                {label.accept[name]}
              </Button>
            );
          })}
        </div>
      </div>
    </>
  );
}
