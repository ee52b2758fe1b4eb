/**
 * Fine-Grained RLHF's questions: passages, four answers, and a judgement of each of their six
 * pairs, in the order 1-2, 1-3, 1-4, 2-3, 2-4, 3-4 (0: equal, 1: the first is better, 2: the
 * second). The answers were judged against the passages, so the prompt holds them, before the
 * question: what truncation takes first.
 * Source: allenai/FineGrainedRLHF, reward_modeling/run_pref_rm.py.
 */
import { countOf } from "../../core/counts.ts";
import type { Comparison, DataRecord, RecordOf } from "../records.ts";
import type { Row } from "../readers/row.ts";
import * as column from "./columns.ts";
import type { DataFormat, WrittenRow } from "./format.ts";
import { extraOf, hasColumns } from "./format.ts";
import { completionMessages, promptMessages } from "./messages.ts";

const ANSWERS = ["prediction 1", "prediction 2", "prediction 3", "prediction 4"] as const;
const PAIRS: readonly (readonly [number, number])[] = [
  [0, 1],
  [0, 2],
  [0, 3],
  [1, 2],
  [1, 3],
  [2, 3],
];
const P = [0.5, 1, 0];

export const fineGrainedRlhf: DataFormat = {
  name: "fine-grained-rlhf",
  title: "Fine-Grained RLHF: four answers to a question, all pairs judged",
  shapes: [
    { kind: "ranked", required: ["question", ...ANSWERS, "preference"], optional: ["passages"] },
  ],
  metadata: ["gold", "feedback"],
  detect: (row) => hasColumns(row, "question", "preference", ...ANSWERS),
  read(row) {
    const question = column.text(row, "question");
    const passages = readPassages(row);
    const extra = {
      question,
      ...(passages.length > 0 ? { passages: row.columns["passages"] } : {}),
      ...extraOf(row, fineGrainedRlhf),
    };
    return {
      kind: "ranked",
      prompt: [{ role: "user", content: [...passages, question].join("\n\n") }],
      completions: ANSWERS.map((name) => ({
        completion: [{ role: "assistant", content: column.text(row, name) }],
      })),
      comparisons: readComparisons(row),
      extra,
      place: row.place,
    } satisfies DataRecord;
  },
  writes: ["ranked"],
  keeps: ["comparisons"],
  keepsExtra: ["question", "passages", "gold", "feedback"],
  loses: ["ranks and scores"],
  write: (record) => writeQuestion(record as RecordOf<"ranked">),
};

/** Title and text of each passage. */
function readPassages(row: Row): string[] {
  if (!hasColumns(row, "passages")) return [];
  return column.list(row, "passages").map((passage) => {
    if (!Array.isArray(passage) || passage.some((part) => typeof part !== "string"))
      throw column.fault(
        row,
        "passages",
        "holds something that is no passage",
        passage,
        "[title, sentence, ...]",
      );
    const [title, ...sentences] = passage as string[];
    return `${title}\n${sentences.join(" ").trim()}`;
  });
}

function readComparisons(row: Row): Comparison[] {
  const judgements = column.list(row, "preference");
  if (
    judgements.length !== PAIRS.length ||
    judgements.some((value) => value !== 0 && value !== 1 && value !== 2)
  ) {
    throw column.fault(
      row,
      "preference",
      "does not judge six pairs",
      judgements,
      "six numbers, each 0, 1 or 2",
    );
  }
  return judgements.map((value, index) => ({
    first: PAIRS[index]![0],
    second: PAIRS[index]![1],
    p: P[value as number]!,
  }));
}

function writeQuestion({
  prompt,
  completions,
  comparisons,
  extra,
}: RecordOf<"ranked">): WrittenRow {
  if (completions.length !== ANSWERS.length)
    return { leftOut: `${countOf(completions.length, "answer")}, not ${ANSWERS.length}` };
  const judgements = PAIRS.map(([a, b]) => {
    const found = comparisons?.find(
      ({ first, second }) => (first === a && second === b) || (first === b && second === a),
    );
    const p = found === undefined ? undefined : found.first === a ? found.p : 1 - found.p;
    return p === undefined ? -1 : P.indexOf(p);
  });
  if (judgements.includes(-1))
    return { leftOut: "pairs that are not judged, or judged with a probability" };
  const answers = completions.map(({ completion }) =>
    completionMessages(completion)
      .map(({ content }) => content)
      .join("\n\n"),
  );
  const { question, passages, gold, feedback } = extra ?? {};
  const turns = promptMessages(prompt);
  if (question === undefined && turns.length > 1) return { leftOut: "a prompt of several turns" };
  return {
    row: {
      question: question ?? turns[0]!.content,
      ...(passages === undefined ? {} : { passages }),
      ...(gold === undefined ? {} : { gold }),
      ...Object.fromEntries(ANSWERS.map((name, index) => [name, answers[index]])),
      ...(feedback === undefined ? {} : { feedback }),
      preference: judgements,
    },
  };
}
