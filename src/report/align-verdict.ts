/**
 * What a pipeline amounts to: each trained stage against the one that it began as, by every judge
 * that nobody optimised. The untrained model is no stage: what it loses by, the first stage has won.
 */
import { countOf } from "../core/counts.ts";
import type { Conclusion } from "../evaluation/conclusion.ts";
import { BASE_MODEL } from "../evaluation/evaluated-model.ts";
import type { EvaluatedModel } from "../evaluation/evaluated-model.ts";
import { inconclusiveModels, inconclusiveText } from "../evaluation/inconclusive.ts";
import type { ContestEntry } from "../evaluation/pairwise.ts";
import { comparePolicies } from "../evaluation/policy-evaluation.ts";
import type { TestedDifference } from "../evaluation/judged-differences.ts";
import { judgedTogether } from "../evaluation/judged-differences.ts";
import type { Verdict } from "../evaluation/findings.ts";
import type { Verdict as Claim } from "../evaluation/table.ts";
import { formatMean, formatShare, verdictOf } from "../evaluation/table.ts";
import type { Interval } from "../stats/intervals.ts";

/** What judged the answers, and whether a policy was optimised against it. */
export interface NamedJudge {
  name: string;
  optimised: boolean;
}

/** Who judged: a reward model by scores, a critic by comparisons with the first model, or both. */
export interface Verdicts {
  reward?: NamedJudge | undefined;
  critic?: (NamedJudge & { entries: readonly ContestEntry[] }) | undefined;
}

const REWARD_WARNING =
  "That judge is the reward that was optimised, so this says how well it was climbed, not " +
  "whether people would agree: give heldOutReward pairs of their own.";
const CRITIC_WARNING =
  "That critic also made the labels that were learned from, so this says how well they were " +
  "learned, not whether people would agree: let another critic judge.";

/** One model beside another, as one judge sees them. */
interface Compared {
  model: string;
  against: string;
  /** Positive where the model is better; decides. */
  difference: TestedDifference;
  /** Difference of scores, where there are scores. */
  score: Interval | undefined;
  wins: Interval;
  /** The other one is the untrained model, and the reference was trained: context. */
  context: boolean;
  /** With all comparisons of its judge counted; undefined where nothing is claimed. */
  claim: Claim | undefined;
}

/** Before it is known what a judge's other comparisons are. */
type Alone = Omit<Compared, "claim">;

/** The verdicts of one judge hold together. */
function together(found: readonly Alone[]): Compared[] {
  const judged = judgedTogether(
    found.map(({ difference }) => ({
      ...difference,
      pValue: difference.noClaim === undefined ? difference.pValue : NaN,
      good: "higher",
    })),
  );
  return found.map((each, i) => ({ ...each, claim: judged[i]!.verdict }));
}

/** The conclusion, and the sentences that name whose it is. */
export function alignVerdict(
  evaluated: readonly EvaluatedModel[],
  { reward, critic }: Verdicts,
): Verdict {
  const baseline = evaluated[0]!.name;
  const judges = [
    ...(reward
      ? [{ ...reward, warning: REWARD_WARNING, found: together(byReward(evaluated)) }]
      : []),
    ...(critic
      ? [
          {
            ...critic,
            warning: CRITIC_WARNING,
            found: together(byCritic(critic.entries, baseline)),
          },
        ]
      : []),
  ];
  const fair = judges.filter(({ optimised }) => !optimised).flatMap(({ found }) => found);
  const stages = fair.filter(({ context }) => !context);
  const nothing = inconclusiveText(inconclusiveModels(evaluated), baseline);
  // a first stage that stands alone has only the untrained model to be compared with
  const several = evaluated.some(({ name }) => name !== baseline && name !== BASE_MODEL);
  const claims = (several ? stages : fair).flatMap(({ claim }) => claim ?? []);
  return {
    conclusion: conclusionOf(claims),
    ...(claims.length > 1 ? { conclusions: claims } : {}),
    sentence: [
      ...(nothing === undefined ? [] : [nothing]),
      ...judges.flatMap(({ name, optimised, warning, found }) => [
        `Judged by ${name}: ${found.map((each) => said(each, optimised)).join(". ") || "no verdict"}.`,
        ...(optimised ? [warning] : []),
      ]),
    ].join(" "),
  };
}

function conclusionOf(all: readonly Claim[]): Conclusion {
  if (all.includes("worse")) return "worse";
  if (all.includes("better")) return "better";
  return all.length > 0 ? "not distinguishable" : "no conclusion";
}

/**
 * "dpo is better than sft: it wins 62.0% [55.1, 68.4] of 100 prompts". The score decides where there
 * is one: its number is told where the wins look otherwise.
 */
function said(compared: Compared, optimised: boolean): string {
  const { model, against, wins, score, context, difference } = compared;
  const prompts = `wins ${formatShare(wins)} of ${countOf(wins.n, "prompt")}`;
  if (context) return `${model} ${prompts} against the untrained model`;
  const claim = optimised ? undefined : compared.claim;
  const scored =
    score === undefined || claim === verdictOf({ low: wins.low - 0.5, high: wins.high - 0.5 })
      ? ""
      : `, and its score less that of ${against} is ${formatMean(score)}`;
  if (claim === undefined) return `${model} ${prompts} against ${against}`;
  const counted =
    claim === verdictOf(difference) ? "" : ", with all comparisons counted (Holm's correction)";
  return claim === "not distinguishable"
    ? `${model} is not distinguishable from ${against}${counted}: it ${prompts}${scored}`
    : `${model} is ${claim} than ${against}: it ${prompts}${scored}`;
}

const byReward = (evaluated: readonly EvaluatedModel[]): Alone[] =>
  comparePolicies(evaluated).flatMap(({ name, difference, wins }) =>
    difference && wins
      ? [turned({ model: name, against: evaluated[0]!.name, difference, score: difference, wins })]
      : [],
  );

const byCritic = (entries: readonly ContestEntry[], baseline: string): Alone[] =>
  entries
    .filter(({ control, inconclusive }) => !control && inconclusive === undefined)
    .map(({ name, raw }) =>
      turned({
        model: name,
        against: baseline,
        difference: {
          ...raw,
          estimate: raw.estimate - 0.5,
          low: raw.low - 0.5,
          high: raw.high - 0.5,
        },
        score: undefined,
        wins: raw,
      }),
    );

/** The untrained model beside a stage is read as the stage beside the untrained model. */
function turned(compared: Omit<Alone, "context">): Alone {
  if (compared.model !== BASE_MODEL) return { ...compared, context: false };
  const less = <I extends Interval>(from: number, interval: I): I => ({
    ...interval,
    estimate: from - interval.estimate,
    low: from - interval.high,
    high: from - interval.low,
  });
  return {
    model: compared.against,
    against: compared.model,
    difference: less(0, compared.difference),
    score: compared.score && less(0, compared.score),
    wins: less(1, compared.wins),
    context: true,
  };
}
