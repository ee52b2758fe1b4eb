/**
 * Options of trainings as programs give them: those of the command, less what a program hands over
 * as it is (model, data, rewards, a judge).
 */
import type { ConfigDefinition, ConfigOf, GivenOf, ParsedConfig } from "../config/config.ts";
import { parseConfig } from "../config/sources.ts";
import { AttuneError } from "../core/errors.ts";
import { judgeFields } from "../training/online/judge.config.ts";
import type { TrainerConfig, TrainerName } from "../training/trainers.ts";

/** How the command reads model and data. */
const READ = [
  "model",
  "precision",
  "data",
  "dataWeights",
  "format",
  "columns",
  "ignoreColumns",
  "limit",
] as const;
/** What the command opens by name. */
const OPENED = ["reward", "heldOutReward"] as const;
/** How the command makes a judge; a program's own has its own ways. */
const JUDGE = Object.keys(judgeFields) as (keyof typeof judgeFields)[];

const HANDED_OVER: readonly string[] = [...READ, ...OPENED, ...JUDGE, "ptx.data"];

/** Options of a trainer; all may be left out. Names, defaults and ranges: docs/options.md. */
export type OptionsOf<Name extends TrainerName> = Partial<
  Omit<
    GivenOf<TrainerConfig<Name>>,
    (typeof READ)[number] | (typeof OPENED)[number] | (typeof JUDGE)[number]
  >
>;

/**
 * Checks options and fills in the defaults.
 * @param own what the command would have been told, by dotted path: names of model, data, rewards
 * @throws AttuneError `config`
 */
export function resolveOptions<D extends ConfigDefinition>(
  definition: D,
  options: object,
  own: Readonly<Record<string, unknown>>,
): ParsedConfig<D> & { resolved: ConfigOf<D> } {
  const wrong = HANDED_OVER.find((path) => given(options, path) !== undefined);
  if (wrong !== undefined)
    throw new AttuneError("config", `${wrong} is no option of a program`, {
      hint: "models, data, rewards and judges are handed over as they are, before the options",
    });
  const known = new Set(definition.options.map(({ path }) => path));
  const values: Record<string, unknown> = { ...options };
  for (const [path, value] of Object.entries(own)) {
    const [name, inner] = path.split(".") as [string, string | undefined];
    if (!known.has(path)) continue;
    if (inner !== undefined) values[name] = { [inner]: value, ...(values[name] as object) };
    else values[name] ??= value;
  }
  return parseConfig<D>(definition, { values: values as never });
}

/** The value at a dotted path. */
const given = (options: object, path: string): unknown =>
  path
    .split(".")
    .reduce<unknown>(
      (value, name) => (value as Record<string, unknown> | undefined)?.[name],
      options,
    );
