/** What labels are made of, as plain lists: nothing here knows of a store. */
import type { KindName } from "../kinds/index.ts";

export interface TaskFacts {
  readonly id: number;
  /** How many answers it has. */
  readonly answers: number;
  /** Characters by which the first answer is longer than the second. */
  readonly longer: number;
  /** Tasks that may depend on each other: one prompt's. */
  readonly cluster: string;
  /** The known judgement of a gold question. */
  readonly gold?: unknown;
  /** What was decided where people differed. */
  readonly accepted?: unknown;
  /** An adjudicator has put an end to the question without a label. */
  readonly dropped?: true;
  /** Returned to somebody who has not judged it once more. */
  readonly returned?: true;
}

export interface JudgementFacts {
  /** Index into the tasks. */
  readonly task: number;
  /** Index into the people. */
  readonly person: number;
  readonly judgement: unknown;
  /** The answers' indices in the order shown; empty where nobody knows. */
  readonly sides: readonly number[];
  readonly flagged: boolean;
  readonly shownMs: number;
  /** Name of the tool that it was imported from; judged here where left out. */
  readonly origin?: string;
}

export interface PersonFacts {
  readonly id: string;
  readonly name: string;
}

/** Everything of one project that counts. */
export interface ProjectFacts {
  readonly kind: KindName;
  /** Further questions of a comparison. */
  readonly axes: readonly string[];
  readonly tasks: readonly TaskFacts[];
  readonly people: readonly PersonFacts[];
  /** In the order in which they were given. */
  readonly judgements: readonly JudgementFacts[];
}
