/** Which of several models is best by their ratings, in a sentence. */
import type { Rating } from "./comparison.ts";

/** Who is surely better than all others, or whom none is surely better than. */
export function bestOf(ratings: readonly Rating[]): string {
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
    (members.some((each) => each !== best && isAsHigh(each, best))
      ? "; the highest rating is not one model's alone."
      : `; ${best.model} has the highest rating.`)
  );
}

/** Fitted ratings of equals differ by rounding; less than a thousandth of a point shows nothing. */
const isAsHigh = ({ rating }: Rating, best: Rating): boolean =>
  best.rating.estimate - rating.estimate < 0.001;
