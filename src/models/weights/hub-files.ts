/** Which files of a repository attune reads. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AttuneError, preview } from "../../core/errors.ts";
import { parseJson } from "../../core/json.ts";
import type { Hub } from "./hub-access.ts";
import { INDEX } from "./safetensors-writer.ts";

export interface RemoteFile {
  readonly path: string;
  readonly size: number;
  readonly etag: string;
}

const JSON_FILES = [
  "config",
  "generation_config",
  "tokenizer",
  "tokenizer_config",
  "special_tokens_map",
  "added_tokens",
  "vocab",
  "chat_template",
  "adapter_config",
  "model.safetensors.index",
];
const TEXT_FILES = ["merges.txt", "chat_template.jinja", "tokenizer.model"];
const WEIGHT_FILES = /^(adapter_)?model(-\d{5}-of-\d{5})?\.safetensors$/;

/** Whether a file belongs to a model in the form that attune reads. */
export const isModelFile = (path: string): boolean =>
  JSON_FILES.some((name) => path === `${name}.json`) ||
  TEXT_FILES.includes(path) ||
  WEIGHT_FILES.test(path);

/** By preference: one format is enough. */
const DATA_FORMATS = [/\.parquet$/, /\.jsonl(\.gz)?$/, /\.json(\.gz)?$/, /\.csv(\.gz)?$/];

const NO_DATA = /(^|\/)(\.|dataset_infos\.json$|dataset_dict\.json$|state\.json$|config\.json$)/;

/** The first file without which a model's folder cannot be opened. */
export async function missingOfModel(
  folder: string,
  files: readonly string[],
): Promise<string | undefined> {
  if (files.includes("adapter_config.json") && files.includes("adapter_model.safetensors"))
    return undefined;
  if (!files.includes("config.json")) return "config.json";
  if (!files.includes(INDEX))
    return files.includes("model.safetensors") ? undefined : "model.safetensors";
  const index = parseJson(await readFile(join(folder, INDEX), "utf8")) as {
    weight_map?: Record<string, unknown>;
  };
  return Object.values(index.weight_map ?? {})
    .map(String)
    .find((shard) => !files.includes(shard));
}

/**
 * Those that are fetched of all that the hub lists.
 * @throws AttuneError `model` or `data` where none can be read
 */
export function chooseFiles(hub: Hub, files: readonly RemoteFile[]): RemoteFile[] {
  const names = files.map(({ path }) => path);
  const chosen = new Set(
    hub.kind === "model" ? modelFiles(hub, names) : dataFiles(names, hub.options.split),
  );
  if (chosen.size === 0)
    throw new AttuneError("data", `${hub.id} has no data files that attune reads`, {
      got: preview(names.slice(0, 8)),
      expected: "Parquet, JSONL, JSON or CSV",
      ...(hub.options.split === undefined
        ? {}
        : { hint: `another split than ${hub.options.split}` }),
    });
  return files.filter(({ path }) => chosen.has(path));
}

function modelFiles(hub: Hub, names: readonly string[]): string[] {
  const sharded = names.includes(INDEX);
  const chosen = names.filter(
    (name) => isModelFile(name) && !(sharded && name === "model.safetensors"),
  );
  if (chosen.some((name) => name.endsWith(".safetensors"))) return chosen;
  const pickled = names.some((name) => /\.(bin|pt|pth|ckpt)$/.test(name));
  const gguf = names.filter((name) => name.endsWith(".gguf"));
  throw new AttuneError("model", `${hub.id} has no safetensors weights`, {
    got: preview(names.slice(0, 8)),
    hint:
      gguf.length > 0
        ? `download ${gguf[0]!} and give its path`
        : pickled
          ? "convert to safetensors; pickled files can run code when they are read, so attune " +
            "never fetches them"
          : "another model",
  });
}

/** Data files of a listing: of the best format that it has, and of the split. */
export function dataFiles(names: readonly string[], split: string | undefined): string[] {
  const named = new RegExp(`(^|[/_.-])${(split ?? "").replace(/[^\w-]/g, ".")}([/_.-]|$)`);
  const candidates = names.filter(
    (name) => !NO_DATA.test(name) && (split === undefined || named.test(name)),
  );
  return (
    DATA_FORMATS.map((format) => candidates.filter((name) => format.test(name))).find(
      (list) => list.length > 0,
    ) ?? []
  );
}
