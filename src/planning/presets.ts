/** Shapes of published models, so that a run can be planned before anything is downloaded. */
import { AttuneError, nearest } from "../core/errors.ts";
import type { DecoderConfig } from "../models/decoder-config.ts";
import type { ModelFamily, PublishedModel } from "../models/family.ts";
import { FAMILIES, readModelConfig } from "../models/registry.ts";

export const PRESETS: Readonly<Record<string, PublishedModel>> = Object.fromEntries(
  FAMILIES.flatMap(({ published }) => Object.entries(published)),
);

export interface ModelShape {
  family: ModelFamily;
  config: DecoderConfig;
}

/** The shape of a preset; undefined where the name is none. */
export function presetShape(name: string): ModelShape | undefined {
  const preset = Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
  return preset && readModelConfig(preset.json);
}

/** What to say where a model is neither a preset nor found. */
export function noSuchShape(name: string, cause: unknown): AttuneError {
  const near = nearest(name, Object.keys(PRESETS));
  return new AttuneError("usage", "there is no model of this name", {
    got: name,
    expected:
      "a folder, a GGUF file, a Hugging Face id, or one of " + Object.keys(PRESETS).join(", "),
    cause,
    ...(near ? { hint: near } : {}),
  });
}
