/**
 * OLMo 2: Llama with its norms behind attention and MLP, and with RMS norms over the whole of
 * queries and of keys.
 * Source: transformers' models/olmo2/modeling_olmo2.py (OLMo et al. 2024).
 */
import { AttuneError } from "../../core/errors.ts";
import { add, rmsNorm } from "../../graph/build.ts";
import type { Value } from "../../graph/ir.ts";
import { ConfigReader } from "../config-reader.ts";
import type { DecoderConfig } from "../decoder-config.ts";
import type { BlockBuilder, ModelFamily } from "../family.ts";
import { LLAMA_BLOCK, llamaGguf } from "../gguf/llama.ts";
import {
  llamaLike,
  llamaMlp,
  llamaProjectionShapes,
  llamaSizes,
  readLlamaConfig,
  TINY_LLAMA,
} from "./llama.ts";

const DEFAULTS = {
  vocabularySize: 50_304,
  intermediateSize: 11_008,
  maxPositions: 2048,
  normEpsilon: 1e-5,
} as const;

const POST_ATTENTION = "post_attention_layernorm";
const POST_MLP = "post_feedforward_layernorm";

function block(builder: BlockBuilder, x: Value): Value {
  const norm = (y: Value, name: string): Value =>
    rmsNorm(y, builder.parameter(`${name}.weight`), builder.config.normEpsilon);
  const attended = builder.attention(
    norm(builder.linear(x, "self_attn.q_proj"), "self_attn.q_norm"),
    norm(builder.linear(x, "self_attn.k_proj"), "self_attn.k_norm"),
    builder.linear(x, "self_attn.v_proj"),
  );
  const middle = add(x, norm(builder.linear(attended, "self_attn.o_proj"), POST_ATTENTION));
  return add(middle, norm(llamaMlp(builder, middle), POST_MLP));
}

/** What llama.cpp's olmo2 does not compute. */
function refuseOthers({ biases, tieEmbeddings, layerKinds, ...sizes }: DecoderConfig): void {
  const wrong = (expected: string): AttuneError =>
    new AttuneError("model", "llama.cpp would compute this OLMo 2 otherwise", { expected });
  if (biases.queryKeyValue) throw wrong("attention_bias false");
  if (tieEmbeddings) throw wrong("tie_word_embeddings false");
  if (layerKinds[0]!.rope!.llama3) throw wrong("no rope_scaling, or a linear one");
  if (sizes.headSize * sizes.heads !== sizes.hiddenSize)
    throw wrong("heads that together are as wide as the hidden states");
}

export const olmo2: ModelFamily = {
  ...llamaLike,
  modelType: "olmo2",
  architectures: { language: "Olmo2ForCausalLM", scores: "Olmo2ForSequenceClassification" },
  peftTargets: undefined,
  gguf: llamaGguf({
    architecture: "olmo2",
    block: new Map([
      ...[...LLAMA_BLOCK].filter(([name]) => name !== "attn_norm" && name !== "ffn_norm"),
      ["post_attention_norm", POST_ATTENTION],
      ["post_ffw_norm", POST_MLP],
    ]),
    settingTensors: [],
    check: refuseOthers,
  }),
  tiny: { model_type: "olmo2", ...TINY_LLAMA },
  published: {
    "olmo2-1b": {
      parameters: 1_484_916_736,
      json: llamaSizes("olmo2", {
        vocabulary: 100_352,
        hidden: 2048,
        wide: 8192,
        layers: 16,
        heads: 16,
        keyValueHeads: 16,
        context: 4096,
      }),
    },
    "olmo2-7b": {
      parameters: 7_298_617_344,
      json: llamaSizes("olmo2", {
        vocabulary: 100_352,
        hidden: 4096,
        wide: 11_008,
        layers: 32,
        heads: 32,
        keyValueHeads: 32,
        context: 4096,
      }),
    },
  },
  readConfig(json) {
    const biased = new ConfigReader(json).boolean("attention_bias", false);
    return {
      ...readLlamaConfig(json, DEFAULTS),
      modelType: "olmo2",
      biases: { queryKeyValue: biased, output: biased, mlp: false },
    };
  },
  blockShapes: (config) => ({
    ...llamaProjectionShapes(config),
    "self_attn.q_norm.weight": [config.heads * config.headSize],
    "self_attn.k_norm.weight": [config.keyValueHeads * config.headSize],
    [`${POST_ATTENTION}.weight`]: [config.hiddenSize],
    [`${POST_MLP}.weight`]: [config.hiddenSize],
  }),
  block,
};
