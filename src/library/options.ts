/**
 * Options of trainings as programs give them: those of the command, less what a program hands over
 * as it is (model, data, rewards, a judge).
 */
import type { ConfigDefinition, ConfigOf, GivenOf, ParsedConfig } from "../config/config.ts";
import { parseConfig } from "../config/sources.ts";
import { AttuneError } from "../core/errors.ts";
import type { TrainerConfig, TrainerName } from "../training/trainers.ts";

/** How the command reads model and data. */
type Read =
  | "model"
  | "precision"
  | "data"
  | "dataWeights"
  | "format"
  | "columns"
  | "ignoreColumns"
  | "limit";
/** What the command opens by name. */
type Opened = "reward" | "heldOutReward" | "judge";

/** Options of a trainer; all may be left out. Names, defaults and ranges: docs/options.md. */
export type OptionsOf<Name extends TrainerName> = Partial<
  Omit<GivenOf<TrainerConfig<Name>>, Read | Opened>
>;

const HANDED_OVER: readonly string[] = [
  "model",
  "precision",
  "data",
  "dataWeights",
  "format",
  "columns",
  "ignoreColumns",
  "limit",
  "reward",
  "heldOutReward",
  "judge",
] satisfies readonly (Read | Opened)[];

/**
 * Checks options and fills in the defaults.
 * @param own what the command would have been told: names of model, data and rewards
 * @throws AttuneError `config`
 */
export function resolveOptions<D extends ConfigDefinition>(
  definition: D,
  options: object,
  own: Readonly<Record<string, unknown>>,
): ParsedConfig<D> & { resolved: ConfigOf<D> } {
  const wrong = Object.keys(options).find((name) => HANDED_OVER.includes(name));
  if (wrong !== undefined)
    throw new AttuneError("config", `${wrong} is no option of a program`, {
      hint: "models, data and rewards are handed over as they are, before the options",
    });
  const known = new Set(definition.options.map(({ path }) => path));
  const values = Object.fromEntries(Object.entries(own).filter(([name]) => known.has(name)));
  return parseConfig<D>(definition, { values: { ...values, ...options } as never });
}
