/**
 * Losses over preference pairs: the DPO family and its reference-free relatives. A loss is written
 * here and nowhere else: its formula as graph, the numbers it reads with their defaults and ranges,
 * its reward, and what it needs. Trainers' options and checks are made of this table.
 *
 * Source: each entry names its paper; formulas and defaults follow TRL's dpo_trainer.py and
 * cpo_trainer.py.
 * Differences:
 * 1. `sigmoid` keeps cDPO's label smoothing, which TRL dropped;
 * 2. every loss that can takes a soft label p = P(chosen is preferred);
 * 3. SFT terms are normalised by the tokens of the whole optimiser step;
 * 4. every loss is finite with finite slopes for all finite inputs (bounds.ts), where TRL's ORPO
 *    and DiscoPOP become NaN.
 */
import { z } from "zod";
import {
  abs,
  add,
  divide,
  exp,
  greater,
  log,
  logSigmoid,
  maximum,
  minimum,
  multiply,
  negate,
  sigmoid,
  softplus,
  square,
  subtract,
  tanh,
  where,
} from "../graph/build.ts";
import type { Value } from "../graph/ir.ts";
import { LARGEST_EXPONENT } from "./bounds.ts";
import type { PairTerms, PreferenceLoss } from "./preference-loss.ts";
import {
  beta,
  crossEntropy,
  definePreferenceLoss,
  hyperparameter,
  labelSmoothing,
  logRatioReward,
  meanDelta,
  meanLogp,
  meanReward,
  ratios,
  trust,
} from "./preference-loss.ts";

/**
 * log(1 - e^x) for x < 0, through tanh, which stays exact near 0: 1 - e^x = -2t / (1 - t) with t =
 * tanh(x / 2).
 */
function log1mexp(x: Value): Value {
  const t = tanh(multiply(x, 0.5));
  return subtract(log(multiply(abs(t), 2)), log(subtract(1, t)));
}

/** Log odds of chosen less those of rejected, by the mean log-probability of a token. */
function logOdds(t: PairTerms<Value>): Value {
  const [c, r] = [meanLogp(t.chosen, t.chosenTokens), meanLogp(t.rejected, t.rejectedTokens)];
  return subtract(subtract(c, r), subtract(log1mexp(c), log1mexp(r)));
}

/**
 * Below this, e^-x and sigma(x / tau) leave float32, and their product is taken as one exponential.
 */
const DISCOPOP_FAR = -60;

/** e^-x sigma(x / tau) = e^(-x - softplus(-x / tau)). */
function modulatedExponential(x: Value, tau: number): Value {
  const near = maximum(x, DISCOPOP_FAR);
  const far = minimum(x, DISCOPOP_FAR);
  const exponent = negate(add(far, softplus(multiply(far, -1 / tau))));
  return where(
    greater(x, DISCOPOP_FAR),
    multiply(exp(negate(near)), sigmoid(multiply(near, 1 / tau))),
    exp(minimum(exponent, LARGEST_EXPONENT)),
  );
}

const { LN2 } = Math;

const LOSSES = {
  sigmoid: definePreferenceLoss({
    source: "Rafailov et al. 2023 (DPO); label smoothing: Mitchell 2023 (cDPO)",
    reference: true,
    hyperparameters: { beta, labelSmoothing },
    softLabels: true,
    reward: logRatioReward,
    graph: (t, { beta, labelSmoothing }) =>
      crossEntropy(multiply(ratios(t).delta, beta), trust(t.p, labelSmoothing)),
    start: () => LN2,
  }),
  robust: definePreferenceLoss({
    source: "Chowdhury et al. 2024",
    reference: true,
    hyperparameters: { beta, labelSmoothing },
    softLabels: false,
    reward: logRatioReward,
    graph: (t, { beta, labelSmoothing: e }) => {
      const x = multiply(ratios(t).delta, beta);
      return multiply(
        add(multiply(logSigmoid(x), e - 1), multiply(logSigmoid(negate(x)), e)),
        1 / (1 - 2 * e),
      );
    },
    start: () => LN2,
  }),
  ipo: definePreferenceLoss({
    source:
      "Azar et al. 2023; log-ratios averaged per token, as in TRL (confirmed there with the " +
      "authors)",
    reference: true,
    hyperparameters: { beta },
    softLabels: false,
    reward: logRatioReward,
    graph: (t, { beta }) => square(subtract(meanDelta(t), 1 / (2 * beta))),
    start: ({ beta }) => 1 / (4 * beta * beta),
  }),
  hinge: definePreferenceLoss({
    source: "Zhao et al. 2023 (SLiC), Liu et al. 2023 (RSO)",
    reference: true,
    hyperparameters: { beta },
    softLabels: false,
    reward: logRatioReward,
    graph: (t, { beta }) => maximum(subtract(1, multiply(ratios(t).delta, beta)), 0),
    start: () => 1,
  }),
  sppo_hard: definePreferenceLoss({
    source: "Wu et al. 2024 (SPPO, hard labels)",
    reference: true,
    hyperparameters: { beta },
    softLabels: false,
    reward: logRatioReward,
    graph: (t, { beta }) => {
      const { c, r } = ratios(t);
      return add(square(subtract(c, 0.5 / beta)), square(add(r, 0.5 / beta)));
    },
    start: ({ beta }) => 2 * (0.5 / beta) ** 2,
  }),
  nca_pair: definePreferenceLoss({
    source: "Chen et al. 2024 (NCA)",
    reference: true,
    hyperparameters: { beta },
    softLabels: false,
    reward: logRatioReward,
    graph: (t, { beta }) => {
      const { c, r } = ratios(t);
      const [x, y] = [multiply(c, beta), multiply(r, beta)];
      return negate(
        add(logSigmoid(x), multiply(add(logSigmoid(negate(x)), logSigmoid(negate(y))), 0.5)),
      );
    },
    start: () => 2 * LN2,
  }),
  bco_pair: definePreferenceLoss({
    source: "Jung et al. 2024 (BCO), without the running mean, as TRL's pair form",
    reference: true,
    hyperparameters: { beta },
    softLabels: false,
    reward: logRatioReward,
    graph: (t, { beta }) => {
      const { c, r } = ratios(t);
      return negate(add(logSigmoid(multiply(c, beta)), logSigmoid(multiply(r, -beta))));
    },
    start: () => 2 * LN2,
  }),
  exo_pair: definePreferenceLoss({
    source: "Ji et al. 2024 (EXO), equation 16",
    reference: true,
    hyperparameters: {
      beta,
      labelSmoothing: {
        ...labelSmoothing,
        type: z.number().positive().max(0.499),
        default: 1e-3,
        source: "EXO (Ji et al. 2024): must be positive",
        range: "its logarithm is taken",
      },
    },
    softLabels: false,
    reward: logRatioReward,
    graph: (t, { beta, labelSmoothing: e }) => {
      const x = multiply(ratios(t).delta, beta);
      const right = multiply(sigmoid(x), subtract(logSigmoid(x), Math.log(1 - e)));
      return add(right, multiply(sigmoid(negate(x)), subtract(logSigmoid(negate(x)), Math.log(e))));
    },
    start: ({ labelSmoothing: e }) => -LN2 - 0.5 * (Math.log(1 - e) + Math.log(e)),
  }),
  apo_zero: definePreferenceLoss({
    source: "D'Oosterlinck et al. 2024 (APO-zero)",
    reference: true,
    hyperparameters: { beta },
    softLabels: false,
    reward: logRatioReward,
    graph: (t, { beta }) => {
      const { c, r } = ratios(t);
      return add(subtract(1, sigmoid(multiply(c, beta))), sigmoid(multiply(r, beta)));
    },
    start: () => 1,
  }),
  apo_down: definePreferenceLoss({
    source: "D'Oosterlinck et al. 2024 (APO-down)",
    reference: true,
    hyperparameters: { beta },
    softLabels: false,
    reward: logRatioReward,
    graph: (t, { beta }) => {
      const { c, delta } = ratios(t);
      return add(sigmoid(multiply(c, beta)), subtract(1, sigmoid(multiply(delta, beta))));
    },
    start: () => 1,
  }),
  sigmoid_norm: definePreferenceLoss({
    source: "Lambert et al. 2024 (Tulu 3), length-normalised DPO",
    reference: true,
    hyperparameters: { beta, labelSmoothing },
    softLabels: true,
    reward: logRatioReward,
    graph: (t, { beta, labelSmoothing }) =>
      crossEntropy(multiply(meanDelta(t), beta), trust(t.p, labelSmoothing)),
    start: () => LN2,
  }),
  discopop: definePreferenceLoss({
    source: "Lu et al. 2024 (DiscoPOP), log-ratio modulated loss",
    reference: true,
    hyperparameters: {
      beta,
      discopopTau: hyperparameter({
        type: z.number().positive(),
        default: 0.05,
        source: "trl DPOConfig.discopop_tau",
        description: "temperature of the modulation",
      }),
    },
    softLabels: false,
    reward: logRatioReward,
    graph: (t, { beta, discopopTau }) => {
      const x = multiply(ratios(t).delta, beta);
      const m = sigmoid(multiply(x, 1 / discopopTau));
      return add(
        multiply(negate(logSigmoid(x)), subtract(1, m)),
        modulatedExponential(x, discopopTau),
      );
    },
    start: () => 0.5 * LN2 + 0.5,
  }),
  simpo: definePreferenceLoss({
    source: "Meng et al. 2024 (SimPO)",
    reference: false,
    hyperparameters: {
      beta: { ...beta, default: 2, source: "SimPO (Meng et al. 2024), section 4" },
      simpoGamma: hyperparameter({
        type: z.number().min(0),
        default: 1,
        source: "SimPO (Meng et al. 2024): gamma / beta of 0.5",
        description: "target margin",
      }),
      labelSmoothing,
    },
    softLabels: true,
    reward: meanReward,
    graph: (t, { beta, simpoGamma, labelSmoothing }) => {
      const margin = subtract(
        divide(t.chosen, t.chosenTokens),
        divide(t.rejected, t.rejectedTokens),
      );
      return crossEntropy(subtract(multiply(margin, beta), simpoGamma), trust(t.p, labelSmoothing));
    },
  }),
  orpo: definePreferenceLoss({
    source: "Hong et al. 2024 (ORPO), the odds-ratio term",
    reference: false,
    hyperparameters: { beta },
    softLabels: false,
    reward: meanReward,
    sft: {
      weight: { value: 1, source: "ORPO (Hong et al. 2024), equation 6" },
      tokens: { value: "full", source: "trl ORPOTrainer, as the paper's code" },
    },
    graph: (t, { beta }) => multiply(logSigmoid(logOdds(t)), -beta),
    metrics: (t) => {
      const odds = logOdds(t);
      return { log_odds_chosen: odds, log_odds_ratio: logSigmoid(odds) };
    },
  }),
  cpo: definePreferenceLoss({
    source: "Xu et al. 2024 (CPO), the preference term",
    reference: false,
    hyperparameters: { beta, labelSmoothing },
    softLabels: true,
    reward: logRatioReward,
    sft: { weight: { value: 1, source: "trl CPOConfig.cpo_alpha" } },
    graph: (t, { beta, labelSmoothing }) =>
      crossEntropy(multiply(subtract(t.chosen, t.rejected), beta), trust(t.p, labelSmoothing)),
  }),
};

/** The losses by TRL's names; `dpo --loss` takes these. */
export type PreferenceLossName = keyof typeof LOSSES;

/** Names of all that some loss reads. */
export type HyperparameterName = {
  [Name in PreferenceLossName]: keyof (typeof LOSSES)[Name]["hyperparameters"];
}[PreferenceLossName];

/** A value for each; a loss reads its own. */
export type PreferenceHyperparameters = Readonly<Record<HyperparameterName, number>>;

/** Every loss by its name. */
export const PREFERENCE_LOSS_TABLE: Readonly<Record<PreferenceLossName, PreferenceLoss>> = LOSSES;

/** Names of all losses, in the order of the table. */
export const PREFERENCE_LOSSES = Object.keys(LOSSES) as PreferenceLossName[];
