/**
 * A run's checkpoint as a model: it holds the trained values alone, in one flat tensor
 * (trainable.ts), so what they are parts of is read from the model that the run made.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { AttuneError } from "../core/errors.ts";
import type { HostTensor } from "../core/tensor.ts";
import { elementCount, float32 } from "../core/tensor.ts";
import type { Model } from "./model.ts";
import { SCORE_HEAD } from "./model.ts";
import { inFlatOrder } from "./trainable.ts";
import { checkFinite } from "./weights/finite.ts";
import { SafetensorsFile } from "./weights/safetensors.ts";

const STATE_FILE = "state.safetensors";
/** Of a policy, and of a network that is trained alone; a critic is no part of the model. */
const VALUES = ["actor.values", "model.values"];

/**
 * The run that a checkpoint's folder is of; undefined for what is no checkpoint.
 * @throws AttuneError `run` for a checkpoint that lies elsewhere
 */
export function runOfCheckpoint(path: string): string | undefined {
  if (!existsSync(join(path, STATE_FILE))) return undefined;
  const above = dirname(resolve(path));
  const run = dirname(above);
  if (basename(above) === "checkpoints" && existsSync(join(run, "run.json"))) return run;
  throw new AttuneError("run", "a checkpoint is no model without the run that it is of", {
    file: path,
    expected: "it where it was made: RUN/checkpoints/step-...",
    hint: "move it back, or give a model or a run folder",
  });
}

/**
 * Puts a checkpoint's values into the model that its run made, which must be read whole (float32,
 * its adapter apart).
 * @returns sha256 of the values
 * @throws AttuneError `run` where it is a checkpoint of something else, `numeric` for NaN or
 * infinity
 */
export async function fillFromCheckpoint(model: Model, folder: string): Promise<string> {
  const values = await readValues(folder);
  // where there is an adapter, it alone was trained
  const trained = model.adapter?.weights ?? (model.weights as Map<string, HostTensor<"float32">>);
  const parts = new Map<string, HostTensor<"float32">>(trained);
  if (model.scoreHead) parts.set(SCORE_HEAD, model.scoreHead);
  const size = [...parts.values()].reduce((sum, { shape }) => sum + elementCount(shape), 0);
  if (values.length !== size)
    throw new AttuneError("run", "the checkpoint's values do not fit the model of its run", {
      file: folder,
      got: `${values.length} values`,
      expected: `${size}, as ${model.adapter ? "the adapter" : "the model"} has`,
    });
  let offset = 0;
  for (const [name, { shape }] of inFlatOrder(parts)) {
    const data = values.subarray(offset, (offset += elementCount(shape)));
    checkFinite(data, name, folder);
    if (name === SCORE_HEAD) model.scoreHead = float32(shape, data);
    else trained.set(name, float32(shape, data));
  }
  return createHash("sha256")
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest("hex");
}

async function readValues(folder: string): Promise<Float32Array> {
  const file = await SafetensorsFile.open(join(folder, STATE_FILE));
  try {
    const names = [...file.header.tensors.keys()];
    const name = VALUES.find((each) => names.includes(each));
    if (name !== undefined) return await file.read(name);
    throw new AttuneError("run", "the checkpoint holds no policy and no model", {
      file: folder,
      got: names.join(", ") || "nothing",
      expected: VALUES.join(" or "),
    });
  } finally {
    await file.close();
  }
}
