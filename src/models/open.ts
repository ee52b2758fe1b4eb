/**
 * Opens a model by what users call it: a folder of safetensors, a GGUF file, a folder with a PEFT adapter, or a run
 * folder (whose result is opened).
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { AttuneError, preview } from "../core/errors.ts";
import type { HostTensor } from "../core/tensor.ts";
import { float32 } from "../core/tensor.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { loadTokenizer } from "../text/tokenizer.ts";
import type { Adapter, AdapterConfig } from "./adapter.ts";
import { adapterNames, applyAdapter, resolveTargets } from "./adapter.ts";
import { roundProjections } from "./int8.ts";
import type { ReadModelOptions } from "./load.ts";
import { readModel } from "./load.ts";
import type { Model } from "./model.ts";
import { SCORE_HEAD, shareBase } from "./model.ts";
import { sourceTokenizer } from "./source-tokenizer.ts";
import { SafetensorsFile } from "./weights/safetensors.ts";
import { openWeights, readJsonObject, weightsFingerprint } from "./weights/source.ts";

export interface OpenedModel {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  /** Changes whenever what the model computes may. */
  readonly fingerprint: string;
}

export interface OpenModelOptions extends ReadModelOptions {
  /** Merge an adapter into the weights, so that a new one may be trained on top. Default false: keep it apart. */
  merge?: boolean;
}

const PEFT_PREFIX = "base_model.model.";

/** @throws AttuneError `model` (or `run`) saying what is missing */
export async function openModel(path: string, options: OpenModelOptions = {}): Promise<OpenedModel> {
  const folder = resultFolder(path);
  if (existsSync(join(folder, "adapter_config.json"))) return openAdapted(folder, options);
  const source = await openWeights(folder);
  try {
    const model = await readModel(source, options);
    model.source = resolve(folder);
    if (source.names().includes(SCORE_HEAD)) model.scoreHead = float32([1, model.config.hiddenSize], await source.read(SCORE_HEAD));
    const tokenizer = await sourceTokenizer(source);
    checkVocabulary(model, tokenizer, folder);
    return { model, tokenizer, fingerprint: await source.fingerprint() };
  } finally {
    await source.close();
  }
}

/** A run folder stands for what the run made. */
function resultFolder(path: string): string {
  if (!existsSync(join(path, "run.json"))) return path;
  const result = join(path, "model");
  if (existsSync(result)) return result;
  throw new AttuneError("run", "the run has made no model yet", { file: path, hint: `\`attune resume ${path}\` goes on with it` });
}

function checkVocabulary(model: Model, tokenizer: Tokenizer, file: string): void {
  if (tokenizer.vocabularySize <= model.config.vocabularySize) return;
  throw new AttuneError("model", "the tokenizer has ids that the model has no embedding for", { file, got: `${tokenizer.vocabularySize} ids`, expected: `at most ${model.config.vocabularySize}` });
}

async function openAdapted(folder: string, options: OpenModelOptions): Promise<OpenedModel> {
  // What an adapter is added to must be whole: it is rounded afterwards.
  const late = options.merge === true && options.precision === "int8";
  const opened = await openModel(await readBase(folder), { ...options, ...(late ? { precision: "float32" } : {}), merge: true });
  const { adapter, scoreHead } = await readAdapterFolder(opened.model, folder);
  if (options.merge) applyAdapter(opened.model, adapter, 1);
  else opened.model.adapter = adapter;
  if (late) await roundProjections(opened.model);
  if (scoreHead) opened.model.scoreHead = scoreHead;
  const fingerprint = createHash("sha256").update(`${opened.fingerprint} ${await weightsFingerprint(folder)}`).digest("hex");
  if (options.merge) opened.model.source = resolve(folder);
  return { ...opened, tokenizer: (await ownTokenizer(folder)) ?? opened.tokenizer, fingerprint };
}

/** The tokenizer beside an adapter, with the chat template that it was trained with; adapters from elsewhere may have none. */
async function ownTokenizer(folder: string): Promise<Tokenizer | undefined> {
  return existsSync(join(folder, "tokenizer.json")) ? loadTokenizer(folder) : undefined;
}

/** Path of the model that an adapter lies over. */
async function readBase(folder: string): Promise<string> {
  const base = (await readJsonObject(join(folder, "adapter_config.json")))["base_model_name_or_path"];
  if (typeof base === "string" && existsSync(base)) return base;
  throw new AttuneError("model", "the adapter's base model is not there", { file: join(folder, "adapter_config.json"), got: preview(base), hint: "correct base_model_name_or_path" });
}

/** What {@link Model.source} says of a model read from this folder or run. */
export const sourceOf = (path: string): string => resolve(resultFolder(path));

/** The source (as in {@link Model.source}) that the adapter in a folder or run lies over; undefined for whole models. */
export async function adapterBase(path: string): Promise<string | undefined> {
  const folder = resultFolder(path);
  return existsSync(join(folder, "adapter_config.json")) ? sourceOf(await readBase(folder)) : undefined;
}

/**
 * Opens an adapter, with its score head where it has one, over a model in memory that is its base: the weights are shared. Its own tokenizer
 * is undefined where none lies beside it.
 * @throws AttuneError `model` where the adapter does not fit
 */
export async function openOver(base: Model, path: string): Promise<{ model: Model; tokenizer: Tokenizer | undefined; fingerprint: string }> {
  const folder = resultFolder(path);
  const { adapter, scoreHead } = await readAdapterFolder(base, folder);
  const model: Model = { ...shareBase(base), adapter, ...(scoreHead ? { scoreHead } : {}) };
  return { model, tokenizer: await ownTokenizer(folder), fingerprint: await weightsFingerprint(folder) };
}

async function readAdapterFolder(model: Model, folder: string): Promise<{ adapter: Adapter; scoreHead?: HostTensor<"float32"> }> {
  const json = await readJsonObject(join(folder, "adapter_config.json"));
  const file = await SafetensorsFile.open(join(folder, "adapter_model.safetensors"));
  try {
    const adapter = await readAdapter(model, json, file, folder);
    const head = `${PEFT_PREFIX}${SCORE_HEAD}`;
    return { adapter, ...(file.header.tensors.has(head) ? { scoreHead: float32([1, model.config.hiddenSize], await file.read(head)) } : {}) };
  } finally {
    await file.close();
  }
}

async function readAdapter(model: Model, json: Readonly<Record<string, unknown>>, file: SafetensorsFile, folder: string): Promise<Adapter> {
  const { r, lora_alpha: alpha, use_rslora: rsLora, target_modules: modules, peft_type: kind } = json;
  if (kind !== "LORA" || typeof r !== "number" || typeof alpha !== "number" || !Array.isArray(modules)) {
    throw new AttuneError("model", "this kind of adapter is not supported", { file: join(folder, "adapter_config.json"), got: preview(kind), expected: "LORA with r, lora_alpha and target_modules" });
  }
  const config: AdapterConfig = { rank: r, alpha, rsLora: rsLora === true, targets: resolveTargets(model.family, model.config, modules.map(String)) };
  const projections = model.family.projections(model.config);
  const weights: Adapter["weights"] = new Map();
  for (let layer = 0; layer < model.config.layers; layer++) {
    for (const target of config.targets) {
      const { a, b } = adapterNames(model.family.blockPrefix(layer), target);
      weights.set(a, float32([r, projections[target]!.inputs], await file.read(PEFT_PREFIX + a)));
      weights.set(b, float32([projections[target]!.outputs, r], await file.read(PEFT_PREFIX + b)));
    }
  }
  return { config, weights };
}
