/**
 * Judgements of a kind as votes on questions with two answers: a comparison asks which of two is
 * better, and so does each of its axes; a ranking asks it of every pair; an acceptance whether one
 * answer is good enough.
 */
import type { Acceptance } from "../kinds/accept.ts";
import type { ComparisonJudgement } from "../kinds/compare.ts";
import type { Choice } from "../kinds/kind.ts";
import type { Ranking } from "../kinds/rank.ts";
import type { JudgementFacts, ProjectFacts, TaskFacts } from "./facts.ts";

/** Something that is asked of a task. */
export interface QuestionItem {
  /** Index into the tasks. */
  readonly task: number;
  /** The two answers that it compares, by their indices; one answer's question compares none. */
  readonly pair?: readonly [number, number];
}

export interface QuestionVote {
  /** Index into the items. */
  readonly item: number;
  /** Index into the people. */
  readonly person: number;
  /** Index into the judgements. */
  readonly judgement: number;
  /** 1: the first answer is better, or the one answer is good enough; 0.5: a tie. */
  readonly outcome: 0 | 0.5 | 1;
  /** Whether the first answer stood left; undefined where nobody knows. */
  readonly firstLeft?: boolean;
}

export interface Question {
  /** Name of the axis; '' for what the task itself asks. */
  readonly axis: string;
  /** It means nothing which of the two is the first. */
  readonly symmetric: boolean;
  readonly items: readonly QuestionItem[];
  readonly votes: readonly QuestionVote[];
  /** Known outcomes by item, of gold and of what was decided; 0.5 for a tie. */
  readonly known: ReadonlyMap<number, 0 | 0.5 | 1>;
}

type Outcome = 0 | 0.5 | 1;
type Asked = { key: string; pair?: readonly [number, number]; outcome: Outcome };

const ofChoice = (choice: Choice): Outcome => (choice === 0 ? 1 : choice === 1 ? 0 : 0.5);

/** What a judgement says to a question. */
function answersTo(kind: ProjectFacts["kind"], axis: string, judgement: unknown): Asked[] {
  switch (kind) {
    case "compare": {
      const { choice, axes } = judgement as ComparisonJudgement;
      const own = axis === "" ? choice : axes?.[axis];
      return own === undefined ? [] : [{ key: "0/1", pair: [0, 1], outcome: ofChoice(own) }];
    }
    case "accept":
      return [{ key: "", outcome: (judgement as Acceptance).accept ? 1 : 0 }];
    case "rank": {
      const { ranks } = judgement as Ranking;
      return ranks.flatMap((a, first) =>
        ranks.slice(first + 1).map((b, offset): Asked => {
          const second = first + 1 + offset;
          return {
            key: `${first}/${second}`,
            pair: [first, second],
            outcome: a === b ? 0.5 : a < b ? 1 : 0,
          };
        }),
      );
    }
    default:
      return [];
  }
}

/** The task's own question first, then those of the axes; none where texts are written. */
export function questionsOf(facts: ProjectFacts): Question[] {
  const { kind, axes } = facts;
  if (kind === "rewrite" || kind === "critique") return [];
  return ["", ...(kind === "compare" ? axes : [])].map((axis) => questionOf(facts, axis));
}

function questionOf({ kind, tasks, judgements }: ProjectFacts, axis: string): Question {
  const items: QuestionItem[] = [];
  const numbers = new Map<string, number>();
  const itemOf = (task: number, { key, pair }: Asked): number => {
    const name = `${task}:${key}`;
    const number =
      numbers.get(name) ?? items.push({ task, ...(pair === undefined ? {} : { pair }) }) - 1;
    numbers.set(name, number);
    return number;
  };
  const votes = judgements.flatMap(({ task, person, judgement, sides }, n) =>
    tasks[task]!.dropped === true
      ? []
      : answersTo(kind, axis, judgement).map((asked): QuestionVote => {
          const firstLeft = stoodLeft(asked.pair, sides);
          return {
            item: itemOf(task, asked),
            person,
            judgement: n,
            outcome: asked.outcome,
            ...(firstLeft === undefined ? {} : { firstLeft }),
          };
        }),
  );
  const known = new Map<number, Outcome>();
  for (const [task, { gold, accepted }] of tasks.entries())
    for (const truth of [gold, accepted])
      if (truth !== undefined && truth !== null)
        for (const asked of answersTo(kind, axis, truth))
          known.set(itemOf(task, asked), asked.outcome);
  return { axis, symmetric: kind !== "accept", items, votes, known };
}

function stoodLeft(pair: Asked["pair"], sides: JudgementFacts["sides"]): boolean | undefined {
  if (pair === undefined || sides.length < 2) return undefined;
  return sides.indexOf(pair[0]) < sides.indexOf(pair[1]);
}

/** By which of the two answers is longer; 0 where there are not two, or nobody asked. */
export const longerOf = (
  { tasks }: { tasks: readonly TaskFacts[] },
  { task, pair }: QuestionItem,
): number => (pair !== undefined && tasks[task]!.answers === 2 ? tasks[task]!.longer : 0);
