/**
 * The roles of PPO beside the policy: critic and reward model lie over the policy's base weights
 * where they come from the same model, as adapters and heads, so four roles cost one base.
 *
 * Source: LLaMA-Factory's reward_model_type lora; Ouyang et al. 2022, appendix C.4 for the critic's
 * start.
 */
import type { HostTensor } from "../../core/tensor.ts";
import { float32 } from "../../core/tensor.ts";
import type { Model } from "../../models/model.ts";
import { SCORE_HEAD } from "../../models/model.ts";
import type { TrainableParameters } from "../../models/trainable.ts";

/** A value head [1, d] of 0 over a policy (as in Ziegler et al. 2019), or a reward model's own. */
export function criticHead({ config, scoreHead }: Model): HostTensor<"float32"> {
  const data = scoreHead ? scoreHead.data.slice() : new Float32Array(config.hiddenSize);
  return float32([1, config.hiddenSize], data);
}

/** Multiplies a head that is trained by a factor. */
export function scaleScoreHead(trainable: TrainableParameters, factor: number): void {
  const head = trainable.get(SCORE_HEAD).value.data;
  head.forEach((value, i) => (head[i] = value * factor));
}

/** Whether two models lie over the same tensors in memory. */
export function sharesBase(a: Model, b: Model): boolean {
  const tensors = ({ weights, int8 }: Model): [string, HostTensor][] => [
    ...weights,
    ...(int8 ?? []),
  ];
  const others = new Map(tensors(b));
  return tensors(a).every(([name, { data }]) => others.get(name)?.data === data);
}
