/** The model that everything is measured on: SmolLM2-135M, real or of its shape. */
import type { HostTensor } from "../src/core/tensor.ts";
import { elementCount, float32 } from "../src/core/tensor.ts";
import { Random } from "../src/core/random.ts";
import type { Int8Weights } from "../src/models/int8.ts";
import { roundWeight } from "../src/models/int8.ts";
import type { Model } from "../src/models/model.ts";
import { projectionsByWeight, weightShapes } from "../src/models/model.ts";
import { openModel } from "../src/models/open.ts";
import type { Precision } from "../src/models/precision.ts";
import { readModelConfig } from "../src/models/registry.ts";
import type { Encoder } from "../src/text/encoder.ts";

const SHAPE = {
  model_type: "llama",
  vocab_size: 49152,
  hidden_size: 576,
  intermediate_size: 1536,
  num_hidden_layers: 30,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  max_position_embeddings: 8192,
  rms_norm_eps: 1e-5,
  rope_theta: 100_000,
  tie_word_embeddings: true,
  hidden_act: "silu",
};

/** Where in the noise one weight begins after another, numbers. */
const SHIFT = 1024;

/**
 * The GGUF file that `ATTUNE_SMOLLM2_GGUF` names, else random weights of its shape, which cost the
 * same.
 */
export async function benchModel({
  layers = SHAPE.num_hidden_layers,
  precision = "float32",
}: { layers?: number; precision?: Precision } = {}): Promise<Model> {
  const path = process.env["ATTUNE_SMOLLM2_GGUF"];
  if (path && layers === SHAPE.num_hidden_layers)
    return (await openModel(path, { precision })).model;
  return noiseModel(readModelConfig({ ...SHAPE, num_hidden_layers: layers }), precision);
}

/**
 * Random weights of any shape; in int8 they are rounded one by one, as they are when a file is
 * read.
 */
export function noiseModel(
  { family, config }: Pick<Model, "family" | "config">,
  precision: Precision = "float32",
): Model {
  const projections = precision === "int8" ? projectionsByWeight(family, config) : undefined;
  const int8: Int8Weights = new Map();
  const noise = new Random(0).fillNormal(new Float32Array(2 ** 20), 0.02);
  const weights: Model["weights"] = new Map();
  for (const [name, shape] of Object.entries(weightShapes(family, config))) {
    const data = new Float32Array(elementCount(shape));
    // The same numbers again and again, as drawing 135 million takes longer than measuring; but no
    // two weights are equal, as the runtime packs equal ones once.
    if (shape.length === 1) data.fill(1);
    else
      for (let start = 0; start < data.length;) {
        const part = noise.subarray(
          SHIFT * (weights.size + int8.size),
          SHIFT * (weights.size + int8.size) + data.length - start,
        );
        data.set(part, start);
        start += part.length;
      }
    const projection = projections?.get(name);
    if (projection) roundWeight(int8, name, data, projection);
    else weights.set(name, float32(shape, data));
  }
  return { family, config, weights, ...(projections ? { int8 } : {}) };
}

/** A score head [1, d] that tells texts apart. */
export const waveHead = (size: number): HostTensor<"float32"> =>
  float32(
    [1, size],
    new Float32Array(size).map((_, i) => Math.sin(i) / size),
  );

/** Bytes of all weights. */
export function weightBytes(model: Model): number {
  return [...model.weights.values(), ...(model.int8?.values() ?? [])].reduce(
    (total, { data }) => total + data.byteLength,
    0,
  );
}

export function randomIds(
  count: number,
  seed: number,
  vocabulary: number = SHAPE.vocab_size,
): Int32Array {
  const random = Random.for(seed, "ids");
  return Int32Array.from({ length: count }, () => 10 + random.integer(vocabulary - 10));
}

/**
 * An encoder whose texts are numbers of ready-made token sequences: what is measured starts at
 * token ids.
 */
export function idEncoder(sequences: readonly Int32Array[]): Encoder {
  const ids = (text: unknown): Int32Array => sequences[Number(text)]!;
  const all = (text: unknown): Uint8Array => new Uint8Array(ids(text).length).fill(1);
  const example: Encoder["encodeExample"] = (prompt, completion) => {
    const [first, second] = [ids(prompt), ids(completion)];
    const length = first.length + second.length;
    return {
      ids: Int32Array.from([...first, ...second]),
      promptLength: first.length,
      supervised: new Uint8Array(length).fill(1, first.length),
    };
  };
  const unused = (): never => {
    throw new Error("not needed here");
  };
  return {
    tokenizer: {
      controlTokens: [],
      lostCharacters: () => [],
      get files() {
        return unused();
      },
    } as unknown as Encoder["tokenizer"],
    hasTemplate: false,
    stopIds: [2],
    padId: 0,
    maxLength: 4096,
    encodePrompt: ids,
    encodePromptSlices: unused,
    trustsText: false,
    encodeExample: example,
    encodeAnswers: (prompt, completions) => ({
      prompt: ids(prompt),
      completions: completions.map(ids),
      supervised: completions.map(all),
    }),
    encodePair: (prompt, chosen, rejected) => ({
      prompt: ids(prompt),
      chosen: ids(chosen),
      rejected: ids(rejected),
      supervised: [all(chosen), all(rejected)],
    }),
    encodeConversation: unused,
    encodeDemonstration: (prompt, completion) => [example(prompt, completion)],
    encodeText: (text) => ({ ids: ids(text), promptLength: 1, supervised: all(text) }),
    decodeCompletion: () => "",
    fingerprint: "ids",
  };
}
