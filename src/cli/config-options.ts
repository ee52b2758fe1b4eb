/** The flags of a config definition as commander options, and back. */
import { type Command, Option } from "commander";
import type { ConfigDefinition } from "../config/config.ts";
import { flagWords } from "../config/faces.ts";
import type { FlagValue } from "../config/sources.ts";
import { describeType } from "../config/types.ts";

/**
 * Adds `--learning-rate <number>`, `--packing`, `--no-packing`, ..., grouped as in the definition.
 */
export function addConfigOptions(command: Command, definition: ConfigDefinition): void {
  for (const option of definition.options) {
    const { usage, negated, help, group } = flagWords(option);
    const flag = new Option(usage, help).helpGroup(`${group}:`);
    // A list may be given at once, separated by commas, or in parts.
    const { type } = describeType(option.field.type);
    // a path may hold a comma: several come by repetition alone
    if (type.includes("or list"))
      flag.argParser((value: string, before: string | string[] | undefined) =>
        before === undefined ? value : [before, value].flat(),
      );
    else if (type.startsWith("list"))
      flag.argParser((value: string, before: string | undefined) =>
        before === undefined ? value : `${before},${value}`,
      );
    command.addOption(flag);
    // help shows the two as one, `--[no-]packing` (display/help-text.ts)
    if (negated !== undefined)
      command.addOption(new Option(negated).helpGroup(`${group}:`).hideHelp());
  }
}

/**
 * What was given, by dotted path. Commander knows `--lora-rank` as `loraRank`; the definition as
 * `lora.rank`.
 */
export function readConfigFlags(
  definition: ConfigDefinition,
  options: Readonly<Record<string, unknown>>,
): Record<string, FlagValue | undefined> {
  return Object.fromEntries(
    definition.options.map(({ path, flag }) => [
      path,
      options[new Option(flag).attributeName()] as FlagValue | undefined,
    ]),
  );
}
