/**
 * What a task file may say. Source: TaskConfig and FewshotConfig in lm_eval/config/task.py 0.4.13.
 * Everything that needs Python is refused by name, with what to do instead.
 */
import { z } from "zod";

const text = z.string();
const texts = z.union([text.transform((one) => [one]), z.array(text)]);
/** A template or the name of a column. */
const source = text;

const filterStep = z.discriminatedUnion("function", [
  z.strictObject({
    function: z.literal("regex"),
    regex_pattern: text.default(String.raw`#### (\-?[0-9\.\,]+)`),
    group_select: z.int().default(0),
    fallback: text.default("[invalid]"),
  }),
  z.strictObject({ function: z.literal("take_first") }),
  z.strictObject({ function: z.literal("remove_whitespace") }),
  z.strictObject({ function: z.literal("lowercase") }),
  z.strictObject({ function: z.literal("uppercase") }),
  z.strictObject({
    function: z.literal("map"),
    mapping_dict: z.record(text, z.union([text, z.number()]).transform(String)),
    default_value: z.union([text, z.number(), z.null()]).default(null),
  }),
]);
export type FilterStep = z.output<typeof filterStep>;

export const METRICS = [
  "acc",
  "acc_norm",
  "acc_bytes",
  "acc_mutual_info",
  "exact_match",
  "f1",
  "mcc",
  "brier_score",
  "perplexity",
  "word_perplexity",
  "byte_perplexity",
  "bits_per_byte",
] as const;
export type MetricName = (typeof METRICS)[number];

const metric = z.strictObject({
  metric: z.enum(METRICS),
  aggregation: text.optional(),
  higher_is_better: z.boolean().optional(),
  hf_evaluate: z.boolean().optional(),
  ignore_case: z.boolean().default(false),
  ignore_punctuation: z.boolean().default(false),
  ignore_numbers: z.boolean().default(false),
  regexes_to_ignore: z.array(text).nullish(),
});
export type MetricOptions = z.output<typeof metric>;

const choices = z.union([source, z.array(text), z.record(text, text)]);

const fewshotConfig = z.strictObject({
  sampler: z.enum(["default", "first_n"]).default("default"),
  split: text.optional(),
  samples: z.array(z.record(text, z.unknown())).optional(),
  fewshot_indices: z.array(z.int().min(0)).nullish(),
  doc_to_text: source.optional(),
  doc_to_choice: choices.optional(),
  doc_to_target: z.union([source, z.int()]).optional(),
  gen_prefix: text.optional(),
  fewshot_delimiter: text.optional(),
  target_delimiter: text.optional(),
});

const generation = z.strictObject({
  until: texts.optional(),
  max_gen_toks: z.int().min(1).optional(),
  max_tokens: z.int().min(1).optional(),
  max_new_tokens: z.int().min(1).optional(),
  do_sample: z.boolean().optional(),
  temperature: z.union([z.number(), text.transform(Number)]).optional(),
});

export const OUTPUT_TYPES = [
  "multiple_choice",
  "generate_until",
  "loglikelihood",
  "loglikelihood_rolling",
] as const;

export const taskSchema = z.strictObject({
  task: text,
  task_alias: text.optional(),
  tag: texts.optional(),
  group: texts.optional(),
  dataset_path: text,
  dataset_name: text.nullish(),
  dataset_kwargs: z.strictObject({
    data_files: z.union([texts, z.record(text, texts)]),
    data_dir: text.optional(),
    trust_remote_code: z.boolean().optional(),
  }),
  training_split: text.nullish(),
  validation_split: text.nullish(),
  test_split: text.nullish(),
  fewshot_split: text.nullish(),
  fewshot_config: fewshotConfig.default({ sampler: "default" }),
  num_fewshot: z.int().min(0).nullish(),
  output_type: z.enum(OUTPUT_TYPES).default("generate_until"),
  description: text.default(""),
  doc_to_text: z.union([source, z.int()]).default(""),
  doc_to_target: z.union([source, z.int(), z.array(text)]),
  doc_to_choice: choices.optional(),
  target_delimiter: text.default(" "),
  fewshot_delimiter: text.default("\n\n"),
  gen_prefix: text.nullish(),
  generation_kwargs: generation.optional(),
  filter_list: z
    .array(z.strictObject({ name: text, filter: z.array(filterStep).min(1) }))
    .min(1)
    .optional(),
  metric_list: z.array(metric).min(1).optional(),
  repeats: z.literal(1).default(1),
  unsafe_code: z.literal(false).default(false),
  should_decontaminate: z.boolean().optional(),
  doc_to_decontamination_query: text.optional(),
  metadata: z.unknown().optional(),
});
export type TaskFields = z.output<typeof taskSchema>;

export const groupSchema = z.strictObject({
  group: text,
  group_alias: text.optional(),
  task: z.array(z.union([text, z.looseObject({ task: text })])).min(1),
  aggregate_metric_list: z
    .array(
      z.strictObject({
        metric: text,
        aggregation: z.literal("mean").default("mean"),
        weight_by_size: z.boolean().default(true),
        filter_list: texts.default(["none"]),
      }),
    )
    .optional(),
  tag: texts.optional(),
  metadata: z.unknown().optional(),
});
export type GroupFields = z.output<typeof groupSchema>;

/** What a task may say elsewhere and not here, with what to do. */
export const REFUSED: Readonly<Record<string, string>> = {
  process_docs:
    "write the processed documents into a file (dataset.to_json) and name it in data_files",
  process_results: "only the metrics of metric_list are computed",
  custom_dataset: "write the documents into a file and name it in data_files",
  use_prompt: "write the prompt as doc_to_text",
  doc_to_image: "attune's models read texts",
  doc_to_audio: "attune's models read texts",
  class: "only tasks that YAML describes are read",
};
