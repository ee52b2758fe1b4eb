/**
 * The GGUF format, versions 2 and 3, little-endian. Source: ggml's docs/gguf.md.
 * A reader of our own, because it must survive hostile headers: every count is bounded by the bytes that are left, so
 * neither memory nor time can exceed what a file of that size may need.
 */
import { AttuneError, preview } from "../../core/errors.ts";
import { FileReader } from "./bytes.ts";
import { BLOCK_FORMATS, dequantize } from "./gguf-quants.ts";

export type GgufValue = number | bigint | boolean | string | GgufValue[];

export interface GgufTensor {
  readonly name: string;
  /** Row-major, outermost first: the reverse of the file's order. */
  readonly shape: readonly number[];
  readonly type: number;
  /** Bytes from the start of the file. */
  readonly start: number;
  readonly end: number;
}

export interface GgufHeader {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

const MAX_NESTING = 4;

function broken(file: string, what: string, got?: string): AttuneError {
  return new AttuneError("model", `not a valid GGUF file: ${what}`, { file, ...(got === undefined ? {} : { got }), hint: "download the file again" });
}

/** Walks the bytes of a header; throws a RangeError when they run out. */
class Cursor {
  offset = 0;
  private readonly view: DataView;
  private readonly file: string;

  constructor(bytes: Uint8Array, file: string) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.file = file;
  }

  get left(): number {
    return this.view.byteLength - this.offset;
  }

  private take(bytes: number): number {
    if (bytes > this.left) throw new RangeError("header");
    this.offset += bytes;
    return this.offset - bytes;
  }

  uint32 = (): number => this.view.getUint32(this.take(4), true);
  uint64 = (): bigint => this.view.getBigUint64(this.take(8), true);

  /** A count of things that take at least `bytes` each. */
  count(bytes: number): number {
    const value = this.uint64();
    if (value * BigInt(bytes) > BigInt(this.left)) throw new RangeError("header");
    return Number(value);
  }

  text(): string {
    const length = this.count(1);
    const start = this.take(length);
    return new TextDecoder().decode(new Uint8Array(this.view.buffer, this.view.byteOffset + start, length));
  }

  value(type: number, depth = 0): GgufValue {
    switch (type) {
      case 0: return this.view.getUint8(this.take(1));
      case 1: return this.view.getInt8(this.take(1));
      case 2: return this.view.getUint16(this.take(2), true);
      case 3: return this.view.getInt16(this.take(2), true);
      case 4: return this.uint32();
      case 5: return this.view.getInt32(this.take(4), true);
      case 6: return this.view.getFloat32(this.take(4), true);
      case 7: return this.view.getUint8(this.take(1)) !== 0;
      case 8: return this.text();
      case 9: return this.array(depth);
      case 10: return this.uint64();
      case 11: return this.view.getBigInt64(this.take(8), true);
      case 12: return this.view.getFloat64(this.take(8), true);
      default: throw broken(this.file, "unknown metadata type", String(type));
    }
  }

  private array(depth: number): GgufValue[] {
    if (depth >= MAX_NESTING) throw broken(this.file, "metadata arrays are nested too deep");
    const type = this.uint32();
    const sizes: Record<number, number> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 8: 8, 9: 12, 10: 8, 11: 8, 12: 8 };
    const count = this.count(sizes[type] ?? 1);
    return Array.from({ length: count }, () => this.value(type, depth + 1));
  }
}

/**
 * Reads a header from the first bytes of a file.
 * @returns undefined where `bytes` ends before the header does and more of the file exists
 */
export function parseGgufHeader(file: string, bytes: Uint8Array, size: number): GgufHeader | undefined {
  const cursor = new Cursor(bytes, file);
  try {
    if (cursor.uint32() !== 0x46554747) throw broken(file, "it does not start with GGUF");
    const version = cursor.uint32();
    if (version !== 2 && version !== 3) throw broken(file, "unsupported version (or big-endian)", String(version));
    const tensorCount = Number(cursor.uint64());
    const metadataCount = Number(cursor.uint64());
    // Least bytes of an entry: a length, a type and a value; a length, dimensions, a type and an offset.
    if (metadataCount * 13 + tensorCount * 24 > size) throw broken(file, "the counts exceed the size of the file", `${tensorCount} tensors, ${metadataCount} keys`);
    const metadata = new Map<string, GgufValue>();
    for (let i = 0; i < metadataCount; i++) metadata.set(cursor.text(), cursor.value(cursor.uint32()));
    const infos = Array.from({ length: tensorCount }, () => readTensorInfo(cursor, file));
    const alignment = Number(metadata.get("general.alignment") ?? 32);
    if (!Number.isInteger(alignment) || alignment < 1 || alignment > 2 ** 20) throw broken(file, "general.alignment is wrong", String(alignment));
    const dataStart = Math.ceil(cursor.offset / alignment) * alignment;
    return { version, metadata, tensors: placeTensors(file, infos, dataStart, size) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    if (bytes.length < size) return undefined;
    throw broken(file, "the header is cut off or its counts are too large");
  }
}

interface TensorInfo {
  name: string;
  shape: number[];
  type: number;
  offset: number;
}

function readTensorInfo(cursor: Cursor, file: string): TensorInfo {
  const name = cursor.text();
  const dimensions = cursor.uint32();
  if (dimensions > 8) throw broken(file, `tensor ${preview(name)} has ${dimensions} dimensions`);
  const shape = Array.from({ length: dimensions }, () => Number(cursor.uint64())).toReversed();
  return { name, shape, type: cursor.uint32(), offset: Number(cursor.uint64()) };
}

function placeTensors(file: string, infos: readonly TensorInfo[], dataStart: number, size: number): Map<string, GgufTensor> {
  const tensors = new Map<string, GgufTensor>();
  for (const { name, shape, type, offset } of infos) {
    const format = BLOCK_FORMATS[type];
    if (!format) {
      throw new AttuneError("model", `tensor ${preview(name)} has an unsupported type`, { file, got: `ggml type ${type}`, expected: Object.values(BLOCK_FORMATS).map((f) => f.name).join(", ") });
    }
    const elements = shape.reduce((total, dim) => total * dim, 1);
    const bytes = (elements / format.elements) * format.bytes;
    const fits = Number.isSafeInteger(elements) && elements > 0 && (shape.at(-1) ?? 1) % format.elements === 0 && Number.isSafeInteger(offset);
    if (!fits || dataStart + offset + bytes > size) throw broken(file, `tensor ${preview(name)} [${shape.join(", ")}] lies outside the file`);
    if (tensors.has(name)) throw broken(file, `tensor ${preview(name)} is there twice`);
    tensors.set(name, { name, shape, type, start: dataStart + offset, end: dataStart + offset + bytes });
  }
  return tensors;
}

export class GgufFile {
  readonly header: GgufHeader;
  readonly reader: FileReader;

  private constructor(reader: FileReader, header: GgufHeader) {
    this.reader = reader;
    this.header = header;
  }

  static async open(path: string): Promise<GgufFile> {
    const reader = await FileReader.open(path);
    try {
      // Headers hold the whole vocabulary: some megabytes, of a length that only parsing tells.
      for (let length = 2 ** 23; ; length *= 4) {
        const bytes = await reader.read(0, Math.min(length, reader.size));
        const header = parseGgufHeader(path, bytes, reader.size);
        if (header) return new GgufFile(reader, header);
      }
    } catch (error) {
      await reader.close();
      throw error;
    }
  }

  /** A tensor's numbers, dequantised, row-major. */
  async read(name: string): Promise<Float32Array> {
    const tensor = this.header.tensors.get(name);
    if (!tensor) throw new AttuneError("model", `the file has no tensor named ${name}`, { file: this.reader.path });
    return dequantize(await this.reader.read(tensor.start, tensor.end), tensor.type);
  }

  close(): Promise<void> {
    return this.reader.close();
  }
}
