/** Model families by the `model_type` of config.json. */
import { AttuneError, nearest, preview } from "../core/errors.ts";
import type { DecoderConfig } from "./decoder-config.ts";
import { kindsOf } from "./decoder-config.ts";
import * as families from "./families/index.ts";
import type { ModelFamily } from "./family.ts";

/** By name. */
export const FAMILIES: readonly ModelFamily[] = Object.values(families);

const BY_TYPE: ReadonlyMap<string, ModelFamily> = new Map(
  FAMILIES.flatMap((family) =>
    [family.modelType, ...(family.otherTypes ?? [])].map((type) => [type, family] as const),
  ),
);

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
  const family = typeof type === "string" ? BY_TYPE.get(type) : undefined;
  if (!family) {
    const near = typeof type === "string" ? nearest(type, BY_TYPE.keys()) : undefined;
    throw new AttuneError("model", "this model family is not supported", {
      got: `model_type ${preview(type)}`,
      expected: [...BY_TYPE.keys()].join(", "),
      hint: near
        ? `a ${near} model`
        : "a model of one of these families; most small open models are llama or qwen2",
    });
  }
  const config = family.readConfig(json);
  checkHeads(config);
  return { family, config };
}

function checkHeads(config: DecoderConfig): void {
  const { heads, keyValueHeads, headSize } = config;
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
  if (kindsOf(config).some(({ rope }) => rope) && headSize % 2 !== 0)
    throw wrong(`heads of ${headSize}`, "an even size, since rotary positions turn pairs");
}
