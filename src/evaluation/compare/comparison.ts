/** What a comparison found, as data: JSON keeps all of it (core/json.ts). */
import type { Interval } from "../../stats/intervals.ts";
import type { JudgeKind } from "./judges.ts";
import type { MatchedAnswers } from "./matched.ts";

export interface CompareOptions {
  /** Draws the sides, the order of prompts, and those that controls and probes are tried on. */
  seed: number;
  /** Of every interval, above 0 and below 1; one less it is the error of all verdicts together. */
  confidence: number;
  /**
   * Distance of a win rate from a half that does not matter, as a share: with 0.05 models whose win
   * rate surely lies within 45% and 55% are equal.
   */
  margin?: number | undefined;
  /**
   * Judges prompts in a random order and stops as soon as the verdict holds, with intervals that
   * may be looked at after every prompt. Default false.
   */
  sequential?: boolean | undefined;
  /** The first model against each of the others, or every model against every other. */
  pairs: "baseline" | "all";
  /** Whether a constant answer, the prompt itself and the longest answer compete as well. */
  controls: boolean;
  /** Prompts on which the baseline's own answers are padded, flattering and dressed; 0 for none. */
  probes: number;
  /** Column with a prompt's category; `category`, `group` or the like where left out. */
  group?: string | undefined;
  /** What probes add, in the language of the answers. */
  probeTexts?: ProbeTexts | undefined;
}

/** Sentences that say nothing, for probes of a judge. */
export interface ProbeTexts {
  /** Praise of whoever asks, put before an answer. */
  flattery: readonly string[];
  /** Said after an answer until it is about twice as long. */
  padding: readonly string[];
}

export interface ComparedModel {
  name: string;
  source: string;
  fingerprint: string;
}

/** What a judge said of one prompt. */
export interface PromptJudgement {
  /** Number among the matched prompts. */
  prompt: number;
  /** P(candidate preferred) with it shown first, and second; their mean is the outcome. */
  shownFirst: number;
  shownSecond: number;
  /** The answers are equal: a tie, without being asked. */
  equal?: true;
}

/** A pair that the judge has no opinion on. */
export interface Refusal {
  prompt: number;
  why: string;
}

/** How far a sequential comparison went. */
export interface SequentialRun {
  /** Prompts used, of all. */
  used: number;
  of: number;
  /** Whether it stopped because the verdict held; else it used every prompt. */
  stopped: boolean;
  /** Holds at every prompt at once. */
  interval: Interval;
  /** Width of it over that of an interval that may be looked at once. */
  width: number;
}

/** A judge's opinions of one candidate against one other model. */
export interface PairJudgements {
  candidate: string;
  /** What it is compared with. */
  baseline: string;
  judgements: readonly PromptJudgement[];
  refused: readonly Refusal[];
  /** Undefined where all prompts were judged. */
  sequential?: SequentialRun;
}

/** A win rate where the answers do not differ in some respects. */
export interface EqualRate {
  rate: Interval;
  /** Log-odds that each feature adds, for one of its unit. */
  effects: readonly { feature: string; effect: Interval }[];
  /** Why it may say little, such as that the candidate's answers are always longer. */
  caution?: string;
}

/** What the judgements of a pair amount to. */
export interface Outcome {
  /** Share of prompts won, a tie counting half. */
  rate: Interval;
  /** Shares of prompts; they add to 1. */
  win: Interval;
  tie: Interval;
  loss: Interval;
  counts: { wins: number; ties: number; losses: number };
  /** Two-sided, of signs flipped for whole clusters; undefined where sequential. */
  pValue?: number;
  /** Adjusted for all comparisons of this judge: Holm, or Bonferroni where a margin is named. */
  adjusted?: number;
  /** Whether they are equal within the margin; undefined without one. */
  equal?: EqualWithin;
  /** Undefined where it cannot be fitted. */
  equalLength?: EqualRate;
  equalStyle?: EqualRate;
  /** By category, in order of size. */
  groups: readonly GroupOutcome[];
  /** Share of asked prompts on which the two orders named different winners. */
  flipped?: Interval;
  power: PowerFigures;
  /** Prompts, and clusters of them; undefined where each prompt is by itself. */
  prompts: number;
  clusters?: number;
  /** Why its figures must be read with care: judging stopped as soon as the verdict held. */
  caution?: string;
}

/** Two one-sided tests, or in a sequential comparison its interval. */
export interface EqualWithin {
  margin: number;
  /** By which equality is judged: 90% where the error of the verdict is 5%. */
  interval: Interval;
  /** Adjusted for all comparisons of this judge (Bonferroni); undefined where sequential. */
  adjusted?: number;
  holds: boolean;
}

export interface GroupOutcome {
  group: string;
  rate: Interval;
  pValue: number;
  /** Over all groups of the pair (Holm). */
  adjusted: number;
}

/** What so many prompts can show. */
export interface PowerFigures {
  /** Win rate above a half that would be found 8 times in 10; undefined where none would. */
  detectable?: number;
  /**
   * Further prompts that would find what was seen, 8 times in 10, if it is the truth; 0 where it is
   * found already, undefined where nothing was seen.
   */
  more?: number;
  /** The same if the truth is half as far from a tie: what is seen is often too large. */
  moreIfHalf?: number;
  /** Prompts in all that find a true win rate of 55%. */
  forFiftyFive: number;
}

/** How two models compare, in the opinion of one judge. */
export interface PairVerdict {
  /** Nothing is concluded since prompts are few, and not for what was answered. */
  few?: true;
  conclusion: "better" | "worse" | "equal" | "not distinguishable" | "no conclusion";
  /** A sentence with the numbers. */
  sentence: string;
}

export interface PairResult extends PairJudgements {
  /** Undefined where nothing was judged. */
  outcome?: Outcome;
  verdict: PairVerdict;
}

export type TrialId =
  | "constant-answer"
  | "prompt-copy"
  | "longest-answer"
  | "padded"
  | "said-twice"
  | "flattering"
  | "dressed"
  | "first-place";

/** Something worthless that a judge is tempted with. */
export interface Trial {
  id: TrialId;
  /** Controls answer in a model's stead; probes change the baseline's own answers. */
  kind: "control" | "probe" | "place";
  /** Share of prompts on which the worthless one is preferred; undefined where none was judged. */
  rate?: Interval;
  /**
   * Of the longest answer alone: share of prompts beyond picking a model at random as often from
   * each.
   */
  beyondChance?: Interval;
  /** Two-sided; adjusted over all trials of all judges (Holm). */
  pValue?: number;
  adjusted?: number;
  /** Whether the judge falls for it. */
  fooled: boolean;
  /** Independent prompts that it was judged on: clusters, where prompts belong together. */
  units?: number;
  /** Of a control that is surely preferred over the baseline: whether another model clears it. */
  cleared?: boolean;
  /** Of a control: it is surely preferred over every model. */
  overAll?: true;
  /** What was seen, in words. */
  sentence: string;
  refused: number;
}

/** Whether a judge can be believed. */
export interface JudgeTrust {
  /** `no conclusion` where it was not tried, or on too little to find anything. */
  conclusion: "sound" | "fooled" | "no conclusion";
  sentence: string;
  trials: readonly Trial[];
  /** What the verdict must say besides: a program that is the truth prefers a control to all. */
  caution?: string;
}

/** A model among several, in the opinion of one judge. */
export interface Rating {
  model: string;
  /** Elo's scale: 400 points are odds of 10 to 1; the first model of a group has 1000. */
  rating: Interval;
  /** The end of its interval that only the prior holds: it never lost, or never won. */
  unbounded?: "above" | "below";
  /** The same with answers of equal length, headers, lists and bold; undefined if not fitted. */
  equalStyle?: Interval;
  /** Pairs of its answers that were judged; several votes on one pair count once. */
  judged: number;
  /** 1 + models that are surely better. */
  rank: number;
  /** Those, by the verdicts; of models that were not compared with it, by the fit. */
  surelyBetter: readonly string[];
  /** Ratings of two groups, by number, cannot be compared; undefined where all are linked. */
  group?: number;
}

export interface JudgeResult {
  name: string;
  kind: JudgeKind;
  optimised: boolean;
  symmetric: boolean;
  pairs: readonly PairResult[];
  trust: JudgeTrust;
  /** Best first; empty for two models. */
  ratings: readonly Rating[];
}

/** How alike two judges judge the same pairs. */
export interface JudgeAgreement {
  judges: readonly [string, string];
  /** Whether one of them is votes of people. */
  people: boolean;
  /** Share of pairs with the same verdict: win, tie or loss. */
  raw: Interval;
  /** The same winner, of the pairs that both decide; undefined where there are none. */
  decided?: Interval;
  /** Cohen's: what is left of it above chance. */
  kappa: Interval;
}

export interface Comparison {
  models: readonly ComparedModel[];
  options: CompareOptions;
  matched: MatchedAnswers;
  judges: readonly JudgeResult[];
  agreement: readonly JudgeAgreement[];
}

/** P(candidate preferred), both orders averaged. */
export const outcomeOf = ({
  shownFirst,
  shownSecond,
}: Pick<PromptJudgement, "shownFirst" | "shownSecond">): number => (shownFirst + shownSecond) / 2;
