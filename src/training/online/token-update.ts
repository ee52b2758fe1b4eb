/** What an update of a token-wise clipped surrogate tells (PPO, GRPO, REINFORCE++). */
import type { StepResult } from "../../models/plans/plan.ts";
import { evaluateStep } from "../../objectives/evaluate.ts";
import { k2 } from "../../objectives/kl.ts";
import type { PolicyHyperparameters, PolicyObjective } from "../../objectives/ppo.ts";
import { policyObjective } from "../../objectives/ppo.ts";
import { mean } from "../../stats/intervals.ts";
import type { Update } from "../rollout/phases.ts";
import { entropyOf, movesOf } from "../rollout/update-metrics.ts";
import type { MicroBatch } from "../trainee.ts";

/** Token means of one update of PPO. */
export function policyUpdate(
  results: readonly StepResult<PolicyObjective>[],
  batches: readonly MicroBatch<PolicyObjective>[],
  hyper: PolicyHyperparameters,
): Update {
  const { losses, ratio, clipped } = evaluateStep(policyObjective(hyper), results, batches);
  return {
    "loss/policy_avg": mean(losses),
    "policy/approxkl_avg": mean(movesOf(results, batches).map(k2)),
    "policy/clipfrac_avg": mean(clipped),
    "policy/entropy_avg": entropyOf(results),
    "val/ratio": mean(ratio),
  };
}

/** Token means of one update, and which side of the ratio was clipped. */
export function tokenUpdate(
  results: readonly StepResult<PolicyObjective>[],
  batches: readonly MicroBatch<PolicyObjective>[],
  hyper: PolicyHyperparameters,
): Update {
  const { ratio, clipped } = evaluateStep(policyObjective(hyper), results, batches);
  const clippedShare = (test: (ratio: number) => boolean): number =>
    mean(ratio.map((each, token) => (clipped[token] && test(each) ? 1 : 0)));
  return {
    "loss/policy_avg": results.reduce((total, { loss }) => total + loss, 0),
    "policy/approxkl_avg": mean(movesOf(results, batches).map(k2)),
    "policy/clipfrac_avg": mean(clipped),
    "clip_ratio/low_mean": clippedShare((each) => each < 1),
    "clip_ratio/high_mean": clippedShare((each) => each > 1),
    "policy/entropy_avg": entropyOf(results),
    "val/ratio": mean(ratio),
  };
}
