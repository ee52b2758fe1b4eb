/**
 * How ordinary annotators vote, given what the others said of the same item: the log-odds of the
 * others' votes times how far he follows them, plus a leaning to the longer answer and one to the
 * left. Following and leanings are normal over annotators; their means are a logistic regression's,
 * their spreads the likeliest of a few.
 */
import { fitLogistic } from "../logistic.ts";
import { logGamma, softplus } from "../special.ts";

/** A vote between an item's first and second answer. */
export interface ShownVote {
  item: number;
  annotator: number;
  /** 0: the first answer was chosen. */
  label: 0 | 1;
  /** Whether the first answer stood left; undefined where nobody knows. */
  firstLeft?: boolean;
  /** Above 0 where the first answer is the longer one; 0 where neither is. */
  longer?: number;
}

export interface OrdinaryCrowd {
  /** Shares of the kinds of ordinary annotators. */
  weights: Float64Array;
  /** Adds the log-likelihood of vote n under each kind. */
  addTo(logs: Float64Array, n: number): void;
  /** Log-likelihood of vote n by the average annotator. */
  usual(n: number): number;
  /** The same for one who follows the others so many times as far; below 0 against them. */
  turned(n: number, times: number): number;
}

/** Points of a standard normal, and their weights (Gauss and Hermite, five points). */
const POINTS = [-2.856970013872806, -1.355626179974266, 0, 1.355626179974266, 2.856970013872806];
const WEIGHTS = [
  0.011257411327720689, 0.22207592200561266, 0.5333333333333333, 0.22207592200561266,
  0.011257411327720689,
];
/** Spreads that are tried, as shares of the mean following, and in log-odds for leanings. */
const FOLLOWING = [0.2, 0.35, 0.55] as const;
const LEANING = [0.25, 0.5, 0.8] as const;

interface Term {
  /** Log-odds that the others' votes give for the answer that was chosen. */
  others: number;
  /** 1 where the longer one was chosen, -1 where the shorter one was, else 0. */
  longer: number;
  /** The same for the left. */
  left: number;
}

/** @param left out: annotators whose votes tell nothing of the others */
export function ordinaryCrowd(
  votes: readonly ShownVote[],
  { items, annotators, left }: { items: number; annotators: number; left: ReadonlySet<number> },
): OrdinaryCrowd {
  const firsts = new Float64Array(items);
  const totals = new Float64Array(items);
  for (const { item, annotator, label } of votes) {
    if (left.has(annotator)) continue;
    totals[item]! += 1;
    firsts[item]! += 1 - label;
  }
  const doubt = pseudoVotes(firsts, totals);
  const terms = votes.map(({ item, annotator, label, firstLeft, longer = 0 }): Term => {
    const counted = left.has(annotator) ? 0 : 1;
    const first = firsts[item]! - counted * (1 - label);
    const second = totals[item]! - counted - first;
    const sign = label === 0 ? 1 : -1;
    return {
      others: sign * Math.log((first + doubt) / (second + doubt)),
      longer: sign * Math.sign(longer),
      left: firstLeft === undefined ? 0 : firstLeft === (label === 0) ? 1 : -1,
    };
  });
  const kept = votes.flatMap(({ annotator }, n) => (left.has(annotator) ? [] : [n]));
  const means = meansOf(kept.map((n) => terms[n]!));
  const byAnnotator = Array.from({ length: annotators }, (): Term[] => []);
  for (const n of kept) byAnnotator[votes[n]!.annotator]!.push(terms[n]!);
  const spreads = spreadsOf(byAnnotator, means);
  const kinds = kindsOf(means, spreads);
  return {
    weights: Float64Array.from(kinds, ({ weight }) => weight),
    addTo(logs, n) {
      for (const [k, kind] of kinds.entries()) logs[k]! -= softplus(-oddsOf(terms[n]!, kind));
    },
    usual: (n) => -softplus(-oddsOf(terms[n]!, means)),
    turned: (n, times) => -softplus(-times * means.following * terms[n]!.others),
  };
}

interface Leanings {
  following: number;
  longer: number;
  left: number;
}

const oddsOf = (term: Term, { following, longer, left }: Leanings): number =>
  following * term.others + longer * term.longer + left * term.left;

/** The likeliest parameter of a symmetric beta-binomial distribution of each item's votes. */
function pseudoVotes(firsts: Float64Array, totals: Float64Array): number {
  let [best, most] = [1, -Infinity];
  for (const doubt of [0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2.5, 5, 10]) {
    let value = 0;
    for (let i = 0; i < totals.length; i++)
      if (totals[i]! > 1)
        value +=
          logBeta(firsts[i]! + doubt, totals[i]! - firsts[i]! + doubt) - logBeta(doubt, doubt);
    if (value > most) [best, most] = [doubt, value];
  }
  return best;
}

const logBeta = (a: number, b: number): number => logGamma(a) + logGamma(b) - logGamma(a + b);

function meansOf(terms: readonly Term[]): Leanings {
  if (terms.length === 0) return { following: 1, longer: 0, left: 0 };
  const { coefficients } = fitLogistic({
    columns: 3,
    // the chosen answer is the event, so that there is no intercept to fit
    rows: terms.map(({ others, longer, left }) => ({
      indices: [0, 1, 2],
      values: [others, longer, left],
    })),
    targets: terms.map(() => 1),
    ridge: [0.5, 1, 1],
  });
  const [following, longer, left] = coefficients;
  // a crowd that contradicts itself follows nobody
  return { following: Math.max(0.05, following!), longer: longer!, left: left! };
}

/** The likeliest spread of each of the three, the others held at their mean. */
function spreadsOf(byAnnotator: readonly Term[][], means: Leanings): Leanings {
  const likeliest = (name: keyof Leanings, spreads: readonly number[]): number => {
    let [best, most] = [spreads[0]!, -Infinity];
    for (const spread of spreads) {
      let value = 0;
      for (const terms of byAnnotator) {
        const logs = POINTS.map((point) => {
          const own = { ...means, [name]: means[name] + spread * point };
          return terms.reduce((sum, term) => sum - softplus(-oddsOf(term, own)), 0);
        });
        const top = Math.max(...logs);
        value +=
          top + Math.log(logs.reduce((sum, log, k) => sum + WEIGHTS[k]! * Math.exp(log - top), 0));
      }
      if (value > most) [best, most] = [spread, value];
    }
    return best;
  };
  return {
    following: likeliest(
      "following",
      FOLLOWING.map((share) => share * means.following),
    ),
    longer: likeliest("longer", LEANING),
    left: likeliest("left", LEANING),
  };
}

function kindsOf(means: Leanings, spreads: Leanings): (Leanings & { weight: number })[] {
  return POINTS.flatMap((a, i) =>
    POINTS.flatMap((b, j) =>
      POINTS.map((c, k) => ({
        following: means.following + spreads.following * a,
        longer: means.longer + spreads.longer * b,
        left: means.left + spreads.left * c,
        weight: WEIGHTS[i]! * WEIGHTS[j]! * WEIGHTS[k]!,
      })),
    ),
  );
}
