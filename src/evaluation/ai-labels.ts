/**
 * How good an AI judge's labels are: by principle, against its own other principles, against the
 * place of an answer and its length, and against people's labels where there are some.
 *
 * Position bias and flips as in MT-bench (arXiv 2306.05685); agreement as raw share and Cohen's
 * kappa.
 */
import { countOf } from "../core/counts.ts";
import type { AiComparison, OrderReading } from "../constitution/compare.ts";
import { cohenKappa, krippendorffAlpha } from "../stats/agreement.ts";
import { kappaInterval } from "../stats/agreement-intervals.ts";
import type { Interval } from "../stats/intervals.ts";
import { mean, meanInterval, shareInterval } from "../stats/intervals.ts";
import { wordsOf } from "../text/ngrams.ts";
import type { Table } from "./table.ts";
import { formatMean, formatNumber, formatPoints, formatShare } from "./table.ts";

export interface HumanAgreement {
  /** Labels that people and the judge both decided. */
  pairs: number;
  accuracy: Interval;
  /** Cohen's kappa. */
  kappa: Interval;
  /** Share that people agree with a rule that only counts words. */
  longestWins: Interval;
}

export interface PrincipleLabels {
  principle: string;
  /** Comparisons that it judged in both orders. */
  labels: number;
  /** Mean of |p - 0.5| * 2: 0 for a judge that never decides. */
  confidence: number;
  /** Share of comparisons on which its two orders name different answers. */
  flipped: Interval;
  /** P(answer shown first) less a half. */
  positionBias: Interval;
  human?: HumanAgreement;
}

export interface PrinciplePair {
  principles: [string, string];
  /** Comparisons that both judged. */
  labels: number;
  agreement: Interval;
  kappa: number;
}

export interface ComparisonSummary {
  comparisons: number;
  labels: number;
  /** Questions to the judge; those whose reply was no letter, and those that were refused. */
  questions: number;
  unread: number;
  refused: number;
  /**
   * Mean probability of the two letters together, where log-probabilities were read: low where the
   * judge would rather say something else.
   */
  letterMass?: number;
  positionBias: Interval;
  flipped: Interval;
  /** Share of labels for the longer answer; a tie or equal length counts half. */
  longer: Interval;
  confidence: number;
  /** Labels that the clamp changed. */
  clamped: number;
  principles: PrincipleLabels[];
  between: PrinciplePair[];
  /** Krippendorff's alpha over all principles, where comparisons had several. */
  alpha?: number;
  human?: HumanAgreement;
}

/** One principle's own soft label of one comparison. */
interface Judged {
  comparison: AiComparison;
  p: number;
  /** P(answer shown as A) in the two orders. */
  firsts: [number, number];
}

function judgedBy(comparisons: readonly AiComparison[]): Map<string, Judged[]> {
  const byPrinciple = new Map<string, Judged[]>();
  for (const comparison of comparisons) {
    for (const principle of new Set(comparison.readings.map((reading) => reading.principle))) {
      const of = (shown: OrderReading["shownFirst"]): number | undefined =>
        comparison.readings.find(
          (reading) => reading.principle === principle && reading.shownFirst === shown,
        )?.p;
      const [forward, backward] = [of("first"), of("second")];
      if (forward === undefined || backward === undefined) continue;
      byPrinciple.set(principle, [
        ...(byPrinciple.get(principle) ?? []),
        { comparison, p: (forward + backward) / 2, firsts: [forward, 1 - backward] },
      ]);
    }
  }
  return byPrinciple;
}

/** Differences from 0.5 up to this are rounding, left over where the two orders cancel. */
const ROUNDING = 1e-9;
const choiceOf = (p: number): "first" | "second" | "tie" =>
  Math.abs(p - 0.5) < ROUNDING ? "tie" : p > 0.5 ? "first" : "second";
const clusterOf = ({ cluster, id }: AiComparison): string => cluster ?? `comparison ${id}`;
const clustersOf = (judged: readonly Judged[]): { clusters: string[] } => ({
  clusters: judged.map(({ comparison }) => clusterOf(comparison)),
});
const flips = ({ firsts: [forward, backward] }: Judged): number =>
  (forward - 0.5) * (backward - 0.5) > 0 ? 1 : 0;
const bias = ({ firsts: [forward, backward] }: Judged): number => (forward + backward) / 2 - 0.5;
const BIAS = [-0.5, 0.5] as const;
const confidence = (judged: readonly { p: number }[]): number =>
  mean(judged.map(({ p }) => 2 * Math.abs(p - 0.5)));

export function comparisonSummary(comparisons: readonly AiComparison[]): ComparisonSummary {
  const byPrinciple = judgedBy(comparisons);
  const judged = [...byPrinciple.values()].flat();
  const labelled = comparisons.filter(
    (comparison): comparison is AiComparison & { p: number } => comparison.p !== undefined,
  );
  const readings = comparisons.flatMap((comparison) => comparison.readings);
  const masses = readings.flatMap(({ method, logps }) =>
    method === "log-probabilities" && logps !== undefined
      ? [Math.exp(logps.A) + Math.exp(logps.B)]
      : [],
  );
  const human = humanAgreement(labelled);
  const between = principlePairs(byPrinciple);
  return {
    comparisons: comparisons.length,
    labels: labelled.length,
    questions: readings.length,
    unread: readings.filter(({ p, refused }) => p === undefined && refused === undefined).length,
    refused: readings.filter(({ refused }) => refused !== undefined).length,
    ...(masses.length > 0 ? { letterMass: mean(masses) } : {}),
    positionBias: meanInterval(judged.map(bias), { ...clustersOf(judged), range: BIAS }),
    flipped: shareInterval(judged.map(flips), clustersOf(judged)),
    longer: shareInterval(labelled.map(prefersLonger), { clusters: labelled.map(clusterOf) }),
    confidence: confidence(labelled),
    clamped: labelled.filter(({ raw, p }) => raw !== p).length,
    principles: [...byPrinciple]
      .map(([principle, list]) => {
        const people = humanAgreement(list.map(({ comparison, p }) => ({ ...comparison, p })));
        return {
          principle,
          labels: list.length,
          confidence: confidence(list),
          flipped: shareInterval(list.map(flips), clustersOf(list)),
          positionBias: meanInterval(list.map(bias), { ...clustersOf(list), range: BIAS }),
          ...(people ? { human: people } : {}),
        };
      })
      .toSorted((a, b) => b.labels - a.labels || (a.principle < b.principle ? -1 : 1)),
    between,
    ...(between.length > 0 ? { alpha: alphaOf(comparisons, byPrinciple) } : {}),
    ...(human ? { human } : {}),
  };
}

const lengthWin = (first: string, second: string): number => {
  const [a, b] = [wordsOf(first).length, wordsOf(second).length];
  return a === b ? 0.5 : a > b ? 1 : 0;
};

function prefersLonger({ first, second, p }: AiComparison & { p: number }): number {
  const longer = lengthWin(first, second);
  const choice = choiceOf(p);
  return choice === "tie" || longer === 0.5 ? 0.5 : (choice === "first") === (longer === 1) ? 1 : 0;
}

/** Against people's labels, where both decided; undefined without any. */
function humanAgreement(
  labelled: readonly (AiComparison & { p: number })[],
): HumanAgreement | undefined {
  const both = labelled.filter(
    ({ human, p }) => human !== undefined && choiceOf(human) !== "tie" && choiceOf(p) !== "tie",
  );
  if (both.length === 0) return undefined;
  const clusters = both.map(clusterOf);
  const pairs = both.map(({ human, p }) => ({ people: choiceOf(human!), judge: choiceOf(p) }));
  const length = both.map(({ first, second, human }) => {
    const longer = lengthWin(first, second);
    return longer === 0.5 ? 0.5 : (longer === 1) === human! > 0.5 ? 1 : 0;
  });
  return {
    pairs: both.length,
    accuracy: shareInterval(
      pairs.map(({ people, judge }) => (people === judge ? 1 : 0)),
      { clusters },
    ),
    kappa: kappaInterval(
      pairs.map(({ people }) => people),
      pairs.map(({ judge }) => judge),
      { clusters },
    ),
    longestWins: shareInterval(length, { clusters }),
  };
}

function principlePairs(byPrinciple: ReadonlyMap<string, readonly Judged[]>): PrinciplePair[] {
  const names = [...byPrinciple.keys()].toSorted();
  return names.flatMap((a, i) =>
    names.slice(i + 1).flatMap((b): PrinciplePair[] => {
      const others = new Map(byPrinciple.get(b)!.map(({ comparison, p }) => [comparison.id, p]));
      const both = byPrinciple.get(a)!.flatMap(({ comparison, p }) =>
        others.has(comparison.id)
          ? [
              {
                a: choiceOf(p),
                b: choiceOf(others.get(comparison.id)!),
                cluster: clusterOf(comparison),
              },
            ]
          : [],
      );
      if (both.length === 0) return [];
      return [
        {
          principles: [a, b],
          labels: both.length,
          agreement: shareInterval(
            both.map((each) => (each.a === each.b ? 1 : 0)),
            { clusters: both.map(({ cluster }) => cluster) },
          ),
          kappa: cohenKappa(
            both.map((each) => each.a),
            both.map((each) => each.b),
          ).value,
        },
      ];
    }),
  );
}

function alphaOf(
  comparisons: readonly AiComparison[],
  byPrinciple: ReadonlyMap<string, readonly Judged[]>,
): number {
  const labels = new Map<number, string[]>(comparisons.map(({ id }) => [id, []]));
  for (const list of byPrinciple.values())
    for (const { comparison, p } of list) labels.get(comparison.id)!.push(choiceOf(p));
  return krippendorffAlpha([...labels.values()]).value;
}

/** The summary, principles, and agreement between them, as tables for terminal and report. */
export function comparisonTables(summary: ComparisonSummary): Table[] {
  const { human, letterMass, alpha } = summary;
  const facts: [string, string][] = [
    ["labels", `${summary.labels} of ${countOf(summary.comparisons, "comparison")}`],
    [
      "questions",
      `${summary.questions}, of which ${summary.unread} got no letter and ${summary.refused} ` +
        "were refused",
    ],
    ...(letterMass === undefined
      ? []
      : [["probability of the letters together", formatNumber(letterMass, 3)] as [string, string]]),
    ["preference for the place A", `${formatPoints(summary.positionBias)} points`],
    ["other choice in the other order", formatShare(summary.flipped)],
    ["preference for the longer answer", formatShare(summary.longer)],
    ["confidence, mean of |p - 0.5| * 2", formatNumber(summary.confidence, 3)],
    ["changed by the clamp", String(summary.clamped)],
    ...(human === undefined ? [] : humanRows(human)),
    ...(alpha === undefined
      ? []
      : [["Krippendorff's alpha between principles", formatNumber(alpha, 3)] as [string, string]]),
  ];
  return [
    {
      caption: "AI labels",
      columns: [{ name: "" }, { name: "value [95%]", align: "right" }],
      rows: facts,
      note:
        "Both orders are asked and averaged, so a preference for a place costs confidence, and " +
        "does not bias labels.",
    },
    principleTable(summary.principles),
    ...(summary.between.length === 0 ? [] : [betweenTable(summary.between)]),
  ];
}

function humanRows({ pairs, accuracy, kappa, longestWins }: HumanAgreement): [string, string][] {
  return [
    [`agrees with people (${countOf(pairs, "pair")})`, formatShare(accuracy)],
    ["  Cohen's kappa", formatMean(kappa)],
    ["  beside it: longest wins", formatShare(longestWins)],
  ];
}

function principleTable(principles: readonly PrincipleLabels[]): Table {
  return {
    caption: "By principle",
    columns: [
      { name: "principle" },
      ...[
        "labels",
        "confidence",
        "other choice in the other order",
        "preference for A, points",
        "agrees with people",
      ].map((name) => ({ name, align: "right" as const })),
    ],
    rows: principles.map(({ principle, labels, confidence, flipped, positionBias, human }) => [
      principle,
      String(labels),
      formatNumber(confidence, 3),
      formatShare(flipped),
      formatPoints(positionBias),
      human === undefined ? "–" : formatShare(human.accuracy),
    ]),
  };
}

function betweenTable(between: readonly PrinciplePair[]): Table {
  return {
    caption: "Agreement between principles on the same pairs",
    columns: [
      { name: "principles" },
      ...["pairs", "agreement", "kappa"].map((name) => ({ name, align: "right" as const })),
    ],
    rows: between.map(({ principles, labels, agreement, kappa }) => [
      principles.join(" / "),
      String(labels),
      formatShare(agreement),
      formatNumber(kappa),
    ]),
  };
}
