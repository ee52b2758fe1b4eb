/**
 * The objective of a preference run: a weighted mixture of pair losses and an SFT term, as one
 * graph.
 */
import { add, multiply, reshape, scatterAddRows, slice, sumAll, fill } from "../graph/build.ts";
import { interpreterOf } from "../graph/interpreter/interpret.ts";
import type { PlainTensor } from "../graph/interpreter/plain.ts";
import type { Value } from "../graph/ir.ts";
import { createGraph } from "../graph/op-table.ts";
import { defineObjective } from "../models/plans/plan.ts";
import type { MetricName } from "../runs/metrics.ts";
import { saturate } from "./bounds.ts";
import type { ImplicitReward, PairTerms } from "./preference-loss.ts";
import { logRatioReward } from "./preference-loss.ts";
import type { PreferenceHyperparameters, PreferenceLossName } from "./preference.ts";
import { PREFERENCE_LOSS_TABLE } from "./preference.ts";

/** A loss of a mixture. Weights are 0 or more. */
export interface WeightedLoss {
  type: PreferenceLossName;
  weight: number;
}

/** What is read of a pair. */
export interface PairLayout {
  /** Prompt tokens are read too, for the SFT term alone. Default false. */
  withPrompt?: boolean;
}

/** Sequences that are read of one pair: chosen, rejected and, with `withPrompt`, the prompt. */
export const sequencesPerPair = ({ withPrompt = false }: PairLayout): number =>
  withPrompt ? 3 : 2;

const PAIRS = ["pairs"] as const;
const SIDES = ["pairs", 2] as const;

/** Column 0 (chosen) or 1 (rejected) of [pairs, 2 or 3]. */
const side = (x: Value, column: number): Value => reshape(slice(x, 1, column, column + 1), PAIRS);

/**
 * Inputs, beside the read log-probabilities [S]:
 * `sequence` int64 [S]: with n {@link sequencesPerPair}, n i for a token of the chosen answer of
 * pair i, n i + 1 for one of the rejected, n i + 2 for one of the prompt;
 * `reference` float32 [pairs, 2], sums of the reference; `lengths` float32 [pairs, 2] in tokens;
 * `p` float32 [pairs]; `scale` float32 [pairs], 1 / (pairs of the whole optimiser step), 0 for
 * padding;
 * `sftSlope` float32 [S], -weight / (such tokens of the step) on tokens of chosen answers (and of
 * prompts), else 0. Results: `logps` [pairs, n], `losses` [pairs].
 */
export function pairObjective(
  losses: readonly WeightedLoss[],
  hyper: PreferenceHyperparameters,
  layout: PairLayout = {},
) {
  const columns = sequencesPerPair(layout);
  return defineObjective({
    name: losses.map(({ type }) => type).join("+"),
    reads: "tokens",
    inputs: {
      sequence: { dtype: "int64", shape: ["selected"] },
      reference: { dtype: "float32", shape: SIDES },
      lengths: { dtype: "float32", shape: SIDES },
      p: { dtype: "float32", shape: PAIRS },
      scale: { dtype: "float32", shape: PAIRS },
      sftSlope: { dtype: "float32", shape: ["selected"] },
    },
    build(readout, inputs) {
      const { graph } = readout;
      const logps = reshape(
        scatterAddRows(fill(graph, [`${columns}*pairs`], 0), inputs.sequence, readout),
        ["pairs", columns],
      );
      const terms = {
        chosen: side(logps, 0),
        rejected: side(logps, 1),
        referenceChosen: side(inputs.reference, 0),
        referenceRejected: side(inputs.reference, 1),
        chosenTokens: side(inputs.lengths, 0),
        rejectedTokens: side(inputs.lengths, 1),
        p: inputs.p,
      };
      const perPair = mixture(losses, terms, hyper);
      const loss = add(
        sumAll(multiply(perPair, inputs.scale)),
        sumAll(multiply(saturate(readout), inputs.sftSlope)),
      );
      return { loss, metrics: { logps, losses: perPair } };
    },
  });
}

/** With the names and types of its inputs and metrics. */
export type PairObjective = ReturnType<typeof pairObjective>;

/** Weighted sum of the losses of each pair, float32 [pairs]. */
const mixture = (
  losses: readonly WeightedLoss[],
  terms: PairTerms<Value>,
  hyper: PreferenceHyperparameters,
): Value =>
  losses
    .map(({ type, weight }) => multiply(PREFERENCE_LOSS_TABLE[type].graph(terms, hyper), weight))
    .reduce((left, right) => add(left, right));

/** A mixture of losses in float64: one number a pair, in their order. */
export interface EvaluatedPairs {
  losses: Float64Array;
  /** The losses' own metrics. */
  metrics: Partial<Record<MetricName, Float64Array>>;
}

/**
 * The mixture as a function of plain numbers: its graph, built once and evaluated by the
 * interpreter. Sums of log-probabilities are in nats.
 */
export function pairEvaluator(
  losses: readonly WeightedLoss[],
  hyper: PreferenceHyperparameters,
): (pairs: readonly PairTerms<number>[]) => EvaluatedPairs {
  const graph = createGraph();
  const terms = mapTerms((name) => graph.input(name, "float32", PAIRS));
  const metrics: Partial<Record<MetricName, Value>> = Object.assign(
    {},
    ...losses.map(({ type }) => PREFERENCE_LOSS_TABLE[type].metrics?.(terms, hyper)),
  );
  const outputs: Record<string, Value> = { losses: mixture(losses, terms, hyper), ...metrics };
  const evaluate = interpreterOf(graph, outputs);
  return (pairs) => {
    const columns = mapTerms((name): PlainTensor => ({
      dtype: "float32",
      shape: [pairs.length],
      data: Float64Array.from(pairs, (pair) => pair[name]),
    }));
    const { losses: perPair, ...others } = evaluate({ ...columns });
    return {
      losses: perPair!.data,
      metrics: Object.fromEntries(
        Object.entries(others).map(([name, { data }]) => [name, data]),
      ) as EvaluatedPairs["metrics"],
    };
  };
}

const mapTerms = <T>(make: (name: keyof PairTerms<T>) => T): PairTerms<T> => ({
  chosen: make("chosen"),
  rejected: make("rejected"),
  referenceChosen: make("referenceChosen"),
  referenceRejected: make("referenceRejected"),
  chosenTokens: make("chosenTokens"),
  rejectedTokens: make("rejectedTokens"),
  p: make("p"),
});

/** The reward that all of these losses compare; DPO's where they compare different ones. */
export function rewardOf(losses: readonly PreferenceLossName[]): ImplicitReward {
  const [first, ...others] = new Set(losses.map((loss) => PREFERENCE_LOSS_TABLE[loss].reward));
  return first && others.length === 0 ? first : logRatioReward;
}
