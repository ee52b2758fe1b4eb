/**
 * What a model's files hold, as one sha256: results that are cached for a model are bound to it.
 */
import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { AttuneError } from "../../core/errors.ts";
import { openRegularFile } from "../../text/regular-file.ts";
import { messageOf } from "./bytes.ts";

/**
 * Files of a folder that decide what its model computes; tokenizers have a fingerprint of their
 * own.
 */
const DECISIVE = /\.safetensors$|^(adapter_)?config\.json$/;

/**
 * sha256, as hexadecimal text, over size and whole content of a GGUF file, or over name, size and
 * whole content of the safetensors files and configs of a folder. Nothing is sampled: two models
 * that differ in one weight must not share results. Paths do not count: a copy has the same
 * fingerprint.
 */
export async function weightsFingerprint(path: string): Promise<string> {
  const folder = (await stat(path)).isDirectory();
  const names = folder
    ? (await readdir(path)).filter((name) => DECISIVE.test(name)).toSorted()
    : [""];
  const whole = createHash("sha256");
  for (const name of names) {
    const { bytes, digest } = await hashFile(folder ? join(path, name) : path);
    whole.update(`${JSON.stringify(name)} ${bytes} ${digest}\n`);
  }
  return whole.digest("hex");
}

async function hashFile(path: string): Promise<{ bytes: number; digest: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    const handle = await openRegularFile(path, "model");
    for await (const chunk of handle.createReadStream({ highWaterMark: 2 ** 20 })) {
      hash.update(chunk as Uint8Array);
      bytes += (chunk as Uint8Array).length;
    }
  } catch (cause) {
    if (cause instanceof AttuneError) throw cause;
    throw new AttuneError("model", "cannot read the file", {
      file: path,
      got: messageOf(cause),
      cause,
    });
  }
  return { bytes, digest: hash.digest("hex") };
}
