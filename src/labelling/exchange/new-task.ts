/**
 * A task as it comes in, made fit for the store: checked by its kind, its answers in an order that
 * means nothing and is always the same, and a digest by which the same question is known again.
 */
import { createHash } from "node:crypto";
import { AttuneError, preview } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { compact } from "../../data/records.ts";
import type { Content, TaskKind } from "../kinds/kind.ts";
import { contentSchema } from "../kinds/kind.ts";
import { storable } from "./storable.ts";

/** What nobody may see before the judgement; all of it may be left out. */
export interface Hidden {
  /** Who wrote the answers, by the answers' indices. */
  readonly models?: readonly (string | null)[];
  /** By the answers' indices, in any unit. */
  readonly scores?: readonly (number | null)[];
  /** What the data says without saying who judged, answers by their indices. */
  readonly label?: unknown;
  /** As the label was written: a probability and a margin for the answer that `label` chooses. */
  readonly p?: number;
  readonly margin?: number;
  readonly file?: string;
  readonly row?: number;
  readonly split?: string;
  readonly cluster?: string;
  readonly source?: string;
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly [name: string]: unknown;
}

export const CHOSEN_BY = ["order", "random", "uncertainty", "disagreement"] as const;

/** A task to add; its answers in any order. */
export interface NewTask {
  readonly content: Content;
  readonly hidden?: Hidden;
  /** The known judgement, answers by their indices in `content`. */
  readonly gold?: unknown;
  /** Place in the queue, smaller first; behind all others where left out. */
  readonly rank?: number;
  readonly chosenBy?: (typeof CHOSEN_BY)[number];
}

/** As it goes into the store. */
export interface ReadyTask {
  readonly content: Content;
  readonly hidden: Hidden;
  readonly gold?: unknown;
  /** Hexadecimal. */
  readonly digest: string;
  readonly rank?: number;
  readonly chosenBy: (typeof CHOSEN_BY)[number];
  /** Place of each answer, by the place that it was given in. */
  readonly moved: readonly number[];
  /** Characters that no store keeps were replaced. */
  readonly mended: boolean;
}

/** @throws AttuneError `data` for a task that is none of its kind */
export function readyTask(task: NewTask, kind: TaskKind): ReadyTask {
  const { value: given, mended } = storable({ content: task.content, hidden: task.hidden ?? {} });
  const content = checkContent(given.content as Content, kind);
  const texts = content.answers.map(canonical);
  const digest = createHash("sha256")
    .update(canonical({ ...content, answers: texts.toSorted() }))
    .digest("hex");
  const sorted = texts
    .map((_, index) => index)
    .toSorted((a, b) => (texts[a]! < texts[b]! ? -1 : texts[a] === texts[b] ? a - b : 1));
  // sorted by their texts, the first answer would mean something
  const order = new Random(digest).shuffle(sorted);
  const moved = texts.map((_, index) => order.indexOf(index));
  const there = (judgement: unknown): unknown =>
    kind.reindex(checkJudgement(judgement, kind), (index) => moved[index]!);
  const hidden = given.hidden as Hidden;
  return {
    content: { ...content, answers: order.map((index) => content.answers[index]!) },
    hidden: {
      ...hidden,
      ...compact({
        models: hidden.models && order.map((index) => hidden.models![index] ?? null),
        scores: hidden.scores && order.map((index) => hidden.scores![index] ?? null),
      }),
      ...(hidden.label === undefined ? {} : { label: there(hidden.label) }),
    },
    ...(task.gold === undefined ? {} : { gold: there(task.gold) }),
    digest,
    ...(task.rank === undefined ? {} : { rank: task.rank }),
    chosenBy: task.chosenBy ?? "order",
    moved,
    mended,
  };
}

function checkContent(content: Content, { name, answers, needsPrinciples }: TaskKind): Content {
  const parsed = contentSchema.safeParse(content);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new AttuneError("data", "this is no task", { got: `${path.join(".")}: ${message}` });
  }
  const count = parsed.data.answers.length;
  if (count < answers.least || count > answers.most)
    throw new AttuneError("data", `a task to ${name} has another number of answers`, {
      got: String(count),
      expected:
        answers.least === answers.most
          ? String(answers.least)
          : `${answers.least} to ${answers.most}`,
    });
  if (needsPrinciples && (parsed.data.principles ?? []).length === 0)
    throw new AttuneError("data", `a task to ${name} needs a principle to judge by`, {
      hint: "name principles in the project's settings",
    });
  return parsed.data;
}

/** @throws AttuneError `data` for a judgement of another kind */
export function checkJudgement(judgement: unknown, kind: TaskKind): unknown {
  const parsed = kind.judgement.safeParse(judgement);
  if (parsed.success) return parsed.data;
  throw new AttuneError("data", `this is no judgement of a task to ${kind.name}`, {
    got: preview(judgement),
    expected: parsed.error.issues[0]!.message,
  });
}

/** JSON with keys in order. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) =>
    typeof each === "object" && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
