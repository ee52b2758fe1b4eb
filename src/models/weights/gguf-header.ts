/**
 * The header of a GGUF file, versions 2 and 3, little-endian: counts, metadata, places of the
 * tensors.
 * Source: ggml's docs/gguf.md and the checks of its gguf.cpp. A reader of our own because hostile
 * files must not cost memory or time (docs/decisions/gguf-reader.md): every count is checked
 * against the bytes that the file has left.
 */
import { isUtf8 } from "node:buffer";
import { AttuneError, preview } from "../../core/errors.ts";
import type { GgufHeader, GgufMetadata, GgufTensor, GgufValue } from "../gguf/header.ts";
import { showValue } from "../gguf/header.ts";
import { BLOCK_FORMATS, ggmlTypeName } from "./gguf-quants.ts";

/** Most bytes of a header: ten times those of the largest vocabularies. */
export const MAX_HEADER = 2 ** 26;
const MAX_NESTING = 4;
/** Many times what the largest models have; each takes more memory than it has bytes. */
const MOST_TENSORS = 2 ** 17;
const MOST_KEYS = 2 ** 16;
/** Of all arrays together; a vocabulary of 262,144 with its merges has 1.3 million. */
const MOST_ELEMENTS = 2 ** 22;
const MAX_DIMENSIONS = 4;
const MAGIC = 0x46554747;

export function brokenGguf(file: string, what: string, got?: string): AttuneError {
  return new AttuneError("model", `not a valid GGUF file: ${what}`, {
    file,
    ...(got === undefined ? {} : { got }),
    hint: "download the file again",
  });
}

/** Thrown where the header goes on after the bytes at hand. */
class MoreBytes extends Error {}

const STRING = 8;
const ARRAY = 9;
/** Bytes of a value of each type; the fewest where that differs. */
const VALUE_BYTES: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  [STRING]: 8,
  [ARRAY]: 12,
  10: 8,
  11: 8,
  12: 8,
};

/** Walks over the first bytes of a file of `size` bytes. */
class Cursor {
  offset = 0;
  private elements = 0;
  private readonly bytes: Buffer;
  private readonly file: string;
  private readonly size: number;

  constructor(file: string, bytes: Uint8Array, size: number) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.file = file;
    this.size = size;
  }

  /** Moves on by `bytes` and gives where they begin. */
  private take(bytes: number): number {
    const start = this.offset;
    if (start + bytes > this.size) throw brokenGguf(this.file, "it ends inside its header");
    if (start + bytes > this.bytes.length) throw new MoreBytes();
    this.offset += bytes;
    return start;
  }

  uint32(): number {
    return this.bytes.readUInt32LE(this.take(4));
  }

  uint64(): bigint {
    return this.bytes.readBigUInt64LE(this.take(8));
  }

  /**
   * A count of `what`, each of which takes at least `bytes`; made of numbers, since a vocabulary
   * has 100,000 of them.
   */
  count(what: string, bytes: number): number {
    const start = this.take(8);
    // Rounded above 2^53, where it is too large either way.
    const value = this.bytes.readUInt32LE(start) + this.bytes.readUInt32LE(start + 4) * 2 ** 32;
    if (value * bytes > this.size - this.offset)
      throw brokenGguf(
        this.file,
        "a count exceeds the size of the file",
        `${this.bytes.readBigUInt64LE(start)} ${what}`,
      );
    return value;
  }

  text(what: string): string {
    const length = this.count("bytes of text", 1);
    const start = this.take(length);
    const text = this.bytes.toString("utf8", start, start + length);
    // What stands for undecodable bytes may also be written out.
    if (text.includes("\ufffd") && !isUtf8(this.bytes.subarray(start, start + length)))
      throw brokenGguf(this.file, `${what} is not UTF-8`);
    return text;
  }

  value(type: number, key: string, depth = 0): GgufValue {
    switch (type) {
      case 0:
        return this.bytes.readUInt8(this.take(1));
      case 1:
        return this.bytes.readInt8(this.take(1));
      case 2:
        return this.bytes.readUInt16LE(this.take(2));
      case 3:
        return this.bytes.readInt16LE(this.take(2));
      case 4:
        return this.uint32();
      case 5:
        return this.bytes.readInt32LE(this.take(4));
      case 6:
        return this.bytes.readFloatLE(this.take(4));
      case 7:
        return this.bytes.readUInt8(this.take(1)) !== 0;
      case STRING:
        return this.text(`the value of ${key}`);
      case ARRAY:
        return this.array(key, depth);
      case 10:
        return this.uint64();
      case 11:
        return this.bytes.readBigInt64LE(this.take(8));
      case 12:
        return this.bytes.readDoubleLE(this.take(8));
      default:
        throw brokenGguf(this.file, `${key} has an unknown type`, String(type));
    }
  }

  private array(key: string, depth: number): GgufValue[] {
    if (depth === MAX_NESTING)
      throw brokenGguf(this.file, `the arrays of ${key} are nested too deep`);
    const type = this.uint32();
    const bytes = VALUE_BYTES[type];
    if (bytes === undefined)
      throw brokenGguf(this.file, `${key} has an unknown type`, `array of ${type}`);
    const count = this.count(`elements of ${key}`, bytes);
    this.elements += count;
    if (this.elements > MOST_ELEMENTS)
      throw brokenGguf(this.file, `its arrays have more than ${MOST_ELEMENTS} elements`);
    if (this.offset + count * bytes > this.bytes.length) throw new MoreBytes();
    const list: GgufValue[] = [];
    for (let i = 0; i < count; i++) list.push(this.value(type, key, depth + 1));
    return list;
  }
}

/**
 * Reads a header from the first bytes of a file.
 * @param size size of the file, bytes
 * @returns undefined where the header goes on after `bytes`
 */
export function parseGgufHeader(
  file: string,
  bytes: Uint8Array,
  size: number,
): GgufHeader | undefined {
  const cursor = new Cursor(file, bytes, size);
  try {
    const version = readVersion(cursor, file);
    const tensorCount = cursor.count("tensors", 24);
    const metadataCount = cursor.count("metadata keys", 13);
    if (tensorCount > MOST_TENSORS)
      throw brokenGguf(file, `it has more than ${MOST_TENSORS} tensors`, String(tensorCount));
    if (metadataCount > MOST_KEYS)
      throw brokenGguf(file, `it has more than ${MOST_KEYS} metadata keys`, String(metadataCount));
    const metadata = readMetadata(cursor, file, metadataCount);
    checkWhole(file, metadata);
    const infos: TensorInfo[] = [];
    for (let i = 0; i < tensorCount; i++) infos.push(readTensorInfo(cursor, file));
    return {
      version,
      metadata,
      tensors: placeTensors(file, infos, { metadata, headerEnd: cursor.offset, size }),
      length: cursor.offset,
    };
  } catch (error) {
    if (error instanceof MoreBytes) return undefined;
    throw error;
  }
}

function readVersion(cursor: Cursor, file: string): number {
  const magic = cursor.uint32();
  if (magic !== MAGIC) throw brokenGguf(file, "it does not begin with GGUF");
  const version = cursor.uint32();
  if (version === 2 || version === 3) return version;
  const swapped = version > 0xffff;
  const hint = swapped
    ? "convert the file to little-endian"
    : version === 1
      ? "convert the file with a newer llama.cpp"
      : "a file of version 2 or 3";
  throw new AttuneError(
    "model",
    swapped ? "big-endian GGUF files are not supported" : "this version of GGUF is not supported",
    { file, ...(swapped ? {} : { got: String(version), expected: "2 or 3" }), hint },
  );
}

function readMetadata(cursor: Cursor, file: string, count: number): GgufMetadata {
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    const key = cursor.text("a metadata key");
    if (metadata.has(key))
      throw brokenGguf(file, `the metadata key ${preview(key)} is there twice`);
    metadata.set(key, cursor.value(cursor.uint32(), preview(key)));
  }
  return metadata;
}

/** Refuses one part of a model that was split over several files. */
function checkWhole(file: string, metadata: GgufMetadata): void {
  const parts = metadata.get("split.count") ?? 1;
  if (parts !== 0 && parts !== 1)
    throw new AttuneError("model", "the model is split over several GGUF files", {
      file,
      got: `${showValue(parts)} parts`,
      hint: "join them with llama.cpp's llama-gguf-split --merge",
    });
}

interface TensorInfo {
  name: string;
  /** Outermost first. */
  shape: bigint[];
  type: number;
  offset: bigint;
}

function readTensorInfo(cursor: Cursor, file: string): TensorInfo {
  const name = cursor.text("a tensor name");
  const dimensions = cursor.uint32();
  if (dimensions > MAX_DIMENSIONS)
    throw brokenGguf(file, `tensor ${preview(name)} has too many dimensions`, String(dimensions));
  const shape: bigint[] = [];
  for (let i = 0; i < dimensions; i++) shape.unshift(cursor.uint64());
  return { name, shape, type: cursor.uint32(), offset: cursor.uint64() };
}

interface Layout {
  metadata: GgufMetadata;
  headerEnd: number;
  size: number;
}

function placeTensors(
  file: string,
  infos: readonly TensorInfo[],
  { metadata, headerEnd, size }: Layout,
): Map<string, GgufTensor> {
  const alignment = metadata.get("general.alignment") ?? 32;
  if (
    typeof alignment !== "number" ||
    alignment < 1 ||
    alignment > 2 ** 20 ||
    !Number.isInteger(Math.log2(alignment))
  ) {
    throw brokenGguf(file, "general.alignment is no power of two", showValue(alignment));
  }
  const dataStart = Math.ceil(headerEnd / alignment) * alignment;
  const tensors = new Map<string, GgufTensor>();
  for (const info of infos) {
    if (tensors.has(info.name))
      throw brokenGguf(file, `tensor ${preview(info.name)} is there twice`);
    if (info.offset % BigInt(alignment) !== 0n)
      throw brokenGguf(
        file,
        `tensor ${preview(info.name)} is not aligned`,
        `offset ${info.offset}`,
      );
    tensors.set(info.name, placeTensor(file, info, dataStart, size));
  }
  checkOverlap(file, tensors);
  return tensors;
}

function placeTensor(
  file: string,
  { name, shape, type, offset }: TensorInfo,
  dataStart: number,
  size: number,
): GgufTensor {
  const format = BLOCK_FORMATS[type];
  if (!format) {
    throw new AttuneError(
      "model",
      `tensor ${preview(name)} has a format that attune does not read`,
      {
        file,
        got: ggmlTypeName(type),
        expected: Object.values(BLOCK_FORMATS)
          .map((known) => known.name)
          .join(", "),
        hint: "another quantisation of this model, such as Q8_0 or Q4_K_M",
      },
    );
  }
  const view = `[${shape.join(", ")}]`;
  const elements = shape.reduce((total, dim) => total * dim, 1n);
  const row = shape.at(-1) ?? 1n;
  if (elements === 0n || row % BigInt(format.elements) !== 0n)
    throw brokenGguf(
      file,
      `tensor ${preview(name)} is not made of whole blocks of ${format.name}`,
      view,
    );
  const bytes = (elements / BigInt(format.elements)) * BigInt(format.bytes);
  const end = BigInt(dataStart) + offset + bytes;
  if (end > BigInt(size))
    throw brokenGguf(
      file,
      `tensor ${preview(name)} lies outside the file`,
      `${view} ${format.name} up to byte ${end} of ${size}`,
    );
  return { name, shape: shape.map(Number), type, start: Number(end - bytes), end: Number(end) };
}

function checkOverlap(file: string, tensors: ReadonlyMap<string, GgufTensor>): void {
  let last = 0;
  for (const { name, start, end } of [...tensors.values()].toSorted(
    (a, b) => a.start - b.start || a.end - b.end,
  )) {
    if (start < last) throw brokenGguf(file, `tensor ${preview(name)} overlaps the one before it`);
    last = end;
  }
}
