/**
 * How often something happens, measured by a detector that errs: a share of refusals by a detector
 * whose sensitivity and specificity were themselves estimated from labelled examples.
 *
 * Source: Rogan and Gladen (1978) for the correction; Lang and Reiczigel (2014, Preventive
 * Veterinary Medicine 113, equations 4 to 17) for an interval that carries the error of all three,
 * as prevSeSp of the R package asht computes it.
 * Differences: 1. with clusters each of the three counts as many observations as carry the same
 * information.
 * 2. A detector that the labels do not tell from guessing allows no claim, and neither does an
 * interval that lies beyond [0, 1]: cut, it would have no width.
 */
import type { Labels } from "./clusters.ts";
import { clusteredMean, effectiveSize, tooFewClusters } from "./clusters.ts";
import { checkConfidence, mean, twoSidedNormal } from "./intervals.ts";
import type { Interval } from "./intervals.ts";

/** A share with the number of observations that it is worth; counts may be fractional. */
export interface CountedShare {
  share: number;
  n: number;
}

export interface DetectedCounts {
  /** What the detector flagged among the cases in question. */
  flagged: CountedShare;
  /** Of labelled cases where it happened, those that the detector flagged. */
  sensitivity: CountedShare;
  /** Of labelled cases where it did not happen, those that it let pass. */
  specificity: CountedShare;
}

export interface CorrectedShare extends Interval {
  /** What the detector flagged, uncorrected. */
  flagged: number;
  /** NaN where no example was labelled. */
  sensitivity: number;
  specificity: number;
  /**
   * Before it was cut to [0, 1]: outside, the labelled examples are not like the cases. What was
   * flagged where the detector is no better than guessing.
   */
  uncut: number;
}

/** From counts. */
export function correctedShare(
  { flagged, sensitivity, specificity }: DetectedCounts,
  confidence = 0.95,
): CorrectedShare {
  for (const [name, { share, n }] of Object.entries({ flagged, sensitivity, specificity }))
    if (!(n >= 0) || (n > 0 && !(share >= 0 && share <= 1)))
      throw new RangeError(`${name} is no share: ${share} of ${n}`);
  const z = twoSidedNormal(checkConfidence(confidence));
  const [se, sp] = [shareOf(sensitivity), shareOf(specificity)];
  const corrected = (shareOf(flagged) + sp - 1) / (se + sp - 1);
  const uncut = se + sp > 1 ? corrected : shareOf(flagged);
  const about = {
    n: flagged.n,
    flagged: shareOf(flagged),
    sensitivity: se,
    specificity: sp,
    uncut,
  };
  // Where nothing can be corrected, what was flagged is all that is known.
  const none = (noClaim: string): CorrectedShare => ({
    ...about,
    estimate: shareOf(flagged),
    low: 0,
    high: 1,
    noClaim,
  });
  if (flagged.n === 0) return none("nothing observed");
  if (sensitivity.n === 0) return none("no labelled example where it happened");
  if (specificity.n === 0) return none("no labelled example where it did not happen");
  if (se + sp <= 1) return none("the detector is no better than guessing");
  const [hit, pass] = [added(sensitivity, 1), added(specificity, 1)];
  const seen = added(flagged, (z * z) / 2);
  const better = hit.share + pass.share - 1;
  if (better <= z * Math.hypot(errorOf(hit), errorOf(pass)))
    return none("too few labelled examples to tell the detector from guessing");
  const share = (seen.share + pass.share - 1) / better;
  const shift = 2 * z * z * (share * errorOf(hit) ** 2 - (1 - share) * errorOf(pass) ** 2);
  const half =
    (z * Math.hypot(errorOf(seen), share * errorOf(hit), (1 - share) * errorOf(pass))) / better;
  const [low, high] = [share + shift - half, share + shift + half];
  if (high <= 0 || low >= 1)
    return none("the labelled examples allow no such share: they are not like the cases");
  const estimate = cut(uncut);
  return {
    ...about,
    estimate,
    low: Math.min(estimate, cut(low)),
    high: Math.max(estimate, cut(high)),
  };
}

export interface DetectedCases {
  /** What the detector said of the cases in question: 1 or 0, or a probability. */
  flags: readonly number[];
  clusters?: Labels | undefined;
  /** What it said of the labelled cases, and what is true of them. */
  labelledFlags: readonly number[];
  truths: readonly boolean[];
  labelledClusters?: Labels | undefined;
}

/** From cases, which may come in clusters. */
export function correctedShareOfCases(
  { flags, clusters, labelledFlags, truths, labelledClusters }: DetectedCases,
  confidence = 0.95,
): CorrectedShare {
  if (labelledFlags.length !== truths.length)
    throw new RangeError(`${labelledFlags.length} labelled flags for ${truths.length} truths`);
  const those = (truth: boolean): CountedShare & { noClaim?: string } => {
    const places = truths.flatMap((value, i) => (value === truth ? [i] : []));
    return counted(
      places.map((i) => (truth ? labelledFlags[i]! : 1 - labelledFlags[i]!)),
      labelledClusters && places.map((i) => labelledClusters[i]!),
      confidence,
    );
  };
  const parts = {
    flagged: counted(flags, clusters, confidence),
    sensitivity: those(true),
    specificity: those(false),
  };
  const found = { ...correctedShare(parts, confidence), n: flags.length };
  const noClaim = found.noClaim ?? Object.values(parts).find((part) => part.noClaim)?.noClaim;
  return noClaim === undefined ? found : { ...found, low: 0, high: 1, noClaim };
}

function counted(
  values: readonly number[],
  clusters: Labels | undefined,
  confidence: number,
): CountedShare & { noClaim?: string } {
  if (!clusters || values.length === 0)
    return { share: values.length === 0 ? NaN : mean(values), n: values.length };
  const found = clusteredMean(values, clusters);
  const noClaim = tooFewClusters(found);
  return {
    share: Math.max(0, Math.min(1, found.estimate)),
    n: effectiveSize(found, confidence),
    ...(noClaim === undefined ? {} : { noClaim }),
  };
}

const shareOf = ({ share, n }: CountedShare): number => (n === 0 ? NaN : share);

/** With so many more successes and failures. */
const added = ({ share, n }: CountedShare, more: number): CountedShare => ({
  share: (n * share + more) / (n + 2 * more),
  n: n + 2 * more,
});

const errorOf = ({ share, n }: CountedShare): number => Math.sqrt((share * (1 - share)) / n);

const cut = (share: number): number => Math.max(0, Math.min(1, share));
