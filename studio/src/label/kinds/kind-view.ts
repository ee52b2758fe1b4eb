/** What every kind of task is shown with. */
import type { TaskAnswer, workplace } from "../../../../src/studio/api/labelling.ts";
import type { AnswerOf } from "../../../../src/studio/api/route.ts";

export type Workplace = AnswerOf<typeof workplace>;

export interface KindProps {
  task: TaskAnswer;
  workplace: Workplace;
  /** What was judged before it was taken back; null for nothing. */
  judged: unknown;
  onJudge: (judgement: unknown) => void;
  /** Whether keys act: not while a dialog is open. */
  active: boolean;
  plain: boolean;
  differences: boolean;
}
