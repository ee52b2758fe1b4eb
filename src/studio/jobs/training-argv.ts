/** The command line of a training, from checked options: it reads back as what was given. */
import { isDeepStrictEqual } from "node:util";
import { AttuneError, nearest, preview } from "../../core/errors.ts";
import type { ConfigDefinition } from "../../config/config.ts";
import { parseConfig } from "../../config/sources.ts";
import { TRAINER_CONFIGS } from "../../training/configs.ts";

/** @throws AttuneError `usage` where no trainer has the name */
function definitionOf(trainer: string): ConfigDefinition {
  const configs: Readonly<Record<string, ConfigDefinition>> = TRAINER_CONFIGS;
  if (Object.hasOwn(configs, trainer)) return configs[trainer]!;
  const near = nearest(trainer, Object.keys(configs));
  throw new AttuneError("usage", "there is no such trainer", {
    got: preview(trainer),
    expected: Object.keys(configs).join(", "),
    ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
  });
}

/**
 * @param options given ones, by their dotted names
 * @param out folder of the run
 * @throws AttuneError `config` for what the trainer itself would refuse; `usage` for a value that a
 *   command line cannot say
 */
export function trainingArgv(
  trainer: string,
  options: Readonly<Record<string, unknown>>,
  out: string,
): string[] {
  return commandArgv(trainer, definitionOf(trainer), { options, out });
}

/** @throws AttuneError as {@link trainingArgv} */
export function commandArgv(
  command: string,
  definition: ConfigDefinition,
  { options, out }: { options: Readonly<Record<string, unknown>>; out: string },
): string[] {
  const { given } = parseConfig(definition, { values: options as never });
  const argv = [command];
  const flags: Record<string, string | boolean> = {};
  for (const { path, flag } of definition.options) {
    const value = valueAt(given, path);
    if (value === undefined) continue;
    const text = typeof value === "string" ? value : JSON.stringify(value);
    flags[path] = typeof value === "boolean" ? value : text;
    // one word with its value: a value that begins with -- is no flag
    argv.push(
      typeof value === "boolean" ? (value ? flag : flag.replace("--", "--no-")) : `${flag}=${text}`,
    );
  }
  const read = parseConfig(definition, { flags }).given;
  for (const { path } of definition.options)
    if (!isDeepStrictEqual(valueAt(read, path), valueAt(given, path)))
      throw new AttuneError("usage", `a command line cannot say this value of ${path}`, {
        got: preview(valueAt(given, path)),
        hint: "a config file can: attune with --config, in a terminal",
      });
  return [...argv, `--out=${out}`];
}

function valueAt(values: unknown, path: string): unknown {
  let value = values;
  for (const name of path.split("."))
    value = (value as Readonly<Record<string, unknown>> | undefined)?.[name];
  return value;
}
