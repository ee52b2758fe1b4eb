/**
 * The context that a model is opened for. Some models turn queries and keys with two sets of
 * factors: short ones for texts of at most the length of their first training, long ones beyond.
 * Keys that one set turned cannot be compared with those of the other, so a run has one set for all
 * of its texts: the short ones, exactly what transformers computes for texts of that length, unless
 * it asks for a longer context. See docs/decisions/model-families.md.
 */
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import type { DecoderConfig, LayerKind, LongRope } from "./decoder-config.ts";
import type { Model } from "./model.ts";

const longRopeOf = ({ layerKinds }: DecoderConfig): LongRope | undefined =>
  layerKinds.find(({ rope }) => rope?.longrope)?.rope?.longrope;

/**
 * The numbers for texts of up to `context` tokens: `maxPositions` is what the chosen factors serve.
 * Unchanged for models with one set of factors.
 */
export function configForContext(config: DecoderConfig, context: number): DecoderConfig {
  const longrope = longRopeOf(config);
  if (!longrope) return config;
  const factors = context > longrope.originalMaxPositions ? "long" : "short";
  const kindFor = (kind: LayerKind): LayerKind =>
    kind.rope?.longrope
      ? { ...kind, rope: { ...kind.rope, longrope: { ...kind.rope.longrope, factors } } }
      : kind;
  return {
    ...config,
    layerKinds: config.layerKinds.map(kindFor),
    maxPositions:
      factors === "long"
        ? longrope.maxPositions
        : Math.min(longrope.originalMaxPositions, longrope.maxPositions),
  };
}

/** The same weights for texts of up to `context` tokens; see {@link configForContext}. */
export const modelForContext = (model: Model, context: number): Model => ({
  ...model,
  config: configForContext(model.config, context),
});

/** Positions of the longest context that a model can be opened for. */
export const longestContext = (config: DecoderConfig): number =>
  configForContext(config, Infinity).maxPositions;

/**
 * @param length of the longest text, tokens
 * @throws AttuneError `config` for a text that takes other factors than those of the run
 */
export function refuseLonger(config: DecoderConfig, length: number): void {
  if (longRopeOf(config)?.factors !== "short" || length <= config.maxPositions) return;
  throw new AttuneError("config", "texts of this length take other RoPE factors of the model", {
    got: countOf(length, "token"),
    expected: `at most ${config.maxPositions}`,
    hint: `loadModel(path, { context: ${length} })`,
  });
}

/** What is to be said of a model that is computed with its long factors; undefined elsewhere. */
export function contextNote(config: DecoderConfig): string | undefined {
  const longrope = longRopeOf(config);
  if (longrope?.factors !== "long") return undefined;
  return (
    "the long RoPE factors serve texts of every length in this run, as in vLLM and llama.cpp, since " +
    `its context is beyond ${longrope.originalMaxPositions} tokens; transformers takes the short ` +
    "ones for texts up to there"
  );
}
