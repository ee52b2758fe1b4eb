/** What plain pairs say about a reward: is its order right, and is it as sure as it should be? */
import { countOf } from "../../core/counts.ts";
import type { Finding, Measure } from "../findings.ts";
import type { RewardModelQuality, ScoredPair } from "../reward-model-quality.ts";
import { rewardModelQuality, rewardModelTable } from "../reward-model-quality.ts";
import { formatShare } from "../table.ts";

const PART = "reward-model";

/** @param pairs with the rewards of both answers */
export function pairFindings(pairs: readonly ScoredPair[]): Finding[] {
  const quality = rewardModelQuality(pairs);
  return [accuracyFinding(quality)];
}

function accuracyFinding(quality: RewardModelQuality): Finding {
  const { accuracy, groups, decided } = quality;
  const measures: Measure[] = [
    share(`${PART}/accuracy`, "right order", accuracy),
    ...groups.map(({ name, accuracy: own }) =>
      share(`${PART}/accuracy/${slug(name)}`, `right order, ${name}`, own),
    ),
  ];
  return {
    id: `${PART}-accuracy`,
    question: "Does it put the better answer first?",
    conclusion: "measured",
    answer: `In ${formatShare(accuracy)} of ${countOf(decided, "pair")}.`,
    measures,
    figures: [{ kind: "table", table: rewardModelTable(quality) }],
    details: [],
  };
}

const share = (id: string, name: string, value: Measure["value"]): Measure => ({
  id,
  name,
  value,
  unit: "share",
  good: "higher",
});

/** A name as a word of an id. */
export const slug = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
