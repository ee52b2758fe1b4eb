/**
 * Records of data as tasks of a kind, with what they say of the answers: a claim. A conversion
 * invents nothing: who prefers one answer has not said that it is good enough.
 */
import { z } from "zod";
import { convertRecord } from "../../data/conversions.ts";
import type { DataRecord, PreferenceRecord, RankedRecord } from "../../data/records.ts";
import { compact } from "../../data/records.ts";
import type { Completion, Prompt } from "../../text/messages.ts";
import { STRENGTHS } from "../kinds/compare.ts";
import type { KindName } from "../kinds/index.ts";
import type { Content } from "../kinds/kind.ts";
import type { Hidden, NewTask } from "./new-task.ts";

/** What a row says of its answers, by their indices. */
export interface Claim {
  readonly judgement: unknown;
  /** Who judged; a claim of nobody is kept beside the task, and counts as no judgement. */
  readonly annotator?: string;
  /** The answers' indices in the order in which they were shown, where that is known. */
  readonly sides?: readonly number[];
  readonly comment?: string;
  /** What of the row the judgement does not hold, as parts of sentences. */
  readonly notes?: readonly string[];
}

export interface DrawnTask {
  readonly task: NewTask;
  readonly claim?: Claim;
}

export interface DrawOptions {
  readonly kind: KindName;
  /** What a critique is by. */
  readonly principles: readonly string[];
  /** Name of the file, as people know it. */
  readonly file: string;
}

/** The tasks of a record; as a text, why there is none. */
export function tasksOf(record: DataRecord, options: DrawOptions): DrawnTask[] | string {
  switch (options.kind) {
    case "compare":
      return pairsOf(record, options);
    case "rank":
      return rankingsOf(record, options);
    case "accept":
      return answersOf(record, options);
    case "rewrite":
      return record.kind === "prompt"
        ? [drawn(record, { answers: [], options })]
        : draftsOf(record, options);
    case "critique":
      return draftsOf(record, options);
  }
}

interface Drawing {
  readonly answers: readonly Completion[];
  readonly options: DrawOptions;
  readonly hidden?: Partial<Hidden>;
  readonly claim?: Claim | undefined;
}

type WithPrompt = Exclude<DataRecord, { kind: "conversation" | "text" }>;

function drawn(record: WithPrompt, { answers, options, hidden, claim }: Drawing): DrawnTask {
  const { place, split, cluster, source, extra, tools, templateArguments, plain } = record;
  const content: Content = {
    prompt: mutable(record.prompt),
    answers: answers.map(mutable),
    ...(options.kind === "critique" ? { principles: [...options.principles] } : {}),
  };
  return {
    task: {
      content,
      hidden: compact({
        ...hidden,
        label: claim?.annotator === undefined ? claim?.judgement : undefined,
        file: options.file,
        row: place.row,
        split,
        cluster,
        source,
        extra,
        tools,
        templateArguments,
        plain,
      }),
    },
    ...(claim === undefined ? {} : { claim }),
  };
}

/** Turns as the schema of contents has them. */
const mutable = (side: Prompt | Completion): Content["prompt"] =>
  typeof side === "string" ? side : side.map((message) => ({ ...message }));

function pairsOf(record: DataRecord, options: DrawOptions): DrawnTask[] | string {
  // answers that nobody has judged
  if (record.kind === "ranked" && record.comparisons?.length === 0) {
    const { completions } = record;
    return completions.flatMap((a, first) =>
      completions.slice(first + 1).map((b) =>
        drawn(record, {
          answers: [a.completion, b.completion],
          options,
          hidden: compact({ models: a.model && b.model ? [a.model, b.model] : undefined }),
        }),
      ),
    );
  }
  const pairs = convertRecord(record, "preference");
  if (pairs === undefined) return `no pair of answers: a ${record.kind} row`;
  if (pairs.length === 0) return "no pair of answers that differ";
  return pairs.map((pair) =>
    drawn(pair, {
      answers: [pair.chosen, pair.rejected],
      options,
      hidden: {
        ...compact({
          models: pair.models && [pair.models.chosen, pair.models.rejected],
          margin: pair.annotator === undefined ? pair.margin : undefined,
        }),
        ...(pair.annotator === undefined && pair.p !== 0 && pair.p !== 0.5 && pair.p !== 1
          ? { p: pair.p }
          : {}),
      },
      claim: comparisonClaim(pair),
    }),
  );
}

/** What attune's own export of a judgement says beside its columns. */
const studioSchema = z.object({
  choice: z.enum(["tie", "both-bad"]).optional(),
  axes: z.record(z.string(), z.enum(["chosen", "rejected", "tie", "both-bad"])).optional(),
  comment: z.string().optional(),
});

function comparisonClaim({ p, margin, annotator, side, extra }: PreferenceRecord): Claim {
  const notes: string[] = [];
  const { data: studio = {} } = studioSchema.safeParse(extra?.["studio"]);
  if (annotator !== undefined && p !== 0 && p !== 0.5 && p !== 1)
    notes.push("how sure a person was (p), taken as a vote for the likelier answer");
  const bad = ["tie (bothbad)", "both_bad"].includes(String(extra?.["winner"]));
  const tie = bad || studio.choice === "both-bad" ? "both-bad" : "tie";
  const choice = p === 0.5 ? tie : p > 0.5 ? 0 : 1;
  const size = margin === undefined ? undefined : p < 0.5 ? -margin : margin;
  const strength = STRENGTHS.find(
    (each) => size !== undefined && Math.abs(each.margin - size) < 5e-3,
  );
  if (margin !== undefined && strength === undefined && annotator !== undefined)
    notes.push("a margin that is none of the four steps");
  return compact({
    judgement: compact({
      choice,
      strength: typeof choice === "number" ? strength?.name : undefined,
      axes:
        studio.axes &&
        Object.fromEntries(
          Object.entries(studio.axes).map(([name, each]) => [
            name,
            each === "chosen" ? 0 : each === "rejected" ? 1 : each,
          ]),
        ),
    }),
    comment: studio.comment,
    annotator,
    sides: side === undefined ? undefined : side === "first" ? [0, 1] : [1, 0],
    notes,
  }) as Claim;
}

function rankingsOf(record: DataRecord, options: DrawOptions): DrawnTask[] | string {
  if (record.kind === "preference") {
    const { p, annotator } = record;
    const ranks = p === 0.5 ? [1, 1] : p > 0.5 ? [1, 2] : [2, 1];
    return [
      drawn(record, {
        answers: [record.chosen, record.rejected],
        options,
        hidden: compact({
          models: record.models && [record.models.chosen, record.models.rejected],
        }),
        claim: compact({ judgement: { ranks }, annotator }) as Claim,
      }),
    ];
  }
  if (record.kind !== "ranked") return `no several answers: a ${record.kind} row`;
  const { completions, annotator } = record;
  if (completions.length > 9) return "more than 9 answers to rank";
  const ranks = ranksOf(record);
  return [
    drawn(record, {
      answers: completions.map(({ completion }) => completion),
      options,
      hidden: {
        ...(completions.some(({ model }) => model !== undefined)
          ? { models: completions.map(({ model }) => model ?? null) }
          : {}),
        ...(completions.some(({ score }) => score !== undefined)
          ? { scores: completions.map(({ score }) => score ?? null) }
          : {}),
      },
      claim:
        ranks === undefined ? undefined : (compact({ judgement: { ranks }, annotator }) as Claim),
    }),
  ];
}

/** 1 for the best, equal ones the same; undefined where the row has only pairs. */
function ranksOf({ completions, comparisons }: RankedRecord): number[] | undefined {
  if (comparisons?.length === 0) return undefined;
  const byRank = completions.every(({ rank }) => rank !== undefined);
  const worth = completions.map(({ rank, score }) => (byRank ? -rank! : score));
  if (worth.some((each) => each === undefined)) return undefined;
  const steps = [...new Set(worth as number[])].toSorted((a, b) => b - a);
  return worth.map((each) => steps.indexOf(each!) + 1);
}

function answersOf(record: DataRecord, options: DrawOptions): DrawnTask[] | string {
  switch (record.kind) {
    case "unpaired": {
      const { completion, label, annotator } = record;
      const claim = compact({ judgement: { accept: label }, annotator }) as Claim;
      return [drawn(record, { answers: [completion], options, claim })];
    }
    case "preference":
      return (["chosen", "rejected"] as const).map((name) =>
        drawn(record, {
          answers: [record[name]],
          options,
          hidden: compact({ models: record.models && [record.models[name]] }),
        }),
      );
    case "ranked":
      return record.completions.map(({ completion, model }) =>
        drawn(record, {
          answers: [completion],
          options,
          hidden: compact({ models: model === undefined ? undefined : [model] }),
        }),
      );
    default:
      return draftsOf(record, options);
  }
}

/** One answer each, to be made better. */
function draftsOf(record: DataRecord, options: DrawOptions): DrawnTask[] | string {
  const answers = record.kind === "unpaired" ? [record] : convertRecord(record, "demonstration");
  if (answers === undefined || answers.length === 0)
    return answers === undefined
      ? `no answer: a ${record.kind} row`
      : "no answer that is the best, or to be learned";
  return answers.map((each) => drawn(each, { answers: [each.completion], options }));
}
