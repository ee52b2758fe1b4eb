/**
 * The container of W&B's offline runs: records in blocks of 32 KiB, as LevelDB's log has them.
 *
 * Source: LevelDB's doc/log_format.md; core/pkg/leveldb/record.go of wandb 0.31 for what W&B has
 * changed.
 * Differences from LevelDB:
 * 1. the file begins with seven bytes of W&B's own, which count as part of the first block.
 * 2. the checksum is a plain CRC-32 over type and content, not a masked CRC-32C.
 */
import { crc32 } from "node:zlib";

/** `:W&B`, 0xBEE1, version 0. */
export const LOG_HEADER = Buffer.from([0x3a, 0x57, 0x26, 0x42, 0xe1, 0xbe, 0]);

const BLOCK_BYTES = 32 * 1024;
/** Bytes before a chunk's content: checksum, length of the content, type. */
const CHUNK_HEADER_BYTES = 4 + 2 + 1;
/** How much of a record a chunk holds. */
const CHUNK = { full: 1, first: 2, middle: 3, last: 4 } as const;

/**
 * A record as it stands in the file.
 * @param position bytes of the file before it
 */
export function logRecord(content: Uint8Array, position: number): Buffer {
  const parts: Buffer[] = [];
  let at = position;
  let done = 0;
  for (let begun = false, ended = false; !ended;) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES);
    const part =
      left < CHUNK_HEADER_BYTES
        ? Buffer.alloc(left)
        : nextChunk(content, { done, limit: left - CHUNK_HEADER_BYTES, begun });
    parts.push(part);
    at += part.byteLength;
    if (left < CHUNK_HEADER_BYTES) continue;
    done += part.byteLength - CHUNK_HEADER_BYTES;
    [begun, ended] = [true, done === content.byteLength];
  }
  return Buffer.concat(parts);
}

/** As much of a record as fits. @param limit bytes */
function nextChunk(
  content: Uint8Array,
  { done, limit, begun }: { done: number; limit: number; begun: boolean },
): Buffer {
  const piece = content.subarray(done, done + limit);
  const ends = done + piece.byteLength === content.byteLength;
  return chunk(
    ends ? (begun ? CHUNK.last : CHUNK.full) : begun ? CHUNK.middle : CHUNK.first,
    piece,
  );
}

function chunk(type: number, content: Uint8Array): Buffer {
  const buffer = Buffer.alloc(CHUNK_HEADER_BYTES + content.byteLength);
  buffer.writeUInt16LE(content.byteLength, 4);
  buffer.writeUInt8(type, 6);
  buffer.set(content, CHUNK_HEADER_BYTES);
  buffer.writeUInt32LE(crc32(buffer.subarray(6)), 0);
  return buffer;
}

/** A whole file. */
export function logFile(records: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = [LOG_HEADER];
  let position = LOG_HEADER.byteLength;
  for (const content of records) {
    const part = logRecord(content, position);
    parts.push(part);
    position += part.byteLength;
  }
  return Buffer.concat(parts);
}

/**
 * The records of a file, up to the first that is torn or damaged; none where it is no such file.
 */
export function readLog(file: Buffer): Buffer[] {
  const records: Buffer[] = [];
  if (!file.subarray(0, LOG_HEADER.byteLength).equals(LOG_HEADER)) return records;
  let at = LOG_HEADER.byteLength;
  let begun: Buffer[] = [];
  while (true) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (left < CHUNK_HEADER_BYTES) at += left;
    const begin = at + CHUNK_HEADER_BYTES;
    if (begin > file.byteLength) return records;
    const end = begin + file.readUInt16LE(at + 4);
    if (end > file.byteLength || file.readUInt32LE(at) !== crc32(file.subarray(at + 6, end)))
      return records;
    const type = file.readUInt8(at + 6);
    if ((type === CHUNK.full || type === CHUNK.first) !== (begun.length === 0)) return records;
    begun.push(file.subarray(begin, end));
    if (type === CHUNK.full || type === CHUNK.last) {
      records.push(Buffer.concat(begun));
      begun = [];
    }
    at = end;
  }
}
