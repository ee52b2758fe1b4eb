/**
 * The safetensors format: an 8-byte length, a JSON header, then the tensors without holes or overlap.
 * Source: huggingface/safetensors, README "Format" and the checks of its Rust reader. Nothing is ever executed.
 */
import { open, rename, rm } from "node:fs/promises";
import { AttuneError, preview } from "../../core/errors.ts";
import { parseJson } from "../../core/json.ts";
import { halfToFloatTable, toHalf } from "../../core/tensor.ts";
import { FileReader } from "./bytes.ts";

const BYTES: Readonly<Record<string, number>> = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 };
/** The limit of the reference reader. */
const MAX_HEADER = 100_000_000;

export interface SafetensorsEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Bytes in the file. */
  readonly start: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

function broken(file: string, what: string, got?: string): AttuneError {
  return new AttuneError("model", `not a valid safetensors file: ${what}`, { file, ...(got === undefined ? {} : { got }), hint: "download or export the file again" });
}

/**
 * Checks and reads a header.
 * @param header the JSON bytes
 * @param dataStart offset of the first tensor byte in the file
 * @param size size of the file, bytes
 */
export function parseSafetensorsHeader(file: string, header: Uint8Array, dataStart: number, size: number): SafetensorsHeader {
  let json: unknown;
  try {
    json = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(header));
  } catch (cause) {
    throw broken(file, "the header is not JSON", cause instanceof Error ? cause.message.slice(0, 120) : undefined);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw broken(file, "the header is not an object", preview(json));
  const metadata: Record<string, string> = {};
  const tensors = new Map<string, SafetensorsEntry>();
  for (const [name, value] of Object.entries(json)) {
    if (name === "__metadata__") Object.assign(metadata, readMetadata(file, value));
    else tensors.set(name, readEntry(file, name, value, dataStart));
  }
  checkLayout(file, tensors, dataStart, size);
  return { tensors, metadata };
}

function readMetadata(file: string, value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null || Object.values(value).some((item) => typeof item !== "string")) {
    throw broken(file, "__metadata__ must hold texts only", preview(value));
  }
  return value as Record<string, string>;
}

function readEntry(file: string, name: string, value: unknown, dataStart: number): SafetensorsEntry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as { dtype?: unknown; shape?: unknown; data_offsets?: unknown };
  const isCount = (item: unknown): item is number => typeof item === "number" && Number.isSafeInteger(item) && item >= 0;
  if (typeof dtype !== "string" || !Object.hasOwn(BYTES, dtype)) throw broken(file, `tensor ${preview(name)} has an unknown dtype`, preview(dtype));
  if (!Array.isArray(shape) || shape.length > 16 || !shape.every(isCount)) throw broken(file, `tensor ${preview(name)} has no valid shape`, preview(shape));
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) throw broken(file, `tensor ${preview(name)} has no valid data_offsets`, preview(offsets));
  const [start, end] = offsets as [number, number];
  const bytes = shape.reduce<number>((total, dim) => total * dim, BYTES[dtype]!);
  if (!Number.isSafeInteger(bytes) || end - start !== bytes) throw broken(file, `tensor ${preview(name)} has ${end - start} bytes where its shape needs ${bytes}`);
  return { dtype, shape: shape as number[], start: start + dataStart, end: end + dataStart };
}

function checkLayout(file: string, tensors: ReadonlyMap<string, SafetensorsEntry>, dataStart: number, size: number): void {
  let at = dataStart;
  for (const [name, { start, end }] of [...tensors].toSorted(([, a], [, b]) => a.start - b.start || a.end - b.end)) {
    if (start !== at) throw broken(file, `there is a hole or an overlap before tensor ${preview(name)}`);
    at = end;
  }
  if (at !== size) throw broken(file, `the tensors end at byte ${at}, the file at ${size}`);
}

export class SafetensorsFile {
  readonly header: SafetensorsHeader;
  private readonly reader: FileReader;

  private constructor(reader: FileReader, header: SafetensorsHeader) {
    this.reader = reader;
    this.header = header;
  }

  static async open(path: string): Promise<SafetensorsFile> {
    const reader = await FileReader.open(path);
    try {
      if (reader.size < 8) throw broken(path, `the file has only ${reader.size} bytes`);
      const length = new DataView((await reader.read(0, 8)).buffer).getBigUint64(0, true);
      if (length > BigInt(MAX_HEADER) || Number(length) + 8 > reader.size) throw broken(path, "the header is longer than the file or the format allows", `${length} bytes`);
      const dataStart = 8 + Number(length);
      return new SafetensorsFile(reader, parseSafetensorsHeader(path, await reader.read(8, dataStart), dataStart, reader.size));
    } catch (error) {
      await reader.close();
      throw error;
    }
  }

  /** The numbers of a tensor as float32. */
  async read(name: string): Promise<Float32Array> {
    const entry = this.header.tensors.get(name);
    if (!entry) throw new AttuneError("model", `the file has no tensor named ${name}`, { file: this.reader.path });
    const bytes = await this.reader.read(entry.start, entry.end);
    return toFloat32(bytes, entry.dtype, `${this.reader.path}: ${name}`);
  }

  close(): Promise<void> {
    return this.reader.close();
  }
}

/** Widens F32, F16 and BF16 bytes to float32; other dtypes are no weights. */
export function toFloat32(bytes: Uint8Array, dtype: string, what: string): Float32Array {
  if (dtype === "F32") return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  const result = new Float32Array(halves.length);
  if (dtype === "F16") {
    const table = halfToFloatTable();
    for (let i = 0; i < halves.length; i++) result[i] = table[halves[i]!]!;
  } else if (dtype === "BF16") {
    const bits = new Uint32Array(result.buffer);
    for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  } else {
    throw new AttuneError("model", `${what} has dtype ${dtype}`, { expected: "F32, F16 or BF16" });
  }
  return result;
}

export type WeightDType = "F32" | "F16" | "BF16";

export interface TensorToWrite {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Narrows float32 to the bytes of a dtype, rounding to nearest even. */
export function fromFloat32(data: Float32Array, dtype: WeightDType): Uint8Array {
  if (dtype === "F32") return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const halves = new Uint16Array(data.length);
  if (dtype === "F16") {
    for (let i = 0; i < data.length; i++) halves[i] = toHalf(data[i]!);
  } else {
    const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
    for (let i = 0; i < data.length; i++) {
      const x = bits[i]!;
      // NaN keeps a mantissa bit; everything else is rounded to nearest even.
      halves[i] = (x & 0x7fffffff) > 0x7f800000 ? (x >>> 16) | 0x40 : (x + 0x7fff + ((x >>> 16) & 1)) >>> 16;
    }
  }
  return new Uint8Array(halves.buffer);
}

/** Writes a file: to a temporary name, flushed, then renamed. Equal tensors give equal bytes. */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorToWrite[],
  options: { dtype?: WeightDType; metadata?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  const dtype = options.dtype ?? "F32";
  const header: Record<string, unknown> = { __metadata__: { format: "pt", ...options.metadata } };
  let offset = 0;
  for (const { name, shape, data } of tensors) {
    const end = offset + data.length * BYTES[dtype]!;
    header[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const text = JSON.stringify(header);
  const padded = new TextEncoder().encode(text + " ".repeat((8 - (Buffer.byteLength(text) % 8)) % 8));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(padded.length), true);
  const temporary = `${path}.${process.pid}.tmp`;
  const handle = await open(temporary, "w");
  try {
    for (const bytes of [length, padded]) await handle.writeFile(bytes);
    for (const { data } of tensors) await handle.writeFile(fromFloat32(data, dtype));
    await handle.sync();
    await handle.close();
    await rename(temporary, path);
  } catch (cause) {
    await handle.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw new AttuneError("disk", "cannot write the file", { file: path, got: cause instanceof Error ? cause.message : String(cause), cause });
  }
}
