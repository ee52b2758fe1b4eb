/** What votes of several annotators tell, as findings: agreement, noise, annotators, labels. */
import { countOf, formatCount } from "../../core/counts.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import type { Label } from "../../stats/agreement.ts";
import { fleissKappa } from "../../stats/agreement.ts";
import {
  agreementInterval,
  alphaInterval,
  fleissInterval,
  kappaInterval,
} from "../../stats/agreement-intervals.ts";
import type { AnomalyKind } from "../../stats/annotators/anomaly.ts";
import type { LabelNoise } from "../../stats/annotators/label-noise.ts";
import { labelNoise } from "../../stats/annotators/label-noise.ts";
import { gwetAgreement } from "../../stats/gwet.ts";
import type { Interval } from "../../stats/intervals.ts";
import type { Finding, Findings, Measure } from "../findings.ts";
import { claims } from "../measure-text.ts";
import type { Table } from "../table.ts";
import { formatNumber, formatPoints, formatShare } from "../table.ts";
import type { AggregateConfig } from "./aggregate.config.ts";
import type { Aggregated } from "./aggregate.ts";
import type { AnnotatorProfile } from "./profiles.ts";
import { profilesOf } from "./profiles.ts";
import type { Gold, Votes } from "./votes.ts";

export interface Judged {
  votes: Votes;
  aggregated: Aggregated;
  gold: Gold | undefined;
  labels: readonly PreferenceRecord[];
}

export interface AnnotatorFindings extends Findings {
  /** For programs: the rows of the table. */
  profiles: AnnotatorProfile[];
}

/** @param facts how it can be done again */
export function annotatorFindings(
  judged: Judged,
  config: AggregateConfig,
  facts: Findings["facts"],
): AnnotatorFindings {
  const { votes, aggregated, gold } = judged;
  const profiles = profilesOf(votes, aggregated, config.confidence);
  const items = itemLabels(votes);
  const noise = labelNoise(
    items.map((labels) => labels.filter((label) => label !== "tie")),
    { confidence: config.confidence, clusters: votes.pairs.map(({ cluster }) => cluster) },
  );
  const findings = [
    agreementFinding(items, votes, config),
    noiseFinding(noise),
    annotatorFinding(profiles, gold !== undefined, config),
    labelFinding(judged, config),
  ];
  const flagged = profiles.filter(({ anomaly }) => anomaly.flagged);
  return {
    title:
      `Votes of ${countOf(votes.annotators.length, "annotator")} on ` +
      `${countOf(votes.pairs.length, "pair")}`,
    verdict: {
      conclusion: claims(noise.ceiling) ? "measured" : "no conclusion",
      sentence: [
        claims(noise.ceiling)
          ? `Two annotators agree on ${formatShare(noise.agreement)} of the pairs, so nothing can ` +
            `be right on more than ${formatShare(noise.ceiling)} of single votes.`
          : claims(noise.agreement)
            ? `How right anything can be on single votes cannot be told: ${noise.ceiling.noClaim}.`
            : `How often annotators agree cannot be told: ${noise.agreement.noClaim}.`,
        flaggedSentence(flagged),
        ...unflaggedSentences(profiles, config),
      ].join(" "),
    },
    findings,
    warnings: [
      ...votes.notes.map(({ message }) => message),
      ...(gold?.notes ?? []).map(({ message }) => message),
      ...aggregated.statements,
    ],
    facts,
    profiles,
  };
}

/** What each annotator said of each pair, by annotator. */
function itemLabels({ pairs, votes }: Votes): Label[][] {
  const items: Label[][] = pairs.map(() => []);
  for (const { pair, outcome } of votes)
    items[pair]!.push(outcome === 1 ? "first" : outcome === 0 ? "second" : "tie");
  return items;
}

function agreementFinding(
  items: readonly Label[][],
  votes: Votes,
  { confidence }: AggregateConfig,
): Finding {
  const clusters = votes.pairs.map(({ cluster }) => cluster);
  const how = { clusters, confidence };
  const voted = items.flatMap((labels, i) => (labels.length > 1 ? [i] : []));
  const several = voted.map((i) => items[i]!);
  const groups = voted.map((i) => clusters[i]!);
  const even = several.every(({ length }) => length === several[0]!.length);
  const measure = (id: string, name: string, value: Interval): Measure => ({
    id: `annotators/${id}`,
    name,
    value,
    unit: id === "agreement" ? "share" : "score",
    good: "higher",
  });
  const alpha = alphaInterval(items, how);
  const measures = [
    measure("agreement", "agreement of two, ties included", agreementInterval(items, how)),
    measure("alpha", "Krippendorff's alpha", alpha),
    ...(even && several.length > 0 && !Number.isNaN(fleissKappa(several).value)
      ? [measure("fleiss", "Fleiss' kappa", fleissInterval(several, { ...how, clusters: groups }))]
      : []),
    measure("ac1", "Gwet's AC1", gwetAgreement(items, how).interval),
    ...cohenOfTwo(votes, how).map((value) => measure("cohen", "Cohen's kappa", value)),
  ];
  return {
    id: "do-annotators-agree",
    question: "Do annotators agree?",
    conclusion: claims(alpha) ? "measured" : "no conclusion",
    answer:
      (claims(alpha)
        ? `Krippendorff's alpha is ${formatNumber(alpha.estimate)} on ` +
          `${countOf(several.length, "pair")} with two votes or more: ${reading(alpha.estimate)}.`
        : `It cannot be told: ${alpha.noClaim}.`) + groupsSentence(several.length, groups),
    measures,
    figures: [],
    details: [],
  };
}

/** Fewer prompts than these make the intervals wider than they need be. */
const FEW_GROUPS = 20;

/** How far the intervals rest on prompts and not on pairs. */
function groupsSentence(pairs: number, groups: readonly string[]): string {
  const count = new Set(groups).size;
  if (pairs === 0) return "";
  const sources = countOf(count, "prompt or session", "prompts or sessions");
  return count === pairs
    ? ` Each of ${countOf(pairs, "pair")} counts by itself${fewSentence(count)}.`
    : ` The ${countOf(pairs, "pair")} come from ${sources}, by which the intervals ` +
        `are counted${fewSentence(count)}.`;
}

const fewSentence = (count: number): string =>
  count < FEW_GROUPS ? `: with fewer than ${FEW_GROUPS} they are rather too wide` : "";

/** Krippendorff's own thresholds. */
const reading = (alpha: number): string =>
  alpha >= 0.8
    ? "reliable by Krippendorff's reading (0.8)"
    : alpha >= 0.667
      ? "good enough for tentative conclusions (0.667 to 0.8)"
      : "below what Krippendorff asks of single labels (0.667), as people's preferences mostly " +
        "are: several votes a pair make up for it";

function cohenOfTwo(
  { annotators, votes, pairs }: Votes,
  how: { clusters: string[]; confidence: number },
): Interval[] {
  if (annotators.length !== 2) return [];
  const rows = annotators.map(() => Array.from(pairs, (): Label | undefined => undefined));
  for (const { pair, annotator, outcome } of votes) rows[annotator]![pair] = outcome;
  return [kappaInterval(rows[0]!, rows[1]!, how)];
}

function noiseFinding({ agreement, ceiling, noise }: LabelNoise): Finding {
  const measures: Measure[] = [
    {
      id: "annotators/pair-agreement",
      name: "agreement of two, ties left out",
      value: agreement,
      unit: "share",
      good: "higher",
    },
    {
      id: "annotators/ceiling",
      name: "ceiling of accuracy on single votes",
      value: ceiling,
      unit: "share",
      good: "higher",
    },
    {
      id: "annotators/noise",
      name: "votes against the better answer, at least",
      value: noise,
      unit: "share",
      good: "lower",
    },
  ];
  return {
    id: "how-noisy-are-labels",
    question: "How noisy are single votes, and how right can a reward model be on them?",
    conclusion: claims(ceiling) ? "measured" : "no conclusion",
    answer: claims(ceiling)
      ? `At most ${formatShare(ceiling)}: were all pairs equally hard, one vote is right so often ` +
        "and a perfect reward model agrees with it no more often. Where some pairs are harder " +
        `than others the ceiling lies lower, down to ${formatShare(agreement)}.`
      : `It cannot be told: ${ceiling.noClaim}.`,
    measures,
    figures: [],
    details: [],
  };
}

/** What each kind does, in words. */
const DOES: Readonly<Record<AnomalyKind, string>> = {
  random: "votes at random",
  contrary: "votes against the others",
  left: "takes the left answer",
  right: "takes the right answer",
  longer: "takes the longer answer",
  shorter: "takes the shorter answer",
};

const flagText = ({ anomaly: { flagged, kind, after } }: AnnotatorProfile): string =>
  flagged ? `${DOES[kind]} (after ${countOf(after!, "vote")})` : "no";

const flaggedSentence = (flagged: readonly AnnotatorProfile[]): string =>
  flagged.length === 0
    ? "No annotator is flagged."
    : `Flagged: ${flagged.map((one) => `${one.name} ${flagText(one)}`).join("; ")}.`;

/** Why somebody who is not flagged should be looked at: undefined where nothing says so. */
function againstText({ name, anomaly, accuracy, agreement }: AnnotatorProfile): string | undefined {
  const isBelow = (value: Interval): boolean => claims(value) && value.high < 0.5;
  if (anomaly.flagged) return undefined;
  if (isBelow(accuracy))
    return `${name} votes against the better answer: right in ${formatShare(accuracy)} of votes`;
  return isBelow(agreement)
    ? `${name} votes against the others: agrees with them in ${formatShare(agreement)} of votes`
    : undefined;
}

/** Nobody who votes against the better answer is passed over, flagged or not. */
function unflaggedSentences(
  profiles: readonly AnnotatorProfile[],
  { confidence }: AggregateConfig,
): string[] {
  const against = profiles.flatMap((profile) => againstText(profile) ?? []);
  return against.length === 0
    ? []
    : [
        `${against.join("; ")} (${formatNumber(100 * confidence, 0)}% intervals below a half; ` +
          "no flag by the sequential test).",
      ];
}

function annotatorFinding(
  profiles: readonly AnnotatorProfile[],
  hasGold: boolean,
  config: AggregateConfig,
): Finding {
  const flagged = profiles.filter(({ anomaly }) => anomaly.flagged);
  const tested = profiles.filter(({ anomaly }) => anomaly.votes > 0).length;
  return {
    id: "who-judges-otherwise",
    question: "Who does not judge as the others do?",
    conclusion: tested === 0 ? "no conclusion" : "measured",
    answer:
      tested === 0
        ? "Nobody can be tested: there are only ties."
        : `${[flaggedSentence(flagged), ...unflaggedSentences(profiles, config)].join(" ")} ` +
          "An ordinary annotator is flagged with a probability of at most " +
          `${formatNumber(100 * config.flagLevel, 1)}%, however often one looks; of ` +
          `${countOf(tested, "annotator")} that is ${formatNumber(config.flagLevel * tested, 1)} ` +
          "expected at most.",
    measures: [],
    figures: [{ kind: "table", table: profileTable(profiles, hasGold) }],
    details: [],
  };
}

/** More rows than these nobody reads: the flagged ones, and those with the most votes. */
const MOST_ROWS = 60;

function profileTable(profiles: readonly AnnotatorProfile[], hasGold: boolean): Table {
  const sorted = profiles.toSorted((a, b) => b.votes - a.votes || (a.name < b.name ? -1 : 1));
  const rows = sorted.filter(
    (one, n) => n < MOST_ROWS || one.anomaly.flagged || againstText(one) !== undefined,
  );
  const hidden = profiles.length - rows.length;
  const shown = (value: Interval, write: (value: Interval) => string): string =>
    value.n === 0 || Number.isNaN(value.estimate)
      ? value.noClaim === undefined || value.noClaim === "nothing observed"
        ? "–"
        : `– (${value.noClaim})`
      : write(value);
  const known = hasGold
    ? "gold labels are taken for true"
    : "without gold, against what annotators have in common";
  return {
    caption:
      hidden === 0
        ? "Annotators"
        : `Annotators with the most votes, and all that are flagged; --json has the other ${hidden}`,
    columns: [
      { name: "annotator" },
      { name: "votes", align: "right" },
      { name: "ties", align: "right" },
      { name: "agrees with the others" },
      { name: "accuracy" },
      { name: "towards the left" },
      { name: "towards length" },
      { name: "flagged" },
    ],
    rows: rows.map((profile) => [
      profile.name,
      formatCount(profile.votes),
      formatCount(profile.ties),
      shown(profile.agreement, formatShare),
      shown(profile.accuracy, formatShare),
      shown(profile.side, formatPoints),
      shown(profile.length, formatPoints),
      profile.anomaly.flagged
        ? { text: flagText(profile), verdict: "fault shown" as const }
        : flagText(profile),
    ]),
    note:
      `Accuracy: Dawid and Skene's model (${known}). ` +
      "Towards the left: votes for the left answer less a half, in points. Towards length: how " +
      "much more often the longer answer than the others of the same pairs, in points.",
  };
}

function labelFinding(
  { votes, aggregated, labels, gold }: Judged,
  { method, labels: form, out }: AggregateConfig,
): Finding {
  const ties = labels.filter(({ p }) => p === 0.5).length;
  const known = aggregated.posterior.filter((p) => !Number.isNaN(p));
  const sure = known.filter((p) => Math.max(p, 1 - p) >= 0.9).length;
  const right = known.reduce((sum, p) => sum + Math.max(p, 1 - p), 0) / known.length;
  const left = votes.pairs.length - labels.length;
  return {
    id: "what-labels-follow",
    question: "Which labels follow?",
    conclusion: labels.length === 0 ? "no conclusion" : "measured",
    answer: [
      `${countOf(labels.length, "label")} by ${method}` +
        `${out === "" ? "; none is written without --out" : ` in ${out}`}:`,
      `${formatCount(sure)} with a probability of 90% or more` +
        `${ties === 0 ? "" : `, ${countOf(ties, "tie")}`}.`,
      ...(left === 0
        ? []
        : [
            `${countOf(left, "pair")} without a label: ${form === "hard" ? "ties, or " : ""}no vote left.`,
          ]),
      ...(gold ? [`${countOf(gold.labels.size, "pair")} of gold keep their known label.`] : []),
      ...(method === "dawid-skene"
        ? [
            `If the model holds, ${formatNumber(100 * right, 1)}% of the likelier answers are the better ones.`,
          ]
        : []),
    ].join(" "),
    measures: [],
    figures: [],
    details: [],
  };
}
