/**
 * Opens the weights of a model, wherever they are: a folder of safetensors (single or sharded) or a
 * GGUF file.
 */
import { existsSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { AttuneError, nearest, preview } from "../../core/errors.ts";
import { elementCount } from "../../core/tensor.ts";
import { FileReader, readBytes } from "./bytes.ts";
import { weightsFingerprint } from "./fingerprint.ts";
import { GgufFile, type GgufMetadata } from "./gguf.ts";
import { ggufModel, mapGguf, type MappedTensor, settingTensors } from "./gguf-names.ts";
import { deinterleave, transposeInto } from "./gguf-orders.ts";
import { readJsonObject } from "./json-file.ts";
import { openSafetensorsFolder } from "./safetensors-folder.ts";

export { weightsFingerprint } from "./fingerprint.ts";
export { readJsonObject } from "./json-file.ts";

type Json = Readonly<Record<string, unknown>>;

export interface WeightSource {
  readonly path: string;
  readonly kind: "safetensors" | "gguf";
  /** config.json, also where it was derived from GGUF metadata. */
  readonly config: Json;
  /** generation_config.json, where there is one; GGUF metadata gives its token ids. */
  readonly generationConfig?: Json;
  readonly tokenizer:
    | { kind: "folder"; path: string }
    | { kind: "gguf"; path: string; metadata: GgufMetadata };
  /** Hugging Face names. */
  names(): string[];
  shape(name: string): readonly number[];
  /**
   * Row-major numbers in Hugging Face's orientation, as float32.
   * @param into an array of exactly the weight's length to write to, in place of a new one
   */
  read(name: string, into?: Float32Array): Promise<Float32Array>;
  /**
   * sha256 over the whole content of the weights and the config; computed once, at the speed of the
   * disk.
   */
  fingerprint(): Promise<string>;
  close(): Promise<void>;
}

/** @throws AttuneError `model` naming the file and what is missing in it */
export async function openWeights(path: string): Promise<WeightSource> {
  if (!existsSync(path))
    throw new AttuneError("model", "there is no model at this path", {
      file: path,
      hint: "a folder with config.json and safetensors files, or a .gguf file",
    });
  if (statSync(path).isDirectory()) return openFolder(path);
  if (await isGguf(path)) return openGguf(path);
  const hint = path.endsWith(".safetensors") ? "the folder of this file" : undefined;
  throw new AttuneError("model", "this file is no model that attune reads", {
    file: path,
    got: basename(path),
    expected: "a folder with config.json and safetensors files, or a .gguf file",
    ...(hint ? { hint } : {}),
  });
}

async function isGguf(path: string): Promise<boolean> {
  if (path.endsWith(".gguf")) return true;
  const file = await FileReader.open(path);
  try {
    return file.size >= 4 && Buffer.from(await readBytes(file, 0, 4)).toString("latin1") === "GGUF";
  } finally {
    await file.close();
  }
}

async function openFolder(path: string): Promise<WeightSource> {
  const configPath = join(path, "config.json");
  if (!existsSync(configPath)) throw await noConfig(path);
  const config = await readJsonObject(configPath);
  const generationPath = join(path, "generation_config.json");
  const generationConfig = existsSync(generationPath)
    ? await readJsonObject(generationPath)
    : undefined;
  const folder = await openSafetensorsFolder(path);
  let fingerprint: Promise<string> | undefined;
  return {
    path,
    kind: "safetensors",
    config,
    ...(generationConfig ? { generationConfig } : {}),
    tokenizer: { kind: "folder", path },
    names: () => folder.names(),
    shape: (name) => folder.fileOf(name).entry(name).shape,
    read: async (name, into) => folder.fileOf(name).read(name, into),
    fingerprint: () => (fingerprint ??= weightsFingerprint(path)),
    close: () => folder.close(),
  };
}

async function noConfig(path: string): Promise<AttuneError> {
  const names = await readdir(path);
  const gguf = names.find((name) => name.endsWith(".gguf"));
  return new AttuneError("model", "the folder has no config.json", {
    file: path,
    got: names.length > 0 ? preview(names.slice(0, 8)) : "an empty folder",
    hint: gguf
      ? `the GGUF file itself: ${join(path, gguf)}`
      : "the folder of a Hugging Face model, or a run folder",
  });
}

async function openGguf(path: string): Promise<WeightSource> {
  const file = await GgufFile.open(path);
  try {
    const model = ggufModel(path, file.header);
    const settings = new Map<string, Float32Array>();
    for (const name of settingTensors(model)) settings.set(name, await file.read(name));
    const { config, headSize, tensors } = mapGguf(model, settings);
    return ggufSource({ path, file, config, headSize, tensors });
  } catch (error) {
    await file.close();
    throw error;
  }
}

interface OpenGguf {
  path: string;
  file: GgufFile;
  config: Json;
  headSize: number;
  tensors: ReadonlyMap<string, MappedTensor>;
}

function ggufSource({ path, file, config, headSize, tensors }: OpenGguf): WeightSource {
  const find = (name: string): MappedTensor => {
    const tensor = tensors.get(name);
    if (tensor) return tensor;
    const near = nearest(name, tensors.keys());
    throw new AttuneError("model", `the model has no weight named ${name}`, {
      file: path,
      ...(near ? { hint: `did you mean ${near}?` } : {}),
    });
  };
  const ids = Object.entries(config).filter(([key]) => key.endsWith("_token_id"));
  let fingerprint: Promise<string> | undefined;
  return {
    path,
    kind: "gguf",
    config,
    ...(ids.length > 0 ? { generationConfig: Object.fromEntries(ids) } : {}),
    tokenizer: { kind: "gguf", path, metadata: file.header.metadata },
    names: () => [...tensors.keys()],
    shape: (name) => find(name).shape,
    read: async (name, into) => readMapped(file, find(name), headSize, into),
    fingerprint: () => (fingerprint ??= weightsFingerprint(path)),
    close: () => file.close(),
  };
}

async function readMapped(
  file: GgufFile,
  { source, shape, change }: MappedTensor,
  headSize: number,
  into?: Float32Array,
): Promise<Float32Array> {
  if (change === "transposed") {
    const out = into ?? new Float32Array(elementCount(shape));
    transposeInto(await file.read(source.name), source.shape[0]!, source.shape[1]!, out);
    return out;
  }
  const data = await file.read(source.name, into);
  if (change === "interleaved") deinterleave(data, headSize, shape.length === 2 ? shape[1]! : 1);
  if (change === "plus-one") for (let i = 0; i < data.length; i++) data[i]! -= 1;
  return data;
}
