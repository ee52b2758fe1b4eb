/**
 * How much a label would tell, from what the members of an ensemble think of a pair.
 * Source: BALD: Houlsby et al. 2011 (arXiv 1112.5745), equation 2; vote entropy's two-class form for
 * disagreement. Nothing of Node here: options are made of the names.
 */

export const RULE_NAMES = ["uncertainty", "disagreement", "random"] as const;
export type RuleName = (typeof RULE_NAMES)[number];

export const UNCERTAINTY_NAMES = ["bald", "variance"] as const;
export type UncertaintyName = (typeof UNCERTAINTY_NAMES)[number];

export const probabilityOf = (margin: number): number => 1 / (1 + Math.exp(-margin));

/** Of a choice between two, nats. */
function entropy(p: number): number {
  return p <= 0 || p >= 1 ? 0 : -p * Math.log(p) - (1 - p) * Math.log(1 - p);
}

const average = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const SCORES: Readonly<Record<UncertaintyName, (probabilities: readonly number[]) => number>> = {
  bald: (probabilities) =>
    Math.max(0, entropy(average(probabilities)) - average(probabilities.map(entropy))),
  variance(probabilities) {
    const centre = average(probabilities);
    return average(probabilities.map((p) => (p - centre) ** 2));
  },
};

/**
 * Higher is asked first.
 * @param margins of each member: reward of the one answer less that of the other
 */
export function scoreOf(
  margins: readonly number[],
  rule: RuleName,
  uncertainty: UncertaintyName,
): number {
  const probabilities = margins.map(probabilityOf);
  if (rule === "random") return 0;
  if (rule === "uncertainty") return SCORES[uncertainty](probabilities);
  const first = average(margins.map((margin) => (margin > 0 ? 1 : margin < 0 ? 0 : 0.5)));
  // of equal votes, those that differ more; a tenth of the smallest step of votes at most
  return Math.min(first, 1 - first) + SCORES.variance(probabilities) / margins.length / 10;
}

/** What all members together think, between 0 and 1. */
export const jointProbability = (margins: readonly number[]): number =>
  average(margins.map(probabilityOf));
