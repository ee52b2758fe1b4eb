/**
 * Reads the files of a zip archive, as Inspect AI writes its logs: stored, deflated or compressed
 * with Zstandard (method 93). No encryption, no parts, no archive of more than 4 GiB.
 * Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.
 */
import { readFileSync } from "node:fs";
import { inflateRawSync } from "node:zlib";
import { AttuneError } from "../../core/errors.ts";
import { COMPRESSORS } from "../../data/readers/parquet-codecs.ts";

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
/** Bytes that one file may unpack to, and that a byte may. */
const MOST = 512 * 2 ** 20;
const EXPANSION = 1100;

export interface ZipFile {
  name: string;
  /** @throws AttuneError `data` where it cannot be unpacked */
  text(): string;
}

/** @throws AttuneError `data` for what is no zip archive */
export function readZip(path: string): ZipFile[] {
  const bytes = readFileSync(path);
  const end = bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  if (end < 0 || end + 22 > bytes.length || bytes.readUInt32LE(end) !== END)
    throw new AttuneError("data", "this is no zip archive, or its end is missing", {
      file: path,
      hint: "was the evaluation that writes it cut off?",
    });
  const count = bytes.readUInt16LE(end + 10);
  let at = bytes.readUInt32LE(end + 16);
  const files: ZipFile[] = [];
  for (let index = 0; index < count; index++) {
    if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== ENTRY) throw broken(path);
    const names = bytes.readUInt16LE(at + 28);
    const name = bytes.toString("utf8", at + 46, at + 46 + names);
    const entry = {
      path,
      name,
      encrypted: (bytes.readUInt16LE(at + 8) & 1) === 1,
      method: bytes.readUInt16LE(at + 10),
      packed: bytes.readUInt32LE(at + 20),
      size: bytes.readUInt32LE(at + 24),
      offset: bytes.readUInt32LE(at + 42),
    };
    files.push({ name, text: () => unpack(bytes, entry) });
    at += 46 + names + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return files;
}

interface Entry {
  path: string;
  name: string;
  encrypted: boolean;
  method: number;
  packed: number;
  size: number;
  offset: number;
}

function unpack(
  bytes: Buffer,
  { path, name, encrypted, method, packed, size, offset }: Entry,
): string {
  if (offset + 30 > bytes.length || bytes.readUInt32LE(offset) !== LOCAL) throw broken(path);
  const start = offset + 30 + bytes.readUInt16LE(offset + 26) + bytes.readUInt16LE(offset + 28);
  const content = bytes.subarray(start, start + packed);
  if (content.length < packed || size > MOST || size > EXPANSION * packed + 1024 || encrypted)
    throw broken(path, `${name}: ${encrypted ? "encrypted" : `${size} bytes of ${packed}`}`);
  try {
    const plain = decompressed(method, content, size);
    if (plain.length !== size) throw new Error(`${plain.length} bytes instead of ${size}`);
    return Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength).toString("utf8");
  } catch (cause) {
    throw broken(path, `${name}: ${(cause as Error).message}`);
  }
}

function decompressed(method: number, content: Buffer, size: number): Uint8Array {
  if (method === 0) return content;
  if (method === 8) return inflateRawSync(content, { maxOutputLength: Math.max(1, size) });
  if (method === 93) return COMPRESSORS["ZSTD"]!(content, size);
  throw new Error(`compressed by the method ${method}, which is not read`);
}

const broken = (file: string, got?: string): AttuneError =>
  new AttuneError("data", "the zip archive is damaged", {
    file,
    ...(got === undefined ? {} : { got }),
  });
