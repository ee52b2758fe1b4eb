import { expect, test } from "vitest";
import { float32 } from "../core/tensor.ts";
import { exportedConfig } from "./exported-config.ts";
import { FAMILIES } from "./registry.ts";
import { TINY_CONFIGS, randomModel } from "./testing.ts";

const stale = {
  torch_dtype: "float16",
  dtype: "float32",
  architectures: ["LlamaForTokenClassification"],
  transformers_version: "4.31.0",
  quantization_config: { quant_method: "gptq", bits: 4 },
  auto_map: { AutoModel: "modeling.Model" },
  _name_or_path: "/somewhere/private",
  _attn_implementation_autoset: true,
  num_labels: 3,
  id2label: { 0: "A", 1: "B", 2: "C" },
  label2id: { A: 0, B: 1, C: 2 },
  problem_type: "single_label_classification",
  pad_token_id: 2,
  eos_token_id: 2,
  rope_theta: 500,
};

const modelOf = (type: string, head = false) => {
  const model = randomModel({ ...TINY_CONFIGS[type]!, ...stale });
  return head
    ? {
        ...model,
        scoreHead: float32([1, model.config.hiddenSize], new Float32Array(model.config.hiddenSize)),
      }
    : model;
};

test("both names of the dtype say what was written, and nothing speaks of the source's files", () => {
  for (const [dtype, name] of [
    ["F32", "float32"],
    ["F16", "float16"],
    ["BF16", "bfloat16"],
  ] as const) {
    const json = exportedConfig(modelOf("llama"), dtype);
    expect(json).toEqual({
      ...TINY_CONFIGS["llama"],
      pad_token_id: 2,
      eos_token_id: 2,
      rope_theta: 500,
      architectures: ["LlamaForCausalLM"],
      dtype: name,
      torch_dtype: name,
    });
  }
});

test("a head that came untied is said to be", () => {
  const model = randomModel({ ...TINY_CONFIGS["llama"]!, tie_word_embeddings: true });
  expect(
    exportedConfig({ ...model, config: { ...model.config, tieEmbeddings: false } }, "F32"),
  ).toMatchObject({ tie_word_embeddings: false });
  const { tie_word_embeddings: _, ...silent } = TINY_CONFIGS["qwen3"]!;
  expect(exportedConfig(randomModel(silent), "F32")).toMatchObject({ tie_word_embeddings: false });
});

test.each(FAMILIES.map((family) => [family.modelType, family] as const))(
  "a reward model of %s has one label",
  (type, { architectures }) => {
    const json = exportedConfig(modelOf(type, true), "F32", { padId: 0, eosId: 2 });
    expect(json["architectures"]).toEqual(architectures.scores && [architectures.scores]);
    expect(json).toMatchObject({
      num_labels: 1,
      id2label: { 0: "LABEL_0" },
      label2id: { LABEL_0: 0 },
      pad_token_id: 0,
    });
    expect(exportedConfig(modelOf(type), "F32")).toMatchObject({
      model_type: type,
      architectures: [architectures.language],
    });
  },
);

test("padding that ends answers is none, since transformers would read the score a token early", () => {
  for (const tokens of [
    { padId: 2, eosId: 2 },
    { padId: 3, eosId: 2, extraStopIds: [3] },
    { eosId: 2 },
  ])
    expect(exportedConfig(modelOf("llama", true), "F32", tokens)["pad_token_id"]).toBeNull();
});
