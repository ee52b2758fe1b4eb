/**
 * What is read from hidden states: the final norm, then log-probabilities of target tokens or a
 * scalar score.
 */
import {
  argmax,
  cast,
  equal,
  exp,
  gemm,
  multiply,
  negate,
  reshape,
  sum,
  tokenLogProbabilities,
} from "../../graph/build.ts";
import type { Value } from "../../graph/ir.ts";
import type { ModelParts, Parameters } from "../builders.ts";
import { outerLayersBuilder } from "../builders.ts";
import { SCORE_HEAD } from "../model.ts";
import type { Reading } from "./plan.ts";

export interface ReadoutOptions {
  reads: Reading;
  /** Logits are divided by this before the softmax; 1 for plain training. */
  temperature: number;
  /** Also give entropy and correctness, which cost further passes over the logits. */
  statistics: boolean;
}

export interface BuiltReadout {
  /** [S] */
  readout: Value;
  /** [S] each */
  statistics: Readonly<Record<string, Value>>;
}

/**
 * @param rows hidden states before the final norm, float32 [S, d]
 * @param targets int64 [S]
 */
export function buildReadout(
  parts: ModelParts,
  parameters: Parameters,
  rows: Value,
  targets: Value,
  options: ReadoutOptions,
): BuiltReadout {
  const { graph } = rows;
  const { family, config } = parts;
  return graph.scope("readout", () => {
    const end = outerLayersBuilder(parts, parameters);
    const hidden = family.finalNorm(end, rows);
    if (options.reads === "scores") {
      const score = gemm(hidden, parameters.get(SCORE_HEAD, [1, config.hiddenSize]), {
        transposeRight: true,
      }); // [S, 1]
      return { readout: reshape(score, [rows.shape[0]!]), statistics: {} };
    }
    // [S, V]
    const head = gemm(hidden, end.parameter(family.headWeight(config)), { transposeRight: true });
    const logits = multiply(head, 1 / options.temperature);
    const { selected, all } = tokenLogProbabilities(logits, targets);
    if (!options.statistics) return { readout: selected, statistics: {} };
    const entropy = negate(sum(multiply(exp(all), all), [1]));
    const correct = cast(equal(argmax(all, 1), targets), "float32");
    return { readout: selected, statistics: { entropy, correct } };
  });
}
