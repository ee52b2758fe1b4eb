/**
 * One label for each pair of answers from the votes of several annotators, and what is known of the
 * annotators. A tie says nothing of which answer is better: Dawid and Skene's model leaves it out,
 * the others count it as half a vote for each.
 */
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { swapped } from "../../data/formats/format.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import { compact } from "../../data/records.ts";
import type { Anomaly } from "../../stats/annotators/anomaly.ts";
import { detectAnomalies } from "../../stats/annotators/anomaly.ts";
import type { DawidSkeneFit } from "../../stats/annotators/dawid-skene.ts";
import { fitDawidSkene } from "../../stats/annotators/dawid-skene.ts";
import type { AggregateConfig } from "./aggregate.config.ts";
import { strengthsOf } from "./strengths.ts";
import type { Gold, PairVote, Votes } from "./votes.ts";

export interface Aggregated {
  /** P(the first answer is better), by pair; NaN where nothing tells. */
  posterior: Float64Array;
  /** By annotator. */
  anomalies: Anomaly[];
  /** Dawid and Skene's fit, for what it says of the annotators, whatever the labels come from. */
  model: DawidSkeneFit;
  /** Votes that the labels come from. */
  used: PairVote[];
  /** What the model cannot tell, in sentences. */
  statements: string[];
}

export const decisive = (votes: readonly PairVote[]): PairVote[] =>
  votes.filter(({ outcome }) => outcome !== 0.5);

/** @throws AttuneError `data` where the method can make no labels of such votes */
export function aggregate(
  votes: Votes,
  gold: Gold | undefined,
  config: Pick<
    AggregateConfig,
    "method" | "flagged" | "flagLevel" | "players" | "confidence" | "strengthPrecision"
  >,
): Aggregated {
  const sizes = { items: votes.pairs.length, annotators: votes.annotators.length };
  const anomalies = detectAnomalies(
    decisive(votes.votes).map(({ pair, annotator, outcome, firstLeft }) => ({
      item: pair,
      annotator,
      label: outcome === 1 ? 0 : 1,
      longer: votes.pairs[pair]!.longer,
      ...(firstLeft === undefined ? {} : { firstLeft }),
    })),
    { ...sizes, level: config.flagLevel },
  );
  const used =
    config.flagged === "drop"
      ? votes.votes.filter(({ annotator }) => !anomalies[annotator]!.flagged)
      : votes.votes;
  if (used.length === 0)
    throw new AttuneError("data", "every annotator is flagged, and no vote is left", {
      hint: "keep them: --flagged keep",
    });
  if (decisive(used).length === 0)
    throw new AttuneError("data", "every vote is a tie: nothing tells which answer is better", {
      ...used[0]!.place,
      got: countOf(used.length, "vote"),
    });
  const model = fitDawidSkene(
    decisive(used).map(({ pair, annotator, outcome }) => ({
      item: pair,
      annotator,
      label: outcome === 1 ? 0 : 1,
    })),
    {
      ...sizes,
      classes: 2,
      confusion: "one-coin",
      classShares: "uniform",
      confidence: config.confidence,
      ...(gold ? { gold: gold.labels } : {}),
    },
  );
  if (config.method === "dawid-skene") refuseUntold(model, gold);
  const posterior =
    config.method === "dawid-skene"
      ? model.posterior.filter((_, n) => n % 2 === 0)
      : config.method === "majority"
        ? shares(used, sizes.items)
        : strengthsOf({ ...votes, votes: used }, config);
  const judged = new Set(used.map(({ pair }) => pair));
  for (let pair = 0; pair < sizes.items; pair++) if (!judged.has(pair)) posterior[pair] = NaN;
  for (const [pair, label] of gold?.labels ?? []) posterior[pair] = 1 - label;
  return { posterior, anomalies, model, used, statements: model.statements };
}

/** Dawid and Skene's labels need some agreement to learn from. */
function refuseUntold({ statements, accuracies }: DawidSkeneFit, gold: Gold | undefined): void {
  if (gold !== undefined || accuracies.some(({ estimate }) => !Number.isNaN(estimate))) return;
  throw new AttuneError("data", `Dawid-Skene cannot weigh these votes: ${statements[0]}`, {
    expected: "pairs that three annotators or more share, or gold pairs (--gold)",
    hint:
      "--method majority counts the votes as they are; --method bradley-terry --players models " +
      "compares models across prompts",
  });
}

function shares(votes: readonly PairVote[], pairs: number): Float64Array {
  const [first, all] = [new Float64Array(pairs), new Float64Array(pairs)];
  for (const { pair, outcome } of votes) {
    first[pair]! += outcome;
    all[pair]! += 1;
  }
  return first.map((count, pair) => count / all[pair]!);
}

/** Pairs with the likelier answer as chosen and its probability, as reward models read them. */
export function labelled(
  { pairs }: Votes,
  { posterior, used }: Aggregated,
  { labels }: Pick<AggregateConfig, "labels">,
): PreferenceRecord[] {
  const counts = new Map<number, number>();
  for (const { pair } of used) counts.set(pair, (counts.get(pair) ?? 0) + 1);
  return pairs.flatMap(({ record }, pair) => {
    const p = posterior[pair]!;
    if (Number.isNaN(p) || (labels === "hard" && p === 0.5)) return [];
    const label = labels === "hard" ? Math.round(p) : p;
    const likelier: PreferenceRecord =
      label < 0.5 ? swapped({ ...record, p: label }) : { ...record, p: label };
    return [
      compact({
        ...likelier,
        extra: { ...record.extra, votes: counts.get(pair) ?? 0 },
      }) as PreferenceRecord,
    ];
  });
}
