/**
 * What people are asked: a kind of task says what is shown, what a judgement is, and what becomes of
 * it. Nothing of Node here: the page loads it.
 */
import { z } from "zod";

const role = z.enum(["system", "developer", "user", "assistant", "tool"]);
export const messageSchema = z.looseObject({ role, content: z.string() });
/** A text, or turns, as data has them (text/messages.ts). */
export const textOrTurns = z.union([z.string(), z.array(messageSchema).min(1)]);
export type TextOrTurns = z.output<typeof textOrTurns>;

/** What is shown of a task of any kind. */
export const contentSchema = z.object({
  prompt: textOrTurns,
  /** In an order that means nothing; people see them in an order drawn for each. */
  answers: z.array(textOrTurns),
  /** Principles to judge by, where the kind asks for one. */
  principles: z.array(z.string()).optional(),
});
export type Content = z.output<typeof contentSchema>;

/** A choice between two answers: an answer's index, or neither. */
export const choiceSchema = z.union([
  z.literal(0),
  z.literal(1),
  z.literal("tie"),
  z.literal("both-bad"),
]);
export type Choice = z.output<typeof choiceSchema>;

export interface TaskKind<Judgement = unknown> {
  readonly name: string;
  /** As people read it. */
  readonly title: string;
  /** What an annotator does, in one sentence. */
  readonly summary: string;
  /** Fewest and most answers that a task has. */
  readonly answers: { readonly least: number; readonly most: number };
  /** Whether a task needs principles. */
  readonly needsPrinciples: boolean;
  /** Answers by their indices. */
  readonly judgement: z.ZodType<Judgement>;
  /**
   * The judgement with every answer under another index, `index` by index: from what was shown to
   * what is stored with `index = (i) => sides[i]`, and back with the inverse.
   */
  reindex(judgement: Judgement, index: (shown: number) => number): Judgement;
  /** What is the same in two judgements that agree; undefined where nothing can be compared. */
  agreement(judgement: Judgement): string | undefined;
}

/** A task's content with its answers in the order in which somebody sees them. */
export const contentShown = (content: Content, sides: readonly number[]): Content => ({
  ...content,
  answers: sides.map((index) => content.answers[index]!),
});

/** What was sent about answers as shown, about answers as stored. */
export const judgementStored = <Judgement>(
  kind: TaskKind<Judgement>,
  judgement: Judgement,
  sides: readonly number[],
): Judgement => kind.reindex(judgement, (shown) => sides[shown]!);

/** The other way round, for somebody who looks at his judgement again. */
export const judgementShown = <Judgement>(
  kind: TaskKind<Judgement>,
  judgement: Judgement,
  sides: readonly number[],
): Judgement => kind.reindex(judgement, (stored) => sides.indexOf(stored));
