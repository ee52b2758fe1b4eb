/**
 * Writes trained models: an adapter in PEFT's format with the tokenizer beside it, or all weights
 * as a Hugging Face folder. A score head is kept in either.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stopsOf } from "../text/stops.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { exportedConfig, stopsAsJson } from "./exported-config.ts";
import { weightNumbers } from "./load.ts";
import { applyAdapter } from "./merge-adapter.ts";
import type { Model } from "./model.ts";
import { SCORE_HEAD } from "./model.ts";
import { saveAdapter } from "./peft/write.ts";
import type { WeightDType } from "./weights/dtypes.ts";
import type { TensorToWrite } from "./weights/safetensors-writer.ts";
import { writeSafetensorsFolder } from "./weights/safetensors-writer.ts";

/** The part of an encoder that is written next to weights. */
export interface TokenizerFilesOwner {
  readonly tokenizer: Tokenizer;
}

/** What is written of a whole model; all of it may be left out. */
export interface SaveOptions {
  /** Default F32. */
  dtype?: WeightDType;
  /**
   * The tokenizer beside it: answers stop at its tokens, and a reward model's score depends on
   * them.
   */
  tokenizer?: Tokenizer;
}

/**
 * Writes config.json and all weights, with the adapter merged into them.
 * @param folder made where it is not there; files of the same names are replaced
 * @throws AttuneError `disk` where the weights cannot be written
 */
export async function saveMerged(
  model: Model,
  folder: string,
  { dtype = "F32", tokenizer }: SaveOptions = {},
): Promise<void> {
  await mkdir(folder, { recursive: true });
  if (model.adapter) applyAdapter(model, model.adapter, 1);
  try {
    const tensors: TensorToWrite[] = [...model.weights].map(([name, weight]) => ({
      name,
      dtype,
      shape: weight.shape,
      data: () => weightNumbers(weight),
    }));
    if (model.scoreHead)
      tensors.push({
        name: SCORE_HEAD,
        dtype,
        shape: model.scoreHead.shape,
        data: model.scoreHead.data,
      });
    await writeSafetensorsFolder(folder, tensors);
  } finally {
    if (model.adapter) applyAdapter(model, model.adapter, -1);
  }
  await saveConfig(model, folder, { dtype, ...(tokenizer ? { tokenizer } : {}) });
}

/** Writes config.json; see {@link exportedConfig}. */
export async function saveConfig(
  model: Model,
  folder: string,
  { dtype = "F32", tokenizer }: SaveOptions = {},
): Promise<void> {
  const tokens = tokenizer && {
    padId: tokenizer.padId,
    eosId: tokenizer.eosId,
    extraStopIds: tokenizer.extraStopIds,
    stopIds: stopsOf(tokenizer).all,
  };
  await writeFile(
    join(folder, "config.json"),
    `${JSON.stringify(exportedConfig(model, dtype, tokens), null, 2)}\n`,
  );
}

/** What a training run leaves: an adapter or a whole model, with the tokenizer beside it. */
export async function saveTrained(
  model: Model,
  { tokenizer }: TokenizerFilesOwner,
  folder: string,
  base = model.source ?? "",
): Promise<void> {
  if (model.adapter) await saveAdapter(model, folder, base);
  else await saveMerged(model, folder, { tokenizer });
  await saveTokenizer(tokenizer, folder);
}

const GENERATION_FILE = "generation_config.json";

/**
 * Writes the files that the tokenizer was made of, and where generation stops and begins, for every
 * program that reads only that.
 */
export async function saveTokenizer(tokenizer: Tokenizer, folder: string): Promise<void> {
  const { files, bosId, padId } = tokenizer;
  const before = JSON.parse(files[GENERATION_FILE] ?? "{}") as Record<string, unknown>;
  const tokens = {
    ...(bosId === undefined ? {} : { bos_token_id: bosId }),
    eos_token_id: stopsAsJson(stopsOf(tokenizer).all),
    ...(padId === undefined ? {} : { pad_token_id: padId }),
  };
  const all = {
    ...files,
    [GENERATION_FILE]: `${JSON.stringify({ ...before, ...tokens }, null, 2)}\n`,
  };
  for (const [name, content] of Object.entries(all)) await writeFile(join(folder, name), content);
}
