/** Several answers from best to worst: each press gives the next place. */
import { useState } from "react";
import type { Ranking } from "../../../../src/labelling/kinds/rank.ts";
import { label } from "../../strings/label.ts";
import { Button } from "../../ui/basics.tsx";
import type { Acts } from "../keys.ts";
import { useHotkeys } from "../keys.ts";
import { AnswerPanel } from "../parts/AnswerPanel.tsx";
import { useKeyTitle } from "../parts/use-key-title.ts";
import type { KindProps } from "./kind-view.ts";
import { groupsOf, place, ranksOf } from "./ranking.ts";

export default function Rank({ task, judged, onJudge, active, plain }: KindProps) {
  const count = task.content.answers.length;
  const [groups, setGroups] = useState(() => groupsOf((judged as Ranking | null)?.ranks));
  const [tie, setTie] = useState(false);
  const key = useKeyTitle("rank");
  const ranks = ranksOf(groups, count);
  const whole = ranks.every((rank) => rank !== undefined);
  const left = ranks.filter((rank) => rank === undefined).length;
  const press = (answer: number): void => {
    setGroups(place(groups, answer, tie));
    setTie(false);
  };
  const done = (): void => {
    if (whole) onJudge({ ranks });
  };
  const again = (): void => (setGroups([]), setTie(false));
  const acts: Acts = { done, "rank-again": again };
  if (groups.length > 0 && !whole) acts["rank-tie"] = () => setTie(!tie);
  for (let answer = 0; answer < count; answer++)
    acts[`rank-${answer + 1}` as "rank-1"] = () => press(answer);
  useHotkeys("rank", acts, active);
  return (
    <>
      <div className="answers">
        {task.content.answers.map((value, answer) => (
          <AnswerPanel
            key={answer}
            title={label.task.nth(answer + 1)}
            value={value}
            plain={plain}
            chosen={ranks[answer] !== undefined}
          >
            <Button
              className="place"
              aria-pressed={ranks[answer] !== undefined}
              aria-label={label.rank.place(answer + 1, ranks[answer])}
              hotkey={key(`rank-${answer + 1}` as "rank-1")}
              onClick={() => press(answer)}
            >
              {ranks[answer] === undefined
                ? label.rank.place(answer + 1, undefined)
                : label.rank.at(ranks[answer])}
            </Button>
          </AnswerPanel>
        ))}
      </div>
      <div className="desk-bar">
        <p aria-live="polite">
          {label.rank.how} {whole ? label.rank.all : label.rank.left(left)}
        </p>
        <div className="choices-row">
          <Button
            hotkey={key("rank-tie")}
            aria-pressed={tie}
            disabled={groups.length === 0 || whole}
            onClick={() => setTie(!tie)}
          >
            {label.rank.tieOn}
          </Button>
          <Button hotkey={key("rank-again")} onClick={again}>
            {label.rank.again}
          </Button>
          <Button look="main" hotkey={key("done")} disabled={!whole} onClick={done}>
            {label.rank.done}
          </Button>
        </div>
      </div>
    </>
  );
}
