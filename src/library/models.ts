/** Models as programs hold them: what `loadModel` gives, and what a training gives back. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { AttuneError } from "../core/errors.ts";
import type { HostTensor } from "../core/tensor.ts";
import type { Model } from "../models/model.ts";
import { SCORE_HEAD } from "../models/model.ts";
import type { Precision } from "../models/precision.ts";
import type { Metrics } from "../runs/events.ts";
import { publishFolder } from "../runs/files.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import type { TrainedModel } from "../training/loop.ts";

/** A model with its tokenizer. */
export interface LanguageModel {
  /** Weights, with the adapter and score head where there are any. */
  readonly model: Model;
  /** Turns texts into the ids that the model reads; carries the chat template. */
  readonly tokenizer: Tokenizer;
  /**
   * Changes whenever what the model computes may; computed from the weights where it is left out
   * and a run folder must know it.
   */
  readonly fingerprint?: string;
}

/** What a training gives back: a model that the next training may start from. */
export interface Trained extends LanguageModel {
  /** The last value of every metric, those on held-out data (`eval_`) included. */
  readonly metrics: Metrics;
  /** The run folder, where there is one; its `model` holds the same. */
  readonly run?: string;
  /**
   * Writes the adapter, or the whole model, and the tokenizer beside it, in the formats of PEFT and
   * transformers: `loadModel(folder)` and every command read it.
   * @param folder new or empty; it appears whole or not at all
   * @returns its path
   * @throws AttuneError `usage` where it holds something, `disk` where it cannot be written
   */
  save(folder: string): Promise<string>;
}

/** @param trained with the tokenizer that it was trained with, its chat template included */
export function trainedFrom(
  { model, tokenizer, save }: TrainedModel & { tokenizer: Tokenizer },
  { metrics, run }: { metrics: Metrics; run?: string },
): Trained {
  let fingerprint: string | undefined;
  return {
    model,
    tokenizer,
    get fingerprint() {
      fingerprint ??= fingerprintOf({ model, tokenizer });
      return fingerprint;
    },
    metrics,
    ...(run === undefined ? {} : { run }),
    save: (folder) => saveNew(folder, save),
  };
}

/** Writes a folder of results, and replaces none. */
export async function saveNew(
  folder: string,
  write: (folder: string) => Promise<void>,
): Promise<string> {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new AttuneError("usage", "the folder to save to is not empty", {
      file: folder,
      hint: "another folder, or remove it first",
    });
  await publishFolder(folder, write);
  return folder;
}

/** Of weights, adapter and head; reads all of them. */
export function fingerprintOf({ model, tokenizer, fingerprint }: LanguageModel): string {
  if (fingerprint !== undefined) return fingerprint;
  const hash = createHash("sha256").update(tokenizer.fingerprint);
  hash.update(JSON.stringify(model.config));
  const add = (name: string, { dtype, shape, data }: HostTensor): void => {
    hash.update(`${name} ${dtype} ${shape.join()} `);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  };
  for (const [name, tensor] of model.weights) add(name, tensor);
  for (const [name, tensor] of model.int8 ?? []) add(name, tensor);
  for (const [name, tensor] of model.adapter?.weights ?? []) add(name, tensor);
  if (model.adapter) hash.update(JSON.stringify({ ...model.adapter, weights: null }));
  if (model.scoreHead) add(SCORE_HEAD, model.scoreHead);
  return hash.digest("hex");
}

/** The option that says how frozen weights are kept; none where they are float32. */
export function precisionOf({ int8, weights }: Model): { precision?: Precision } {
  if (int8) return { precision: "int8" };
  const half = [...weights.values()].some(({ dtype }) => dtype === "float16");
  return half ? { precision: "float16" } : {};
}
