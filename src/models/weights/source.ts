/** Opens the weights of a model, wherever they are: a folder of safetensors (single or sharded) or a GGUF file. */
import { createHash } from "node:crypto";
import { createReadStream, existsSync, statSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { AttuneError, preview } from "../../core/errors.ts";
import { parseJson } from "../../core/json.ts";
import type { GgufValue } from "./gguf.ts";
import { GgufFile } from "./gguf.ts";
import { deinterleave, mapGguf, transposeMatrix } from "./gguf-names.ts";
import { SafetensorsFile } from "./safetensors.ts";

export interface WeightSource {
  readonly path: string;
  readonly kind: "safetensors" | "gguf";
  /** config.json, also where it was derived from GGUF metadata. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly tokenizer: { kind: "folder"; path: string } | { kind: "gguf"; path: string; metadata: ReadonlyMap<string, GgufValue> };
  names(): string[];
  shape(name: string): readonly number[];
  /** Row-major numbers in Hugging Face's orientation. */
  read(name: string): Promise<Float32Array>;
  close(): Promise<void>;
}

/** @throws AttuneError `model` naming the file and what is missing in it */
export async function openWeights(path: string): Promise<WeightSource> {
  if (!existsSync(path)) throw new AttuneError("model", "there is no model at this path", { file: path, hint: "a folder with config.json and safetensors files, or a .gguf file" });
  if (statSync(path).isDirectory()) return openFolder(path);
  if (path.endsWith(".gguf")) return openGguf(path);
  throw new AttuneError("model", "this file is no model that attune reads", { file: path, got: basename(path), expected: "a folder with config.json and safetensors files, or a .gguf file" });
}

/** Reads a JSON file that must hold an object. */
export async function readJsonObject(path: string): Promise<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseJson(await readFile(path, "utf8"));
  } catch (cause) {
    throw new AttuneError("model", "cannot read the file as JSON", { file: path, got: cause instanceof Error ? cause.message : String(cause), cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new AttuneError("model", "the file must hold a JSON object", { file: path, got: preview(value) });
  return value as Record<string, unknown>;
}

async function openFolder(path: string): Promise<WeightSource> {
  if (!existsSync(join(path, "config.json"))) throw new AttuneError("model", "the folder has no config.json", { file: path, got: preview((await readdir(path)).slice(0, 8)), hint: "the folder of a Hugging Face model, or a run folder" });
  const config = await readJsonObject(join(path, "config.json"));
  const files: SafetensorsFile[] = [];
  const where = new Map<string, SafetensorsFile>();
  for (const name of await shardNames(path)) {
    const file = await SafetensorsFile.open(join(path, name));
    files.push(file);
    for (const tensor of file.header.tensors.keys()) where.set(tensor, file);
  }
  const fileOf = (name: string): SafetensorsFile => {
    const file = where.get(name);
    if (!file) throw new AttuneError("model", `the model has no weight named ${name}`, { file: path });
    return file;
  };
  return {
    path,
    kind: "safetensors",
    config,
    tokenizer: { kind: "folder", path },
    names: () => [...where.keys()],
    shape: (name) => fileOf(name).header.tensors.get(name)!.shape,
    read: (name) => fileOf(name).read(name),
    close: async () => void (await Promise.all(files.map((file) => file.close()))),
  };
}

/** Safetensors files of a folder, each checked to exist. */
async function shardNames(path: string): Promise<string[]> {
  const index = join(path, "model.safetensors.index.json");
  if (!existsSync(index)) {
    if (existsSync(join(path, "model.safetensors"))) return ["model.safetensors"];
    const others = (await readdir(path)).filter((name) => /\.(bin|pt|pth|ckpt)$/.test(name));
    throw new AttuneError("model", "the folder has no model.safetensors", {
      file: path,
      ...(others.length > 0 ? { got: others.join(", "), hint: "convert to safetensors; pickled files can run code when they are read, so attune never reads them" } : {}),
    });
  }
  const map = (await readJsonObject(index))["weight_map"];
  const names = typeof map === "object" && map !== null ? [...new Set(Object.values(map as Record<string, unknown>))] : [];
  for (const name of names) {
    if (typeof name !== "string" || name !== basename(name)) throw new AttuneError("model", "weight_map names a file outside the folder", { file: index, got: preview(name) });
    if (!existsSync(join(path, name))) throw new AttuneError("model", `the shard ${name} is missing`, { file: index, expected: `${names.length} shards`, hint: "download the missing shard" });
  }
  if (names.length === 0) throw new AttuneError("model", "the index has no weight_map", { file: index });
  return names as string[];
}

async function openGguf(path: string): Promise<WeightSource> {
  const file = await GgufFile.open(path);
  const { config, tensors } = mapGguf(path, file.header);
  const find = (name: string) => {
    const tensor = tensors.get(name);
    if (!tensor) throw new AttuneError("model", `the model has no weight named ${name}`, { file: path });
    return tensor;
  };
  return {
    path,
    kind: "gguf",
    config,
    tokenizer: { kind: "gguf", path, metadata: file.header.metadata },
    names: () => [...tensors.keys()],
    shape: (name) => find(name).shape,
    read: async (name) => {
      const { source, shape, change } = find(name);
      const data = await file.read(source);
      const rows = shape[0]!;
      if (change === "transpose") return transposeMatrix(data, shape[1]!, rows);
      if (change === "interleaved-queries") return deinterleave(data, Number(config["num_attention_heads"]), rows);
      if (change === "interleaved-keys") return deinterleave(data, Number(config["num_key_value_heads"]), rows);
      return data;
    },
    close: () => file.close(),
  };
}

/** sha256 over the contents of a model's files: what cached results are bound to. */
export async function weightsFingerprint(path: string): Promise<string> {
  const files = statSync(path).isDirectory() ? (await readdir(path)).filter((name) => /\.(safetensors|json)$/.test(name)).toSorted().map((name) => join(path, name)) : [path];
  const hash = createHash("sha256");
  for (const file of files) {
    hash.update(basename(file));
    for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 22 })) hash.update(chunk as Uint8Array);
  }
  return hash.digest("hex");
}
