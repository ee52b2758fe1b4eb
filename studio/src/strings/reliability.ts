/** English texts of how far labels can be trusted. */
import { countOf } from "../../../src/core/counts.ts";

const percent = (value: number): string => `${(100 * value).toFixed(value > 0.99 ? 1 : 0)}%`;

export const reliability = {
  tabs: { label: "Reliability", figures: "Figures", decide: "Decide" },
  none: "Nobody has judged anything yet.",
  summary: (judgements: number, labelled: number, certain: number) =>
    `${countOf(judgements, "judgement")} on ${countOf(labelled, "task")}; of their labels ` +
    `${certain.toLocaleString("en-US")} are right with 90% or more.`,
  cannot: "What these judgements cannot tell",
  agreement: {
    title: "Agreement",
    caption: "How far people agree on one task",
    question: "Question",
    main: "the task's own",
    tasks: "Shared tasks",
    raw: "Say the same",
    alpha: "Krippendorff's alpha",
    kappa: "Fleiss' kappa",
    ceiling: "Ceiling of a model",
    note:
      "Say the same: how often two of one task do. Alpha and kappa: how far beyond chance, 0 where " +
      "it is no better. Ceiling: no model is right on more single votes.",
  },
  people: {
    title: "People",
    caption: "What is known of each person",
    name: "Name",
    imported: "imported",
    judgements: "Judgements",
    accuracy: "Right",
    agreement: "Agrees with others",
    gold: "Gold",
    goldOf: (right: number, of: number) => (of === 0 ? "none" : `${right} of ${of}`),
    left: "Left or right",
    seconds: "Seconds",
    quick: "Too quick",
    anomaly: "Judges otherwise",
    anomalies: {
      random: "at random",
      contrary: "against the others",
      left: "always left",
      right: "always right",
      longer: "always the longer",
      shorter: "always the shorter",
    } as Readonly<Record<string, string>>,
    note:
      "Right: by the annotators' model, with all that the votes leave open; the mark is a coin's " +
      "throw. Left or right: share of choices of the left answer less a half; 0 is none.",
  },
  conflicts: {
    title: "Axes that pull apart",
    caption: "On how many tasks two questions prefer the same answer",
    axes: "Questions",
    same: "Same answer",
    apart: "Different ones",
    undecided: "Undecided",
    note: "Each axis has labels of its own: nothing is averaged away.",
  },
  decide: {
    title: "Decide",
    open: (count: number) => `${countOf(count, "task")} to decide on, the least certain first`,
    none: "There is nothing to decide on: people agree, and nobody flagged a task.",
    at: (n: number, of: number) => `${n} of ${of}`,
    reason: {
      differ: "people differ",
      flagged: "somebody flagged it",
      text: "written texts",
    } as Readonly<Record<string, string>>,
    prompt: "Prompt",
    answer: (n: number, of: number) =>
      of === 1
        ? "Answer"
        : of === 2
          ? n === 0
            ? "First answer"
            : "Second answer"
          : `Answer ${n + 1}`,
    judgements: "What people said",
    somebody: (n: number) => `Person ${n}`,
    probability: {
      compare: (p: number, low: number, high: number) =>
        `The ${p >= 0.5 ? "first" : "second"} answer is better with ` +
        range(p >= 0.5 ? [p, low, high] : [1 - p, 1 - high, 1 - low]),
      accept: (p: number, low: number, high: number) => `Good enough with ${range([p, low, high])}`,
      rank: (p: number, low: number, high: number) =>
        `The least certain pair with ${range(p >= 0.5 ? [p, low, high] : [1 - p, 1 - high, 1 - low])}`,
    },
    note: "Note",
    noteHint: "whoever judges once more reads it",
    accept: "Accept",
    first: "First is better",
    second: "Second is better",
    tie: "As good as each other",
    bothBad: "Both bad",
    good: "Good enough",
    bad: "Not good enough",
    reject: "Reject: no label",
    returned: "Return to those who judged",
    passOn: "Pass on to others",
    later: "Later",
    back: "Back",
    undo: "Take back",
    said: {
      accepted: "Accepted.",
      rejected: "Rejected: the task has no label.",
      returned: "Returned to those who judged.",
      "passed-on": "Passed on to others.",
      reopened: "Taken back.",
    },
    keys: "Keys: the signs on the buttons; a number takes that person's judgement.",
    choice: {
      0: "the first is better",
      1: "the second is better",
      tie: "as good as each other",
      "both-bad": "both bad",
    } as Readonly<Record<string, string>>,
    much: (choice: 0 | 1, how: string) => `the ${choice === 0 ? "first" : "second"} is ${how}`,
    principle: "Principle",
  },
};

function range([p, low, high]: readonly [number, number, number]): string {
  return `a probability of ${percent(p)} (${percent(low)} to ${percent(high)})`;
}
