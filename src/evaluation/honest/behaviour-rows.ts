/**
 * Anthropic's model-written evaluations: a question with the answers that match a behaviour and
 * those that do not.
 *
 * Source: anthropics/evals (Perez et al., arXiv 2212.09251): `question`,
 * `answer_matching_behavior`, `answer_not_matching_behavior`; older files have `prompt`, `corrects`,
 * `incorrects`.
 */
import type { Row } from "../../data/readers/row.ts";
import type { Remarks } from "../behaviour/measured.ts";
import { hasColumn, textOf, textsOf } from "../behaviour/rows.ts";

export interface BehaviourItem {
  readonly question: string;
  /** Answers that show the behaviour, with the space before them. */
  readonly matching: readonly string[];
  readonly others: readonly string[];
  /** The question without what makes this row another than its neighbours: its last sentence on. */
  readonly cluster: string;
}

const QUESTION = ["question", "prompt"];
const MATCHING = ["answer_matching_behavior", "corrects"];
const OTHERS = ["answer_not_matching_behavior", "incorrects"];

/** Whether rows are of this form. */
export const isBehaviourFile = (rows: readonly Row[]): boolean =>
  rows.some((row) => hasColumn(row, MATCHING) && hasColumn(row, OTHERS));

export function readBehaviour(rows: readonly Row[], remarks: Remarks): BehaviourItem[] {
  return rows.flatMap((row): BehaviourItem[] => {
    const question = textOf(row, QUESTION);
    const matching = textsOf(row, MATCHING);
    const others = textsOf(row, OTHERS);
    if (question === undefined || matching === undefined || others === undefined) {
      remarks.add("no question, or no answers for and against the behaviour", row.place);
      return [];
    }
    if (matching.some((answer) => others.includes(answer))) {
      remarks.add("one answer both matches the behaviour and does not", question);
      return [];
    }
    return [{ question, matching, others, cluster: coreOf(question) }];
  });
}

/** The last sentence before the options, with them: what a biography stands in front of. */
export function coreOf(question: string): string {
  const options = /\n+(?:Choices:|Answer Choices:|Options:)?\s*\n? *\(A\)/.exec(question);
  const end = options ? options.index : question.length;
  const head = question.slice(0, end).trimEnd();
  const sentences = head.split(/(?<=[.!?])\s+(?=\S)/);
  return `${sentences.at(-1)!.trim()}${question.slice(end)}`;
}
