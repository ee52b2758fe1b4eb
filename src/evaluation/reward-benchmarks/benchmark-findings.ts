/** What published benchmarks say of a reward, and whether it is worth choosing by. */
import { countOf } from "../../core/counts.ts";
import { Random } from "../../core/random.ts";
import { bootstrapInterval } from "../../stats/bootstrap.ts";
import type { Interval } from "../../stats/intervals.ts";
import { meanInterval, shareInterval } from "../../stats/intervals.ts";
import type { BestOfNPoint } from "../../stats/over-optimisation.ts";
import { bestOfNCurve, bestOfNKl } from "../../stats/over-optimisation.ts";
import { stratifiedMean } from "../../stats/strata.ts";
import { clustersFor } from "../behaviour/measured.ts";
import type { Finding } from "../findings.ts";
import { extremesText, saying } from "../extremes.ts";
import { score as scoreMeasure, share } from "../measure.ts";
import { formatMean, formatNumber, formatPoints, formatShare } from "../table.ts";
import type { ReportPart } from "../page.ts";
import type { SubsetScore, TiesScore } from "./benchmark-scores.ts";
import { bestOfAccuracy, isTies, styleScores, tiesPairs, tiesScore } from "./benchmark-scores.ts";
import type { ScoredItem } from "./item.ts";
import { RM_BENCH_STYLES } from "./item.ts";
import { slugs } from "../measure-names.ts";
import { smallestOf } from "../../core/extremes.ts";

/** RewardBench 2: best of four by subset, Ties by their formula. */
export function rewardBenchFinding(items: readonly ScoredItem[], seed: number): Finding {
  const ties = items.filter(isTies);
  const pairs = tiesPairs(ties);
  const subsets: SubsetScore[] = bestOfAccuracy(items.filter((item) => !isTies(item)));
  const scored = ties.length === 0 ? undefined : tiesScore(pairs);
  if (scored)
    subsets.push({
      name: "Ties",
      score: bootstrapInterval(pairs, (drawn) => tiesScore(drawn).score, {
        random: Random.for(seed, "ties"),
        resamples: 1000,
      }),
      chance: NaN,
    });
  const words = slugs(subsets.map(({ name }) => name));
  const overall = stratifiedMean(
    subsets.map(({ score }) => ({ interval: score, weight: 1 / subsets.length })),
  );
  const average =
    `${formatShare(overall)} on average over ` +
    `${countOf(subsets.length, "subset")} of ${countOf(items.length, "prompt")}`;
  return {
    id: "reward-model-rewardbench-2",
    question: "How does it do on RewardBench 2?",
    conclusion: "measured",
    answer: `${average}.${subsets.length > 1 ? ` ${farthest(subsets)}` : ""}`,
    brief: `${average}.`,
    measures: [
      share("reward-model/rewardbench-2-average", "RewardBench 2, mean of its subsets", overall),
      ...subsets.map(({ name, score }) =>
        share(`reward-model/rewardbench-2/${words.get(name)!}`, `RewardBench 2, ${name}`, score),
      ),
    ],
    figures: [
      {
        kind: "chart",
        chart: {
          kind: "intervals",
          title: "RewardBench 2 by subset",
          description: "Best-of-n accuracy; of Ties the score of its own formula.",
          ...saying(
            extremesText(
              subsets.map(({ name, score: interval }) => ({ name, interval })),
              "right",
            ),
          ),
          label: "score",
          percent: true,
          level: { x: 0.25, label: "chance of best of 4" },
          rows: subsets.map(({ name, score }) => ({
            group: name,
            series: "score",
            interval: score,
          })),
        },
      },
    ],
    details: [...repeatsText(items), ...(scored ? [tiesFacts(scored)] : [])],
  };
}

/** Of many subsets the two ends; the chart and the table have them all. */
function farthest(subsets: readonly SubsetScore[]): string {
  const sorted = subsets.toSorted((a, b) => b.score.estimate - a.score.estimate);
  const [most, least] = [sorted[0]!, sorted.at(-1)!];
  return (
    `Most is right of ${most.name}, ${formatShare(most.score)}, and least of ${least.name}, ` +
    `${formatShare(least.score)}.`
  );
}

function repeatsText(items: readonly ScoredItem[]): ReportPart[] {
  const prompts = new Set(items.map(({ prompt }) => prompt)).size;
  if (prompts === items.length) return [];
  const text =
    `${countOf(items.length, "row")} have ${countOf(prompts, "different prompt")}; rows of one ` +
    "prompt are one cluster.";
  return [{ kind: "text", text }];
}

const tiesFacts = (scored: TiesScore): ReportPart => ({
  kind: "facts",
  facts: [
    ["right order, one right answer", formatNumber(scored.referenceAccuracy, 3)],
    ["right order, several", formatNumber(scored.tiedAccuracy, 3)],
    ["right answers differ by less than right and wrong", formatNumber(scored.preferred, 3)],
    ["the same beside the reference prompt", formatNumber(scored.preferredHard, 3)],
    ["term that breaks ties", formatNumber(scored.margin, 3)],
    ["prompts without their partner", String(scored.single)],
  ],
});

/** RM-Bench: accuracy where style speaks for the wrong answer, for neither, for the right one. */
export function rmBenchFinding(items: readonly ScoredItem[]): Finding {
  const { hard, normal, easy, average, matrix } = styleScores(items);
  const against =
    `It is right in ${formatShare(hard)} of the comparisons where style speaks for the wrong ` +
    `answer (${countOf(items.length, "prompt")})`;
  return {
    id: "reward-model-rm-bench",
    question: "Does it see past style (RM-Bench)?",
    conclusion: "measured",
    answer:
      `${against}. Where both have one style it is right in ${formatShare(normal)}, and where ` +
      `style speaks for the right answer in ${formatShare(easy)}.`,
    brief: `${against}.`,
    measures: [
      share("reward-model/rm-bench/hard", "hard", hard),
      share("reward-model/rm-bench/normal", "normal", normal),
      share("reward-model/rm-bench/easy", "easy", easy),
      share("reward-model/rm-bench/average", "average", average),
    ],
    figures: [
      {
        kind: "table",
        table: {
          caption: "Right answer (rows) against wrong answer (columns), by style",
          columns: [
            { name: "" },
            ...RM_BENCH_STYLES.map((name) => ({ name, align: "right" as const })),
          ],
          rows: matrix.map((row, i) => [
            RM_BENCH_STYLES[i] ?? String(i + 1),
            ...row.map((value) => `${formatNumber(100 * value, 1)}%`),
          ]),
        },
      },
    ],
    details: [],
  };
}

/** Answers of one prompt with the reward and what they are worth. */
export interface Candidates {
  /** Of prompts that may depend on each other: the same prompt twice. */
  cluster: string;
  proxy: readonly number[];
  worth: readonly number[];
}

/** What choosing the best of k by the reward is worth, without bias from all answers. */
export function bestOfFinding(prompts: readonly Candidates[], worth: string): Finding | undefined {
  const most = smallestOf(prompts.map(({ proxy }) => proxy.length));
  if (prompts.length < 2 || most < 2) return undefined;
  const curves = prompts.map(({ proxy, worth: own }) => bestOfNCurve(proxy, own));
  const clusters = clustersFor(prompts.map(({ cluster }) => cluster));
  const shares = prompts.every((each) => each.worth.every((value) => value >= 0 && value <= 1));
  const points = Array.from({ length: most }, (_, i): BestOfNPoint => {
    const values = curves.map((curve) => curve[i]!);
    return {
      k: i + 1,
      kl: bestOfNKl(i + 1),
      score: shares ? shareInterval(values, { clusters }) : meanInterval(values, { clusters }),
    };
  });
  const last = points.at(-1)!;
  const gain = meanInterval(
    curves.map((curve) => curve[most - 1]! - curve[0]!),
    { clusters },
  );
  const text = (value: Interval): string => (shares ? formatShare(value) : formatMean(value));
  return {
    id: "reward-model-best-of-n",
    question: "Is it worth choosing by?",
    conclusion:
      gain.noClaim !== undefined
        ? "no conclusion"
        : gain.low > 0
          ? "better"
          : gain.high < 0
            ? "worse"
            : "not distinguishable",
    than: "one answer",
    answer:
      `The best of ${last.k} by the reward: ${worth} ${text(last.score)}, of one answer ` +
      `${text(points[0]!.score)} (${countOf(prompts.length, "prompt")}).`,
    measures: [
      (shares ? share : scoreMeasure)(
        `reward-model/best-of-${last.k}`,
        `${worth}, best of ${last.k}`,
        last.score,
      ),
    ],
    figures: [
      {
        kind: "chart",
        chart: {
          kind: "lines",
          title: "Best of k by the reward",
          description: `Mean over ${countOf(prompts.length, "prompt")}, every k from the same answers.`,
          says:
            gain.noClaim === undefined
              ? `Choosing among ${most} by the reward changes ${worth} by ` +
                `${shares ? `${formatPoints(gain)} points` : formatMean(gain)}.`
              : `What choosing by it is worth cannot be told: ${gain.noClaim}.`,
          xLabel: "k",
          yLabel: worth,
          wholeX: true,
          series: [
            {
              name: worth,
              points: points.map(({ k, score }) => ({
                x: k,
                y: score.estimate,
                low: score.low,
                high: score.high,
              })),
            },
          ],
        },
      },
    ],
    details: [],
  };
}
