/**
 * What peft calls the modules of a model. Names are those of the language model alone, unless the
 * base is a larger model around it, whose modules have another prefix.
 */
import type { DecoderConfig } from "../decoder-config.ts";
import type { ModelFamily } from "../family.ts";

export interface PeftNames {
  /** attune's name of a module or a weight as peft has it, and back. */
  toPeft(name: string): string;
  fromPeft(name: string): string;
}

export function peftNames({
  family: { prefix },
  config: { modulePrefix = prefix.name },
}: {
  family: ModelFamily;
  config: DecoderConfig;
}): PeftNames {
  const replaced =
    (from: string, to: string) =>
    (name: string): string =>
      name.startsWith(from) ? to + name.slice(from.length) : name;
  return {
    toPeft: replaced(prefix.name, modulePrefix),
    fromPeft: replaced(modulePrefix, prefix.name),
  };
}
