/** The tensors of a checkpoint: everything that changes while training, in one safetensors file. */
import { join } from "node:path";
import { AttuneError } from "../core/errors.ts";
import { writeSafetensors } from "../models/weights/safetensors-writer.ts";
import { SafetensorsFile } from "../models/weights/safetensors.ts";

export type StateTensors = Readonly<Record<string, Float32Array>>;
type Texts = Readonly<Record<string, string>>;

const FILE = "state.safetensors";

/** @param metadata small state that goes with them */
export async function writeState(
  folder: string,
  tensors: StateTensors,
  metadata: Texts = {},
): Promise<void> {
  const list = Object.entries(tensors).map(([name, data]) => ({
    name,
    dtype: "F32" as const,
    shape: [data.length],
    data,
  }));
  await writeSafetensors(join(folder, FILE), list, { metadata });
}

/**
 * Fills the targets.
 * @returns the metadata
 * @throws AttuneError `run` where one has another size than the checkpoint's
 */
export async function readState(folder: string, targets: StateTensors): Promise<Texts> {
  return withState(folder, async (file) => {
    for (const [name, target] of Object.entries(targets)) {
      const data = await file.read(name);
      if (data.length !== target.length)
        throw new AttuneError("run", `the checkpoint's ${name} has another size`, {
          file: folder,
          got: String(data.length),
          expected: String(target.length),
        });
      target.set(data);
    }
    return file.header.metadata;
  });
}

/** Reads single tensors of a checkpoint. */
export async function withState<T>(
  folder: string,
  read: (file: SafetensorsFile) => Promise<T>,
): Promise<T> {
  const file = await SafetensorsFile.open(join(folder, FILE));
  try {
    return await read(file);
  } finally {
    await file.close();
  }
}
