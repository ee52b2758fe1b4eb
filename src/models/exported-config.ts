/**
 * The config.json of a written model: what its source said of the computation, and the rest as it
 * is now. What described the source's files (how they were quantised, who wrote them, code beside
 * them, its labels) is left out.
 */
import type { Model } from "./model.ts";
import type { WeightDType } from "./weights/dtypes.ts";

const DTYPES: Readonly<Record<WeightDType, string>> = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
};

/**
 * Of the source's files, not of what is written. Keys that begin with an underscore
 * (`_name_or_path`) are of this kind too.
 */
const OF_THE_SOURCE = [
  "quantization_config",
  "compression_config",
  "auto_map",
  "transformers_version",
  "torch_dtype",
  "dtype",
  "architectures",
  "num_labels",
  "id2label",
  "label2id",
  "problem_type",
];

/**
 * Tokens of the tokenizer beside it: where transformers reads the score of a reward model, and
 * where answers stop.
 */
export interface ConfigTokens {
  readonly padId?: number | undefined;
  readonly eosId?: number | undefined;
  readonly extraStopIds?: readonly number[];
  /** All at which attune stops; undefined leaves what the source said. */
  readonly stopIds?: readonly number[];
}

/** One id, or the list of them, as transformers and vLLM take either. */
export const stopsAsJson = (ids: readonly number[]): number | readonly number[] =>
  ids.length === 1 ? ids[0]! : ids;

/**
 * transformers reads a score at the last token that is no padding. Where padding is also a token
 * that ends answers, that would be the one before the last: no padding at all then, and
 * transformers refuses batches instead.
 */
function scorePadding({
  padId,
  eosId,
  extraStopIds = [],
  stopIds = [],
}: ConfigTokens): number | null {
  return padId === undefined || [eosId, ...extraStopIds, ...stopIds].includes(padId) ? null : padId;
}

/** No key where transformers has no class of this kind. */
const architecturesOf = (name: string | undefined): { architectures?: [string] } =>
  name === undefined ? {} : { architectures: [name] };

export function exportedConfig(
  { family, config, scoreHead }: Model,
  dtype: WeightDType,
  tokens: ConfigTokens = {},
): Record<string, unknown> {
  const kept = Object.entries(config.json).filter(
    ([key]) => !key.startsWith("_") && !OF_THE_SOURCE.includes(key),
  );
  const { language, scores } = family.architectures;
  return {
    ...Object.fromEntries(kept),
    ...architecturesOf(scoreHead ? scores : language),
    tie_word_embeddings: config.tieEmbeddings,
    ...(scoreHead
      ? {
          num_labels: 1,
          id2label: { 0: "LABEL_0" },
          label2id: { LABEL_0: 0 },
          pad_token_id: scorePadding(tokens),
        }
      : {}),
    ...(tokens.stopIds ? { eos_token_id: stopsAsJson(tokens.stopIds) } : {}),
    // transformers since 4.56 reads the first, older ones and other programs the second
    dtype: DTYPES[dtype],
    torch_dtype: DTYPES[dtype],
  };
}
