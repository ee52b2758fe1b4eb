/** Labels and judgements as records of data, with where each comes from under `extra.studio`. */
import type { DataRecord, PreferenceRecord, RankedRecord } from "../../data/records.ts";
import { compact } from "../../data/records.ts";
import { answerTo } from "../../text/messages.ts";
import type { Completion, Prompt } from "../../text/messages.ts";
import type { Acceptance } from "../kinds/accept.ts";
import type { ComparisonJudgement } from "../kinds/compare.ts";
import { STRENGTHS } from "../kinds/compare.ts";
import type { Critique } from "../kinds/critique.ts";
import type { KindName } from "../kinds/index.ts";
import type { Choice, Content } from "../kinds/kind.ts";
import type { Ranking } from "../kinds/rank.ts";
import type { Rewriting } from "../kinds/rewrite.ts";
import type { ItemLabel } from "../labels/estimate.ts";
import type { TaskLabel } from "../labels/labels.ts";
import type { Hidden } from "./new-task.ts";

/** A task as the store has it. */
export interface StoredTask {
  readonly id: number;
  readonly content: Content;
  readonly hidden: Hidden;
  readonly gold: boolean;
  readonly chosenBy: string;
}

/** One judgement as the store has it. */
export interface StoredJudgement {
  readonly judgement: unknown;
  readonly annotator: string;
  readonly sides: readonly number[];
  readonly comment: string;
  readonly flag: string;
  readonly seconds?: number;
  readonly origin?: string;
  readonly created: string;
}

export interface OutOptions {
  readonly kind: KindName;
  /** The project's name in addresses. */
  readonly slug: string;
}

/** Digits that a probability is written with. */
const rounded = (value: number): number => Number(value.toFixed(6));

function common({ id, content, hidden, chosenBy }: StoredTask, slug: string, told: object) {
  const { split, cluster, source, extra, tools, templateArguments, plain, file, row } = hidden;
  return {
    prompt: content.prompt as Prompt,
    ...(compact({ split, cluster, source, tools, templateArguments, plain }) as object),
    place: { file: `studio:${slug}`, row: id },
    extra: {
      ...extra,
      studio: compact({ project: slug, task: id, file, row, chosen_by: chosenBy, ...told }),
    },
  };
}

/** A label as a record; undefined where the kind has none of its own. */
export function labelRecord(
  task: StoredTask,
  label: TaskLabel,
  { kind, slug }: OutOptions,
): DataRecord | undefined {
  const { votes, ties, known, low, high } = label.label;
  const told = {
    votes,
    ...(ties > 0 ? { ties } : {}),
    ...(known ? { known: task.gold ? "gold" : "adjudicated" } : {}),
  };
  switch (kind) {
    case "compare":
      return labelledPair(task, label, { slug, told });
    case "accept": {
      const { accept } = label.consensus as Acceptance;
      const p = accept ? label.label.p : 1 - label.label.p;
      return {
        kind: "unpaired",
        completion: task.content.answers[0] as Completion,
        label: accept,
        ...common(task, slug, {
          ...told,
          probability: rounded(p),
          interval: interval(label.label, accept),
          ...modelsOf(task),
        }),
      };
    }
    case "rank": {
      const { ranks } = label.consensus as Ranking;
      return {
        ...ranked(task, ranks),
        comparisons: label.pairs.map(({ first, second, p }) => ({ first, second, p: rounded(p) })),
        ...common(task, slug, {
          ...told,
          votes: Math.max(0, ...label.pairs.map((pair) => pair.votes)),
          least_certain_interval: [rounded(low), rounded(high)],
        }),
      };
    }
    default:
      return undefined;
  }
}

const interval = ({ low, high }: ItemLabel, first: boolean): [number, number] =>
  first ? [rounded(low), rounded(high)] : [rounded(1 - high), rounded(1 - low)];

function labelledPair(
  task: StoredTask,
  { label, margin, axes }: TaskLabel,
  { slug, told }: { slug: string; told: object },
): PreferenceRecord {
  const first = label.p >= 0.5;
  const along = Object.fromEntries(
    Object.entries(axes).map(([name, each]) => [
      name,
      {
        p: rounded(first ? each.p : 1 - each.p),
        interval: interval(each, first),
        votes: each.votes,
      },
    ]),
  );
  return {
    kind: "preference",
    ...pairOf(task, first ? 0 : 1),
    p: rounded(first ? label.p : 1 - label.p),
    ...(margin === undefined || label.p === 0.5 ? {} : { margin: rounded(margin) }),
    ...common(task, slug, {
      ...told,
      interval: interval(label, first),
      ...(Object.keys(along).length === 0 ? {} : { axes: along }),
    }),
  };
}

function pairOf({ content, hidden }: StoredTask, chosen: 0 | 1) {
  const other = 1 - chosen;
  const models = [chosen, other].map((index) => hidden.models?.[index]);
  return {
    chosen: content.answers[chosen] as Completion,
    rejected: content.answers[other] as Completion,
    ...(models.some((name) => typeof name !== "string")
      ? {}
      : { models: { chosen: models[0]!, rejected: models[1]! } }),
  };
}

const modelsOf = ({ hidden }: StoredTask): object =>
  compact({ model: hidden.models?.[0] ?? undefined });

function ranked({ content, hidden }: StoredTask, ranks: readonly number[]) {
  return {
    kind: "ranked" as const,
    completions: content.answers.map((completion, index) =>
      compact({
        completion: completion as Completion,
        rank: ranks[index],
        score: hidden.scores?.[index] ?? undefined,
        model: hidden.models?.[index] ?? undefined,
      }),
    ) as RankedRecord["completions"],
  };
}

/** One judgement as a record. */
export function judgementRecord(
  task: StoredTask,
  given: StoredJudgement,
  { kind, slug }: OutOptions,
): DataRecord {
  const { judgement, annotator, comment, flag, seconds, origin, created } = given;
  const told = compact({
    judged: created,
    seconds,
    comment: comment === "" ? undefined : comment,
    flag: flag === "" ? undefined : flag,
    origin,
  });
  switch (kind) {
    case "compare":
      return judgedPair(task, given, { slug, told });
    case "rank":
      return {
        ...ranked(task, (judgement as Ranking).ranks),
        annotator,
        ...common(task, slug, told),
      };
    case "accept":
      return {
        kind: "unpaired",
        completion: task.content.answers[0] as Completion,
        label: (judgement as Acceptance).accept,
        annotator,
        ...common(task, slug, { ...told, ...modelsOf(task) }),
      };
    case "rewrite": {
      const before = task.content.answers[0];
      return {
        kind: "demonstration",
        completion: answerTo(task.content.prompt as Prompt, (judgement as Rewriting).text),
        ...common(task, slug, { ...told, annotator, ...compact({ before }) }),
      };
    }
    case "critique": {
      const { principle, critique, revision } = judgement as Critique;
      return {
        kind: "demonstration",
        completion: answerTo(task.content.prompt as Prompt, revision),
        ...common(task, slug, {
          ...told,
          annotator,
          before: task.content.answers[0],
          principle: task.content.principles?.[principle],
          critique,
        }),
      };
    }
  }
}

/** How an axis was judged, in terms of the row. */
const asRow = (choice: Choice, chosen: 0 | 1): string =>
  typeof choice === "string" ? choice : choice === chosen ? "chosen" : "rejected";

function judgedPair(
  task: StoredTask,
  { judgement, annotator, sides }: StoredJudgement,
  { slug, told }: { slug: string; told: object },
): PreferenceRecord {
  const { choice, strength, axes } = judgement as ComparisonJudgement;
  const chosen = choice === 1 ? 1 : 0;
  const margin = STRENGTHS.find(({ name }) => name === strength)?.margin;
  return {
    kind: "preference",
    ...pairOf(task, chosen),
    p: typeof choice === "number" ? 1 : 0.5,
    ...(margin === undefined || typeof choice === "string" ? {} : { margin: rounded(margin) }),
    annotator,
    ...(sides.length < 2 ? {} : { side: sides[0] === chosen ? "first" : "second" }),
    ...common(task, slug, {
      ...told,
      ...(typeof choice === "string" ? { choice } : {}),
      ...(axes === undefined
        ? {}
        : {
            axes: Object.fromEntries(
              Object.entries(axes).map(([name, each]) => [name, asRow(each, chosen)]),
            ),
          }),
    }),
  };
}
