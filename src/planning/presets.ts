/**
 * Shapes of well-known models, so that a run can be planned before anything is downloaded: the
 * fields of their published config.json files that set the size. Tests hold their parameter counts
 * to the published ones.
 */
import { AttuneError, nearest } from "../core/errors.ts";
import type { DecoderConfig } from "../models/decoder-config.ts";
import type { ModelFamily } from "../models/family.ts";
import { FAMILIES, readModelConfig } from "../models/registry.ts";

export const PRESETS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = Object.assign(
  {},
  ...FAMILIES.map(({ published }) => published),
) as Record<string, Readonly<Record<string, unknown>>>;

export interface ModelShape {
  family: ModelFamily;
  config: DecoderConfig;
}

/** The shape of a preset; undefined where the name is none. */
export function presetShape(name: string): ModelShape | undefined {
  const json = Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
  return json && readModelConfig(json);
}

/** What to say where a model is neither a preset nor found. */
export function noSuchShape(name: string, cause: unknown): AttuneError {
  const near = nearest(name, Object.keys(PRESETS));
  return new AttuneError("usage", "there is no model of this name", {
    got: name,
    expected: `a folder, a GGUF file, a Hugging Face id, or one of ${Object.keys(PRESETS).join(", ")}`,
    cause,
    ...(near ? { hint: near } : {}),
  });
}
