/** The option definitions of all trainers, and their resolution for library users. */
import type { ConfigOf, GivenOf } from "../config/config.ts";
import { parseConfig } from "../config/sources.ts";
import { bestOfNConfig } from "./online/best-of-n.config.ts";
import { dpoConfig } from "./offline/dpo.config.ts";
import { grpoConfig } from "./online/grpo.config.ts";
import { ktoConfig } from "./offline/kto.config.ts";
import { onlineDpoConfig } from "./online/online-dpo.config.ts";
import { ppoConfig } from "./online/ppo.config.ts";
import { reinforcePlusPlusConfig } from "./online/reinforce-plus-plus.config.ts";
import { rejectionSamplingConfig } from "./online/rejection-sampling.config.ts";
import { rewardConfig } from "./offline/reward.config.ts";
import { rlooConfig } from "./online/rloo.config.ts";
import { sftConfig } from "./offline/sft.config.ts";

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
