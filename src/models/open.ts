/**
 * Opens a model by what users call it: a folder of safetensors, a GGUF file, a folder with a PEFT
 * adapter, a run folder (whose result is opened), or a run's checkpoint.
 */
import { createHash } from "node:crypto";
import { existsSync, realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { AttuneError, preview } from "../core/errors.ts";
import { float32 } from "../core/tensor.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { loadTokenizer } from "../text/tokenizer.ts";
import { fillFromCheckpoint, runOfCheckpoint } from "./checkpoint.ts";
import type { ReadModelOptions } from "./load.ts";
import { narrowWeights, readModel } from "./load.ts";
import { applyAdapter } from "./merge-adapter.ts";
import type { Model } from "./model.ts";
import { SCORE_HEAD, shareBase } from "./model.ts";
import { CONFIG_FILE } from "./peft/names.ts";
import { changesProjections, readAdapterFolder } from "./peft/read.ts";
import { roundProjections } from "./round-projections.ts";
import { sourceTokenizer } from "./source-tokenizer.ts";
import { openWeights, readJsonObject, weightsFingerprint } from "./weights/source.ts";

/** A model read from files, with the tokenizer that belongs to it. */
export interface OpenedModel {
  /** Weights in memory, and the adapter and score head where the files have them. */
  readonly model: Model;
  /** With the chat template that the model was trained with, where there is one. */
  readonly tokenizer: Tokenizer;
  /** Changes whenever what the model computes may. */
  readonly fingerprint: string;
}

/** How a model is read; all of it may be left out. */
export interface OpenModelOptions extends ReadModelOptions {
  /**
   * Merge an adapter into the weights, so that a new one may be trained on top. Default false: keep
   * it apart.
   */
  merge?: boolean;
}

/**
 * Reads a model into memory: a folder of safetensors, a GGUF file, a folder with a PEFT adapter
 * (its base is read too), a run folder (whose result is read) or a checkpoint in a run folder.
 * Nothing is downloaded.
 * @param path of the file or folder
 * @throws AttuneError `model` (or `run`) saying what is missing
 */
export function openModel(path: string, options: OpenModelOptions = {}): Promise<OpenedModel> {
  return openChain(path, options, []);
}

/** @param above folders of the adapters that are to lie upon it */
async function openChain(
  path: string,
  options: OpenModelOptions,
  above: readonly string[],
): Promise<OpenedModel> {
  const run = runOfCheckpoint(path);
  if (run !== undefined) return openCheckpoint(path, run, { options, above });
  const folder = resultFolder(path);
  if (existsSync(join(folder, CONFIG_FILE))) {
    checkChain(folder, above);
    return openAdapted(folder, options, above);
  }
  const source = await openWeights(folder);
  try {
    const model = await readModel(source, options);
    model.source = resolve(folder);
    if (source.names().includes(SCORE_HEAD))
      model.scoreHead = float32([1, model.config.hiddenSize], await source.read(SCORE_HEAD));
    const tokenizer = await sourceTokenizer(source);
    checkVocabulary(model, tokenizer, folder);
    return { model, tokenizer, fingerprint: await source.fingerprint() };
  } finally {
    await source.close();
  }
}

/** Other weights in the model that the run made. What a run kept is narrowed once they are in. */
async function openCheckpoint(
  path: string,
  run: string,
  { options, above }: { options: OpenModelOptions; above: readonly string[] },
): Promise<OpenedModel> {
  const { precision, merge, ...others } = options;
  const opened = await openChain(run, others, above);
  const { model } = opened;
  const values = await fillFromCheckpoint(model, path);
  if (!model.adapter || merge) model.source = resolve(path);
  if (merge && model.adapter) {
    applyAdapter(model, model.adapter, 1);
    delete model.adapter;
  }
  if (precision === "int8") await roundProjections(model);
  if (precision === "float16") narrowWeights(model);
  const fingerprint = createHash("sha256").update(`${opened.fingerprint} ${values}`).digest("hex");
  return { ...opened, fingerprint };
}

/** A run folder stands for what the run made, which gives a checkpoint its form. */
function resultFolder(path: string): string {
  const run = runOfCheckpoint(path) ?? path;
  if (!existsSync(join(run, "run.json"))) return path;
  const result = join(run, "model");
  if (existsSync(result)) return result;
  throw new AttuneError("run", "the run has made no model yet", {
    file: path,
    hint: `\`attune resume ${path}\` goes on with it`,
  });
}

function checkVocabulary(model: Model, tokenizer: Tokenizer, file: string): void {
  if (tokenizer.vocabularySize <= model.config.vocabularySize) return;
  throw new AttuneError("model", "the tokenizer has ids that the model has no embedding for", {
    file,
    got: `${tokenizer.vocabularySize} ids`,
    expected: `at most ${model.config.vocabularySize}`,
  });
}

async function openAdapted(
  folder: string,
  options: OpenModelOptions,
  above: readonly string[],
): Promise<OpenedModel> {
  // What an adapter is added to must be whole: it is rounded afterwards.
  const late =
    options.precision === "int8" && (options.merge === true || (await changesProjections(folder)));
  const opened = await openChain(
    await readBase(folder),
    { ...options, ...(late ? { precision: "float32" } : {}), merge: true },
    [...above, folder],
  );
  const model = await readAdapterFolder(opened.model, folder);
  if (options.merge) {
    applyAdapter(model, model.adapter!, 1);
    delete model.adapter;
    model.source = resolve(folder);
  }
  if (late) await roundProjections(model);
  const fingerprint = createHash("sha256")
    .update(`${opened.fingerprint} ${await weightsFingerprint(folder)}`)
    .digest("hex");
  const tokenizer = (await ownTokenizer(folder, model)) ?? opened.tokenizer;
  return { ...opened, model, tokenizer, fingerprint };
}

/** The tokenizer of a model or a run, without its weights. */
export async function tokenizerOf(path: string): Promise<Tokenizer> {
  const folder = resultFolder(path);
  const base = await adapterBase(folder);
  if (base !== undefined)
    return existsSync(join(folder, "tokenizer.json")) ? loadTokenizer(folder) : tokenizerOf(base);
  const source = await openWeights(folder);
  try {
    return await sourceTokenizer(source);
  } finally {
    await source.close();
  }
}

/**
 * The tokenizer beside an adapter, with the chat template that it was trained with; adapters from
 * elsewhere may have none.
 */
async function ownTokenizer(folder: string, model: Model): Promise<Tokenizer | undefined> {
  if (!existsSync(join(folder, "tokenizer.json"))) return undefined;
  const tokenizer = await loadTokenizer(folder);
  checkVocabulary(model, tokenizer, folder);
  return tokenizer;
}

/** More adapters upon adapters than anybody stacks. */
const MOST_ADAPTERS = 16;

/** @throws AttuneError `model` for an adapter that lies over itself, or over too many others */
function checkChain(folder: string, above: readonly string[]): void {
  const place = realpathSync(folder);
  const chain = [...above.map((each) => realpathSync(each)), place];
  if (chain.indexOf(place) < above.length)
    throw new AttuneError("model", "the adapter's base model is the adapter itself", {
      file: join(above[0]!, CONFIG_FILE),
      got: chain.slice(chain.indexOf(place)).join(" over "),
      hint: "correct base_model_name_or_path",
    });
  if (above.length >= MOST_ADAPTERS)
    throw new AttuneError("model", "too many adapters lie upon each other", {
      file: join(above[0]!, CONFIG_FILE),
      got: `more than ${MOST_ADAPTERS}`,
      hint: "attune export --format safetensors merges them",
    });
}

/** Path of the model that an adapter lies over. */
async function readBase(folder: string): Promise<string> {
  const base = (await readJsonObject(join(folder, CONFIG_FILE)))["base_model_name_or_path"];
  if (typeof base === "string" && base !== "" && existsSync(base)) return base;
  throw new AttuneError("model", "the adapter's base model is not there", {
    file: join(folder, CONFIG_FILE),
    got: preview(base),
    hint: "correct base_model_name_or_path",
  });
}

/** What {@link Model.source} says of a model read from this folder or run. */
export const sourceOf = (path: string): string =>
  resolve(runOfCheckpoint(path) === undefined ? resultFolder(path) : path);

/**
 * The source (as in {@link Model.source}) that the adapter in a folder or run lies over; undefined
 * for whole models.
 */
export async function adapterBase(path: string): Promise<string | undefined> {
  const folder = resultFolder(path);
  return existsSync(join(folder, CONFIG_FILE)) ? sourceOf(await readBase(folder)) : undefined;
}

/**
 * Opens an adapter, with its score head where it has one, over a model in memory that is its base:
 * weights that it does not change are shared. Its own tokenizer is undefined where none lies beside
 * it.
 * @throws AttuneError `model` where the adapter does not fit
 */
export async function openAdapterOver(
  base: Model,
  path: string,
): Promise<{ model: Model; tokenizer: Tokenizer | undefined; fingerprint: string }> {
  const folder = resultFolder(path);
  const model = await readAdapterFolder(shareBase(base), folder);
  const fingerprint = await weightsFingerprint(folder);
  const values =
    runOfCheckpoint(path) === undefined ? "" : ` ${await fillFromCheckpoint(model, path)}`;
  return {
    model,
    tokenizer: await ownTokenizer(folder, model),
    fingerprint: fingerprint + values,
  };
}
