/** Folders and bytes for the tests of this folder. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Path of a golden file, written by scripts/golden/. */
export function golden(name: string): string {
  return join(dirname(fileURLToPath(import.meta.url)), "golden", name);
}

/** Runs `use` with an empty folder, which is removed afterwards. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "attune-weights-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A safetensors file: any header, then `dataBytes` zeros. */
export function safetensorsBytes(header: string | Uint8Array, dataBytes = 0): Uint8Array {
  const json = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

/** Builds GGUF bytes value by value. */
export class GgufBuilder {
  private readonly parts: Uint8Array[] = [];

  /** Magic, version, number of tensors, number of metadata keys. */
  static begin(tensors: number | bigint, keys: number | bigint, version = 3): GgufBuilder {
    return new GgufBuilder()
      .raw(new TextEncoder().encode("GGUF"))
      .uint32(version)
      .uint64(tensors)
      .uint64(keys);
  }

  raw(bytes: Uint8Array): this {
    this.parts.push(bytes);
    return this;
  }

  uint32(value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, true);
    return this.raw(bytes);
  }

  uint64(value: number | bigint): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
    return this.raw(bytes);
  }

  text(text: string): this {
    const bytes = new TextEncoder().encode(text);
    return this.uint64(bytes.length).raw(bytes);
  }

  textKey(key: string, value: string): this {
    return this.text(key).uint32(8).text(value);
  }

  uint32Key(key: string, value: number): this {
    return this.text(key).uint32(4).uint32(value);
  }

  /** @param dims innermost first, as in the file */
  tensor(
    name: string,
    dims: readonly (number | bigint)[],
    { type = 0, offset = 0 }: { type?: number; offset?: number | bigint } = {},
  ): this {
    this.text(name).uint32(dims.length);
    for (const dim of dims) this.uint64(dim);
    return this.uint32(type).uint64(offset);
  }

  /** The bytes, padded to 32, then `dataBytes` zeros. */
  end(dataBytes = 0): Uint8Array {
    const header = Buffer.concat(this.parts);
    const bytes = new Uint8Array(
      dataBytes === 0 ? header.length : Math.ceil(header.length / 32) * 32 + dataBytes,
    );
    bytes.set(header);
    return bytes;
  }
}
