/**
 * Two ways to correct a share that was counted with errors.
 *
 * Source: prediction-powered inference (Angelopoulos et al., Science 2023; the weight of the
 * predictions from "PPI++", arXiv 2311.01453); Rogan and Gladen (1978) with the interval of Lang and
 * Reiczigel (2014).
 * Difference: the interval of the first puts together those of its two parts (Zou and Donner 2008),
 * so that it has a width where no label and prediction differ.
 */
import type { Interval } from "../../stats/intervals.ts";
import { mean, meanInterval, shareInterval, twoSidedNormal } from "../../stats/intervals.ts";

/**
 * @param labelled truth and prediction of a random sample
 * @param rest predictions of the others
 */
export function powered(
  labelled: readonly { truth: number; found: number }[],
  rest: readonly number[],
): Interval {
  const truths = labelled.map(({ truth }) => truth);
  if (rest.length === 0) return shareInterval(truths);
  const weight = weightOf(labelled, rest.length);
  const corrections = meanInterval(
    labelled.map(({ truth, found }) => truth - weight * found),
    { range: [-1, 1] },
  );
  const predicted = shareInterval(rest);
  const estimate = weight * predicted.estimate + corrections.estimate;
  const n = labelled.length + rest.length;
  if (corrections.noClaim !== undefined)
    return { estimate, low: 0, high: 1, n, noClaim: corrections.noClaim };
  const below = Math.hypot(
    weight * (predicted.estimate - predicted.low),
    corrections.estimate - corrections.low,
  );
  const above = Math.hypot(
    weight * (predicted.high - predicted.estimate),
    corrections.high - corrections.estimate,
  );
  return {
    estimate: Math.min(1, Math.max(0, estimate)),
    low: Math.max(0, estimate - below),
    high: Math.min(1, estimate + above),
    n,
  };
}

/** How far predictions are believed: their regression of the truth, for so many of them. */
function weightOf(labelled: readonly { truth: number; found: number }[], others: number): number {
  const truth = mean(labelled.map((each) => each.truth));
  const found = mean(labelled.map((each) => each.found));
  const spread = mean(labelled.map((each) => (each.found - found) ** 2));
  const common = mean(labelled.map((each) => (each.truth - truth) * (each.found - found)));
  return spread === 0
    ? 1
    : Math.min(1, Math.max(0, common / spread / (1 + labelled.length / others)));
}

interface Rate {
  right: number;
  n: number;
}

/** Undefined where the test tells no better than chance. */
export function roganGladen(
  { count, n }: { count: number; n: number },
  { sensitivity, specificity }: { sensitivity: Rate; specificity: Rate },
): Interval | undefined {
  const z = twoSidedNormal(0.95);
  const share = (count + (z * z) / 2) / (n + z * z);
  const adjusted = ({ right, n: size }: Rate): number => (right + 1) / (size + 2);
  const [se, sp] = [adjusted(sensitivity), adjusted(specificity)];
  const youden = se + sp - 1;
  const plain = sensitivity.right / sensitivity.n + specificity.right / specificity.n - 1;
  if (youden <= 0 || plain <= 0) return undefined;
  const centre = Math.min(1, Math.max(0, (share + sp - 1) / youden));
  const errorOf = (rate: number, size: number): number => (rate * (1 - rate)) / (size + 2);
  const [ofSe, ofSp] = [errorOf(se, sensitivity.n), errorOf(sp, specificity.n)];
  const shift = 2 * z * z * (centre * ofSe - (1 - centre) * ofSp);
  const half =
    (z *
      Math.sqrt(
        (share * (1 - share)) / (n + z * z) + centre ** 2 * ofSe + (1 - centre) ** 2 * ofSp,
      )) /
    youden;
  const estimate = (count / n + specificity.right / specificity.n - 1) / plain;
  return {
    estimate: Math.min(1, Math.max(0, estimate)),
    low: Math.min(1, Math.max(0, centre + shift - half)),
    high: Math.max(0, Math.min(1, centre + shift + half)),
    n,
  };
}
