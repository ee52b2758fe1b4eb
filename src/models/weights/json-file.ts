/** JSON files of a model folder. */
import { readFile, stat } from "node:fs/promises";
import { AttuneError, preview } from "../../core/errors.ts";
import { parseJson } from "../../core/json.ts";
import { messageOf } from "./bytes.ts";

/** Far above any config.json or index; a hostile one must not fill the memory. */
const MAX_BYTES = 2 ** 26;

/**
 * Reads a file that must hold a JSON object.
 * @throws AttuneError `model` naming the file
 */
export async function readJsonObject(path: string): Promise<Record<string, unknown>> {
  let value: unknown;
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES) throw new Error(`${size} bytes; at most ${MAX_BYTES}`);
    value = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path)));
  } catch (cause) {
    throw new AttuneError("model", "cannot read the file as JSON", { file: path, got: messageOf(cause), cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new AttuneError("model", "the file must hold a JSON object", { file: path, got: preview(value) });
  return value as Record<string, unknown>;
}
