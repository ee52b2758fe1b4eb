/** "Which is best?" among several models. */
import type { Interval } from "../../stats/intervals.ts";
import type { Finding } from "../findings.ts";
import { formatCount } from "../../core/counts.ts";
import { formatMean, formatNumber } from "../table.ts";
import type { PairResult, Rating } from "./comparison.ts";
import { bestOf } from "./best.ts";
import type { Headline } from "./headline.ts";
import { isBelieved } from "./headline.ts";
import type { MeasureNames } from "./measures.ts";
import { whyNoMeasure } from "./measures.ts";

/** Undefined for two models. */
export function whichIsBest(
  headline: Headline,
  names: MeasureNames,
  gaps: boolean,
): Finding | undefined {
  const { judge } = headline;
  const { ratings, pairs } = judge;
  if (ratings.length === 0) return undefined;
  const about = (model: string): PairResult[] =>
    pairs.filter(({ candidate, baseline }) => model === candidate || model === baseline);
  return {
    id: "which-is-best",
    question: "Which is best?",
    conclusion: isBelieved(judge) ? "measured" : "no conclusion",
    answer: bestOf(ratings),
    measures: ratings.map(({ model, rating }) => {
      const own = about(model);
      // pairs of few prompts tell together what none of them tells alone
      const telling = gaps && own.some(({ verdict }) => verdict.few);
      const why = isAnchor(rating)
        ? "the others are held against it"
        : telling && isBelieved(judge) && !own.some((pair) => headline.isOpen(judge, pair))
          ? undefined
          : whyNoMeasure(judge, own, headline);
      return {
        id: names.ofModel(model, judge.name, "rating"),
        name: `rating of ${model}`,
        value:
          why === undefined ? rating : { ...rating, low: -Infinity, high: Infinity, noClaim: why },
        unit: "rating" as const,
        good: "higher" as const,
      };
    }),
    figures: [
      {
        kind: "chart",
        chart: {
          kind: "intervals",
          title: "Ratings",
          description:
            "Elo's scale: a difference of 400 is odds of 10 to 1. The first model has 1000, and intervals " +
            "are of the difference to it, each by itself; an end that no judgement holds is not drawn.",
          label: "rating",
          level: { x: 1000, label: "the first" },
          rows: ratings.flatMap(({ model, rating, equalStyle, unbounded }) => [
            { group: model, series: "as judged", interval: drawn(rating, unbounded) },
            ...(equalStyle
              ? [{ group: model, series: "at equal style", interval: drawn(equalStyle, unbounded) }]
              : []),
          ]),
        },
      },
    ],
    details: [
      {
        kind: "table",
        table: {
          caption: "Ratings of all models (Bradley-Terry)",
          columns: [
            { name: "" },
            ...["rank", "rating", "at equal style", "pairs judged"].map((name) => ({
              name,
              align: "right" as const,
            })),
          ],
          rows: ratings.map(({ model, rank, rating, equalStyle, judged }) => [
            model,
            `${rank}`,
            isAnchor(rating) ? formatNumber(rating.estimate, 0) : formatMean(rating, 0),
            equalStyle && !isAnchor(equalStyle) ? formatMean(equalStyle, 0) : "–",
            formatCount(judged),
          ]),
          note: ratingsNote(ratings),
        },
      },
    ],
  };
}

/** The first model of a group, whose rating is set and not measured. */
const isAnchor = ({ low, high }: Interval): boolean => low === high;

/** Without the end that the prior alone holds, which is far away. */
function drawn(interval: Interval, unbounded: Rating["unbounded"]): Interval {
  const { estimate } = interval;
  if (unbounded === "above") return { ...interval, high: estimate };
  return unbounded === "below" ? { ...interval, low: estimate } : interval;
}

function ratingsNote(ratings: readonly Rating[]): string {
  const open = ratings.filter(({ unbounded }) => unbounded).map(({ model }) => model);
  return (
    "A rank is 1 + the models that are surely better: by their verdicts, which hold together; of " +
    "models that were not compared with each other, or in battles on few prompts, by their ratings, " +
    "which hold together as well. Pairs judged are pairs of answers, of which one is its; several " +
    "votes on one pair count once." +
    (open.length > 0
      ? ` ${open.join(", ")} won or lost every comparison: how far away it is only the prior says.`
      : "")
  );
}
