/**
 * How well doubt and abstaining are told by words: unknown without answers that people labelled;
 * with them, how often each kind is told rightly.
 */
import { countOf } from "../../core/counts.ts";
import type { Row } from "../../data/readers/row.ts";
import type { Interval } from "../../stats/intervals.ts";
import { shareInterval } from "../../stats/intervals.ts";
import type { Remarks } from "../behaviour/measured.ts";
import { textOf } from "../behaviour/rows.ts";
import type { ReportPart } from "../page.ts";
import { formatShare } from "../table.ts";
import type { Answered } from "./answered.ts";
import type { Stance } from "./stance.ts";
import { STANCES, stanceOf } from "./stance.ts";

const TEXT = ["answer", "completion", "response", "output", "text"];
const LABEL = ["stance", "label", "final_label"];
const WORDS: readonly (readonly [pattern: RegExp, stance: Stance])[] = [
  [/abstain|don'?t know|no answer|refus/i, "abstaining"],
  [/doubt|hedg|unsure|uncertain/i, "doubtful"],
  [/confident|certain|sure|assert/i, "confident"],
];

/** A label as people write it; undefined for another word. */
export const stanceNamed = (label: string): Stance | undefined =>
  WORDS.find(([pattern]) => pattern.test(label))?.[1];

export interface LabelledStance {
  readonly label: Stance;
  readonly found: Stance;
}

export function readStances(rows: readonly Row[], remarks: Remarks): LabelledStance[] {
  return rows.flatMap((row): LabelledStance[] => {
    const text = textOf(row, TEXT);
    const word = textOf(row, LABEL);
    const label = word === undefined ? undefined : stanceNamed(word);
    if (text === undefined || label === undefined) {
      remarks.add(
        "a labelled answer without text, or whose label is not confident, doubtful or abstaining",
        word ?? row.place,
      );
      return [];
    }
    return [{ label, found: stanceOf(text) }];
  });
}

/** What is said of the detection, and its table. */
export function stanceDetection(
  answered: readonly Answered[],
  rows: readonly Row[] | undefined,
  remarks: Remarks,
): { sentence: string; details: readonly ReportPart[] } {
  const labelled = rows === undefined ? [] : readStances(rows, remarks);
  if (labelled.length === 0)
    return {
      sentence:
        "Doubt and abstaining are told by English words, and how often wrongly is not known here.",
      details: [
        {
          kind: "text",
          text:
            "With a file of answers that people labelled as confident, doubtful or abstaining " +
            "(columns answer and label) the error of this is measured.",
        },
      ],
    };
  const right = shareInterval(labelled.map(({ label, found }) => (label === found ? 1 : 0)));
  const counts = (label: Stance, found: Stance): number =>
    labelled.filter((each) => each.label === label && each.found === found).length;
  const told = (label: Stance): Interval => {
    const those = labelled.filter((each) => each.label === label);
    return shareInterval(those.map(({ found }) => (found === label ? 1 : 0)));
  };
  const observed = STANCES.map(
    (stance) => answered.filter((each) => each.stance === stance).length / answered.length,
  );
  return {
    sentence:
      `How an answer is meant is told rightly in ${formatShare(right)} of ` +
      `${countOf(labelled.length, "answer")} that people labelled.`,
    details: [
      {
        kind: "table",
        table: {
          caption: "How doubt and abstaining are told, against people's labels",
          columns: [
            { name: "labelled" },
            ...STANCES.map((name) => ({ name: `told as ${name}`, align: "right" as const })),
            { name: "told rightly [95%]", align: "right" },
            { name: "share told in the answers here", align: "right" },
          ],
          rows: STANCES.map((label, i) => [
            label,
            ...STANCES.map((found) => String(counts(label, found))),
            formatShare(told(label)),
            `${(100 * observed[i]!).toFixed(1)}%`,
          ]),
        },
      },
    ],
  };
}
