/**
 * How a question was answered. `better`, `worse`, `equal` (within a margin that was named) and `not
 * distinguishable` are of comparisons; `hacked` and `not hacked` of a reward; `fooled` of a judge
 * that prefers a control, `sound` of one that does not; `measured` of a number that has nothing to
 * be compared with; `no conclusion` where the data allow none, whose sentence says why.
 */
export const CONCLUSIONS = [
  "better",
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
