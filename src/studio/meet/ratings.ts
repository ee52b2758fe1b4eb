/**
 * What votes say of models: Bradley-Terry strengths with intervals, and which cannot be told apart.
 * Source: as evaluation/compare/ratings.ts (arena-rank's scale; errors clustered by prompt).
 * Differences: ties are half a win for each; two are told apart at a level shared by all pairs of
 * models that votes link (Bonferroni).
 */
import { z } from "zod";
import { comparisonSchema } from "../../labelling/kinds/compare.ts";
import type { Database } from "../../labelling/store/database.ts";
import { select, selectOne } from "../../labelling/store/database.ts";
import { connectedGroups } from "../../stats/bradley-terry.ts";
import type { LogisticDifferences } from "../../stats/logistic-difference.ts";
import { logisticDifferences } from "../../stats/logistic-difference.ts";
import type { IntervalAnswer } from "../api/common.ts";
import type { RatingAnswer } from "../api/meet.ts";
import { ARENA } from "./votes.ts";

const FIRST = 1000;
const SCALE = 400 / Math.LN10;
/** Precision of a normal prior: the information of 1/25 of an even comparison. */
const RIDGE = 0.01;

/** One vote; `outcome` 1 for the first model, 0 for the second, a half for neither. */
export interface VoteCast {
  models: readonly [string, string];
  outcome: number;
  bothBad: boolean;
  /** The same for votes on one prompt. */
  cluster: string;
}

const voteRow = z.object({
  models: z.tuple([z.string(), z.string()]),
  judgement: comparisonSchema,
  cluster: z.string(),
});

/** Votes that count. @returns undefined before the first */
export async function loadVotes(database: Database): Promise<VoteCast[] | undefined> {
  const project = await selectOne(
    database,
    z.object({ id: z.number() }),
    "SELECT id FROM projects WHERE slug = $1 AND kind = 'compare'",
    [ARENA],
  );
  if (project === undefined) return undefined;
  const rows = await select(
    database,
    voteRow,
    `SELECT t.hidden -> 'models' AS models, j.judgement,
       md5((t.content -> 'prompt')::text) AS cluster
     FROM judgements j JOIN tasks t ON t.id = j.task
     WHERE j.project = $1 AND j.state = 'counted' AND t.hidden ->> 'source' = $2
     ORDER BY j.created, j.id`,
    [project.id, ARENA],
  );
  return rows.map(({ models, judgement: { choice }, cluster }) => ({
    models,
    outcome: choice === 0 ? 1 : choice === 1 ? 0 : 0.5,
    bothBad: choice === "both-bad",
    cluster,
  }));
}

/** Best first within what is linked; the model with the most votes has 1000. */
export function ratingsOf(votes: readonly VoteCast[], confidence: number): RatingAnswer[] {
  const names = [...new Set(votes.flatMap(({ models }) => models))];
  if (names.length === 0) return [];
  const number = new Map(names.map((name, index) => [name, index]));
  const played = votes.map(({ models: [a, b] }) => ({ a: number.get(a)!, b: number.get(b)! }));
  const groups = connectedGroups(played, names.length);
  const fit = logisticDifferences({
    columns: names.length,
    rows: played.map(({ a, b }) => ({ indices: [a, b], values: [1, -1] })),
    targets: votes.map(({ outcome }) => outcome),
    clusters: votes.map(({ cluster }) => cluster),
    ridge: RIDGE,
  });
  const count = (index: number): number =>
    played.filter(({ a, b }) => a === index || b === index).length;
  const all = names.map((_, index) => index);
  const order = [...new Set(groups)];
  return all
    .map((index): RatingAnswer => {
      const linked = all.filter((other) => groups[other] === groups[index]);
      const anchor = linked.reduce((a, b) => (count(b) > count(a) ? b : a));
      const pairs = (linked.length * (linked.length - 1)) / 2;
      const level = 1 - (1 - confidence) / Math.max(1, pairs);
      return {
        model: names[index]!,
        rating: ratingOf(fit, [index, anchor], { confidence, n: count(index) }),
        votes: count(index),
        ...tally(votes, names[index]!),
        notToldFrom: linked
          .filter((other) => other !== index && !toldApart(fit, [index, other], level))
          .map((other) => names[other]!),
        group: order.indexOf(groups[index]!),
      };
    })
    .toSorted((a, b) => a.group - b.group || (b.rating.estimate ?? 0) - (a.rating.estimate ?? 0));
}

function tally(
  votes: readonly VoteCast[],
  name: string,
): Pick<RatingAnswer, "wins" | "losses" | "ties" | "bothBad"> {
  const tallied = { wins: 0, losses: 0, ties: 0, bothBad: 0 };
  for (const { models, outcome, bothBad } of votes) {
    if (!models.includes(name)) continue;
    if (bothBad) tallied.bothBad++;
    if (outcome === 0.5) tallied.ties++;
    else if ((outcome === 1) === (models[0] === name)) tallied.wins++;
    else tallied.losses++;
  }
  return tallied;
}

function ratingOf(
  fit: LogisticDifferences,
  pair: readonly [number, number],
  { confidence, n }: { confidence: number; n: number },
): IntervalAnswer {
  if (pair[0] === pair[1]) return { estimate: FIRST, low: FIRST, high: FIRST, n };
  const { estimate, low, high } = fit.interval({ pair, confidence });
  const bounded = Number.isFinite(low) && Number.isFinite(high);
  return {
    estimate: FIRST + SCALE * estimate,
    low: bounded ? FIRST + SCALE * low : null,
    high: bounded ? FIRST + SCALE * high : null,
    n,
    ...(bounded ? {} : { noClaim: "too few different prompts" }),
  };
}

function toldApart(
  fit: LogisticDifferences,
  pair: readonly [number, number],
  confidence: number,
): boolean {
  const { low, high } = fit.interval({ pair, confidence });
  return low > 0 || high < 0;
}
