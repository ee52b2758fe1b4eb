/**
 * How a question was answered. `better`, `better at a cost` (and clearly worse in something else),
 * `worse`, `equal` (within a margin that was named) and `not distinguishable` are of comparisons;
 * `fault shown` and `not shown` of a fault or a loss that was looked for, where the second is no
 * claim that there is none; `hacked` and `not hacked` of a reward; `fooled` of a judge that prefers a
 * control, `sound` of one that does not; `measured` of a number that has nothing to be compared with;
 * `no conclusion` where the data allow none, whose sentence says why.
 */
export const CONCLUSIONS = [
  "better",
  "better at a cost",
  "worse",
  "equal",
  "not distinguishable",
  "fault shown",
  "not shown",
  "hacked",
  "not hacked",
  "fooled",
  "sound",
  "measured",
  "no conclusion",
] as const;
/** One word for how a question was answered, as CONCLUSIONS explains them. */
export type Conclusion = (typeof CONCLUSIONS)[number];

/** The one that a reader must see first, first. */
const GRAVEST: readonly Conclusion[] = [
  "hacked",
  "fooled",
  "worse",
  "fault shown",
  "better at a cost",
  "no conclusion",
  "not distinguishable",
  "better",
  "equal",
  "not hacked",
  "sound",
  "not shown",
  "measured",
];

/** What stands for several; `no conclusion` where there are none. */
export const gravest = (conclusions: readonly Conclusion[]): Conclusion =>
  GRAVEST.find((each) => conclusions.includes(each)) ?? "no conclusion";

/** Those of which a reader must be told, whatever else is good. */
export const GRAVE: readonly Conclusion[] = GRAVEST.slice(0, GRAVEST.indexOf("no conclusion"));

/** How a question was answered; of several things by the gravest answer. */
export interface Concluded {
  conclusion: Conclusion;
  /** What it is better or worse than, where the question does not say it: "guessing". */
  than?: string | undefined;
  /** Of each, where the question is of several things: `--fail-on` looks at all of them. */
  conclusions?: readonly Conclusion[];
}

const JOINED: Partial<Record<Conclusion, string>> = {
  better: "than",
  worse: "than",
  equal: "to",
  "not distinguishable": "from",
};

/**
 * "better than guessing": a comparison with what it is of, where the question does not say it; and
 * "worse (1 of 4)" where the question is of several things that differ.
 */
export function conclusionText({ conclusion, than, conclusions = [] }: Concluded): string {
  const joined = JOINED[conclusion];
  const text =
    than === undefined || joined === undefined ? conclusion : `${conclusion} ${joined} ${than}`;
  const count = conclusions.filter((each) => each === conclusion).length;
  return count === 0 || count === conclusions.length
    ? text
    : `${text} (${count} of ${conclusions.length})`;
}
