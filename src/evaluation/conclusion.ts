/**
 * How a question was answered. `better`, `better at a cost` (and clearly worse in something else),
 * `worse`, `equal` (within a margin that was named) and `not distinguishable` are of comparisons;
 * `hacked` and `not hacked` of a reward; `fooled` of a judge that prefers a control, `sound` of one
 * that does not; `measured` of a number that has nothing to be compared with; `no conclusion` where
 * the data allow none, whose sentence says why.
 */
export const CONCLUSIONS = [
  "better",
  "better at a cost",
  "worse",
  "equal",
  "not distinguishable",
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
  "better at a cost",
  "no conclusion",
  "not distinguishable",
  "better",
  "equal",
  "not hacked",
  "sound",
  "measured",
];

/** What stands for several; `no conclusion` where there are none. */
export const gravest = (conclusions: readonly Conclusion[]): Conclusion =>
  GRAVEST.find((each) => conclusions.includes(each)) ?? "no conclusion";
