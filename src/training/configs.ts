/** The option definitions of all trainers, and their resolution for library users. */
import type { ConfigOf, GivenOf } from "../runs/config.ts";
import { parseConfig } from "../runs/config-sources.ts";
import { bestOfNConfig } from "./best-of-n.config.ts";
import { dpoConfig } from "./dpo.config.ts";
import { grpoConfig } from "./grpo.config.ts";
import { ktoConfig } from "./kto.config.ts";
import { onlineDpoConfig } from "./online-dpo.config.ts";
import { ppoConfig } from "./ppo.config.ts";
import { reinforcePlusPlusConfig } from "./reinforce-plus-plus.config.ts";
import { rejectionSamplingConfig } from "./rejection-sampling.config.ts";
import { rewardConfig } from "./reward.config.ts";
import { rlooConfig } from "./rloo.config.ts";
import { sftConfig } from "./sft.config.ts";

export const TRAINER_CONFIGS = {
  sft: sftConfig,
  reward: rewardConfig,
  dpo: dpoConfig,
  kto: ktoConfig,
  ppo: ppoConfig,
  rloo: rlooConfig,
  grpo: grpoConfig,
  "reinforce++": reinforcePlusPlusConfig,
  "online-dpo": onlineDpoConfig,
  "rejection-sampling": rejectionSamplingConfig,
  "best-of-n": bestOfNConfig,
};

type Configs = typeof TRAINER_CONFIGS;

/**
 * Checks options and fills in the defaults: `resolveConfig("dpo", { model, data, beta: 0.05 })`.
 * @throws AttuneError `config`
 */
export function resolveConfig<Name extends keyof Configs>(
  name: Name,
  given: GivenOf<Configs[Name]>,
): ConfigOf<Configs[Name]> {
  return parseConfig<Configs[Name]>(TRAINER_CONFIGS[name], { values: given as never })
    .resolved as ConfigOf<Configs[Name]>;
}
