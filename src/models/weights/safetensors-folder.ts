/**
 * The safetensors files of a model folder: one file, or the shards that
 * model.safetensors.index.json names. Pickled weights (pytorch_model.bin and the like) can run code
 * when they are read, so they never are.
 */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { countOf } from "../../core/counts.ts";
import { AttuneError, nearest, preview } from "../../core/errors.ts";
import { readJsonObject } from "./json-file.ts";
import { SafetensorsFile } from "./safetensors.ts";
import { INDEX } from "./safetensors-writer.ts";

const SINGLE = "model.safetensors";

export interface SafetensorsFolder {
  names(): string[];
  /** The file that holds a tensor. */
  fileOf(name: string): SafetensorsFile;
  close(): Promise<void>;
}

/**
 * @throws AttuneError `model` where the weights are missing, incomplete or not what the index says
 */
export async function openSafetensorsFolder(folder: string): Promise<SafetensorsFolder> {
  const weightMap = existsSync(join(folder, INDEX)) ? await readWeightMap(folder) : undefined;
  if (!weightMap && !existsSync(join(folder, SINGLE))) throw await noWeights(folder);
  const files = weightMap ? [...new Set(weightMap.values())].toSorted() : [SINGLE];
  const open = new Map<string, SafetensorsFile>();
  const close = async (): Promise<void> =>
    void (await Promise.all([...open.values()].map((file) => file.close())));
  try {
    for (const file of files) open.set(file, await SafetensorsFile.open(join(folder, file)));
    const where = locate(folder, open, weightMap);
    return {
      names: () => [...where.keys()],
      fileOf: (name) => where.get(name) ?? unknownWeight(folder, name, where.keys()),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function locate(
  folder: string,
  open: ReadonlyMap<string, SafetensorsFile>,
  weightMap: ReadonlyMap<string, string> | undefined,
): Map<string, SafetensorsFile> {
  const where = new Map<string, SafetensorsFile>();
  if (!weightMap) {
    for (const file of open.values())
      for (const name of file.header.tensors.keys()) where.set(name, file);
    return where;
  }
  for (const [name, shard] of weightMap) {
    const file = open.get(shard)!;
    if (!file.header.tensors.has(name))
      throw new AttuneError("model", `the shard ${shard} has no tensor ${preview(name)}`, {
        file: join(folder, INDEX),
        hint: "download the model again: index and shards do not belong together",
      });
    where.set(name, file);
  }
  return where;
}

function unknownWeight(folder: string, name: string, names: Iterable<string>): never {
  const near = nearest(name, names);
  throw new AttuneError("model", `the model has no weight named ${name}`, {
    file: folder,
    ...(near ? { hint: `did you mean ${near}?` } : {}),
  });
}

/** Tensor name to shard, each shard checked to be a file of the folder. */
async function readWeightMap(folder: string): Promise<ReadonlyMap<string, string>> {
  const index = join(folder, INDEX);
  const map = (await readJsonObject(index))["weight_map"];
  const entries =
    typeof map === "object" && map !== null && !Array.isArray(map)
      ? Object.entries(map as Record<string, unknown>)
      : [];
  if (entries.length === 0)
    throw new AttuneError("model", "the index has no weight_map", {
      file: index,
      hint: "download the index again",
    });
  for (const [name, shard] of entries) {
    // A plain name, so that it cannot lead out of the folder on any platform.
    if (typeof shard === "string" && /^[\w.-]+\.safetensors$/.test(shard) && !shard.startsWith("."))
      continue;
    throw new AttuneError(
      "model",
      `weight_map puts ${preview(name)} into something that is no safetensors file of the folder`,
      {
        file: index,
        got: preview(shard),
        expected: "a file name such as model-00001-of-00002.safetensors",
      },
    );
  }
  const shards = [...new Set(entries.map(([, shard]) => String(shard)))].toSorted();
  const missing = shards.filter((shard) => !existsSync(join(folder, shard)));
  if (missing.length > 0) throw missingShards(index, missing, shards.length);
  return new Map(entries as [string, string][]);
}

function missingShards(index: string, missing: readonly string[], total: number): AttuneError {
  const what =
    missing.length === 1
      ? `the shard ${missing[0]!} is missing`
      : `${countOf(missing.length, "shard")} are missing: ` +
        `${missing.slice(0, 3).join(", ")}${missing.length > 3 ? ", ..." : ""}`;
  return new AttuneError("model", what, {
    file: index,
    got: `${total - missing.length} of ${countOf(total, "shard")}`,
    hint: "download the missing files into the same folder",
  });
}

async function noWeights(folder: string): Promise<AttuneError> {
  const names = await readdir(folder);
  const pickled = names.filter((name) => /\.(bin|pt|pth|ckpt|pkl)$/.test(name));
  if (pickled.length > 0) {
    return new AttuneError("model", "the folder has pickled weights only", {
      file: folder,
      got: pickled.slice(0, 3).join(", "),
      expected: SINGLE,
      hint:
        "convert to safetensors (transformers: model.save_pretrained(folder)); pickled files can " +
        "run code when they are read, so attune never reads them",
    });
  }
  const gguf = names.find((name) => name.endsWith(".gguf"));
  const adapter = names.includes("adapter_model.safetensors");
  const hint = gguf
    ? `the GGUF file itself: ${join(folder, gguf)}`
    : adapter
      ? "the base model; this folder holds an adapter alone"
      : "the folder of a Hugging Face model";
  return new AttuneError("model", `the folder has no ${SINGLE}`, {
    file: folder,
    got: preview(names.slice(0, 8)),
    expected: `${SINGLE}, or ${INDEX} with its shards`,
    hint,
  });
}
