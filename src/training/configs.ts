/** The options of all trainers, loaded, and their resolution. */
import type { ConfigOf, GivenOf } from "../config/config.ts";
import { parseConfig } from "../config/sources.ts";
import type { TrainerConfig, TrainerName } from "./trainers.ts";
import { TRAINERS } from "./trainers.ts";

type Configs = { readonly [Name in TrainerName]: TrainerConfig<Name> };

export const TRAINER_CONFIGS = Object.fromEntries(
  await Promise.all(
    Object.entries(TRAINERS).map(async ([name, { config }]) => [name, await config()] as const),
  ),
) as unknown as Configs;

/**
 * Checks options and fills in the defaults: `resolveConfig("dpo", { model, data, beta: 0.05 })`.
 * @throws AttuneError `config`
 */
export function resolveConfig<Name extends TrainerName>(
  name: Name,
  given: GivenOf<Configs[Name]>,
): ConfigOf<Configs[Name]> {
  return parseConfig<Configs[Name]>(TRAINER_CONFIGS[name], { values: given as never })
    .resolved as ConfigOf<Configs[Name]>;
}
