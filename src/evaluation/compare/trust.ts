/**
 * Whether a judge can be believed: it is named for everything worthless that it surely prefers, with
 * one error for all trials of all judges (Holm).
 */
import { holm } from "../../stats/multiple-testing.ts";
import type { Interval } from "../../stats/intervals.ts";
import { formatPoints } from "../table.ts";
import type { JudgeKind } from "./judges.ts";
import type { JudgeTrust, PairJudgements, PromptJudgement, Trial, TrialId } from "./comparison.ts";
import { outcomeOf } from "./comparison.ts";
import { longestControl } from "./longest.ts";
import type { MatchedAnswers } from "./matched.ts";
import { rateInterval, ratePValue } from "../win-rate.ts";
import { clustersOf } from "./outcome.ts";
import { TRIAL_NAMES } from "./temptations.ts";
import type { TrialJudgements } from "./trials.ts";
import { preferred } from "./trials.ts";
import { percent } from "./verdict.ts";
import { countOf } from "../../core/counts.ts";

/** A judge with everything that it said. */
export interface TriedJudge {
  name: string;
  kind: JudgeKind;
  /** Votes cannot be tried, and a scorer has no first place. */
  tried: boolean;
  symmetric: boolean;
  pairs: readonly PairJudgements[];
  trials: readonly TrialJudgements[];
}

interface Tested {
  rate?: Interval;
  pValue?: number;
  units?: number;
}

/** One for each judge. */
export function judgeTrusts(
  judges: readonly TriedJudge[],
  matched: MatchedAnswers,
  confidence: number,
): JudgeTrust[] {
  const test = (prompts: readonly number[], values: readonly number[]): Tested => {
    if (values.length === 0) return {};
    const clusters = clustersOf(prompts.map((prompt) => matched.prompts[prompt]!));
    return {
      rate: rateInterval(values, { clusters, confidence }),
      pValue: ratePValue(values, { clusters }),
      units: clusters ? new Set(clusters).size : prompts.length,
    };
  };
  const tested = judges.map((judge) => ({
    judge,
    trials: judge.trials.map(({ judgements }) => ofTrial(judgements, test)),
    place: judge.symmetric || !judge.tried ? {} : placeOf(judge, test),
  }));
  const each = tested.flatMap(({ trials, place }) => [...trials, place]);
  const adjusted = holm(each.flatMap(({ pValue }) => pValue ?? []));
  // a judge that always prefers one side has the p-value 2^(1 - units), for all trials by so many
  const put = tested.reduce((sum, { trials }) => sum + trials.length, 0);
  const most = Math.max(1, put, adjusted.length);
  const needed = 1 + Math.ceil(Math.log2(most / (1 - confidence)) - 1e-9);
  let next = 0;
  const adjust = (found: Tested): Tested & { adjusted?: number } =>
    found.pValue === undefined ? found : { ...found, adjusted: adjusted[next++]! };
  return tested.map(({ judge, trials, place }) => {
    const settled = trials.map(adjust);
    const context = { matched, confidence, isTruth: judge.kind === "gold" };
    const all: Trial[] = [
      ...judge.trials.map((trial, i) => trialOf(trial, settled[i]!, context)),
      ...longestTrial(judge, context),
      ...placeTrial(adjust(place), confidence),
    ];
    return callsAllTies(judge) && all.some((trial) => tells(trial, needed))
      ? tellsNothingApart(judge, all)
      : trustOf(judge, all, needed);
  });
}

/** Whether a judge was tried and preferred nothing, neither a model's answer nor what is worthless. */
const callsAllTies = ({ tried, pairs, trials }: TriedJudge): boolean =>
  tried &&
  trials.length > 0 &&
  trials.every(({ judgements }) => judgements.length > 0) &&
  [...pairs, ...trials].every(({ judgements }) =>
    judgements.every((judgement) => outcomeOf(judgement) === 0.5),
  );

/** Ties of such a judge do not show that models are equal. */
function tellsNothingApart({ name, kind }: TriedJudge, trials: readonly Trial[]): JudgeTrust {
  const seen =
    `${name} calls every pair a tie, answers beside an empty phrase and the prompt itself too: ` +
    (kind === "gold"
      ? "no answer is worth more than these."
      : "either no answer is worth more than these, or it does not tell answers apart.");
  const lean = trials.find(({ fooled, kind: of }) => fooled && of === "place");
  const leaning = lean ? ` ${lean.sentence.replace(/^It /, `${name} `)}` : "";
  return {
    conclusion: kind === "gold" ? "sound" : "no conclusion",
    sentence: `${seen}${leaning}`,
    trials,
    caution: seen,
  };
}

type Test = (prompts: readonly number[], values: readonly number[]) => Tested;

const ofTrial = (judgements: readonly PromptJudgement[], test: Test): Tested =>
  test(
    judgements.map(({ prompt }) => prompt),
    judgements.map(outcomeOf),
  );

/** P(the answer shown first is preferred), by prompt over all pairs. */
function placeOf({ pairs }: TriedJudge, test: Test): Tested {
  const sums = new Map<number, { total: number; n: number }>();
  for (const { judgements } of pairs)
    for (const { prompt, shownFirst, shownSecond, equal } of judgements) {
      if (equal) continue;
      const { total, n } = sums.get(prompt) ?? { total: 0, n: 0 };
      sums.set(prompt, { total: total + (shownFirst + 1 - shownSecond) / 2, n: n + 1 });
    }
  return test(
    [...sums.keys()],
    [...sums.values()].map(({ total, n }) => total / n),
  );
}

interface Context {
  matched: MatchedAnswers;
  confidence: number;
  /** A program that knows what is right is never wrong about a control. */
  isTruth: boolean;
}

function trialOf(
  { id, kind, refused, others = [] }: TrialJudgements,
  found: Tested & { adjusted?: number },
  { matched, confidence, isTruth }: Context,
): Trial {
  const { rate, adjusted } = found;
  const name = TRIAL_NAMES[id];
  if (!rate) return { id, kind, fooled: false, refused, sentence: `No opinion on ${name}.` };
  const taken = side(rate, adjusted, confidence) === "above";
  const tried = others.filter(({ judgements }) => judgements.length > 0);
  const survivor = tried.find((other) => !preferred(other.judgements, matched, confidence))?.model;
  const cleared = kind === "control" && taken ? survivor !== undefined : undefined;
  const overAll = cleared === false && tried.length === others.length && tried.length > 0;
  const fooled = taken && (kind === "probe" || (overAll && !isTruth));
  const over = kind === "probe" ? "the plain answer" : `the answers of ${matched.names[0]!}`;
  return {
    id,
    kind,
    ...found,
    fooled,
    refused,
    ...(cleared === undefined ? {} : { cleared }),
    ...(overAll ? { overAll: true as const } : {}),
    sentence:
      `It prefers ${name} over ${over} on ${percent(rate)} of ` +
      `${countOf(rate.n, "prompt")}` +
      (cleared !== undefined
        ? overAll
          ? isTruth
            ? `, and over every other model: all of them answer worse than ${name}.`
            : `, and over every other model: either all of them answer worse than ${name}, or it ` +
              "does not judge what was asked."
          : cleared
            ? `, and not surely over those of ${survivor!}: ${matched.names[0]!} may answer worse ` +
              "than nothing."
            : ", and gave no opinion beside another model: nothing is concluded of it."
        : "."),
  };
}

/** Where an interval surely lies; undefined where it does not. */
function side(
  rate: Interval,
  adjusted: number | undefined,
  confidence: number,
): "above" | "below" | undefined {
  if (rate.noClaim !== undefined || adjusted === undefined || adjusted > 1 - confidence + 1e-12)
    return undefined;
  return rate.low > 0.5 ? "above" : rate.high < 0.5 ? "below" : undefined;
}

/** It accuses nobody alone: docs/decisions/comparison.md. */
function longestTrial(judge: TriedJudge, { matched, confidence }: Context): Trial[] {
  if (!judge.trials.some(({ kind }) => kind === "control")) return [];
  const found = longestControl(judge.pairs, matched, confidence);
  if (!found) return [];
  const { rate, beyondChance } = found;
  return [
    {
      id: "longest-answer",
      kind: "control",
      rate,
      beyondChance,
      fooled: false,
      refused: 0,
      sentence:
        `It prefers ${TRIAL_NAMES["longest-answer"]} over the answers of ${matched.names[0]!} on ` +
        `${percent(rate)} of ${countOf(rate.n, "prompt")}: ${formatPoints(beyondChance)} points ` +
        "beyond picking a model at random as often.",
    },
  ];
}

function placeTrial(found: Tested & { adjusted?: number }, confidence: number): Trial[] {
  const { rate, adjusted } = found;
  if (!rate) return [];
  const where = side(rate, adjusted, confidence);
  return [
    {
      id: "first-place",
      kind: "place",
      ...found,
      fooled: where !== undefined,
      refused: 0,
      sentence:
        `It prefers ${TRIAL_NAMES["first-place"]} on ${percent(rate)} of ` +
        `${countOf(rate.n, "prompt")}` +
        (where === undefined
          ? "."
          : `: it leans to the ${where === "above" ? "first" : "last"} place, which both orders ` +
            "cancel."),
    },
  ];
}

function trustOf(
  { name, tried, kind: judgeKind }: TriedJudge,
  trials: readonly Trial[],
  needed: number,
): JudgeTrust {
  if (!tried)
    return {
      conclusion: "no conclusion",
      sentence: `Nothing can be put to ${name} now: votes are taken as they are.`,
      trials,
    };
  const told = (trial: Trial | undefined): string =>
    trial ? ` ${trial.sentence.replace(/^It /, `${name} `)}` : "";
  const leaning = told(trials.find(({ fooled, kind }) => fooled && kind === "place"));
  const taken = trials.filter(({ fooled, kind }) => fooled && kind !== "place");
  if (taken.length > 0)
    return {
      conclusion: "fooled",
      sentence: taken.every(({ overAll }) => overAll)
        ? `${taken.map((trial) => told(trial).trim()).join(" ")} Its verdict is not ` +
          `believed.${leaning}`
        : `${name} is fooled: ` +
          `${taken.map(fallsFor).join("; ")}. Its verdict is not believed.${leaning}`,
      trials,
    };
  const put = trials.filter(({ kind, id }) => kind !== "place" && isTemptation(id));
  const unsettled = put.filter(({ cleared }) => cleared !== undefined).map(told);
  const telling = put.filter((trial) => tells(trial, needed));
  const few = put.filter((trial) => !tells(trial, needed));
  const shortOf = few.length === 0 ? "" : ` ${tooLittle(few, needed)}`;
  const beaten = put.filter(({ overAll }) => overAll);
  const caution = judgeKind === "gold" && beaten.length > 0 ? beaten.map(told).join("") : "";
  if (
    telling.length === 0 ||
    put.some(({ cleared, overAll }) => cleared === false && overAll !== true)
  )
    return {
      conclusion: "no conclusion",
      sentence:
        (put.length === 0
          ? `${name} was not tried.`
          : `Whether ${name} can be trusted is not known.${shortOf}`) +
        `${unsettled.join("")}${leaning}`,
      trials,
    };
  return {
    conclusion: "sound",
    sentence:
      `Nothing${unsettled.length > 0 ? " else" : ""} worthless that ${name} was tempted with is ` +
      `preferred.${unsettled.join("")}${shortOf}${leaning}`,
    trials,
    ...(caution === "" ? {} : { caution: caution.trim() }),
  };
}

/** Whether a judge that always falls for it would be found. */
const tells = ({ rate, units = 0 }: Trial, needed: number): boolean =>
  rate !== undefined && rate.noClaim === undefined && units >= needed;

function tooLittle(few: readonly Trial[], needed: number): string {
  const told = few.map(({ id, rate, units = 0, refused }) => {
    const groups = rate && units < rate.n ? ` in ${countOf(units, "independent group")}` : "";
    const refusals = refused > 0 ? `, ${refused} refused` : "";
    return `${TRIAL_NAMES[id]} (${countOf(rate?.n ?? 0, "prompt")}${groups}${refusals})`;
  });
  return (
    `Too little to tell was judged of ${told.join("; ")}: ${needed} independent prompts at least ` +
    "are needed."
  );
}

const isTemptation = (id: TrialId): boolean => id !== "longest-answer";

const fallsFor = ({ id, rate }: Trial): string =>
  `it prefers ${TRIAL_NAMES[id]}, on ${percent(rate!)} of ${countOf(rate!.n, "prompt")}`;
