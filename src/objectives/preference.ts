/**
 * Losses over preference pairs: the DPO family and its reference-free relatives.
 *
 * Source: each entry names its paper; formulas and defaults follow TRL's dpo_trainer.py and
 * cpo_trainer.py.
 * Differences: 1. `sigmoid` keeps cDPO's label smoothing, which TRL dropped; 2. every loss that can
 * takes a soft label p = P(chosen is preferred); 3. SFT terms are normalised by the tokens of the
 * whole optimiser step; 4. every loss is finite with finite slopes for all finite inputs
 * (bounds.ts), where TRL's ORPO and DiscoPOP become NaN.
 *
 * Symbols: s = sum of log pi(y_t | ...) over the completion, |y| its tokens, lr = s - s_ref, Delta
 * = lr_c - lr_r.
 */
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
import { LARGEST_EXPONENT, LEAST_SURPRISE, plainSaturate, saturate } from "./bounds.ts";
import * as plain from "./numbers.ts";

export const PREFERENCE_LOSSES = [
  "sigmoid",
  "robust",
  "ipo",
  "hinge",
  "sppo_hard",
  "nca_pair",
  "bco_pair",
  "exo_pair",
  "apo_zero",
  "apo_down",
  "sigmoid_norm",
  "discopop",
  "simpo",
  "orpo",
  "cpo",
] as const;
export type PreferenceLossName = (typeof PREFERENCE_LOSSES)[number];

export interface PreferenceHyperparameters {
  /**
   * beta: strength of the KL constraint (DPO), or scale of the margin (SimPO, CPO), or lambda
   * (ORPO).
   */
  beta: number;
  /** epsilon: probability that a label is flipped. */
  labelSmoothing: number;
  /** gamma: SimPO's target margin, on the scale of beta * (mean log-probability). */
  simpoGamma: number;
  /** tau of DiscoPOP. */
  discopopTau: number;
}

/** One value per pair: numbers, or graph values of shape [pairs]. */
export interface PairTerms<T> {
  /** s of the policy. */
  chosen: T;
  rejected: T;
  /** s of the reference; 0 for losses without one. */
  referenceChosen: T;
  referenceRejected: T;
  /** |y| */
  chosenTokens: T;
  rejectedTokens: T;
  /** p: probability that chosen is preferred; 1 for a plain label. */
  p: T;
}

export interface PreferenceLoss {
  /** Paper. */
  readonly source: string;
  readonly reference: boolean;
  /** Hyperparameters it reads; setting another one is refused. */
  readonly uses: readonly (keyof PreferenceHyperparameters)[];
  /** Whether soft labels p change it; with the others only p = 1 is accepted. */
  readonly softLabels: boolean;
  /** Loss of each pair as graph, float32 [pairs]. */
  readonly graph: (terms: PairTerms<Value>, hyper: PreferenceHyperparameters) => Value;
  /** The same in plain numbers. */
  readonly plain: (terms: PairTerms<number>, hyper: PreferenceHyperparameters) => number;
  /** Exact loss at policy = reference with p = 1; absent where it depends on the policy. */
  readonly start?: (hyper: PreferenceHyperparameters) => number;
}

const ratios = (t: PairTerms<Value>): { c: Value; r: Value; delta: Value } => {
  const c = subtract(t.chosen, t.referenceChosen);
  const r = subtract(t.rejected, t.referenceRejected);
  return { c, r, delta: subtract(c, r) };
};

const plainRatios = (t: PairTerms<number>): { c: number; r: number; delta: number } => {
  const c = t.chosen - t.referenceChosen;
  const r = t.rejected - t.referenceRejected;
  return { c, r, delta: c - r };
};

/** Delta of per-token averages: c / |y_c| - r / |y_r|. */
const meanDelta = (t: PairTerms<Value>): Value => {
  const { c, r } = ratios(t);
  return subtract(divide(c, t.chosenTokens), divide(r, t.rejectedTokens));
};

const plainMeanDelta = (t: PairTerms<number>): number => {
  const { c, r } = plainRatios(t);
  return c / t.chosenTokens - r / t.rejectedTokens;
};

/** Probability that the label is right: p (1 - epsilon) + (1 - p) epsilon. */
const trust = (p: Value, epsilon: number): Value => add(multiply(p, 1 - 2 * epsilon), epsilon);
const plainTrust = (p: number, epsilon: number): number => p * (1 - 2 * epsilon) + epsilon;

/** -q log sigma(x) - (1 - q) log sigma(-x). */
const crossEntropy = (x: Value, q: Value): Value =>
  negate(add(multiply(q, logSigmoid(x)), multiply(subtract(1, q), logSigmoid(negate(x)))));
const plainCrossEntropy = (x: number, q: number): number =>
  -(q * plain.logSigmoid(x) + (1 - q) * plain.logSigmoid(-x));

/**
 * log(1 - e^x) for x < 0, through tanh, which stays exact near 0: 1 - e^x = -2t / (1 - t) with t =
 * tanh(x / 2).
 */
function log1mexp(x: Value): Value {
  const t = tanh(multiply(x, 0.5));
  return subtract(log(multiply(abs(t), 2)), log(subtract(1, t)));
}

/** Mean log-probability of tokens, which is below 0. */
const meanLogp = (sum: Value, tokens: Value): Value =>
  minimum(divide(sum, tokens), -LEAST_SURPRISE);
const plainMeanLogp = (sum: number, tokens: number): number =>
  Math.min(sum / tokens, -LEAST_SURPRISE);

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

function plainModulatedExponential(x: number, tau: number): number {
  if (x > DISCOPOP_FAR) return plain.sigmoid(x / tau) * Math.exp(-x);
  return Math.exp(Math.min(-x - plain.softplus(-x / tau), LARGEST_EXPONENT));
}

const LN2 = Math.LN2;

const FORMULAS: Record<PreferenceLossName, PreferenceLoss> = {
  sigmoid: {
    source: "Rafailov et al. 2023 (DPO); label smoothing: Mitchell 2023 (cDPO)",
    reference: true,
    uses: ["beta", "labelSmoothing"],
    softLabels: true,
    graph: (t, { beta, labelSmoothing }) =>
      crossEntropy(multiply(ratios(t).delta, beta), trust(t.p, labelSmoothing)),
    plain: (t, { beta, labelSmoothing }) =>
      plainCrossEntropy(beta * plainRatios(t).delta, plainTrust(t.p, labelSmoothing)),
    start: () => LN2,
  },
  robust: {
    source: "Chowdhury et al. 2024",
    reference: true,
    uses: ["beta", "labelSmoothing"],
    softLabels: false,
    graph: (t, { beta, labelSmoothing: e }) => {
      const x = multiply(ratios(t).delta, beta);
      return multiply(
        add(multiply(logSigmoid(x), e - 1), multiply(logSigmoid(negate(x)), e)),
        1 / (1 - 2 * e),
      );
    },
    plain: (t, { beta, labelSmoothing: e }) => {
      const x = beta * plainRatios(t).delta;
      return (-(1 - e) * plain.logSigmoid(x) + e * plain.logSigmoid(-x)) / (1 - 2 * e);
    },
    start: () => LN2,
  },
  ipo: {
    source:
      "Azar et al. 2023; log-ratios averaged per token, as in TRL (confirmed there with the " +
      "authors)",
    reference: true,
    uses: ["beta"],
    softLabels: false,
    graph: (t, { beta }) => square(subtract(meanDelta(t), 1 / (2 * beta))),
    plain: (t, { beta }) => (plainMeanDelta(t) - 1 / (2 * beta)) ** 2,
    start: ({ beta }) => 1 / (4 * beta * beta),
  },
  hinge: {
    source: "Zhao et al. 2023 (SLiC), Liu et al. 2023 (RSO)",
    reference: true,
    uses: ["beta"],
    softLabels: false,
    graph: (t, { beta }) => maximum(subtract(1, multiply(ratios(t).delta, beta)), 0),
    plain: (t, { beta }) => Math.max(0, 1 - beta * plainRatios(t).delta),
    start: () => 1,
  },
  sppo_hard: {
    source: "Wu et al. 2024 (SPPO, hard labels)",
    reference: true,
    uses: ["beta"],
    softLabels: false,
    graph: (t, { beta }) => {
      const { c, r } = ratios(t);
      return add(square(subtract(c, 0.5 / beta)), square(add(r, 0.5 / beta)));
    },
    plain: (t, { beta }) => {
      const { c, r } = plainRatios(t);
      return (c - 0.5 / beta) ** 2 + (r + 0.5 / beta) ** 2;
    },
    start: ({ beta }) => 2 * (0.5 / beta) ** 2,
  },
  nca_pair: {
    source: "Chen et al. 2024 (NCA)",
    reference: true,
    uses: ["beta"],
    softLabels: false,
    graph: (t, { beta }) => {
      const { c, r } = ratios(t);
      const [x, y] = [multiply(c, beta), multiply(r, beta)];
      return negate(
        add(logSigmoid(x), multiply(add(logSigmoid(negate(x)), logSigmoid(negate(y))), 0.5)),
      );
    },
    plain: (t, { beta }) => {
      const { c, r } = plainRatios(t);
      return (
        -plain.logSigmoid(beta * c) -
        0.5 * plain.logSigmoid(-beta * c) -
        0.5 * plain.logSigmoid(-beta * r)
      );
    },
    start: () => 2 * LN2,
  },
  bco_pair: {
    source: "Jung et al. 2024 (BCO), without the running mean, as TRL's pair form",
    reference: true,
    uses: ["beta"],
    softLabels: false,
    graph: (t, { beta }) => {
      const { c, r } = ratios(t);
      return negate(add(logSigmoid(multiply(c, beta)), logSigmoid(multiply(r, -beta))));
    },
    plain: (t, { beta }) => {
      const { c, r } = plainRatios(t);
      return -plain.logSigmoid(beta * c) - plain.logSigmoid(-beta * r);
    },
    start: () => 2 * LN2,
  },
  exo_pair: {
    source: "Ji et al. 2024 (EXO), equation 16; epsilon must be positive",
    reference: true,
    uses: ["beta", "labelSmoothing"],
    softLabels: false,
    graph: (t, { beta, labelSmoothing: e }) => {
      const x = multiply(ratios(t).delta, beta);
      const right = multiply(sigmoid(x), subtract(logSigmoid(x), Math.log(1 - e)));
      return add(right, multiply(sigmoid(negate(x)), subtract(logSigmoid(negate(x)), Math.log(e))));
    },
    plain: (t, { beta, labelSmoothing: e }) => {
      const x = beta * plainRatios(t).delta;
      return (
        plain.sigmoid(x) * (plain.logSigmoid(x) - Math.log(1 - e)) +
        plain.sigmoid(-x) * (plain.logSigmoid(-x) - Math.log(e))
      );
    },
    start: ({ labelSmoothing: e }) => -LN2 - 0.5 * (Math.log(1 - e) + Math.log(e)),
  },
  apo_zero: {
    source: "D'Oosterlinck et al. 2024 (APO-zero)",
    reference: true,
    uses: ["beta"],
    softLabels: false,
    graph: (t, { beta }) => {
      const { c, r } = ratios(t);
      return add(subtract(1, sigmoid(multiply(c, beta))), sigmoid(multiply(r, beta)));
    },
    plain: (t, { beta }) => {
      const { c, r } = plainRatios(t);
      return 1 - plain.sigmoid(beta * c) + plain.sigmoid(beta * r);
    },
    start: () => 1,
  },
  apo_down: {
    source: "D'Oosterlinck et al. 2024 (APO-down)",
    reference: true,
    uses: ["beta"],
    softLabels: false,
    graph: (t, { beta }) => {
      const { c, delta } = ratios(t);
      return add(sigmoid(multiply(c, beta)), subtract(1, sigmoid(multiply(delta, beta))));
    },
    plain: (t, { beta }) => {
      const { c, delta } = plainRatios(t);
      return plain.sigmoid(beta * c) + 1 - plain.sigmoid(beta * delta);
    },
    start: () => 1,
  },
  sigmoid_norm: {
    source: "Lambert et al. 2024 (Tulu 3), length-normalised DPO",
    reference: true,
    uses: ["beta", "labelSmoothing"],
    softLabels: true,
    graph: (t, { beta, labelSmoothing }) =>
      crossEntropy(multiply(meanDelta(t), beta), trust(t.p, labelSmoothing)),
    plain: (t, { beta, labelSmoothing }) =>
      plainCrossEntropy(beta * plainMeanDelta(t), plainTrust(t.p, labelSmoothing)),
    start: () => LN2,
  },
  discopop: {
    source: "Lu et al. 2024 (DiscoPOP), log-ratio modulated loss",
    reference: true,
    uses: ["beta", "discopopTau"],
    softLabels: false,
    graph: (t, { beta, discopopTau }) => {
      const x = multiply(ratios(t).delta, beta);
      const m = sigmoid(multiply(x, 1 / discopopTau));
      return add(
        multiply(negate(logSigmoid(x)), subtract(1, m)),
        modulatedExponential(x, discopopTau),
      );
    },
    plain: (t, { beta, discopopTau }) => {
      const x = beta * plainRatios(t).delta;
      const m = plain.sigmoid(x / discopopTau);
      return (1 - m) * -plain.logSigmoid(x) + plainModulatedExponential(x, discopopTau);
    },
    start: () => 0.5 * LN2 + 0.5,
  },
  simpo: {
    source: "Meng et al. 2024 (SimPO)",
    reference: false,
    uses: ["beta", "simpoGamma", "labelSmoothing"],
    softLabels: true,
    graph: (t, { beta, simpoGamma, labelSmoothing }) => {
      const margin = subtract(
        divide(t.chosen, t.chosenTokens),
        divide(t.rejected, t.rejectedTokens),
      );
      return crossEntropy(subtract(multiply(margin, beta), simpoGamma), trust(t.p, labelSmoothing));
    },
    plain: (t, { beta, simpoGamma, labelSmoothing }) => {
      const margin = t.chosen / t.chosenTokens - t.rejected / t.rejectedTokens;
      return plainCrossEntropy(beta * margin - simpoGamma, plainTrust(t.p, labelSmoothing));
    },
  },
  orpo: {
    source:
      "Hong et al. 2024 (ORPO), the odds-ratio term; the SFT term is added by a weight on `sft`",
    reference: false,
    uses: ["beta"],
    softLabels: false,
    graph: (t, { beta }) => {
      const [c, r] = [meanLogp(t.chosen, t.chosenTokens), meanLogp(t.rejected, t.rejectedTokens)];
      const odds = subtract(subtract(c, r), subtract(log1mexp(c), log1mexp(r)));
      return multiply(logSigmoid(odds), -beta);
    },
    plain: (t, { beta }) => {
      const [c, r] = [
        plainMeanLogp(t.chosen, t.chosenTokens),
        plainMeanLogp(t.rejected, t.rejectedTokens),
      ];
      return -beta * plain.logSigmoid(c - r - (plain.log1mexp(c) - plain.log1mexp(r)));
    },
  },
  cpo: {
    source: "Xu et al. 2024 (CPO), the preference term; the SFT term is added by a weight on `sft`",
    reference: false,
    uses: ["beta", "labelSmoothing"],
    softLabels: true,
    graph: (t, { beta, labelSmoothing }) =>
      crossEntropy(multiply(subtract(t.chosen, t.rejected), beta), trust(t.p, labelSmoothing)),
    plain: (t, { beta, labelSmoothing }) =>
      plainCrossEntropy(beta * (t.chosen - t.rejected), plainTrust(t.p, labelSmoothing)),
  },
};

function saturated<T>(terms: PairTerms<T>, bound: (x: T) => T): PairTerms<T> {
  const { chosen, rejected, referenceChosen, referenceRejected } = terms;
  return {
    ...terms,
    chosen: bound(chosen),
    rejected: bound(rejected),
    referenceChosen: bound(referenceChosen),
    referenceRejected: bound(referenceRejected),
  };
}

const withinBounds = (loss: PreferenceLoss): PreferenceLoss => ({
  ...loss,
  graph: (terms, hyper) => loss.graph(saturated(terms, saturate), hyper),
  plain: (terms, hyper) => loss.plain(saturated(terms, plainSaturate), hyper),
});

export const PREFERENCE_LOSS_TABLE = Object.fromEntries(
  PREFERENCE_LOSSES.map((name) => [name, withinBounds(FORMULAS[name])]),
) as Record<PreferenceLossName, PreferenceLoss>;
