/**
 * Values of the reference model on disk: one safetensors file for each hash of everything that they
 * depend on, whole or absent. A file that cannot be trusted is computed again, with a warning; one
 * that holds only a part is completed.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { AttuneError } from "../../core/errors.ts";
import { SafetensorsFile, writeSafetensors } from "../../models/weights/safetensors.ts";
import { makeFolder } from "../../runs/files.ts";

export interface CacheFile {
  /** The cache; files lie in its `reference` folder. */
  readonly folder: string;
  readonly hash: string;
}

const TENSOR = "logps";

export const cachePath = ({ folder, hash }: CacheFile): string =>
  join(folder, "reference", `${hash}.safetensors`);

const hashOf = (values: Float32Array): string =>
  createHash("sha256")
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest("hex");

/**
 * The values (NaN where not known yet), or undefined where there are none, or none to be trusted.
 */
export async function readCache(
  cache: CacheFile,
  length: number,
  warnings: string[],
): Promise<Float32Array | undefined> {
  const path = cachePath(cache);
  if (!existsSync(path)) return undefined;
  try {
    const file = await SafetensorsFile.open(path);
    try {
      const values = await file.read(TENSOR);
      if (values.length !== length)
        throw new AttuneError("data", `it has ${values.length} values in place of ${length}`);
      if (file.header.metadata["sha256"] !== hashOf(values))
        throw new AttuneError("data", "its values are not those that were written");
      return values;
    } finally {
      await file.close();
    }
  } catch (error) {
    warnings.push(
      `the cached reference ${path} is damaged and is computed again: ${reasonOf(error)}`,
    );
    return undefined;
  }
}

/**
 * Writes the values. A cache that cannot be written costs time in the next run and nothing in this
 * one.
 */
export async function writeCache(
  cache: CacheFile,
  values: Float32Array,
  warnings: string[],
): Promise<void> {
  const path = cachePath(cache);
  try {
    makeFolder(join(cache.folder, "reference"));
    await writeSafetensors(path, [{ name: TENSOR, shape: [values.length], data: values }], {
      metadata: { sha256: hashOf(values) },
    });
  } catch (error) {
    const message = `the reference could not be kept for other runs: ${reasonOf(error)}`;
    if (!warnings.includes(message)) warnings.push(message);
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
