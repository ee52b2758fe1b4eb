/** Model families by the `model_type` of config.json. */
import { AttuneError, nearest, preview } from "../core/errors.ts";
import type { DecoderConfig, ModelFamily } from "./family.ts";
import { gpt2 } from "./families/gpt2.ts";
import { llama } from "./families/llama.ts";
import { mistral } from "./families/mistral.ts";
import { qwen2 } from "./families/qwen2.ts";
import { qwen3 } from "./families/qwen3.ts";

export const FAMILIES: Readonly<Record<string, ModelFamily>> = { llama, mistral, qwen2, qwen3, gpt2 };

/** Finds the family of a config.json and reads its numbers. */
export function readModelConfig(json: Readonly<Record<string, unknown>>): { family: ModelFamily; config: DecoderConfig } {
  const type = json["model_type"];
  const family = typeof type === "string" && Object.hasOwn(FAMILIES, type) ? FAMILIES[type] : undefined;
  if (!family) {
    const near = typeof type === "string" ? nearest(type, Object.keys(FAMILIES)) : undefined;
    throw new AttuneError("model", "this model family is not supported", {
      got: `model_type ${preview(type)}`,
      expected: Object.keys(FAMILIES).join(", "),
      hint: near ? `a ${near} model` : "a model of one of these families; most small open models are llama or qwen2",
    });
  }
  return { family, config: family.readConfig(json) };
}
