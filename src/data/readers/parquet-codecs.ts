/** Decompression of Parquet pages; every codec is held to the size that the page header states. */
import { compressors, decompressZstd } from "hyparquet-compressors";
import * as zlib from "node:zlib";
import { ParquetFault } from "./parquet-fault.ts";

type Decompress = (packed: Uint8Array, size: number) => Uint8Array;

/** Node has Zstandard from 22.15 on. */
const nativeZstd = (
  zlib as {
    zstdDecompressSync?: (packed: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;
  }
).zstdDecompressSync;

/** Decompressors by the format's names of its codecs (CompressionCodec). */
export const COMPRESSORS: Readonly<Record<string, Decompress>> = {
  ...compressors,
  GZIP: (packed, size) => zlib.gunzipSync(packed, { maxOutputLength: Math.max(1, size) }),
  BROTLI: (packed, size) =>
    zlib.brotliDecompressSync(packed, { maxOutputLength: Math.max(1, size) }),
  ZSTD(packed, size) {
    if (nativeZstd !== undefined) return nativeZstd(packed, { maxOutputLength: Math.max(1, size) });
    // fzstd reserves what the frame claims
    if (zstdClaim(packed) > Math.max(size, MAX_WINDOW))
      throw new ParquetFault("a Zstandard frame claims more than its page holds");
    return decompressZstd(packed);
  },
};

/** The largest window that Zstandard's own decoder accepts unasked. */
const MAX_WINDOW = 2 ** 27;
const ZSTD_MAGIC = 0xfd2fb528;

/**
 * Bytes that a decoder reserves for a Zstandard frame (RFC 8878, 3.1.1): its content, or else its
 * window.
 */
export function zstdClaim(packed: Uint8Array): number {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  if (packed.length < 6 || view.getUint32(0, true) !== ZSTD_MAGIC) return 0;
  const flags = packed[4]!;
  const isSingleSegment = (flags & 0x20) !== 0;
  const contentBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][flags >> 6]!;
  const start = (isSingleSegment ? 5 : 6) + [0, 1, 2, 4][flags & 3]!;
  let content = contentBytes === 2 ? 256 : 0;
  for (let i = 0; i < contentBytes; i++) content += (packed[start + i] ?? 0) * 2 ** (8 * i);
  const base = 2 ** (10 + (packed[5]! >> 3));
  return Math.max(content, isSingleSegment ? 0 : base + (base / 8) * (packed[5]! & 7));
}

/** The enum CompressionCodec. */
const NAMES = ["UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"];

/** Undefined for a codec that is not supported. */
export function decompress(
  codec: number,
  packed: Uint8Array,
  size: number,
): Uint8Array | undefined {
  return codec === 0 ? packed : COMPRESSORS[NAMES[codec] ?? ""]?.(packed, size);
}
