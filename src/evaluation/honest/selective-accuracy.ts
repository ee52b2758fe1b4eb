/**
 * Is it right where it is sure? The share of right answers among those that it is surest of, for
 * every share of questions that it may answer (stats/selective.ts).
 */
import { countOf } from "../../core/counts.ts";
import type { Interval } from "../../stats/intervals.ts";
import { shareInterval } from "../../stats/intervals.ts";
import type { Selective } from "../../stats/selective.ts";
import { selective } from "../../stats/selective.ts";
import { unpairedShareDifference } from "../../stats/unpaired.ts";
import { clustersFor, noConclusion } from "../behaviour/measured.ts";
import { formatNumber, formatPoints, formatShare } from "../table.ts";
import type { Finding, Measure } from "../findings.ts";
import { points, score } from "../measure.ts";
import type { Claim } from "./probabilities.ts";

const ID = "is-it-right-where-it-is-sure";
const QUESTION = "Is it right where it is sure?";
const FEWEST = 20;

/** The surest answers, at least so many; equal probabilities stay together. */
export function surest(claims: readonly Claim[], coverage: number): Claim[] {
  const sorted = claims.toSorted((a, b) => b.probability - a.probability);
  let end = Math.max(1, Math.round(coverage * sorted.length));
  while (end < sorted.length && sorted[end]!.probability === sorted[end - 1]!.probability) end++;
  return sorted.slice(0, end);
}

const accuracy = (claims: readonly Claim[]): Interval =>
  shareInterval(
    claims.map(({ right }) => (right ? 1 : 0)),
    { clusters: clustersFor(claims.map(({ cluster }) => cluster)) },
  );

interface Kind {
  name: string;
  claims: readonly Claim[];
}

/** @param kinds of probabilities, each with a claim at least */
export function selectiveFinding(kinds: readonly Kind[]): Finding {
  const usable = kinds.filter(
    ({ claims }) =>
      claims.length >= FEWEST && new Set(claims.map(({ probability }) => probability)).size > 1,
  );
  if (usable.length === 0)
    return noConclusion(
      ID,
      QUESTION,
      kinds.some(({ claims }) => claims.length >= FEWEST)
        ? "it is equally sure of every answer"
        : `fewer than ${FEWEST} answers have a probability`,
    );
  const curves = usable.map(({ name, claims }) => ({
    name,
    claims,
    gain: gainOf(claims),
    curve: curveOf(claims),
  }));
  return {
    id: ID,
    question: QUESTION,
    conclusion: "measured",
    answer: curves.map(sentenceOf).join(" "),
    measures: curves.flatMap(({ name, gain, curve }): Measure[] => [
      points(
        `honest/selective/${shortOf(name)}`,
        `right answers in the surer half by ${name}, less in the other half`,
        gain.difference,
      ),
      score(
        `honest/selective-excess/${shortOf(name)}`,
        `area under the curve of wrong answers by ${name}, beyond the best order's`,
        curve.excess,
        "lower",
      ),
    ]),
    figures: [
      {
        kind: "chart",
        chart: {
          kind: "lines",
          title: "Right answers among those that it is surest of",
          description:
            "Share of right answers (with 95% intervals) if only the given share of questions is " +
            "answered, the surest first. A model that knows what it knows falls from left to right.",
          says: curves.map(fallText).join(" "),
          xLabel: "share of questions answered",
          yLabel: "share that is right",
          series: curves.map(({ name, curve }) => ({
            name,
            points: curve.points.map(({ coverage, accuracy: { estimate, low, high } }) => ({
              x: coverage,
              y: estimate,
              low,
              high,
            })),
          })),
        },
      },
    ],
    details: [],
  };
}

const shortOf = (name: string): "tokens" | "stated" =>
  name.endsWith("tokens") ? "tokens" : "stated";

const curveOf = (claims: readonly Claim[]): Selective =>
  selective(
    claims.map(({ probability }) => probability),
    claims.map(({ right }) => right),
    { clusters: clustersFor(claims.map(({ cluster }) => cluster)) },
  );

interface Gain {
  surer: Interval;
  all: Interval;
  /** Surer half less the other half. */
  difference: Interval;
  share: number;
}

function gainOf(claims: readonly Claim[]): Gain {
  const half = surest(claims, 0.5);
  const those = half.length < claims.length ? half : surest(claims, 0.1);
  const inside = new Set(those);
  const others = claims.filter((claim) => !inside.has(claim));
  const [a, b] = [those, others].map((each) => each.map(({ right }) => Number(right)));
  const [clustersOfA, clustersOfB] = [those, others].map((each) =>
    clustersFor(each.map(({ cluster }) => cluster)),
  );
  return {
    surer: accuracy(those),
    all: accuracy(claims),
    difference: unpairedShareDifference(a!, b!, { clustersOfA, clustersOfB }),
    share: those.length / claims.length,
  };
}

const fallText = ({ name, gain: { difference } }: Kind & { gain: Gain }): string =>
  `By ${name} ` +
  (difference.low > 0
    ? "it falls: where it is surer it is right more often."
    : difference.high < 0
      ? "it rises: where it is surer it is right less often."
      : "that it falls is not shown.");

function sentenceOf({ name, claims, gain }: Kind & { gain: Gain }): string {
  const { surer, all, difference, share } = gain;
  const shown = difference.low > 0;
  return (
    `By ${name}: of the ${formatNumber(100 * share, 0)}% of ${countOf(claims.length, "answer")} ` +
    `that it is surest of ${formatShare(surer)} are right, of all ${formatShare(all)}. Against the ` +
    `others that is ${formatPoints(difference)} points: ` +
    (shown
      ? "it is right more often where it is surer."
      : difference.high < 0
        ? "it is surer where it is wrong."
        : "that it is right more often where it is surer is not shown.")
  );
}
