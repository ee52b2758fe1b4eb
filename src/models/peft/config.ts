/**
 * adapter_config.json as peft 0.21 writes it. Each key of its LoraConfig is read, has no effect on
 * what a finished adapter computes, or is refused by name where it is not at the value that means
 * nothing; so is a key that peft does not have.
 * Source: peft's tuners/lora/config.py and peft/config.py.
 */
import { countOf } from "../../core/counts.ts";
import { AttuneError, nearest, preview } from "../../core/errors.ts";

export interface PeftConfig {
  readonly rank: number;
  readonly alpha: number;
  readonly rsLora: boolean;
  readonly dora: boolean;
  /** The second matrices have biases. */
  readonly loraBias: boolean;
  /** A text is a regular expression; undefined is what peft takes for the family. */
  readonly targets: string | readonly string[] | undefined;
  readonly excluded: string | readonly string[];
  readonly rankPattern: ReadonlyMap<string, number>;
  readonly alphaPattern: ReadonlyMap<string, number>;
  /** Numbers of layers; undefined for all. */
  readonly layers: readonly number[] | undefined;
  readonly layersPattern: readonly string[];
  readonly modulesToSave: readonly string[];
  /** An adapter on the embedding lies on a head that is tied to it too. */
  readonly keepsTied: boolean;
  /** Rows of embeddings that are replaced: by module name, or of the input embedding. */
  readonly tokenIndices: readonly number[] | ReadonlyMap<string, readonly number[]> | undefined;
}

type Json = Readonly<Record<string, unknown>>;

/** Nothing of these is left in a finished adapter: how it was initialised, trained and saved. */
const WITHOUT_EFFECT = [
  "task_type",
  "auto_mapping",
  "peft_version",
  "base_model_name_or_path",
  "revision",
  "inference_mode",
  "lora_dropout",
  "runtime_config",
  "megatron_core",
  "qalora_group_size",
  // it only names what init_lora_weights needs, which is checked itself
  "loftq_config",
  "eva_config",
  "corda_config",
  "lora_ga_config",
  // another backward pass
  "velora_config",
  // peft finds out by the kind of module
  "fan_in_fan_out",
  // what biases came to stands in the tensors
  "bias",
];

/** Keys that change what is computed and that attune does not have, with why. */
const REFUSED: Readonly<Record<string, string>> = {
  megatron_config: "layers of Megatron",
  alora_invocation_tokens: "an adapter that is active after some tokens only",
  use_qalora: "activations that are pooled before the adapter",
  monteclora_config: "an adapter that is sampled",
  layer_replication: "layers that are there several times",
  target_parameters: "adapters of bare parameters",
  use_bdlora: "block-diagonal matrices",
  arrow_config: "a choice between adapters for each token",
  kasa_config: "a base whose smallest singular values are cut off",
};

/** These leave the base as it was; the others take the adapter's first value out of it. */
const PLAIN_STARTS = [true, false, "gaussian", "eva", "orthogonal", "mica"];

const READ = [
  "peft_type",
  "r",
  "lora_alpha",
  "use_rslora",
  "use_dora",
  "lora_bias",
  "target_modules",
  "exclude_modules",
  "rank_pattern",
  "alpha_pattern",
  "layers_to_transform",
  "layers_pattern",
  "modules_to_save",
  "trainable_token_indices",
  "ensure_weight_tying",
  "init_lora_weights",
];

const TASKS = ["CAUSAL_LM", "SEQ_CLS", "FEATURE_EXTRACTION"];

/** More of them than any adapter has; each is matched against every module. */
const MOST_PATTERNS = 10_000;
const MOST_MODULES_TO_SAVE = 256;

/** @throws AttuneError `model` */
export function readPeftConfig(json: Json, file: string): PeftConfig {
  const reader = new Reader(json, file);
  reader.refuse();
  const layers = json["layers_to_transform"] ?? undefined;
  const targets = json["target_modules"] ?? undefined;
  const config: PeftConfig = {
    rank: reader.rank("r", json["r"] ?? 8),
    alpha: reader.finite("lora_alpha", json["lora_alpha"] ?? 8),
    rsLora: reader.boolean("use_rslora"),
    dora: reader.boolean("use_dora"),
    loraBias: reader.boolean("lora_bias"),
    targets:
      targets === undefined || typeof targets === "string"
        ? targets
        : reader.texts("target_modules", Infinity),
    excluded:
      typeof json["exclude_modules"] === "string"
        ? json["exclude_modules"]
        : reader.texts("exclude_modules", Infinity),
    rankPattern: reader.pattern("rank_pattern", (key, value) => reader.rank(key, value)),
    alphaPattern: reader.pattern("alpha_pattern", (key, value) => reader.finite(key, value)),
    layers:
      layers === undefined || (Array.isArray(layers) && layers.length === 0)
        ? undefined
        : reader.integers("layers_to_transform", [layers].flat()),
    layersPattern:
      typeof json["layers_pattern"] === "string"
        ? [json["layers_pattern"]].filter((text) => text !== "")
        : reader.texts("layers_pattern", MOST_MODULES_TO_SAVE),
    modulesToSave: reader.texts("modules_to_save", MOST_MODULES_TO_SAVE),
    keepsTied: reader.boolean("ensure_weight_tying"),
    tokenIndices: reader.tokenIndices(),
  };
  const { dora, loraBias, layersPattern } = config;
  if (typeof targets === "string" && (config.layers || layersPattern.length > 0))
    throw reader.wrong(
      "layers_to_transform",
      layers,
      "nothing beside target_modules that are a pattern",
    );
  if (layersPattern.length > 0 && layers === undefined)
    throw reader.wrong("layers_pattern", layersPattern, "layers_to_transform beside it");
  if (dora && loraBias) throw reader.wrong("lora_bias", true, "false with use_dora");
  return config;
}

class Reader {
  private readonly json: Json;
  private readonly file: string;

  constructor(json: Json, file: string) {
    this.json = json;
    this.file = file;
  }

  wrong(key: string, got: unknown, expected: string): AttuneError {
    return new AttuneError("model", `adapter_config.json: ${preview(key, 60)} is wrong`, {
      file: this.file,
      got: preview(got),
      expected,
    });
  }

  /** Whatever is unknown or not supported. */
  refuse(): void {
    const { json, file } = this;
    const kind = json["peft_type"];
    if (kind !== "LORA")
      throw new AttuneError("model", "this kind of adapter is not supported", {
        file,
        got: preview(kind),
        expected: "LORA",
      });
    for (const [key, value] of Object.entries(json)) {
      if (READ.includes(key) || WITHOUT_EFFECT.includes(key)) continue;
      const why = Object.hasOwn(REFUSED, key) ? REFUSED[key] : undefined;
      if (isNeutral(value)) continue;
      if (why !== undefined)
        throw new AttuneError("model", `the adapter sets ${key}, which is not supported: ${why}`, {
          file,
          got: preview(value),
          hint: "merge it with peft (merge_and_unload) where peft can, and open the merged model",
        });
      const near = nearest(key, [...READ, ...WITHOUT_EFFECT, ...Object.keys(REFUSED)]);
      throw new AttuneError(
        "model",
        `adapter_config.json has a key that attune does not know: ${preview(key, 60)}`,
        {
          file,
          got: preview(value),
          expected: "the keys of peft 0.21's LoraConfig",
          ...(near ? { hint: `did you mean ${near}?` } : {}),
        },
      );
    }
    const task = json["task_type"] ?? "CAUSAL_LM";
    if (!TASKS.includes(task as string)) throw this.wrong("task_type", task, TASKS.join(", "));
    const start = json["init_lora_weights"] ?? true;
    if (PLAIN_STARTS.includes(start as boolean | string)) return;
    throw new AttuneError(
      "model",
      "the adapter began by changing the base model's weights (init_lora_weights), so it fits no " +
        "base as it is",
      {
        file,
        got: preview(start),
        expected: PLAIN_STARTS.map((item) => String(item)).join(", "),
        hint:
          "convert it with peft: save_pretrained(folder, " +
          "path_initial_model_for_weight_conversion=...), or merge it",
      },
    );
  }

  boolean(key: string): boolean {
    const value = this.json[key] ?? false;
    if (typeof value !== "boolean") throw this.wrong(key, value, "true or false");
    return value;
  }

  rank(key: string, value: unknown): number {
    if (typeof value === "number" && Number.isSafeInteger(value) && value > 0 && value <= 2 ** 20)
      return value;
    throw this.wrong(key, value, `a whole number from 1 to ${2 ** 20}`);
  }

  finite(key: string, value: unknown): number {
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw this.wrong(key, value, "a number");
  }

  texts(key: string, most: number): string[] {
    const value = this.json[key] ?? [];
    if (!Array.isArray(value) || !value.every((item) => typeof item === "string"))
      throw this.wrong(key, value, "a list of texts");
    if (value.length > most)
      throw this.wrong(key, countOf(value.length, "text"), `at most ${most}`);
    return value;
  }

  integers(key: string, value: readonly unknown[]): number[] {
    if (value.every((item): item is number => Number.isSafeInteger(item) && (item as number) >= 0))
      return [...value];
    throw this.wrong(key, value, "whole numbers from 0");
  }

  pattern(key: string, read: (name: string, value: unknown) => number): Map<string, number> {
    const value = this.json[key] ?? {};
    if (typeof value !== "object" || Array.isArray(value))
      throw this.wrong(key, value, "an object");
    const entries = Object.entries(value as Json);
    if (entries.length > MOST_PATTERNS)
      throw this.wrong(key, `${entries.length} patterns`, `at most ${MOST_PATTERNS}`);
    return new Map(entries.map(([name, item]) => [name, read(`${key} of ${name}`, item)]));
  }

  tokenIndices(): PeftConfig["tokenIndices"] {
    const key = "trainable_token_indices";
    const value = this.json[key] ?? undefined;
    if (value === undefined) return undefined;
    if (Array.isArray(value)) return this.integers(key, value);
    if (typeof value !== "object") throw this.wrong(key, value, "a list or an object of lists");
    return new Map(
      Object.entries(value as Json).map(([name, list]) => [
        name,
        this.integers(`${key} of ${name}`, Array.isArray(list) ? list : [list]),
      ]),
    );
  }
}

/** Null, false, and what is empty. */
function isNeutral(value: unknown): boolean {
  if (value === null || value === undefined || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
