/**
 * What peft calls an adapter's files and tensors and a model's modules. Names of modules are those
 * of the language model alone, unless the base is a larger model around it, whose modules have
 * another prefix.
 */
import type { DecoderConfig } from "../decoder-config.ts";
import type { ModelFamily } from "../family.ts";

/** Before the name of every tensor of an adapter. */
export const PEFT_PREFIX = "base_model.model.";

export const CONFIG_FILE = "adapter_config.json";
export const WEIGHTS_FILE = "adapter_model.safetensors";

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
