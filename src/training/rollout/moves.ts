/**
 * How far an update's policy is from the one that answered, for objectives that do not read the old
 * log-probabilities themselves.
 */
import type { StepResult } from "../../models/plans/plan.ts";
import { k2 } from "../../objectives/kl.ts";
import { mean } from "../../stats/intervals.ts";
import type { MicroBatch } from "../loop.ts";
import type { Update } from "./policy-method.ts";
import { entropyOf } from "./policy-method.ts";

export class Moves {
  private readonly before = new WeakMap<MicroBatch["inputs"], Float32Array>();

  /**
   * @param reads old log-probabilities in the order in which the micro-batch reads them
   * @returns the inputs
   */
  remember<T extends MicroBatch["inputs"]>(inputs: T, reads: Float32Array): T {
    this.before.set(inputs, reads);
    return inputs;
  }

  /** Token means of one update. */
  measure(results: readonly StepResult[], batches: readonly MicroBatch[]): Update {
    const moved = results.flatMap(({ readout }, i) => {
      const old = this.before.get(batches[i]!.inputs)!;
      return Array.from(readout, (logp, token) => logp - old[token]!);
    });
    return {
      "policy/approxkl_avg": mean(moved.map(k2)),
      "policy/entropy_avg": entropyOf(results),
      "val/ratio": mean(moved.map(Math.exp)),
    };
  }
}
