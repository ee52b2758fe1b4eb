/** "Which is best?" among several models. */
import type { Interval } from "../../stats/intervals.ts";
import type { Finding } from "../findings.ts";
import { formatMean } from "../table.ts";
import type { PairResult, Rating } from "./comparison.ts";
import type { Headline } from "./headline.ts";
import { isBelieved } from "./headline.ts";
import type { MeasureNames } from "./measures.ts";
import { whyNoMeasure } from "./measures.ts";

/** Undefined for two models. */
export function whichIsBest(headline: Headline, names: MeasureNames): Finding | undefined {
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
      const why = whyNoMeasure(judge, about(model), headline);
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
            "Elo's scale: 400 points are odds of 10 to 1. The first model has 1000, and intervals " +
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
            ...["rank", "rating", "at equal style"].map((name) => ({
              name,
              align: "right" as const,
            })),
          ],
          rows: ratings.map(({ model, rank, rating, equalStyle }) => [
            model,
            `${rank}`,
            formatMean(rating, 0),
            equalStyle ? formatMean(equalStyle, 0) : "–",
          ]),
          note: ratingsNote(ratings),
        },
      },
    ],
  };
}

/** Without the end that the prior alone holds, which is far away. */
function drawn(interval: Interval, unbounded: Rating["unbounded"]): Interval {
  const { estimate } = interval;
  if (unbounded === "above") return { ...interval, high: estimate };
  return unbounded === "below" ? { ...interval, low: estimate } : interval;
}

/** Who is surely better than all others, or whom none is surely better than. */
function bestOf(ratings: readonly Rating[]): string {
  const groups = [...new Set(ratings.map(({ group }) => group))].map((label) =>
    ratings.filter(({ group }) => group === label),
  );
  const told = groups.map(bestOfGroup);
  if (told.length === 1) return told[0]!;
  const lists = groups.map((members) => members.map(({ model }) => model).join(", "));
  return (
    `No judgement links these groups of models, so they cannot be compared: ${lists.join("; ")}. ` +
    told.filter((each) => each !== "").join(" ")
  );
}

function bestOfGroup(members: readonly Rating[]): string {
  const [best] = members as [Rating];
  if (members.length === 1) return "";
  const firsts = members.filter(({ rank }) => rank === 1).map(({ model }) => model);
  const sure = members.find((each) =>
    members.every((other) => other === each || other.surelyBetter.includes(each.model)),
  );
  if (sure) return `${sure.model} is surely better than every other.`;
  const behind = members.filter(({ rank }) => rank > 1).map(({ model }) => model);
  return (
    (firsts.length === 0
      ? "Of every model some other is surely better"
      : firsts.length === 1
        ? `No model is surely better than ${firsts[0]!}, and it is not surely better than all others`
        : `${firsts.slice(0, -1).join(", ")} and ${firsts.at(-1)!}: no model is surely better than ` +
          `${firsts.length === 2 ? "either" : "any"} of these`) +
    (firsts.length > 1 && behind.length > 0 ? `, and some is than ${behind.join(", ")}` : "") +
    `; ${best.model} has the highest rating.`
  );
}

function ratingsNote(ratings: readonly Rating[]): string {
  const open = ratings.filter(({ unbounded }) => unbounded).map(({ model }) => model);
  return (
    "A rank is 1 + the models that are surely better: by their verdicts, which hold together; of " +
    "models that were not compared with each other by their ratings, which hold together as well." +
    (open.length > 0
      ? ` ${open.join(", ")} won or lost every comparison: how far away it is only the prior says.`
      : "")
  );
}
