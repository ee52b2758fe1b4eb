/**
 * Rows of the table of coverage: estimators of verdicts, of shares that are seen through a
 * classifier, and of confidence.
 */
import { plausibleShareDifference } from "../equivalence.ts";
import { correctedShareOfCases } from "../misclassification.ts";
import { predictionPoweredDifference, predictionPoweredShare } from "../prediction-powered.ts";
import type { PartlyLabelled } from "../prediction-powered.ts";
import { selectiveAccuracy } from "../selective.ts";
import { sequentialShare } from "../sequential.ts";
import { unpairedShareDifference } from "../unpaired.ts";
import type { Data, Estimator, Outcome } from "./estimator.ts";
import { signs } from "./estimator.ts";

/** Clusters are its units; looked at once, it is wider than it need be. */
function sequential({ clusters, uniform }: Data): Outcome {
  const outcomes = signs(uniform(), 0.7).map((sign) => (1 + sign) / 2);
  const share = sequentialShare(outcomes, { clusters });
  return { interval: share.interval(), truth: 0.5, pValue: share.pValue };
}

/** Equality is claimed where the truth is at the margin: the interval is the one that judges. */
const equivalence =
  (a: number, b: number): Estimator =>
  ({ clusters, uniform }) => {
    const u = uniform();
    const found = plausibleShareDifference(
      u.map((value) => value < a),
      u.map((value) => value > 1 - b),
      { clusters, confidence: 0.9 },
    );
    const margin = a - b;
    const equal = found.noClaim === undefined && found.high < margin && found.low > -margin;
    return {
      interval: { ...found, noClaim: "an interval of 90%" },
      truth: margin,
      pValue: equal ? 0 : 1,
    };
  };

function unpaired({ clusters, uniform }: Data): Outcome {
  const [a, b] = [uniform().map((u) => (u < 0.8 ? 1 : 0)), uniform().map((u) => (u < 0.6 ? 1 : 0))];
  return {
    interval: unpairedShareDifference(a, b, { clustersOfA: clusters, clustersOfB: clusters }),
    truth: 0.2,
  };
}

/** A prediction is right in 85 of 100, whatever the label. */
const guessed = (labels: readonly number[], { uniform }: Data): number[] =>
  uniform().map((u, i) => (u < 0.85 ? labels[i]! : 1 - labels[i]!));

/** As many cases with a label as without. */
function partly(data: Data, happens: (u: number) => boolean): PartlyLabelled {
  const [labels, others] = [data.uniform(), data.uniform()].map((values) =>
    values.map((u) => Number(happens(u))),
  ) as [number[], number[]];
  return { labels, predictions: guessed(labels, data), unlabelled: guessed(others, data) };
}

const powered =
  (p: number): Estimator =>
  (data) => ({
    interval: predictionPoweredShare(
      partly(data, (u) => u < p),
      { clusters: data.clusters, unlabelledClusters: data.clusters },
    ),
    truth: p,
  });

function poweredDifference(data: Data): Outcome {
  return {
    interval: predictionPoweredDifference(
      partly(data, (u) => u < 0.6),
      partly(data, (u) => u < 0.45),
      { clusters: data.clusters, unlabelledClusters: data.clusters },
    ),
    truth: 0.15,
  };
}

const corrected =
  (p: number): Estimator =>
  (data) => {
    const truths = data.uniform().map((u) => (u < p ? 1 : 0));
    const labelled = data.clusters.map((_, i) => i % 2);
    return {
      interval: correctedShareOfCases({
        flags: guessed(truths, data),
        clusters: data.clusters,
        labelledFlags: guessed(labelled, data),
        truths: labelled.map((value) => value === 1),
        labelledClusters: data.clusters,
      }),
      truth: p,
    };
  };

/** Of answers that are right as often as they say, the surer half. */
function surestHalf({ clusters, uniform }: Data): Outcome {
  const [sure, draws] = [uniform(), uniform()];
  const [point] = selectiveAccuracy(
    sure,
    sure.map((p, i) => draws[i]! < p),
    { coverages: [0.5], clusters },
  );
  return { interval: point!.accuracy, truth: 0.75 };
}

export const JUDGED: Readonly<Record<string, Estimator>> = {
  "always-valid win rate with ties": sequential,
  "equal within 10 points, at the margin": equivalence(0.2, 0.1),
  "equal within 5 points, few differ": equivalence(0.05, 0),
  "unpaired difference of shares": unpaired,
  "prediction-powered share 30%": powered(0.3),
  "prediction-powered share 95%": powered(0.95),
  "prediction-powered difference": poweredDifference,
  "share 30% through a detector": corrected(0.3),
  "share 2% through a detector": corrected(0.02),
  "accuracy of the surer half": surestHalf,
};
