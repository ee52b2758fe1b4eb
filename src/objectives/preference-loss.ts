/**
 * What a loss over preference pairs says of itself, and pieces that several of them are written
 * with. The losses: preference.ts.
 *
 * Symbols: s = sum of log pi(y_t | ...) over the completion, |y| its tokens, lr = s - s_ref, Delta
 * = lr_c - lr_r.
 */
import { z } from "zod";
import type { OptionalField } from "../config/config.ts";
import { field } from "../config/config.ts";
import { add, divide, logSigmoid, minimum, multiply, negate, subtract } from "../graph/build.ts";
import type { Value } from "../graph/ir.ts";
import type { MetricName } from "../runs/metrics.ts";
import { LEAST_SURPRISE, saturate } from "./bounds.ts";

/** One value per pair: numbers, or graph values float32 [pairs]. */
export interface PairTerms<T> {
  /** s of the policy, nats. */
  chosen: T;
  rejected: T;
  /** s of the reference, nats; 0 for losses without one. */
  referenceChosen: T;
  referenceRejected: T;
  /** |y| >= 1 */
  chosenTokens: T;
  rejectedTokens: T;
  /** p: probability that chosen is preferred, 0.5 to 1; 1 for a plain label. */
  p: T;
}

/** A number that a loss reads: its range, default, meaning and source, as an option of trainers. */
export type Hyperparameter = OptionalField<z.ZodNumber>;

/** All that a loss reads, by name. */
export interface Hyperparameters {
  /**
   * Strength of the KL constraint (DPO), or scale of the margin (SimPO, CPO), or lambda (ORPO);
   * rewards are on its scale.
   */
  readonly beta: Hyperparameter;
  readonly [name: string]: Hyperparameter;
}

/** The implicit reward of one answer. @param answer s, s_ref and |y| */
export type ImplicitReward = (
  answer: { logp: number; reference: number; tokens: number },
  beta: number,
) => number;

/** A default of a trainer's option, and where it comes from. */
interface SourcedDefault<T> {
  readonly value: T;
  readonly source: string;
}

/** The SFT term that a paper's loss holds beside its term over pairs. */
export interface SftTerm {
  readonly weight: SourcedDefault<number>;
  /** Left out for the chosen answer's alone. */
  readonly tokens?: SourcedDefault<"full">;
}

/** A loss over pairs: everything that is known of it. */
export interface PreferenceLoss<H extends Hyperparameters = Hyperparameters> {
  /** Paper. */
  readonly source: string;
  /** Whether it reads log-probabilities of a reference. */
  readonly reference: boolean;
  /** What it reads; setting another one is refused. */
  readonly hyperparameters: H;
  /** Whether soft labels p change it; the others take p > 0.5 for 1, and learn nothing from 0.5. */
  readonly softLabels: boolean;
  /** The reward that it compares. */
  readonly reward: ImplicitReward;
  readonly sft?: SftTerm;
  /** Loss of each pair, float32 [pairs]. */
  graph(terms: PairTerms<Value>, hyper: { readonly [Name in keyof H]: number }): Value;
  /** Further metrics of runs/metrics.ts, of each pair, float32 [pairs]; their means are logged. */
  metrics?(
    terms: PairTerms<Value>,
    hyper: { readonly [Name in keyof H]: number },
  ): Readonly<Partial<Record<MetricName, Value>>>;
  /** Exact loss at policy = reference with p = 1; absent where it depends on the policy. */
  start?(hyper: { readonly [Name in keyof H]: number }): number;
}

/**
 * A loss whose hyperparameters are checked by the compiler, and whose sums are within the bounds of
 * bounds.ts.
 */
export function definePreferenceLoss<H extends Hyperparameters>(
  loss: PreferenceLoss<H>,
): PreferenceLoss<H> {
  return {
    ...loss,
    graph: (terms, hyper) => loss.graph(withinBounds(terms), hyper),
    ...(loss.metrics && {
      metrics: (terms, hyper) => loss.metrics!(withinBounds(terms), hyper),
    }),
  };
}

const withinBounds = (terms: PairTerms<Value>): PairTerms<Value> => ({
  ...terms,
  chosen: saturate(terms.chosen),
  rejected: saturate(terms.rejected),
  referenceChosen: saturate(terms.referenceChosen),
  referenceRejected: saturate(terms.referenceRejected),
});

/** A hyperparameter by its range, default, source and description. */
export const hyperparameter = (spec: {
  type: z.ZodNumber;
  default: number;
  source: string;
  description: string;
  range?: string;
}): Hyperparameter => field({ ...spec, group: "Method" });

/** beta as most losses have it. */
export const beta = hyperparameter({
  type: z.number().positive(),
  default: 0.1,
  source: "DPO (Rafailov et al. 2023); trl DPOConfig.beta",
  description: "strength of the pull towards the reference",
});

/** epsilon of the losses that smooth their labels. */
export const labelSmoothing = hyperparameter({
  type: z.number().min(0).max(0.499),
  default: 0,
  source: "trl DPOConfig.label_smoothing",
  description: "probability that a label is wrong (cDPO, robust, EXO)",
});

/** beta lr, nats: what DPO compares. */
export const logRatioReward: ImplicitReward = ({ logp, reference }, scale) =>
  scale * (logp - reference);

/** beta s / |y|, nats a token: what losses without a reference compare that divide by length. */
export const meanReward: ImplicitReward = ({ logp, tokens }, scale) => (scale * logp) / tokens;

/** lr of both answers, and Delta, each [pairs]. */
export function ratios(t: PairTerms<Value>): { c: Value; r: Value; delta: Value } {
  const c = subtract(t.chosen, t.referenceChosen);
  const r = subtract(t.rejected, t.referenceRejected);
  return { c, r, delta: subtract(c, r) };
}

/** Delta of per-token averages: lr_c / |y_c| - lr_r / |y_r|, [pairs]. */
export function meanDelta(t: PairTerms<Value>): Value {
  const { c, r } = ratios(t);
  return subtract(divide(c, t.chosenTokens), divide(r, t.rejectedTokens));
}

/** Probability that the label is right, [pairs]: p (1 - epsilon) + (1 - p) epsilon. */
export const trust = (p: Value, epsilon: number): Value =>
  add(multiply(p, 1 - 2 * epsilon), epsilon);

/** -q log sigma(x) - (1 - q) log sigma(-x), [pairs]. */
export const crossEntropy = (x: Value, q: Value): Value =>
  negate(add(multiply(q, logSigmoid(x)), multiply(subtract(1, q), logSigmoid(negate(x)))));

/** Mean log-probability of an answer's tokens, which is below 0. */
export const meanLogp = (sum: Value, tokens: Value): Value =>
  minimum(divide(sum, tokens), -LEAST_SURPRISE);
