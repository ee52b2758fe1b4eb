/** Model families by the `model_type` of config.json. */
import { AttuneError, nearest, preview } from "../core/errors.ts";
import type { DecoderConfig, ModelFamily } from "./family.ts";
import { gpt2 } from "./families/gpt2.ts";
import { llama } from "./families/llama.ts";
import { mistral } from "./families/mistral.ts";
import { qwen2 } from "./families/qwen2.ts";
import { qwen3 } from "./families/qwen3.ts";

export const FAMILIES: Readonly<Record<string, ModelFamily>> = {
  llama,
  mistral,
  qwen2,
  qwen3,
  gpt2,
};

/**
 * Finds the family of a config.json and reads its numbers.
 * @throws AttuneError `model` for an unknown family, and for numbers that are wrong, beyond every
 * model or at odds
 */
export function readModelConfig(json: Readonly<Record<string, unknown>>): {
  family: ModelFamily;
  config: DecoderConfig;
} {
  const type = json["model_type"];
  const family =
    typeof type === "string" && Object.hasOwn(FAMILIES, type) ? FAMILIES[type] : undefined;
  if (!family) {
    const near = typeof type === "string" ? nearest(type, Object.keys(FAMILIES)) : undefined;
    throw new AttuneError("model", "this model family is not supported", {
      got: `model_type ${preview(type)}`,
      expected: Object.keys(FAMILIES).join(", "),
      hint: near
        ? `a ${near} model`
        : "a model of one of these families; most small open models are llama or qwen2",
    });
  }
  const config = family.readConfig(json);
  checkHeads(config);
  return { family, config };
}

function checkHeads({ heads, keyValueHeads, headSize, rope }: DecoderConfig): void {
  const wrong = (got: string, expected: string): AttuneError =>
    new AttuneError("model", "config.json: the attention heads do not fit each other", {
      got,
      expected,
    });
  if (heads % keyValueHeads !== 0)
    throw wrong(
      `${heads} heads over ${keyValueHeads} key-value heads`,
      "a whole number of heads for each key-value head",
    );
  if (!Number.isInteger(headSize))
    throw wrong(`heads of ${headSize}`, "a hidden size that is a multiple of the number of heads");
  if (rope && headSize % 2 !== 0)
    throw wrong(`heads of ${headSize}`, "an even size, since rotary positions turn pairs");
}
