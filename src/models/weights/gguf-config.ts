/**
 * config.json for the metadata of a GGUF file.
 * Source: llama.cpp's convert_hf_to_gguf.py and gguf-py/gguf/constants.py, read backwards; for the
 * frequency factors of Llama 3.1 and later, its `generate_extra_tensors` and transformers'
 * modeling_rope_utils.py.
 */
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { type GgufHeader, type GgufValue, showValue } from "./gguf-header.ts";

export type Json = Record<string, unknown>;

/**
 * attune's own key: positions of a model whose window is shorter. llama.cpp does not know such
 * windows, so `context_length`, beyond which it warns, is the window there.
 */
export const OWN_CONTEXT_LENGTH = "attune.context_length";

/** Metadata of one architecture; every complaint names the key. */
export class MetadataReader {
  readonly file: string;
  readonly header: GgufHeader;
  private readonly architecture: string;

  constructor(file: string, header: GgufHeader, architecture: string) {
    this.file = file;
    this.header = header;
    this.architecture = architecture;
  }

  value(key: string): GgufValue | undefined {
    return this.header.metadata.get(`${this.architecture}.${key}`);
  }

  integer(key: string, fallback?: number): number {
    const value = this.value(key) ?? fallback;
    if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return value;
    if (typeof value === "bigint" && value > 0n && value <= BigInt(Number.MAX_SAFE_INTEGER))
      return Number(value);
    throw this.wrong(key, value, "a positive whole number");
  }

  number(key: string, fallback?: number): number {
    const value = this.value(key) ?? fallback;
    if (typeof value === "number" && Number.isFinite(value)) return shortest(value);
    throw this.wrong(key, value, "a number");
  }

  /** Of a model with a window, see {@link OWN_CONTEXT_LENGTH}. */
  ownContextLength(): number {
    const own = this.header.metadata.get(OWN_CONTEXT_LENGTH);
    return typeof own === "number" && Number.isSafeInteger(own) && own > 0
      ? own
      : this.integer("context_length");
  }

  /** Id of a special token, where there is one. */
  tokenId(name: string): number | undefined {
    const value = this.header.metadata.get(`tokenizer.ggml.${name}_token_id`);
    return typeof value === "number" && Number.isSafeInteger(value) ? value : undefined;
  }

  private wrong(key: string, value: GgufValue | undefined, expected: string): AttuneError {
    const name = `${this.architecture}.${key}`;
    if (value === undefined)
      return new AttuneError("model", `the GGUF file lacks ${name}`, {
        file: this.file,
        expected,
        hint: "another conversion of this model",
      });
    return new AttuneError("model", `the GGUF file's ${name} is wrong`, {
      file: this.file,
      got: showValue(value),
      expected,
    });
  }
}

/**
 * The shortest decimal that stands for the same float32: 1e-5 rather than 0.000009999999747378752.
 */
function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === Math.fround(value)) return rounded;
  }
  return value;
}

function tokenIds(reader: MetadataReader): Json {
  const ids = {
    bos_token_id: reader.tokenId("bos"),
    eos_token_id: reader.tokenId("eos"),
    pad_token_id: reader.tokenId("padding"),
  };
  return Object.fromEntries(Object.entries(ids).filter(([, id]) => id !== undefined));
}

/** Rows of the embedding: converters pad it beyond the tokenizer's vocabulary for some models. */
function vocabularySize(reader: MetadataReader): number {
  const rows = reader.header.tensors.get("token_embd.weight")?.shape[0];
  if (rows === undefined)
    throw new AttuneError("model", "the GGUF file has no token_embd.weight", {
      file: reader.file,
      hint: "download the file again",
    });
  return rows;
}

/** Layers; each has tensors, so a hostile count cannot exceed what the file holds. */
function blockCount(reader: MetadataReader): number {
  const count = reader.integer("block_count");
  const { tensors } = reader.header;
  if (count > tensors.size || !tensors.has(`blk.${count - 1}.attn_norm.weight`)) {
    throw new AttuneError("model", `the GGUF file has no tensors of layer ${count - 1}`, {
      file: reader.file,
      got: countOf(tensors.size, "tensor"),
      expected: `${countOf(count, "layer")} by its block_count`,
    });
  }
  return count;
}

/** Size of a query head, key or value. */
export function headSize(reader: MetadataReader): number {
  return reader.value("attention.key_length") === undefined
    ? reader.integer("embedding_length") / reader.integer("attention.head_count")
    : reader.integer("attention.key_length");
}

/**
 * config.json of a Llama-like architecture.
 * @param ropeFactors numbers of rope_freqs.weight, where the file has it
 */
export function llamaConfig(
  reader: MetadataReader,
  modelType: string,
  ropeFactors: Float32Array | undefined,
): Json {
  const { tensors } = reader.header;
  const heads = reader.integer("attention.head_count");
  const size = headSize(reader);
  const window =
    reader.value("attention.sliding_window") === undefined
      ? undefined
      : reader.integer("attention.sliding_window");
  refuseOtherComputations(reader, size);
  // A Llama with a window over the keys is what transformers calls mistral.
  const windowed = modelType === "llama" && window !== undefined;
  const type = windowed ? "mistral" : modelType;
  return {
    architectures: [
      {
        llama: "LlamaForCausalLM",
        mistral: "MistralForCausalLM",
        qwen2: "Qwen2ForCausalLM",
        qwen3: "Qwen3ForCausalLM",
      }[type],
    ],
    model_type: type,
    vocab_size: vocabularySize(reader),
    hidden_size: reader.integer("embedding_length"),
    intermediate_size: reader.integer("feed_forward_length"),
    num_hidden_layers: blockCount(reader),
    num_attention_heads: heads,
    num_key_value_heads: reader.integer("attention.head_count_kv", heads),
    head_dim: size,
    max_position_embeddings: windowed
      ? reader.ownContextLength()
      : reader.integer("context_length"),
    rms_norm_eps: reader.number("attention.layer_norm_rms_epsilon"),
    rope_theta: reader.number("rope.freq_base", 10_000),
    ...ropeScaling(reader, ropeFactors),
    ...(windowed ? { sliding_window: window } : {}),
    // Qwen2 always has these biases, and its config.json has no word for them.
    ...(modelType === "qwen2" ? {} : { attention_bias: tensors.has("blk.0.attn_q.bias") }),
    ...(modelType === "llama" ? { mlp_bias: tensors.has("blk.0.ffn_gate.bias") } : {}),
    hidden_act: "silu",
    tie_word_embeddings: !tensors.has("output.weight"),
    ...tokenIds(reader),
  };
}

/** Settings that change what a Llama computes and that attune does not have. */
function refuseOtherComputations(reader: MetadataReader, size: number): void {
  const experts = reader.value("expert_count") ?? 0;
  if (experts !== 0)
    throw new AttuneError("model", "mixtures of experts are not supported", {
      file: reader.file,
      got: `${showValue(experts)} experts`,
      expected: "a dense model",
    });
  const values = reader.integer("attention.value_length", size);
  const rotary = reader.integer("rope.dimension_count", size);
  if (values === size && rotary === size) return;
  throw new AttuneError("model", "this kind of attention is not supported", {
    file: reader.file,
    got: `keys of ${size}, values of ${values}, RoPE over ${rotary}`,
    expected: "the same size for all three",
  });
}

function ropeScaling(reader: MetadataReader, factors: Float32Array | undefined): Json {
  const kind = reader.value("rope.scaling.type") ?? "none";
  if (kind !== "none") {
    const original = reader.value("rope.scaling.original_context_length");
    return {
      rope_scaling: {
        rope_type: typeof kind === "string" ? kind : showValue(kind),
        factor: reader.number("rope.scaling.factor"),
        ...(original === undefined
          ? {}
          : {
              original_max_position_embeddings: reader.integer(
                "rope.scaling.original_context_length",
              ),
            }),
      },
    };
  }
  if (!factors || factors.every((factor) => factor === 1)) return {};
  return { rope_scaling: { rope_type: "llama3", ...llama3Scaling(reader, factors) } };
}

interface Llama3Scaling {
  factor: number;
  low_freq_factor: number;
  high_freq_factor: number;
  original_max_position_embeddings: number;
}

/** Original lengths to try: Meta's first, then every power of two up to a million. */
const ORIGINAL_LENGTHS = [8192, ...Array.from({ length: 16 }, (_, i) => 2 ** (i + 5))];

/**
 * The settings behind a table of frequency factors. A table does not tell the four numbers apart:
 * it is decided by the factor of the longest wavelengths, and by the two lengths between which
 * factors go from 1 to it. So the published settings come first (low and high frequency factor 1
 * and 4), then the others by their lengths, over an original length that makes them plain numbers
 * where there is one. Whatever is found reproduces the whole table, or the file is refused.
 */
function llama3Scaling(reader: MetadataReader, factors: Float32Array): Llama3Scaling {
  const theta = reader.number("rope.freq_base", 10_000);
  const factor = shortest(factors.reduce((a, b) => Math.max(a, b)));
  for (const original of ORIGINAL_LENGTHS) {
    const scaling = {
      factor,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: original,
    };
    if (reproduces(scaling, theta, factors, 1e-4)) return scaling;
  }
  const slope = factor > 1 ? turnsBySlope(factors, factor, theta) : undefined;
  if (slope) {
    const plain = ORIGINAL_LENGTHS.map((original) =>
      scalingOf(slope, factor, original, plainNumber),
    ).find((scaling) => reproduces(scaling, theta, factors, 1e-5));
    const found = plain ?? scalingOf(slope, factor, ORIGINAL_LENGTHS[0]!, (x) => x);
    if (reproduces(found, theta, factors, 1e-5)) return found;
  }
  throw new AttuneError(
    "model",
    "the file scales RoPE by a table of factors that is not Llama 3's",
    {
      file: reader.file,
      got: `rope_freqs.weight of ${factors.length}, up to ${factor}`,
      hint: "the safetensors form of this model",
    },
  );
}

function reproduces(
  scaling: Llama3Scaling,
  theta: number,
  factors: Float32Array,
  tolerance: number,
): boolean {
  const expected = llama3Factors(scaling, theta, factors.length);
  return factors.every((value, i) => Math.abs(value - expected[i]!) <= tolerance * expected[i]!);
}

/**
 * How smooth a frequency is: 1 where it stays, 0 where it is scaled in full, steepness * turns -
 * start between.
 */
interface Slope {
  steepness: number;
  start: number;
}

/**
 * From the first and the last factor between 1 and the largest, or where there are too few, a slope
 * that passes between their neighbours.
 */
function turnsBySlope(factors: Float32Array, factor: number, theta: number): Slope | undefined {
  const turns = Array.from(factors, (_, i) => 1 / (2 * Math.PI * theta ** (i / factors.length)));
  const smooth = Array.from(factors, (value) => (1 / value - 1 / factor) / (1 - 1 / factor));
  const inside = [...smooth.keys()].filter((i) => smooth[i]! > 1e-6 && smooth[i]! < 1 - 1e-6);
  const [first, last] = [inside[0], inside.at(-1)];
  if (first !== undefined && first !== last)
    return slopeThrough([turns[first]!, smooth[first]!], [turns[last!]!, smooth[last!]!]);
  // the last that stays and the first that is scaled in full
  const stays = smooth.findLastIndex((value) => value >= 1 - 1e-6);
  const scaled = smooth.findIndex((value) => value <= 1e-6);
  const low: [number, number] | undefined = scaled === -1 ? undefined : [turns[scaled]!, 0];
  const high: [number, number] | undefined = stays === -1 ? undefined : [turns[stays]!, 1];
  if (first === undefined) return low ? slopeThrough(high ?? [2 * low[0], 1], low) : undefined;
  const through: [number, number] = [turns[first]!, smooth[first]!];
  const candidates = [
    high && slopeThrough(high, through),
    low && slopeThrough(through, low),
  ].filter((slope) => slope !== undefined);
  return candidates.reduce<Slope | undefined>(
    (steepest, slope) => (steepest && steepest.steepness >= slope.steepness ? steepest : slope),
    undefined,
  );
}

/** Undefined for one that does not rise: such a table is no Llama 3's. */
function slopeThrough(
  [x1, y1]: readonly [number, number],
  [x2, y2]: readonly [number, number],
): Slope | undefined {
  const steepness = (y1 - y2) / (x1 - x2);
  return steepness > 0 && Number.isFinite(steepness)
    ? { steepness, start: steepness * x1 - y1 }
    : undefined;
}

/** The frequency factors that have this slope over an original length. */
function scalingOf(
  { steepness, start }: Slope,
  factor: number,
  original: number,
  round: (x: number) => number,
): Llama3Scaling {
  const width = original / steepness;
  return {
    factor,
    low_freq_factor: round(start * width),
    high_freq_factor: round((start + 1) * width),
    original_max_position_embeddings: original,
  };
}

/** The nearest number of three digits. */
const plainNumber = (x: number): number => Number(x.toPrecision(3));

/** What each of RoPE's `count` wavelengths is multiplied by. */
export function llama3Factors(scaling: Llama3Scaling, theta: number, count: number): number[] {
  const {
    factor,
    low_freq_factor: low,
    high_freq_factor: high,
    original_max_position_embeddings: original,
  } = scaling;
  return Array.from({ length: count }, (_, i) => {
    const turns = original / (2 * Math.PI * theta ** (i / count));
    if (turns > high) return 1;
    if (turns < low) return factor;
    const smooth = (turns - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

export function gpt2Config(reader: MetadataReader): Json {
  return {
    architectures: ["GPT2LMHeadModel"],
    model_type: "gpt2",
    vocab_size: vocabularySize(reader),
    n_positions: reader.integer("context_length"),
    n_embd: reader.integer("embedding_length"),
    n_layer: blockCount(reader),
    n_head: reader.integer("attention.head_count"),
    n_inner: reader.integer("feed_forward_length"),
    layer_norm_epsilon: reader.number("attention.layer_norm_epsilon"),
    activation_function: "gelu_new",
    tie_word_embeddings: true,
    ...tokenIds(reader),
  };
}
