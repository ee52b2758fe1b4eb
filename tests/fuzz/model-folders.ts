/**
 * Hostile model folders: adapters, config.json files and safetensors files that were damaged, or
 * whose values were changed for others that may be of any kind and size. Folder number `i` of a
 * seed is always the same, so a failure can be run again alone.
 */
import { cpSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Random } from "../../src/core/random.ts";
import { repositoryRoot } from "../support/shared.ts";
import { damageSafetensors } from "./weights-fuzz.ts";

export const KINDS = ["adapter", "config", "safetensors"] as const;
export type Kind = (typeof KINDS)[number];

/** The model of the golden ones that has a tokenizer, and adapters that peft wrote for it. */
const model = join(repositoryRoot, "tests", "golden", "models", "smollm2");
const adapters = join(repositoryRoot, "src", "models", "golden", "adapters");
const fitting = readdirSync(adapters, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .filter(
    (name) =>
      (
        JSON.parse(readFileSync(join(adapters, name, "adapter_config.json"), "utf8")) as Record<
          string,
          unknown
        >
      )["base_model_name_or_path"] === "smollm2",
  );

/** Writes folder number `index`. */
export function writeHostile(
  kind: Kind,
  { seed, index }: { seed: number; index: number },
  folder: string,
): void {
  const random = Random.for(seed, "model-folders", kind, index);
  rmSync(folder, { recursive: true, force: true });
  if (kind === "adapter") return writeAdapter(random, folder);
  cpSync(model, folder, { recursive: true });
  if (kind === "config") changeJson(random, join(folder, "config.json"), CONFIG_KEYS);
  else if (random.chance(0.15))
    writeFileSync(
      join(folder, "model.safetensors.index.json"),
      JSON.stringify({ weight_map: anyValue(random, 0) }),
    );
  else damageFile(random, join(folder, "model.safetensors"));
}

function writeAdapter(random: Random, folder: string): void {
  cpSync(join(adapters, random.pick(fitting)), folder, { recursive: true });
  const path = join(folder, "adapter_config.json");
  const json = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  json["base_model_name_or_path"] = random.chance(0.95)
    ? model
    : random.pick([
        folder,
        `${folder}/../`,
        join(folder, "link"),
        "/dev/zero",
        "/",
        "",
        anyValue(random, 1),
      ]);
  writeFileSync(path, JSON.stringify(json));
  if (json["base_model_name_or_path"] === join(folder, "link"))
    symlinkSync(folder, join(folder, "link"));
  if (random.chance(0.75)) changeJson(random, path, ADAPTER_KEYS);
  if (random.chance(0.35)) damageFile(random, join(folder, "adapter_model.safetensors"));
}

const CONFIG_KEYS = [
  "model_type",
  "vocab_size",
  "hidden_size",
  "num_hidden_layers",
  "num_attention_heads",
  "num_key_value_heads",
  "head_dim",
  "intermediate_size",
  "max_position_embeddings",
  "rms_norm_eps",
  "tie_word_embeddings",
  "rope_theta",
  "rope_scaling",
  "rope_parameters",
  "sliding_window",
  "use_sliding_window",
  "layer_types",
  "attention_bias",
  "mlp_bias",
  "hidden_act",
  "partial_rotary_factor",
  "n_embd",
  "n_inner",
  "eos_token_id",
];

const ADAPTER_KEYS = [
  "peft_type",
  "task_type",
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
  "init_lora_weights",
  "ensure_weight_tying",
  "bias",
  "megatron_config",
  "layer_replication",
  "some_new_key",
];

/** Values of some keys changed for others, or the text damaged. */
function changeJson(random: Random, path: string, keys: readonly string[]): void {
  const json = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  for (let i = random.integer(3); i >= 0; i--) {
    const key = random.pick(keys);
    if (random.chance(0.1)) delete json[key];
    else json[key] = anyValue(random, 0);
  }
  const text = JSON.stringify(json);
  writeFileSync(path, random.chance(0.85) ? text : damageText(random, text));
}

const NUMBERS = [
  0,
  1,
  2,
  3,
  4,
  7,
  8,
  16,
  24,
  32,
  61,
  97,
  1000,
  4096,
  65_536,
  2 ** 20,
  2 ** 23,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e9,
  1e12,
  1e300,
  -1,
  -0.5,
  0.1,
  1e-300,
];
const TEXTS = [
  "",
  "llama",
  "mistral",
  "qwen2",
  "qwen3",
  "gpt2",
  "LORA",
  "CAUSAL_LM",
  "SEQ_CLS",
  "all-linear",
  "q_proj",
  "v_proj",
  "proj",
  "lm_head",
  "embed_tokens",
  "norm",
  "self_attn",
  "model.layers.0.self_attn.q_proj",
  "layers",
  "default",
  "linear",
  "llama3",
  "dynamic",
  "yarn",
  "pissa",
  "gaussian",
  "silu",
  "none",
  "(a+)+$",
  "((([a-z0-9._]+)+)+)+!",
  "(?P<x>",
  "[",
  "\\",
  "(?:(?:x{1000}){1000}){1000}",
  ".*",
  "(?i).*Q_PROJ",
  "../../../etc/passwd",
  "\u0000",
  "\ud800",
  "__proto__",
  "constructor",
  "x".repeat(10_000),
];

/**
 * A value of any kind: numbers and texts that mean something here or are extreme, lists and objects
 * of them, some long, some deep.
 */
function anyValue(random: Random, depth: number): unknown {
  const kind = random.integer(depth > 3 ? 4 : 8);
  if (kind === 0) return random.pick([null, true, false]);
  if (kind <= 2) return random.pick(NUMBERS);
  if (kind === 3) return random.pick(TEXTS);
  if (kind === 4)
    return Array.from(
      { length: depth > 0 || random.chance(0.9) ? random.integer(5) : random.pick([300, 20_000]) },
      () => (random.chance(0.7) ? random.pick(TEXTS.slice(0, 24)) : random.pick(NUMBERS)),
    );
  if (kind === 5)
    return Array.from({ length: random.integer(4) }, () => anyValue(random, depth + 1));
  if (kind === 6) return nested(random, random.pick([10, 60, 1000]));
  const long = depth === 0 && random.chance(0.1);
  if (long)
    return Object.fromEntries(
      Array.from({ length: random.pick([300, 20_000]) }, (_, i) => [
        `key${i}`,
        random.pick(NUMBERS),
      ]),
    );
  const names = [
    ...TEXTS,
    "rope_type",
    "factor",
    "low_freq_factor",
    "high_freq_factor",
    "rope_theta",
  ];
  return Object.fromEntries(
    Array.from({ length: random.integer(5) }, () => [
      random.pick(names),
      random.chance(0.8) ? random.pick(NUMBERS) : anyValue(random, depth + 1),
    ]),
  );
}

function nested(random: Random, depth: number): unknown {
  let value: unknown = random.pick(NUMBERS);
  for (let i = 0; i < depth; i++) value = random.chance(0.5) ? [value] : { a: value };
  return value;
}

function damageText(random: Random, text: string): string {
  const at = random.integer(text.length);
  const piece = random.pick([
    ...TEXTS,
    "[".repeat(50_000),
    '{"a":'.repeat(50_000),
    "1".repeat(50_000),
    '"',
    "}",
    ",",
    "1e999",
    "NaN",
  ]);
  return random.pick([
    text.slice(0, at),
    text.slice(0, at) + piece + text.slice(at),
    text.slice(0, at) + piece + text.slice(at + random.integer(200)),
  ]);
}

function damageFile(random: Random, path: string): void {
  const bytes = new Uint8Array(readFileSync(path));
  const header = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  if (random.chance(0.75)) return writeFileSync(path, damageSafetensors(random, bytes));
  // numbers alone
  for (let i = random.integer(20); i >= 0; i--)
    bytes[header + random.integer(bytes.length - header)]! ^= 1 << random.integer(8);
  writeFileSync(path, bytes);
}
