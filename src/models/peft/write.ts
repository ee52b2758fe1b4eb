/**
 * Writes adapters as peft reads them. Source: peft 0.21, LoraConfig and the names of its state
 * dict.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { HostTensor } from "../../core/tensor.ts";
import { float32 } from "../../core/tensor.ts";
import type { Adapter, ModuleRank } from "../adapter.ts";
import { adapterNames } from "../adapter.ts";
import type { Model } from "../model.ts";
import { SCORE_HEAD } from "../model.ts";
import type { TensorToWrite } from "../weights/safetensors-writer.ts";
import { writeSafetensors } from "../weights/safetensors-writer.ts";
import { CONFIG_FILE, PEFT_PREFIX, peftNames, WEIGHTS_FILE } from "./names.ts";

/**
 * Writes adapter_config.json and adapter_model.safetensors, without the tokenizer; nothing for a
 * model without an adapter.
 * @param folder made where it is not there; files of the same names are replaced
 * @param base path or id of the base model, as peft records it
 * @throws AttuneError `disk` where the weights cannot be written
 */
export async function saveAdapter(model: Model, folder: string, base: string): Promise<void> {
  const { adapter, scoreHead, family } = model;
  if (!adapter) return;
  await mkdir(folder, { recursive: true });
  const { toPeft } = peftNames(model);
  const { rank, alpha, rsLora, biases } = adapter.config;
  const { modules_to_save: saved, ...settings } = adapter.folded?.settings ?? {};
  const modulesToSave = [
    ...new Set([...((saved ?? []) as string[]), ...(scoreHead ? ["score"] : [])]),
  ];
  const config = {
    peft_type: "LORA",
    task_type: scoreHead ? "SEQ_CLS" : "CAUSAL_LM",
    base_model_name_or_path: base,
    r: rank,
    lora_alpha: alpha,
    use_rslora: rsLora,
    lora_dropout: 0,
    bias: "none",
    fan_in_fan_out: Object.values(family.projections(model.config)).some(
      ({ transposed }) => transposed,
    ),
    ...targetSettings(model, adapter),
    ...(biases ? { lora_bias: true } : {}),
    modules_to_save: modulesToSave.length > 0 ? modulesToSave : null,
    inference_mode: true,
    ...settings,
  };
  const tensors = [
    ...matrices(model, adapter),
    ...(adapter.folded?.tensors ?? []),
    ...(scoreHead ? [[SCORE_HEAD, scoreHead] as const] : []),
  ];
  await writeSafetensors(
    join(folder, WEIGHTS_FILE),
    tensors.map(([name, { shape, data }]): TensorToWrite => ({
      name: PEFT_PREFIX + toPeft(name),
      dtype: "F32",
      shape,
      data,
    })),
  );
  await writeFile(join(folder, CONFIG_FILE), `${JSON.stringify(config, null, 2)}\n`);
}

/**
 * Targets by their last parts where all layers are alike, else by whole names with what differs.
 */
function targetSettings(model: Model, { config, folded }: Adapter): Record<string, unknown> {
  const { toPeft } = peftNames(model);
  const names = targetNames(model, config.targets);
  if (!config.uneven && !folded?.modules.size) return { target_modules: names };
  const modules = [...(config.uneven?.modules ?? []), ...(folded?.modules ?? [])].map(
    ([name, own]): [string, ModuleRank] => [toPeft(name), own],
  );
  const differing = (key: keyof ModuleRank): Record<string, number> =>
    Object.fromEntries(
      modules.flatMap(([name, own]) => (own[key] === config[key] ? [] : [[name, own[key]]])),
    );
  return {
    target_modules: [...(config.uneven ? [] : names), ...modules.map(([name]) => name)],
    rank_pattern: differing("rank"),
    alpha_pattern: differing("alpha"),
  };
}

/** Names that mean these projections of every layer and nothing else. */
function targetNames({ family, config }: Model, targets: readonly string[]): string[] {
  const projections = Object.keys(family.projections(config));
  if (config.modulePrefix === undefined)
    return [...new Set(targets.map((target) => shortName(target, targets, projections)))];
  // the larger model around it has modules of the same names
  const { toPeft } = peftNames({ family, config });
  return Array.from({ length: config.layers }, (_, layer) => family.blockPrefix(layer)).flatMap(
    (prefix) => targets.map((target) => toPeft(prefix + target)),
  );
}

/** The last part of a projection's name, unless that would mean one that is no target too. */
function shortName(
  target: string,
  targets: readonly string[],
  projections: readonly string[],
): string {
  const last = target.slice(target.lastIndexOf(".") + 1);
  return projections.every((each) => !each.endsWith(`.${last}`) || targets.includes(each))
    ? last
    : target;
}

/** The low-rank matrices, without the zeros that fill them up. */
function* matrices(
  { family, config: { layers } }: Model,
  { config, weights }: Adapter,
): Generator<readonly [string, HostTensor<"float32">]> {
  if (!config.uneven) return yield* weights;
  const prefixes = Array.from({ length: layers }, (_, layer) => family.blockPrefix(layer));
  for (const prefix of prefixes) {
    for (const local of config.targets) {
      const module = config.uneven.modules.get(prefix + local);
      if (!module) continue;
      const names = adapterNames(prefix, local);
      yield [names.a, firstRows(weights.get(names.a)!, module.rank)];
      yield [names.b, firstColumns(weights.get(names.b)!, module.rank)];
      if (config.biases) yield [names.bias, weights.get(names.bias)!];
    }
  }
}

function firstRows({ shape, data }: HostTensor<"float32">, rows: number): HostTensor<"float32"> {
  const inputs = shape[1]!;
  return float32([rows, inputs], data.subarray(0, rows * inputs));
}

function firstColumns(
  { shape, data }: HostTensor<"float32">,
  columns: number,
): HostTensor<"float32"> {
  const [outputs, rank] = shape as [number, number];
  return float32(
    [outputs, columns],
    Float32Array.from(
      { length: outputs * columns },
      (_, i) => data[Math.floor(i / columns) * rank + (i % columns)]!,
    ),
  );
}
