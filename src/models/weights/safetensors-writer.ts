/**
 * Writes safetensors files, whole or in shards with model.safetensors.index.json as transformers
 * reads them. Equal tensors give equal bytes: tensors keep their order within a width, metadata is
 * sorted, the header is padded to 8 bytes.
 */
import { fsyncSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { invariant, preview } from "../../core/errors.ts";
import { elementCount } from "../../core/tensor.ts";
import { diskError, syncFolder } from "../../runs/files.ts";
import { DTYPE_BITS, narrow, type WeightDType } from "./dtypes.ts";

export interface TensorToWrite {
  readonly name: string;
  /** Default: that of the file's options, else F32. */
  readonly dtype?: WeightDType;
  readonly shape: readonly number[];
  /**
   * The numbers, or what gives them when their turn comes, so that no more than one tensor need be
   * in memory.
   */
  readonly data: Float32Array | (() => Float32Array | Promise<Float32Array>);
}

export interface WriteOptions {
  /** Of tensors that do not say theirs. Default F32. */
  dtype?: WeightDType;
  /** Texts of `__metadata__`, beside `format: "pt"`, without which transformers refuses a file. */
  metadata?: Readonly<Record<string, string>>;
}

/** A tensor whose dtype is settled. */
type Settled = TensorToWrite & { readonly dtype: WeightDType };

/** Numbers that are narrowed and written at a time. */
const PIECE = 2 ** 20;

/**
 * Writes one file: to a temporary name in the same folder, flushed to disk, then renamed.
 * @returns bytes of the file
 * @throws AttuneError `disk` where it cannot be written; an existing file then stays as it was
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<TensorToWrite>,
  options: WriteOptions = {},
): Promise<number> {
  // Wide dtypes first, so that every tensor is aligned to its elements, as the reference writer
  // does.
  const list = settle(tensors, options).toSorted(
    (a, b) => DTYPE_BITS[b.dtype] - DTYPE_BITS[a.dtype],
  );
  const header = encodeHeader(list, { format: "pt", ...options.metadata });
  await writeWhole(path, async (handle) => {
    await handle.writeFile(header);
    for (const tensor of list) await writeTensor(handle, tensor);
  });
  return header.length + list.reduce((total, tensor) => total + bytesOf(tensor), 0);
}

function settle(tensors: Iterable<TensorToWrite>, { dtype = "F32" }: WriteOptions): Settled[] {
  return [...tensors].map((tensor) => ({ ...tensor, dtype: tensor.dtype ?? dtype }));
}

async function writeTensor(
  handle: FileHandle,
  { name, dtype, shape, data }: Settled,
): Promise<void> {
  const numbers = typeof data === "function" ? await data() : data;
  invariant(
    numbers.length === elementCount(shape),
    `tensor ${name}: ${numbers.length} numbers do not fill [${shape.join(", ")}]`,
  );
  for (let at = 0; at < numbers.length; at += PIECE)
    await handle.writeFile(narrow(numbers.subarray(at, at + PIECE), dtype));
}

function bytesOf({ dtype, shape }: Settled): number {
  return (elementCount(shape) * DTYPE_BITS[dtype]) / 8;
}

/** Length, JSON and padding: everything before the first tensor. */
function encodeHeader(
  tensors: readonly Settled[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header = new Map<string, unknown>([
    [
      "__metadata__",
      Object.fromEntries(Object.entries(metadata).toSorted(([a], [b]) => (a < b ? -1 : 1))),
    ],
  ]);
  let offset = 0;
  for (const tensor of tensors) {
    const { name, dtype, shape } = tensor;
    invariant(
      !header.has(name) && name !== "__proto__",
      `tensor ${preview(name)} cannot be written under this name`,
    );
    header.set(name, { dtype, shape, data_offsets: [offset, offset + bytesOf(tensor)] });
    offset += bytesOf(tensor);
  }
  // A record would move names like "1" to the front.
  const members = [...header].map(
    ([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`,
  );
  const json = new TextEncoder().encode(`{${members.join(",")}}`);
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, 8);
  return bytes;
}

export interface ShardOptions extends WriteOptions {
  /**
   * Most bytes of tensors in a shard; one tensor alone may exceed it. Default 5 GB, as
   * transformers.
   */
  maxShardBytes?: number;
}

/**
 * Writes `model.safetensors`, or shards `model-00001-of-0000N.safetensors` and their index where
 * the tensors exceed `maxShardBytes`. The index is written last, and files of an earlier write
 * under other names are removed after it.
 * @returns names of the files in `folder`
 */
export async function writeSafetensorsFolder(
  folder: string,
  tensors: Iterable<TensorToWrite>,
  options: ShardOptions = {},
): Promise<string[]> {
  const shards = splitShards(settle(tensors, options), options.maxShardBytes ?? 5e9);
  if (shards.length === 1) {
    await writeSafetensors(join(folder, "model.safetensors"), shards[0]!, options);
    await rm(join(folder, INDEX), { force: true });
    return ["model.safetensors"];
  }
  const weightMap: Record<string, string> = {};
  const names = shards.map(
    (_, i) =>
      `model-${String(i + 1).padStart(5, "0")}-of-${String(shards.length).padStart(5, "0")}.safetensors`,
  );
  for (const [i, shard] of shards.entries()) {
    await writeSafetensors(join(folder, names[i]!), shard, options);
    for (const { name } of shard) weightMap[name] = names[i]!;
  }
  const totalSize = shards.flat().reduce((total, tensor) => total + bytesOf(tensor), 0);
  const index = JSON.stringify(
    {
      metadata: { total_size: totalSize },
      weight_map: Object.fromEntries(
        Object.entries(weightMap).toSorted(([a], [b]) => (a < b ? -1 : 1)),
      ),
    },
    null,
    2,
  );
  await writeWhole(join(folder, INDEX), (handle) => handle.writeFile(`${index}\n`));
  await rm(join(folder, "model.safetensors"), { force: true });
  return [...names, INDEX];
}

/** Name of the file that says which shard holds which tensor. */
export const INDEX = "model.safetensors.index.json";

function splitShards(tensors: readonly Settled[], limit: number): Settled[][] {
  const shards: Settled[][] = [[]];
  let bytes = 0;
  for (const tensor of tensors) {
    if (bytes > 0 && bytes + bytesOf(tensor) > limit) {
      shards.push([]);
      bytes = 0;
    }
    shards.at(-1)!.push(tensor);
    bytes += bytesOf(tensor);
  }
  return shards;
}

/**
 * Writes under a temporary name of the run folder's kind, flushes, renames; the old file stays
 * where anything fails.
 */
export async function writeWhole(
  path: string,
  write: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  const temporary = join(dirname(path), `.tmp-${randomBytes(6).toString("hex")}-${basename(path)}`);
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, "wx");
    await write(handle);
    fsyncSync(handle.fd); // FileHandle.sync is missing under Yarn Plug'n'Play
    await handle.close();
    await rename(temporary, path);
    syncFolder(dirname(path));
  } catch (error) {
    await handle?.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw diskError(error, `${basename(path)} cannot be written`, path);
  }
}
